"""A model and data that fit it, and the command line in processes of its own."""

import dataclasses as dc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from certify.io.writers import save
from certify.network import Affine, Network, ReLU

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@dc.dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended; a negative code is a signal."""

    code: int
    out: str
    err: str

    def refused(self, code: int, *parts: str) -> bool:
        """Whether it ended with ``code`` and one line of error, on the right stream, that has all ``parts``."""
        assert self.code == code, (self.code, self.out, self.err)
        assert "Traceback" not in self.out + self.err
        assert self.err.startswith("error: "), self.err
        assert self.err.count("\n") == 1, self.err
        missing = [part for part in parts if part not in self.err]
        assert not missing, f"{missing} not in {self.err!r}"
        return True


@dc.dataclass(frozen=True, slots=True)
class Place:
    """A folder with ``net.safetensors``, ``net.onnx`` and ``data.npz``, in which the command line runs."""

    folder: Path
    server: "subprocess.Popen[str]"

    def certify(self, *words: str, out: str = "stdout.txt", largest_file: int = 0) -> Ended:
        """``python -m certify WORDS`` here, in a fresh fork; no file may grow beyond ``largest_file`` bytes."""
        files = [self.folder / out, self.folder / "stderr.txt"]
        request = {"words": words, "folder": str(self.folder), "out": str(files[0]), "err": str(files[1])}
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps(request | {"largest_file": largest_file}) + "\n")
        self.server.stdin.flush()
        code = int(self.server.stdout.readline())
        return Ended(code, "" if files[0].is_char_device() else files[0].read_text(), files[1].read_text())

    def data(self, name: str = "data.npz", **arrays: np.ndarray) -> str:
        """Writes ``x`` and ``y``, where given in place of the good ones, to a file; its name."""
        with np.load(self.folder / "data.npz") as good:
            content = {"x": good["x"], "y": good["y"]} | arrays
        np.savez(self.folder / name, **content)
        return name

    @property
    def nothing_was_made(self) -> bool:
        """Whether no run folder was begun."""
        return not (self.folder / "run").exists() and not (self.folder / "runs").exists()


def network(seed: int = 0, *, width: int = 6) -> Network:
    """Four inputs, some ReLUs, three classes."""
    random = np.random.default_rng(seed)
    first = Affine(random.normal(size=(width, 4)), random.normal(size=width))
    return Network.chain([first, ReLU(width), Affine(random.normal(size=(3, width)), np.zeros(3))])


def labelled(net: Network, count: int) -> dict[str, np.ndarray]:
    """Points of the unit cube, rightly labelled."""
    points = np.random.default_rng(1).random((count, 4))
    return {"x": points, "y": net.evaluate(points).argmax(axis=1)}


@pytest.fixture(scope="session")
def server() -> Iterator["subprocess.Popen[str]"]:
    """The process that the others are forked from."""
    command = [sys.executable, "-m", "tests.hostile.warm"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=ENVIRONMENT
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=30) == 0


@pytest.fixture
def place(tmp_path: Path, server: "subprocess.Popen[str]") -> Place:
    """A fresh place."""
    save(network(), tmp_path / "net.safetensors")
    save(network(), tmp_path / "net.onnx")
    np.savez(tmp_path / "data.npz", **labelled(network(), 6))
    return Place(tmp_path, server)
