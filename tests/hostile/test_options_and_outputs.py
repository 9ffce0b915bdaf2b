"""Options that make no sense, and outputs that cannot be written."""

import json
import shutil

import numpy as np
import pytest

from certify.io.writers import save
from tests.hostile.conftest import Place, labelled, network

RUN = ("net.safetensors", "--data", "data.npz", "--out", "run", "--method", "lipschitz")


@pytest.mark.parametrize("value", ["-1", "0", "-inf", "nan", "", "one", "1/0", "8//255"])
@pytest.mark.parametrize("option", ["--max-radius", "--tolerance", "--seconds"])
def test_a_limit_that_is_no_positive_number_is_refused(place: Place, option: str, value: str) -> None:
    ended = place.certify(*RUN, f"{option}={value}")
    assert ended.code == 2
    assert "Traceback" not in ended.err
    if value in ("-1", "0", "-inf"):
        assert ended.refused(2, "must", f"got {float(value)}")
    else:
        assert f"argument {option}: {value!r} is not a number. Write 0.1, 1e-3 or 8/255." in ended.err
    assert place.nothing_was_made


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--tolerance", "1"), "must lie between 0 and 1, got 1.0"),
        (("--tolerance", "inf"), "must lie between 0 and 1, got inf"),
        (("--norm", "3"), "Unknown norm '3'"),
        (("--norm", "nan"), "Unknown norm 'nan'"),
        (("--method", "magic"), "Unknown method 'magic'"),
        (("--domain", "0,1/4"), "lies outside the domain by"),
        (("--index", "6:"), "6:"),
        (("--index", "0,0"), "0,0"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(place: Place, words: tuple[str, ...], message: str) -> None:
    assert place.certify(*RUN, *words).refused(2, message)
    assert place.nothing_was_made


def test_a_folder_of_something_else_is_neither_written_nor_continued(place: Place) -> None:
    (place.folder / "run").mkdir()
    (place.folder / "run" / "notes.txt").write_text("mine")
    assert place.certify(*RUN).refused(2, "run exists and is not empty")
    assert place.certify(*RUN, "--resume").refused(2, "'notes.txt'", "not a run")
    assert [path.name for path in (place.folder / "run").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("out", ["/proc/nowhere/run", "/dev/full/run", "/dev/full", "data.npz", "data.npz/run"])
def test_an_output_that_cannot_be_a_folder_is_refused_by_name(place: Place, out: str) -> None:
    before = (place.folder / "data.npz").read_bytes()
    assert place.certify(*RUN, "--out", out).refused(2, f"Cannot write to {out}: ")
    assert (place.folder / "data.npz").read_bytes() == before


def test_a_folder_that_holds_something_is_left_as_it_is(place: Place) -> None:
    assert place.certify(*RUN).code == 0
    before = {path.name: path.read_bytes() for path in (place.folder / "run").iterdir()}
    assert len(before) == 7
    assert place.certify(*RUN).refused(2, "run exists and is not empty", "--resume", "another --out")
    assert place.certify(*RUN, "--resume", "--norm", "inf").refused(2, "norm (2 there, inf now)", "another --out")
    save(network(5), place.folder / "net.safetensors")
    assert place.certify(*RUN, "--resume").refused(2, "model file (", "network (", "another --out")
    assert {path.name: path.read_bytes() for path in (place.folder / "run").iterdir()} == before


@pytest.mark.parametrize("damage", ["head", "row", "foreign"])
def test_a_damaged_run_is_refused_and_left_as_it_is(place: Place, damage: str) -> None:
    assert place.certify(*RUN).code == 0
    path = place.folder / "run" / "records.jsonl"
    lines = path.read_bytes().split(b"\n")
    match damage:
        case "head":
            lines[0] = lines[0][:40]
        case "row":
            lines[3] = lines[3].replace(b'"lower"', b'"lowest"')
        case _:
            lines = [b"\xff\xfe not a run", b""]
    path.write_bytes(b"\n".join(lines))
    number = 4 if damage == "row" else 1
    assert place.certify(*RUN, "--resume").refused(2, f"records.jsonl line {number} is damaged", "new run folder")
    assert path.read_bytes() == b"\n".join(lines)


@pytest.mark.parametrize("words", [("inspect", "net.onnx"), RUN, (*RUN, "--json")])
def test_an_output_device_that_is_full_is_said_in_one_line(place: Place, words: tuple[str, ...]) -> None:
    (place.folder / "full").symlink_to("/dev/full")
    ended = place.certify(*words, out="full")
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert "Exception" not in ended.err
    assert ended.err.splitlines()[-1] == (
        "error: Cannot read or write the output: No space left on device. Make room, or choose another place; a run "
        "keeps its finished inputs."
    )
    if words[0] != "inspect":
        assert place.certify(*RUN, "--resume").code == 0
        assert len((place.folder / "run" / "records.jsonl").read_text().splitlines()) == 7


def test_a_disk_that_fills_up_keeps_whole_rows_and_can_be_continued(place: Place) -> None:
    np.savez(place.folder / "data.npz", **labelled(network(), 40))
    for limit, name in ((500, "run.json"), (9000, "records.jsonl"), (16000, "curve.")):
        words = (*RUN[:-1], "crown", "--out", f"run{limit}")
        ended = place.certify(*words, largest_file=limit)
        assert ended.refused(2, f"Cannot write run{limit}/", name, "File too large"), limit
        rows = (place.folder / f"run{limit}" / "records.jsonl").read_bytes().splitlines(keepends=True)[1:]
        assert all(row.endswith(b"}\n") and json.loads(row)["lower"] >= 0 for row in rows)
        assert (len(rows) == 0, len(rows) == 40) == (name == "run.json", name == "curve.")
        assert place.certify(*words, "--resume").code == 0
        assert len((place.folder / f"run{limit}" / "records.jsonl").read_text().splitlines()) == 41
        assert (place.folder / f"run{limit}" / "curve.pdf").stat().st_size > 1000
        shutil.rmtree(place.folder / f"run{limit}")
