"""Bounds, radii and alpha-CROWN against auto_LiRPA: the same questions, in turn, in one process, in ratios."""

import dataclasses as dc
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.nets import classified, images, perceptron
from benchmarks.peak import megabytes
from benchmarks.peers import bisected
from benchmarks.sides import Side, bounder
from certify.bounders.base import AbstractBounder
from certify.deadline import Deadline
from certify.network import Network
from certify.query import Queries, robustness
from certify.region import Norm
from certify.solvers.prover import CrownProver

BATCH = 64
TOLERANCE = 1e-3
OURS = 1e-4
"""Searched ten times finer, so that our radii are no smaller than those of a bisection to 1e-3."""
RADII = {Norm.LINF: 0.01, Norm.L2: 0.15}
NETS = {"784-512-10": (784, 512, 10), "784-256x4-10": (784, 256, 256, 256, 256, 10)}


@dc.dataclass(frozen=True, slots=True)
class Row:
    """One comparison: median seconds of both sides, the ratio of each pair's times, and what else was compared."""

    what: str
    net: str
    norm: str
    ours: float
    peer: float
    ratio: float
    note: str

    def line(self) -> str:
        """The row as text."""
        times = f"{self.ours:9.3f} {self.peer:9.3f} {self.ratio:7.2f}"
        return f"{self.what:26} {self.net:13} {self.norm:5} {times}  {self.note}"


def run(out: Path, *, data: str | None, size: str) -> None:
    """Measures every comparison, prints it and writes ``speed.json``."""
    source = images(data)
    repeats = 3 if size == "small" else 7
    print(f"data: {source.name}, batch {BATCH}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"{'':26} {'net':13} {'norm':5} {'ours s':>9} {'peer s':>9} {'ratio':>7}")
    rows: list[Row] = []
    for name, widths in NETS.items():
        network = perceptron(widths, source, epochs=3 if source.name == "MNIST" else 60)
        points, labels = classified(network, source, BATCH)
        for norm, radius in RADII.items():
            queries = robustness(network, points, labels, norm=norm, radius=radius)
            for compare in (_bounds, _radii, _alpha):
                rows.append(compare(name, network, queries, repeats))
                print(rows[-1].line(), flush=True)
            _print_memory(queries, labels)
    out.mkdir(parents=True, exist_ok=True)
    (out / "speed.json").write_text(json.dumps([dc.asdict(row) for row in rows], indent=1) + "\n")
    print(f"written: {out / 'speed.json'}")


def _print_memory(queries: Queries, labels: np.ndarray) -> None:
    """What each side of the CROWN and alpha-CROWN comparisons adds to a process's peak memory."""
    for side in Side:
        print(f"{'':26} peak memory of {side.value}: {megabytes(side, queries, labels):.0f} MB", flush=True)


def _bounds(name: str, network: Network, queries: Queries, repeats: int) -> Row:
    """CROWN at one radius: how the bounds differ, and our rate of products against plain ones of the same shapes."""
    ours, peer = bounder(Side.OUR_CROWN, network), bounder(Side.PEER_CROWN, network)
    first, second = _lower(ours, queries), _lower(peer, queries)
    times = _paired(lambda: _lower(ours, queries), lambda: _lower(peer, queries), repeats)
    apart = (first - second) / np.maximum(1.0, np.abs(second))
    with FlopCounterMode(display=False) as counter:
        _lower(ours, queries)
    rate = counter.get_total_flops() / statistics.median(times[0]) / 1e9
    note = f"our bound - theirs {apart.min():.1e} to {apart.max():.1e}; {rate:.0f} of {_plain_rate():.0f} GFLOP/s"
    return _row("CROWN bounds", name, queries, times, note)


def _radii(name: str, network: Network, queries: Queries, repeats: int) -> Row:
    """Certified radii to 1e-3: ours searched in float32 and proved in float64; the peer's bisected, not proved."""
    free = queries.within(np.full(len(queries), np.inf))
    prover, peer = CrownProver(network), bounder(Side.PEER_CROWN, network)
    radii: dict[str, np.ndarray] = {}

    def ours() -> None:
        guess = prover.guess(free)
        found = prover.prove(free, start=guess, tolerance=OURS, deadline=Deadline.never())
        radii["ours"], radii["passes"] = found.radius, found.passes

    def theirs() -> None:
        radii["theirs"] = bisected(peer, queries, start=RADII[queries.norm], tolerance=TOLERANCE)

    times = _paired(ours, theirs, min(repeats, 3))
    share = radii["ours"] / radii["theirs"]
    passes = f"median {np.median(radii['passes']):.0f} passes"
    note = f"our radius / theirs {share.min():.4f} to {share.max():.4f}, median {np.median(share):.4f}; {passes}"
    return _row("certified radii to 1e-3", name, queries, times, note)


def _alpha(name: str, network: Network, queries: Queries, repeats: int) -> Row:
    """alpha-CROWN with every layer's slopes, against the peer's 10 iterations on all intermediate bounds."""
    del repeats  # one run of the peer takes most of a minute
    ours, peer = bounder(Side.OUR_ALPHA, network), bounder(Side.PEER_ALPHA, network)
    for side in (ours, peer):
        _lower(side, queries.take(np.arange(1)))
    margins: dict[str, float] = {}
    times = _paired(
        lambda: margins.update(ours=_lower(ours, queries).min(axis=1).mean()),
        lambda: margins.update(theirs=_lower(peer, queries).min(axis=1).mean()),
        1,
    )
    note = f"mean smallest margin {margins['ours']:.4f} against {margins['theirs']:.4f}"
    return _row("alpha-CROWN", name, queries, times, note)


def _lower(bounder: AbstractBounder, queries: Queries) -> np.ndarray:
    return bounder.bound(queries, Deadline.never()).lower


def _paired(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> tuple[list[float], list[float]]:
    """Seconds of both, run in turn, after one warm-up each where there are several repetitions."""
    for work in (ours, theirs) if repeats > 1 else ():
        work()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for side, work in zip(times, (ours, theirs), strict=True):
            began = time.perf_counter()
            work()
            side.append(time.perf_counter() - began)
    return times


def _row(what: str, name: str, queries: Queries, times: tuple[list[float], list[float]], note: str) -> Row:
    ours, peer = (statistics.median(side) for side in times)
    ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
    return Row(what, name, str(queries.norm), ours, peer, ratio, note)


def _plain_rate(rows: int = 4096) -> float:
    """GFLOP/s of a plain float32 product (rows, 256) @ (256, 784)."""
    a, b = torch.rand(rows, 256), torch.rand(256, 784)
    torch.mm(a, b)
    began = time.perf_counter()
    for _ in range(5):
        torch.mm(a, b)
    return 5 * 2 * rows * 256 * 784 / (time.perf_counter() - began) / 1e9
