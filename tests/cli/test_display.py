import io
from pathlib import Path

from certify.cli.choice import choose_display
from certify.cli.display import JsonDisplay, PlainDisplay
from certify.cli.live import LiveDisplay
from certify.record import Record
from certify.region import Norm
from certify.report.summary import Heading
from certify.store import Identity, Store
from tests.report.test_curve import error, row, wrong

HEADING = Heading("net.onnx", "digits", Norm.L2, 4, {})
ROWS: list[Record] = [row(0, 0.5, 0.75), wrong(1), error(2), row(3, 0.25, 1.0)]


class Terminal(io.StringIO):
    """A text buffer that says a person watches."""

    def isatty(self) -> bool:
        return True


def test_plain_lines_come_at_most_every_five_seconds_and_once_at_the_end(tmp_path: Path) -> None:
    now, log = [0.0], io.StringIO()
    with (
        Store.open(tmp_path / "run", Identity({})) as store,
        PlainDisplay(HEADING, store, log, lambda: now[0]) as shown,
    ):
        for record, seconds in zip(ROWS, (1.0, 6.0, 7.0, 8.0), strict=True):
            now[0] = seconds
            store.append(record)
            shown.show(record)
    first, last = log.getvalue().splitlines()
    assert first == "2/4: 1 bracketed, 1 misclassified; median radius 0.000000..0.750000; 6 s, about 6 s left"
    assert last.startswith("4/4: 2 bracketed, 1 misclassified, 1 error; ")


def test_a_terminal_gets_a_live_table_with_both_accuracies(tmp_path: Path) -> None:
    log = Terminal()
    with (
        Store.open(tmp_path / "run", Identity({})) as store,
        choose_display(HEADING, store, None, log, lambda: 0.0) as shown,
    ):
        assert isinstance(shown, LiveDisplay)
        for record in ROWS:
            store.append(record)
            shown.show(record)
    text = log.getvalue()
    assert "certified" in text
    assert "attacked" in text
    assert "misclassified" in text
    assert "50.0%" in text


def test_json_rows_and_what_people_read_are_kept_apart(tmp_path: Path) -> None:
    out, log = io.StringIO(), io.StringIO()
    with (
        Store.open(tmp_path / "run", Identity({})) as store,
        choose_display(HEADING, store, out, log, lambda: 0.0) as shown,
    ):
        assert isinstance(shown, JsonDisplay)
        store.append(ROWS[0])
        shown.show(ROWS[0])
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().startswith('{"index": 0, ')
    assert log.getvalue().startswith("1/4: ")


def test_the_rows_of_one_batch_share_a_line(tmp_path: Path) -> None:
    log, times = io.StringIO(), [10.0, 10.001, 20.0, 20.001]
    now = [0.0]
    with (
        Store.open(tmp_path / "run", Identity({})) as store,
        PlainDisplay(HEADING, store, log, lambda: now[0]) as shown,
    ):
        for record, seconds in zip(ROWS, times, strict=True):
            now[0] = seconds
            store.append(record)
            shown.show(record)
    assert [line.split(":")[0] for line in log.getvalue().splitlines()] == ["3/4", "4/4"]
