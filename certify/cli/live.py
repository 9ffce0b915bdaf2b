"""The live table on a terminal."""

from collections.abc import Callable
from typing import IO, cast

from rich.console import Console, Group, RenderableType
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
        self._start, self._before = clock(), len(store.rows)
        console = Console(file=cast("IO[str]", log))
        self._live = Live(console=console, get_renderable=self._drawing, refresh_per_second=4)
        self._live.start()

    def show(self, record: Record) -> None:
        """Nothing: the table is redrawn four times a second from the store."""

    def close(self) -> None:
        """Draws the last state and leaves it standing."""
        self._live.stop()

    def _drawing(self) -> RenderableType:
        rows, spent = self._store.rows, self._clock() - self._start
        if not rows:
            return Text(f"0/{self._heading.total}: working on the first batch, {spent:.0f} s")
        line = Text(progress_line(self._heading, self._store, self._before, spent))
        return Group(last_rows(rows[-_LAST:]), accuracy(Totals.of(rows)), line)


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
