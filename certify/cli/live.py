"""The live table on a terminal."""

from collections.abc import Callable
from typing import IO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from certify.cli.display import Display, Output, progress_line
from certify.outcome import Status
from certify.record import Record
from certify.report.summary import Heading
from certify.report.totals import Totals
from certify.rounding import print_ceil, print_floor
from certify.store import Store

_COLOURS = {
    Status.EXACT: "green",
    Status.BRACKETED: "cyan",
    Status.MISCLASSIFIED: "yellow",
    Status.TIMEOUT: "magenta",
    Status.ERROR: "bold red",
}
_LAST = 8


class LiveDisplay(Display):
    """The last rows, and certified and attacked accuracy so far, redrawn in place."""

    def __init__(self, heading: Heading, store: Store, log: Output, clock: Callable[[], float]) -> None:
        """Draws on the terminal ``log``; ``clock`` is in seconds."""
        self._heading, self._store, self._clock = heading, store, clock
        self._start, self._drawn, self._before = clock(), -1.0, len(store.rows)
        self._live = Live(console=Console(file=cast("IO[str]", log)), auto_refresh=False)
        self._live.start()

    def show(self, record: Record) -> None:  # noqa: ARG002
        """Redraws, a few times a second at most."""
        if self._clock() - self._drawn >= 0.25:
            self._draw()

    def close(self) -> None:
        """Draws the last state and leaves it standing."""
        if self._store.rows:
            self._draw()
        self._live.stop()

    def _draw(self) -> None:
        self._drawn = self._clock()
        line = progress_line(self._heading, self._store, self._before, self._drawn - self._start)
        tables = [last_rows(self._store.rows[-_LAST:]), accuracy(Totals.of(self._store.rows))]
        self._live.update(Group(*tables, Text(line)), refresh=True)


def last_rows(rows: tuple[Record, ...]) -> Table:
    """The rows as a table, radii rounded to their safe sides."""
    table = Table(title="last inputs", title_justify="left", box=None, pad_edge=False)
    for name in ("index", "label", "predict", "certified", "attacked", "status", "method", "trust", "seconds"):
        table.add_column(name, justify="left" if name in ("status", "method", "trust") else "right")
    for row in rows:
        answer = row.answer
        bracket = (print_floor(answer.lower), print_ceil(answer.upper))
        status = Text(answer.status.value, style=_COLOURS[answer.status])
        first = (str(row.index), str(answer.label), str(answer.prediction), *bracket)
        table.add_row(*first, status, answer.method, str(answer.trust), f"{answer.seconds:.3f}")
    return table


def accuracy(totals: Totals) -> Table:
    """Certified and attacked accuracy so far, one column per radius."""
    table = Table(title="accuracy so far", title_justify="left", box=None, pad_edge=False)
    table.add_column("radius")
    rows = totals.accuracies()
    for radius, _, _ in rows:
        table.add_column(radius, justify="right")
    table.add_row("certified", *(certified for _, certified, _ in rows))
    table.add_row("attacked", *(attacked for _, _, attacked in rows))
    return table
