import errno
import fcntl
import os
from pathlib import Path

import pytest

from certify.errors import InvalidInput
from certify.record import Record, encode, failed
from certify.region import Norm
from certify.store import RECORDS, Identity, Store, read_rows

ABOUT = Identity({"model file": "a" * 64, "data": "b" * 64, "norm": "2"})


def row(index: int) -> Record:
    return failed(index, 1, norm=Norm.L2, method="crown", reason=f"made up {index}")


def lines(folder: Path) -> list[str]:
    return (folder / RECORDS).read_text().splitlines()


def filled(folder: Path, count: int) -> Path:
    with Store.open(folder, ABOUT) as store:
        for index in range(count):
            store.append(row(index))
    return folder


def test_rows_are_on_the_disk_as_soon_as_append_returns(tmp_path: Path) -> None:
    with Store.open(tmp_path / "run", ABOUT) as store:
        for index in (4, 2):
            store.append(row(index))
            assert lines(tmp_path / "run")[-1] == encode(row(index))
        assert 4 in store
        assert 3 not in store
    assert [r.index for r in read_rows(tmp_path / "run")] == [4, 2]


def test_resuming_goes_on_after_the_last_row(tmp_path: Path) -> None:
    filled(tmp_path / "run", 3)
    with Store.open(tmp_path / "run", ABOUT, resume=True) as store:
        assert [r.index for r in store.rows] == [0, 1, 2]
        store.append(row(7))
    assert [encode(r) for r in read_rows(tmp_path / "run")] == [encode(row(i)) for i in (0, 1, 2, 7)]


def test_a_run_cut_off_at_any_byte_resumes_with_exactly_its_whole_rows(tmp_path: Path) -> None:
    path = filled(tmp_path / "run", 3) / RECORDS
    content = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == 10]
    for cut in range(0, len(content) + 1, 7):
        path.write_bytes(content[:cut])
        with Store.open(tmp_path / "run", ABOUT, resume=True) as store:
            assert len(store.rows) == max(0, sum(end <= cut for end in ends) - 1)
            store.append(row(9))
        assert read_rows(tmp_path / "run")[-1].index == 9
        assert all(line.endswith("}") for line in lines(tmp_path / "run"))


def test_resuming_where_nothing_is_starts_a_run(tmp_path: Path) -> None:
    with Store.open(tmp_path / "new" / "run", ABOUT, resume=True) as store:
        store.append(row(1))
    assert len(read_rows(tmp_path / "new" / "run")) == 1


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "run", 1)
    before = (tmp_path / "run" / RECORDS).read_bytes()
    with pytest.raises(InvalidInput, match=r"exists and is not empty\. Continue that run with --resume"):
        Store.open(tmp_path / "run", ABOUT)
    assert (tmp_path / "run" / RECORDS).read_bytes() == before


def test_a_folder_of_something_else_cannot_be_resumed(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InvalidInput, match=r"holds 'thesis.tex' but no records.jsonl"):
        Store.open(tmp_path, ABOUT, resume=True)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_resumed_run_about_something_else_is_refused_and_what_differs_is_named(tmp_path: Path) -> None:
    filled(tmp_path / "run", 1)
    other = Identity({"model file": "c" * 64, "data": "b" * 64, "norm": "inf", "new": "1"})
    with pytest.raises(InvalidInput) as caught:
        Store.open(tmp_path / "run", other, resume=True)
    text = str(caught.value)
    assert "model file (aaaaaaaaaaaa... there, cccccccccccc... now)" in text
    assert "norm (2 there, inf now)" in text
    assert "new (absent there, 1 now)" in text
    assert "data" not in text.split("resumed:")[1]


@pytest.mark.parametrize("content", ["hello\n", '{"format": "other"}\n', '{"format": "relucert-records-1"}\n'])
def test_a_file_that_does_not_begin_as_a_run_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / RECORDS).write_text(content)
    with pytest.raises(InvalidInput, match="line 1 is damaged"):
        Store.open(tmp_path, ABOUT, resume=True)
    assert (tmp_path / RECORDS).read_text() == content


def test_a_damaged_whole_line_is_refused_by_number(tmp_path: Path) -> None:
    path = filled(tmp_path / "run", 3) / RECORDS
    path.write_bytes(path.read_bytes().replace(b'"index": 1', b'"index": x'))
    with pytest.raises(InvalidInput, match=r"records.jsonl line 3 is damaged"):
        Store.open(tmp_path / "run", ABOUT, resume=True)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "run", 1) / RECORDS
    path.write_bytes(path.read_bytes() + b"\xff\xfe\n")
    with pytest.raises(InvalidInput, match=r"line 3 is damaged"):
        Store.open(tmp_path / "run", ABOUT, resume=True)


def test_an_input_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "run", 2) / RECORDS
    path.write_text(path.read_text() + encode(row(1)) + "\n")
    with pytest.raises(InvalidInput, match="line 4: input 1 occurs twice"):
        Store.open(tmp_path / "run", ABOUT, resume=True)


def test_a_second_process_on_the_same_run_is_refused(tmp_path: Path) -> None:
    with Store.open(tmp_path / "run", ABOUT), pytest.raises(InvalidInput, match="in use by another process"):
        Store.open(tmp_path / "run", ABOUT, resume=True)
    Store.open(tmp_path / "run", ABOUT, resume=True).close()


def test_a_disk_that_cannot_lock_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: int, _what: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(InvalidInput, match="Cannot lock"):
        Store.open(tmp_path / "run", ABOUT)


@pytest.mark.parametrize("place", ["/dev/full/run", "/proc/run"])
def test_a_place_that_cannot_be_written_is_refused(place: str) -> None:
    with pytest.raises(InvalidInput, match=f"Cannot write to {place}"):
        Store.open(Path(place), ABOUT)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(InvalidInput, match="Cannot write to"):
        Store.open(tmp_path / "run", ABOUT)


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_row_that_could_not_be_written_whole_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    real = os.pwrite

    def half_then_fail(file: int, data: bytes, offset: int) -> int:
        if len(data) < 20:
            raise failure
        return real(file, data[: len(data) - 10], offset)

    store = Store.open(filled(tmp_path / "run", 2), ABOUT, resume=True)
    before = (tmp_path / "run" / RECORDS).read_bytes()
    monkeypatch.setattr(os, "pwrite", half_then_fail)
    with pytest.raises((InvalidInput, KeyboardInterrupt)) as caught:
        store.append(row(5))
    assert (tmp_path / "run" / RECORDS).read_bytes() == before
    assert 5 not in store
    if isinstance(failure, OSError):
        assert "No space left on device. 2 row(s) are kept" in str(caught.value)
    monkeypatch.undo()
    store.append(row(5))
    store.close()
    assert [r.index for r in read_rows(tmp_path / "run")] == [0, 1, 5]


def test_an_interrupt_between_the_disk_and_the_memory_loses_the_row_in_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path / "run", ABOUT)
    store.append(row(0))
    written = store._write

    def write_then_stop(line: str) -> int:
        written(line)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_write", write_then_stop)
    with pytest.raises(KeyboardInterrupt):
        store.append(row(1))
    store.close()
    assert [r.index for r in read_rows(tmp_path / "run")] == [0]


def test_reading_the_rows_of_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="Cannot read"):
        read_rows(tmp_path)
