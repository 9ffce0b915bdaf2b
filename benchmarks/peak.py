"""Peak memory of one side of a comparison, in a process of its own."""

import multiprocessing
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from benchmarks.sides import Side, bounder
from certify.deadline import Deadline
from certify.io.models import load
from certify.io.writers import save
from certify.query import Queries, robustness
from certify.region import Norm


def megabytes(side: Side, queries: Queries, labels: np.ndarray) -> float:
    """What bounding ``queries`` adds to the peak resident memory of a process that has loaded everything, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        save(queries.network, path)
        here, there = multiprocessing.get_context("spawn").Pipe()
        ball = (queries.norm.value, float(queries.radii[0]))
        job = (path, side, queries.centres, labels, ball, there)
        process = multiprocessing.get_context("spawn").Process(target=_measure, args=job)
        process.start()
        there.close()
        grown = float(here.recv())
        process.join()
    return grown


def _measure(
    path: Path, side: Side, points: np.ndarray, labels: np.ndarray, ball: tuple[float, float], answer: Connection
) -> None:
    network = load(path).network
    queries = robustness(network, points, labels, norm=Norm(ball[0]), radius=ball[1])
    measured = bounder(side, network)
    measured.bound(queries.take(np.arange(1)), Deadline.never())
    before = _peak()
    measured.bound(queries, Deadline.never())
    answer.send(_peak() - before)


def _peak() -> float:
    """Peak resident memory in MB, from the process's own accounting (getrusage also counts what came before exec)."""
    status = Path("/proc/self/status").read_text()
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024
