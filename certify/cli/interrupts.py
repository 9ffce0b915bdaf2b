"""Signals that ask a run to stop."""

import contextlib
import signal
from collections.abc import Generator
from types import FrameType


@contextlib.contextmanager
def terminate_as_interrupt() -> Generator[None, None, None]:
    """Within it, SIGTERM interrupts like Ctrl-C: the run ends in order and keeps what it has."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
