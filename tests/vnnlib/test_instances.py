"""`python -m certify instances`: results as competitions write them, kept through kills, crashes and interruptions."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from certify.cli import workers
from certify.cli.answering import answer
from certify.cli.inventory import titles
from certify.cli.main import main
from certify.cli.results import Instance, Result, Results, instances
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.io.vnnlib.answers import Verdict
from certify.io.writers import save
from certify.network import Affine, Network, ReLU
from tests.vnnlib.dying import dying

ROOT = Path(__file__).resolve().parents[2]
QUERY = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 -1))(assert (<= X_0 1))(assert (>= Y_0 {}))"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A benchmark ``bench`` of six instances: sat, unsat, one that is out of time, and three that are errors."""
    bench = tmp_path / "bench"
    bench.mkdir()
    ops = [Affine(np.array([[1.0], [-1.0]]), np.zeros(2)), ReLU(2), Affine(np.ones((1, 2)), np.zeros(1))]
    save(Network.chain(ops), bench / "abs.onnx")
    for name, end in (("low", "0.5"), ("high", "1.5"), ("broken", "")):
        (bench / f"{name}.vnnlib").write_text(QUERY.format(end))
    rows = [
        "abs.onnx,low.vnnlib,60",
        "abs.onnx,high.vnnlib,60",
        "./abs.onnx,high.vnnlib,0",
        "abs.onnx,broken.vnnlib,60",
    ]
    rows += ["none.onnx,low.vnnlib,60", "abs.onnx,none.vnnlib,60"]
    (bench / "instances.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


EXPECTED = {
    ("abs.onnx", "low.vnnlib"): "sat",
    ("abs.onnx", "high.vnnlib"): "unsat",
    ("./abs.onnx", "high.vnnlib"): "timeout",
    ("abs.onnx", "broken.vnnlib"): "error",
    ("none.onnx", "low.vnnlib"): "error",
    ("abs.onnx", "none.vnnlib"): "error",
}


def words(folder: Path, *more: str) -> list[str]:
    return ["instances", str(folder / "bench" / "instances.csv"), "-o", str(folder / "r.csv"), "--workers", "1", *more]


def verdicts(folder: Path) -> dict[tuple[str, str], str]:
    """The results by instance, each of which must be there once."""
    with (folder / "r.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert len({(row[1], row[2]) for row in rows}) == len(rows)
    assert all(len(row) == 6 and row[0] == "bench" and float(row[5]) >= 0 for row in rows)
    return {(row[1], row[2]): row[4] for row in rows}


def test_a_killed_run_goes_on_where_it_was_and_every_instance_has_one_result(folder: Path) -> None:
    command = [sys.executable, "-m", "certify", *words(folder)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        end = time.monotonic() + 60
        while not (folder / "r.csv").exists() or not (folder / "r.csv").read_bytes().count(b"\n"):
            assert time.monotonic() < end
            time.sleep(0.01)
        process.kill()
    wait_until_gone(process.pid)
    with (folder / "r.csv").open("ab") as file:
        file.write(b"bench,abs.onnx,lo")  # cut off in the middle of a line
    again = subprocess.run([*command, "--resume"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert again.returncode in (0, 1), again.stderr
    assert verdicts(folder) == EXPECTED
    (found,) = (folder / "r.counterexamples").iterdir()
    assert found.name == "abs_low.counterexample"
    assert found.read_text().startswith("((X_0 ")


def test_an_interrupted_run_keeps_its_results_and_leaves_no_process(folder: Path) -> None:
    command = [sys.executable, "-m", "certify", *words(folder)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("1/6"):
                break
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(60) == 130
    assert "--resume" in rest
    assert 1 <= len(verdicts(folder)) < 6
    wait_until_gone(process.pid)


def wait_until_gone(group: int) -> None:
    """Returns once a process group has no member; the last to go is the one that multiprocessing cleans up with."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a process is left")


def test_a_worker_that_dies_costs_its_instance_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_serve", dying)
    listed = instances(folder / "bench" / "instances.csv")[:3]
    found = list(workers.run(listed, workers=1, seed=0))
    assert [done.result for done in found] == ["error_exit_code_7", "unsat", "error_exit_code_7"]


def test_a_worker_that_hangs_is_killed_after_its_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_serve", dying)
    monkeypatch.setattr(workers, "_GRACE", 0.3)
    listed = [Instance("hang", "q", 0.2, folder), Instance("abs.onnx", "high.vnnlib", 60.0, folder)]
    found = list(workers.run(listed, workers=1, seed=0))
    assert [done.result for done in found] == ["timeout", "unsat"]
    assert 0.5 <= found[0].seconds < 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "lists no instances"),
        ("a.onnx\n", "line 1: ONNX,VNNLIB,SECONDS is expected"),
        ("a.onnx,q.vnnlib,60\na.onnx,q.vnnlib,30\n", "line 2: a.onnx, q.vnnlib is listed twice"),
        ("a.onnx,q.vnnlib,soon\n", "line 1: A time limit"),
        ("a.onnx,q.vnnlib,-1\n", "line 1: A time limit"),
        ("a.onnx,q.vnnlib,nan\n", "line 1: A time limit"),
    ],
)
def test_a_list_with_a_mistake_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "i.csv").write_text(content)
    with pytest.raises(InvalidInput, match=message):
        instances(tmp_path / "i.csv")


def test_a_line_may_name_several_networks(tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_text("\"[('f', 'onnx/a.onnx'), ('g', 'onnx/b.onnx.gz')]\",vnnlib/q.vnnlib.gz,10\nbad]\n")
    with pytest.raises(InvalidInput, match="line 2"):
        instances(tmp_path / "i.csv")
    (tmp_path / "i.csv").write_text("\"[('f', 'onnx/a.onnx'), ('g', 'onnx/b.onnx.gz')]\",vnnlib/q.vnnlib.gz,10\n")
    (instance,) = instances(tmp_path / "i.csv")
    assert instance.networks == {"f": tmp_path / "onnx/a.onnx", "g": tmp_path / "onnx/b.onnx.gz"}
    assert instance.title == "a_b_q"
    with pytest.raises(InvalidInput, match="no list of pairs"):
        _ = Instance("[1, 2]", "q", 1.0, tmp_path).networks


def test_results_are_not_gone_on_with_when_their_files_have_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(folder)) == 1
    checked = subprocess.run(["sha256sum", "-c", folder / "r.sha256"], cwd=folder / "bench", capture_output=True)
    assert checked.returncode == 0
    (folder / "bench" / "none.onnx").write_bytes(b"there was no such file")
    assert main([*words(folder), "--resume"]) == 1
    assert "3 earlier results are errors: delete their lines" in capsys.readouterr().err
    (folder / "bench" / "high.vnnlib").write_text(QUERY.format("0.5"))
    assert main([*words(folder), "--resume"]) == 2
    assert "high.vnnlib is not the file that abs.onnx, high.vnnlib has a result for" in capsys.readouterr().err
    (folder / "r.sha256").unlink()
    assert main([*words(folder), "--resume"]) == 1
    assert "files may have changed" in capsys.readouterr().err


def test_results_go_on_where_no_file_could_be_read(tmp_path: Path) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "instances.csv").write_text("none.onnx,none.vnnlib,60\n")
    assert main(words(tmp_path)) == 1
    assert main([*words(tmp_path), "--resume"]) == 1
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 1


@pytest.mark.parametrize("place", [".", "/", "bench"])
def test_results_in_a_folder_are_refused(folder: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["instances", str(folder / "bench" / "instances.csv"), "-o", str(folder / place)]) == 2
    assert "it is a folder" in capsys.readouterr().err


def test_a_network_that_was_replaced_is_read_again(folder: Path) -> None:
    query, path = folder / "bench" / "high.vnnlib", folder / "bench" / "abs.onnx"
    assert answer(query, {"": path}, Deadline.never()).verdict is Verdict.UNSAT
    save(Network.chain([Affine(np.array([[1.0]]), np.array([2.0]))]), path)
    assert answer(query, {"": path}, Deadline.never()).verdict is Verdict.SAT


def test_counterexamples_of_files_with_one_name_are_kept_apart(tmp_path: Path) -> None:
    listed = [Instance(f"{a}/n.onnx", f"{a}/{b}.vnnlib", 1.0, tmp_path) for a in "ab" for b in ("p", "p-2")]
    assert list(titles(listed).values()) == ["n_p", "n_p-2", "n_p-3", "n_p-2-2"]


def test_results_that_are_there_are_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.csv").write_text("bench,a,b,0,unsat,1\n")
    assert main(words(folder)) == 2
    assert "Add --resume" in capsys.readouterr().err
    assert (folder / "r.csv").read_text() == "bench,a,b,0,unsat,1\n"


@pytest.mark.parametrize("content", [b"a,b,c\n", b"\xff\xfe\n", b"a,b,c,d,e,f,g\n"])
def test_another_file_is_not_gone_on_with(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.csv").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"holds no results|a result has 6"):
        Results.open(tmp_path / "r.csv", resume=True)
    assert (tmp_path / "r.csv").read_bytes() == content


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    with Results.open(tmp_path / "r.csv", resume=False), pytest.raises(InvalidInput, match="written by another run"):
        Results.open(tmp_path / "r.csv", resume=True)


def test_a_result_is_a_line_of_six_fields_and_is_remembered(tmp_path: Path) -> None:
    with Results.open(tmp_path / "r.csv", resume=False) as results:
        results.add(Result("c", "a,b.onnx", "q.vnnlib", 0.5, "unsat", 1.25))
    assert (tmp_path / "r.csv").read_text() == 'c,"a,b.onnx",q.vnnlib,0.500000,unsat,1.250000\n'
    with Results.open(tmp_path / "r.csv", resume=True) as results:
        assert results.done == {("a,b.onnx", "q.vnnlib"): "unsat"}


def test_zero_workers_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words(folder), "--workers", "0"]) == 2
    assert "at least one" in capsys.readouterr().err
