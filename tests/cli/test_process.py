"""What a run survives, seen from outside: killed, interrupted, out of room, its reader gone."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from certify.cli.main import main
from tests.cli.conftest import ROOT, Place

Run = Callable[..., tuple[int, str]]
DERIVED = ("radii.tsv", "witnesses.npz", "curve.svg", "curve.pdf", "summary.md")


def finished(place: Place) -> int:
    """Whole rows so far."""
    path = place.run / "records.jsonl"
    return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0


def wait_for_rows(process: "subprocess.Popen[str]", place: Place, count: int) -> None:
    end = time.monotonic() + 60
    while finished(place) < count:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.005)


def rows(place: Place) -> dict[int, dict[str, object]]:
    """The records without their times; each input once."""
    lines = (place.run / "records.jsonl").read_text().splitlines()[1:]
    found = [json.loads(line) for line in lines]
    assert len({row["index"] for row in found}) == len(found)
    return {row["index"]: {k: v for k, v in row.items() if k != "seconds"} for row in found}


def untimed_table(place: Place) -> list[list[str]]:
    lines = [line.split("\t") for line in (place.run / "radii.tsv").read_text().splitlines()]
    return [line[:5] + line[6:] for line in lines]


@pytest.fixture
def run(fake: Callable[..., None], certify: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str]]:
    """Certifies at a place in this process: exit code and stderr."""
    fake()
    return lambda place, *words: certify(*place.words(*words))[::2]


def test_a_killed_run_ends_with_the_rows_of_one_that_was_not(place: Place, tmp_path: Path, run: Run) -> None:
    (tmp_path / "other").mkdir()
    whole = Place(tmp_path / "other")
    for name in ("net.safetensors", "data.npz"):
        (whole.folder / name).write_bytes((place.folder / name).read_bytes())
    assert run(whole)[0] == 0
    process = place.start(FAKE_PAUSE="0.05")
    wait_for_rows(process, place, 9)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    with (place.run / "records.jsonl").open("ab") as file:
        file.write(b'{"index": 19, "label')
    before = rows_before_tear(place)
    assert run(place, "--resume") == (0, "")
    assert rows(place) == rows(whole)
    assert {i: rows(place)[i] for i in before} == before
    assert untimed_table(place) == untimed_table(whole)
    for name in ("curve.svg", "curve.pdf"):
        assert (place.run / name).read_bytes() == (whole.run / name).read_bytes()
    with np.load(place.run / "witnesses.npz") as mine, np.load(whole.run / "witnesses.npz") as theirs:
        assert all(np.array_equal(mine[name], theirs[name]) for name in ("indices", "points", "distances"))
        assert len(mine["indices"]) > 3


def rows_before_tear(place: Place) -> dict[int, dict[str, object]]:
    content = (place.run / "records.jsonl").read_bytes()
    lines = content[: content.rfind(b"\n")].decode().splitlines()[1:]
    found = [json.loads(line) for line in lines]
    assert len(found) >= 9
    return {row["index"]: {k: v for k, v in row.items() if k != "seconds"} for row in found}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_the_partial_results_and_says_how_to_go_on(
    place: Place, number: signal.Signals, run: Run
) -> None:
    process = place.start(FAKE_PAUSE="0.05")
    wait_for_rows(process, place, 5)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "INCOMPLETE, " in out
    assert f"interrupted; continue with --out {place.run} --resume" in out
    assert all((place.run / name).exists() for name in DERIVED)
    assert len(untimed_table(place)) - 1 == len(rows(place)) >= 4  # the fifth may not have been synced yet
    assert run(place, "--resume") == (0, "")
    assert len(rows(place)) == 20
    assert "all 20 inputs done" in (place.run / "summary.md").read_text()


def test_an_interrupt_before_the_first_row_leaves_a_run_that_can_be_resumed(place: Place, run: Run) -> None:
    process = place.start(FAKE_PAUSE="30")
    end = time.monotonic() + 60
    while not (place.run / "run.json").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "interrupted; continue with" in out
    assert run(place, "--resume") == (0, "")
    assert len(rows(place)) == 20


def test_a_second_process_on_a_running_run_is_refused_and_does_no_harm(place: Place, run: Run) -> None:
    process = place.start(FAKE_PAUSE="0.1")
    wait_for_rows(process, place, 1)
    resumed, fresh = run(place, "--resume"), run(place)
    assert (resumed[0], fresh[0]) == (2, 2)
    assert "is in use by another process" in resumed[1]
    assert "exists and is not empty" in fresh[1]
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(rows(place)) == 20


def test_a_full_disk_ends_with_2_and_keeps_what_fitted(place: Place, run: Run) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    command = [sys.executable, "-B", "-m", "tests.cli.driver", *place.words()]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, preexec_fn=small_files, check=False)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith(f"error: Cannot write {place.run / 'records.jsonl'}: File too large. ")
    kept = len(rows(place))
    assert 5 < kept < 20
    assert f"{kept} row(s) are kept" in result.stderr
    assert (place.run / "records.jsonl").read_bytes().endswith(b"}\n")
    assert run(place, "--resume") == (0, "")
    assert len(rows(place)) == 20


def test_a_reader_that_goes_away_stops_the_run_quietly(place: Place) -> None:
    command = [sys.executable, "-m", "tests.cli.driver", *place.words("--json")]
    environment = os.environ | {"FAKE_PAUSE": "0.03"}
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["index"] == 3
        process.stdout.close()
        err = process.stderr.read().decode()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "Exception" not in err
    assert 0 < len(rows(place)) < 20


@pytest.mark.parametrize("words", [["--help"], ["inspect", "--help"], ["demo", "--help"], []])
def test_neither_help_nor_a_usage_error_loads_a_heavy_library(words: list[str]) -> None:
    code = (
        "import sys\nfrom certify.cli.main import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as stop: code = stop.code\n"
        "heavy = {'numpy', 'torch', 'scipy', 'matplotlib', 'rich', 'onnx', 'jaxtyping', 'sklearn'} & set(sys.modules)\n"
        "print('HEAVY', code, sorted(heavy))"
    )
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.stdout.splitlines()[-1] == f"HEAVY {0 if words else 2} []", result.stderr


@pytest.mark.parametrize(("word", "meant"), [("inpsect", "inspect"), ("verfy", "verify"), ("instance", "instances")])
def test_a_mistyped_command_is_named(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word, "model.onnx"]) == 2
    assert f"no command '{word}'. Did you mean {meant}?" in capsys.readouterr().err


def test_help_into_a_closed_pipe_is_quiet() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "certify", "--help"]
    result = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    os.close(write)
    assert "Traceback" not in result.stderr
    assert "Exception" not in result.stderr
