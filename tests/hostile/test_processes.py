"""``python -m certify`` itself, with the real engine: interrupted, killed, continued, without standard streams."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from certify.io.writers import save
from tests.hostile.conftest import ENVIRONMENT, Place, labelled, network

COUNT = 160  # batches of 64, 64 and 32
WORDS = ("net.safetensors", "--data", "data.npz", "--method", "crown", "--norm", "inf", "--domain", "0,1")


def start(folder: Path, out: str, *more: str) -> "subprocess.Popen[str]":
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "certify", *WORDS, "--out", out, *more]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=ENVIRONMENT)


def rows(folder: Path, out: str) -> dict[int, dict[str, object]]:
    """The whole rows on the disk, without their times, each input once."""
    path = folder / out / "records.jsonl"
    lines = path.read_bytes().split(b"\n")[1:-1] if path.exists() else []
    found = [json.loads(line) for line in lines]
    assert len({row["index"] for row in found}) == len(found)
    return {row["index"]: {name: value for name, value in row.items() if name != "seconds"} for row in found}


def wait_for_rows(process: "subprocess.Popen[str]", folder: Path, out: str) -> None:
    """Returns when the first batch is coming in; the last row of it that is there may not have been synced yet."""
    end = time.monotonic() + 60
    while len(rows(folder, out)) < 4:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture
def large(place: Place) -> Place:
    """A place with more to do."""
    net = network(3, width=8)
    save(net, place.folder / "net.safetensors")
    np.savez(place.folder / "data.npz", **labelled(net, COUNT))
    return place


def test_interrupted_and_killed_runs_end_with_the_rows_of_one_never_stopped(large: Place) -> None:
    whole = large.certify(*WORDS, "--out", "whole")
    assert whole.code == 0, whole
    for out, number in (("stopped", signal.SIGINT), ("killed", signal.SIGKILL)):
        process = start(large.folder, out)
        wait_for_rows(process, large.folder, out)
        process.send_signal(number)
        said, complained = process.communicate(timeout=60)
        kept = rows(large.folder, out)
        assert complained == ""
        if number == signal.SIGINT:
            assert process.returncode == 130
            assert f"interrupted; continue with --out {out} --resume" in said
            assert "INCOMPLETE, " in said
            assert len((large.folder / out / "radii.tsv").read_text().splitlines()) == len(kept) + 1
        else:
            assert process.returncode == -signal.SIGKILL
        assert 3 <= len(kept) < COUNT
        ended = large.certify(*WORDS, "--out", out, "--resume")
        assert (ended.code, ended.err) == (0, "")
        assert f"{len(kept)} of {COUNT} inputs are already done" in ended.out
        assert rows(large.folder, out) == rows(large.folder, "whole")
        assert {i: rows(large.folder, out)[i] for i in kept} == kept


@pytest.mark.parametrize("closed", [(1,), (0, 1, 2)])
def test_a_process_without_standard_streams_does_its_work(place: Place, closed: tuple[int, ...]) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    command = [sys.executable, "-m", "certify", *WORDS, "--out", "run"]
    ended = subprocess.run(command, cwd=place.folder, env=ENVIRONMENT, preexec_fn=close, timeout=60, check=False)
    assert ended.returncode == 0
    assert len(rows(place.folder, "run")) == 6
    assert (place.folder / "run" / "summary.md").exists()
