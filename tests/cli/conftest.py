"""A saved model and data that fit it, and ways to run the command line."""

import dataclasses as dc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from certify.cli.main import main
from certify.io.writers import save
from tests.run.fakes import FakeCertifier, tiny_network, tiny_points

ROOT = Path(__file__).resolve().parents[2]


@dc.dataclass
class Place:
    """A folder with ``net.safetensors`` and ``data.npz`` (20 points) and the words that certify them."""

    folder: Path

    @property
    def run(self) -> Path:
        """Where the run goes."""
        return self.folder / "run"

    def words(self, *more: str) -> list[str]:
        """The arguments."""
        return [
            str(self.folder / "net.safetensors"),
            "--data",
            str(self.folder / "data.npz"),
            "--out",
            str(self.run),
            *more,
        ]

    def start(self, *more: str, **environment: str) -> "subprocess.Popen[str]":
        """The command line with the made-up engine, in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.cli.driver", *self.words(*more)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | environment,
        )


def write_data(path: Path, points: np.ndarray, labels: np.ndarray) -> None:
    """Saves a data set as ``.npz``."""
    np.savez(path, x=points, y=labels)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A fresh place."""
    save(tiny_network(), tmp_path / "net.safetensors")
    write_data(tmp_path / "data.npz", *tiny_points(20))
    return Place(tmp_path)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts the made-up engine in the real one's place; keywords say how it behaves."""

    def install(**settings: object) -> None:
        def build(*args: object, **more: object) -> FakeCertifier:
            return FakeCertifier(*args, **more, **settings)  # type: ignore[arg-type]

        monkeypatch.setattr("certify.cli.session.Certifier", build)

    return install


@pytest.fixture
def certify(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line in this process: exit code, stdout, stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        try:
            code = main(words)
        except SystemExit as stop:
            code = int(stop.code or 0)
        caught = capsys.readouterr()
        return code, caught.out, caught.err

    return run
