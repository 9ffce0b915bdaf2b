"""Which display fits where the output goes."""

from collections.abc import Callable

from certify.cli.display import Display, JsonDisplay, Output, PlainDisplay
from certify.report.summary import Heading
from certify.store import Store


def choose_display(
    heading: Heading, store: Store, rows: Output | None, log: Output, clock: Callable[[], float]
) -> Display:
    """The display that fits: live on a terminal, else plain; with JSON rows to ``rows`` if that is given."""
    display: Display
    if log.isatty():
        from certify.cli.live import LiveDisplay  # rich is for terminals only

        display = LiveDisplay(heading, store, log, clock)
    else:
        display = PlainDisplay(heading, store, log, clock)
    return display if rows is None else JsonDisplay(rows, display)
