"""What a run shows while it works: JSON rows, plain lines, or a live table."""

import abc
import json
import math
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, final, runtime_checkable

from certify.record import Record, row_fields
from certify.report.summary import Heading
from certify.report.totals import Totals
from certify.store import Store

LINE_SECONDS = 5.0
"""A plain line is printed no more often than this."""

BURST_SECONDS = 1.0
"""Rows closer together than this come from one batch: the line waits for the rest."""


@runtime_checkable
class Output(Protocol):
    """Where text goes: a file open for writing."""

    def write(self, text: str, /) -> object:
        """Writes the text."""
        ...

    def flush(self) -> object:
        """Hands over what was written."""
        ...

    def isatty(self) -> bool:
        """Whether a person watches."""
        ...


class Display(abc.ABC):
    """Shows rows as they come; use it in a ``with`` statement."""

    @abc.abstractmethod
    def show(self, record: Record) -> None:
        """Called after a row was stored."""

    @abc.abstractmethod
    def close(self) -> None:
        """Called once, at the end or when the run was interrupted."""

    @final
    def __enter__(self) -> "Display":
        return self

    @final
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class PlainDisplay(Display):
    """One line per block of finished inputs."""

    def __init__(self, heading: Heading, store: Store, log: Output, clock: Callable[[], float]) -> None:
        """Lines go to ``log``; ``clock`` is in seconds."""
        self._heading, self._store, self._log, self._clock = heading, store, log, clock
        self._start = self._last = clock()
        self._before = self._printed = len(store.rows)
        self._block = math.inf

    def show(self, record: Record) -> None:  # noqa: ARG002
        """Prints a line if the last one is old enough and the batch is over."""
        now = self._clock()
        self._block = min(self._block, now)
        if now - self._last >= LINE_SECONDS and now - self._block >= BURST_SECONDS:
            self._print()

    def close(self) -> None:
        """Prints the last block."""
        if len(self._store.rows) > self._printed:
            self._print()

    def _print(self) -> None:
        self._last, self._block = self._clock(), math.inf
        self._printed = len(self._store.rows)
        spent = self._last - self._start
        print(progress_line(self._heading, self._store, self._before, spent), file=self._log, flush=True)


class JsonDisplay(Display):
    """One JSON object per row, and another display for people."""

    def __init__(self, out: Output, beside: Display) -> None:
        """Rows go to ``out``."""
        self._out, self._beside = out, beside

    def show(self, record: Record) -> None:
        """Prints the row, at once."""
        print(json.dumps(row_fields(record), allow_nan=False), file=self._out, flush=True)
        self._beside.show(record)

    def close(self) -> None:
        """Closes the other display."""
        self._beside.close()


def progress_line(heading: Heading, store: Store, before: int, spent: float) -> str:
    """How far a run is, what it found, and how long it will still take at the speed since ``before`` rows."""
    totals = Totals.of(store.rows)
    done = len(store.rows)
    left = (heading.total - done) * spent / max(done - before, 1)
    counts = ", ".join(f"{count} {status.value}" for status, count in totals.statuses.items() if count)
    lower, upper = totals.averages()[1][1:]
    return f"{done}/{heading.total}: {counts}; median radius {lower}..{upper}; {spent:.0f} s, about {left:.0f} s left"
