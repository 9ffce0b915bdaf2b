"""Exact l2 radii of trained two-layer nets: time per sample, what batching and the dimension change, and a peer.

The peer is what a user could do today: bisection on l2 bounds of auto_LiRPA (CROWN), one radius per sample, in the same
process. It is incomplete, so its radii are smaller; how much is the point.
"""

import dataclasses as dc
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

from benchmarks import tables
from benchmarks.cluster_nets import SUM, TWO, ClusterNets, labelled, scaled
from benchmarks.hard_radii import PLANS, report
from benchmarks.peers import bisected
from certify.network import Network
from certify.outcome import CertifiedRadius, Status
from certify.query import robustness
from certify.radius import Certifier, Settings
from certify.region import Norm
from constructions.theorem import Labelled
from constructions.training import PRESETS

_T = TypeVar("_T")
_TOLERANCE = 1e-3
_ALONE, _PEER = 20, 64
"""How many samples are also asked one at a time, and of the peer."""


@dc.dataclass(frozen=True, slots=True)
class Row:
    """One net: d, samples, exact radii (mean), milliseconds a sample, and ratios to one at a time and to the peer."""

    net: str
    d: int
    samples: int
    closed: int
    radius: float
    milliseconds: float
    alone: float
    peer_time: float
    peer_radius: float


def run(out: Path, *, data: str | None, size: str) -> None:
    """Writes ``exact-radii`` and ``exact-radii-hard`` as CSV and Markdown; it needs no data."""
    del data
    dimensions, samples = ((200, 400), 64) if size == "small" else ((784, 1536, 3072), 1000)
    rows: list[Row] = []
    for d in dimensions:
        nets = ClusterNets.trained(scaled(PRESETS["paper"], d=d), test=samples)
        for name in (TWO, SUM):
            rows.append(_measured(name, nets.networks()[name], labelled(nets.test)))
            print(f"{rows[-1].net}, d={rows[-1].d}: {rows[-1].milliseconds:.2f} ms a sample", flush=True)
    ratios = ("batch / alone", "ours / peer time", "peer / our radius")
    header = ("net", "d", "samples", "closed", "mean radius", "ms a sample", *ratios)
    shown = [(*dc.astuple(row)[:4], *(f"{number:.3f}" for number in dc.astuple(row)[4:])) for row in rows]
    print(tables.write(out, "exact-radii", header, shown))
    report(out, PLANS[size])


def _measured(name: str, network: Network, data: Labelled) -> Row:
    right = network.evaluate(data.points)[:, 0] * (2 * data.labels - 1) > 0
    points, labels = data.points[right], data.labels[right]
    certifier = Certifier(network, Settings(norm=Norm.L2, method="exact", tolerance=_TOLERANCE))

    def ask(part: slice) -> list[CertifiedRadius]:
        return [found for _, found in certifier.certify(points[part], labels[part], time.monotonic)]

    ask(slice(0, 2))  # the first call prepares
    answers, together = _timed(lambda: ask(slice(None)))
    _, alone = _timed(lambda: [ask(slice(i, i + 1)) for i in range(_ALONE)])
    ours, few = _timed(lambda: ask(slice(0, _PEER)))
    theirs, peer = _timed(lambda: _peer(network, points[:_PEER], labels[:_PEER]))
    lower = np.array([found.lower for found in ours])
    closed = sum(found.status is Status.EXACT for found in answers)
    per_sample = together / len(points)
    return Row(
        name,
        network.input_width,
        len(points),
        closed,
        float(np.mean([found.lower for found in answers])),
        1e3 * per_sample,
        per_sample / (alone / _ALONE),
        few / peer,
        float(np.mean(theirs / lower)),
    )


def _peer(network: Network, points: Float64[np.ndarray, "b n"], labels: np.ndarray) -> Float64[np.ndarray, " b"]:
    from certify.bounders.auto_lirpa import AutoLirpaBounder  # an optional dependency

    queries = robustness(network, points, labels, norm=Norm.L2, radius=np.inf)
    bounder = AutoLirpaBounder(network, network.input_shape, method="CROWN")
    return bisected(bounder, queries, start=1.0, tolerance=_TOLERANCE)


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    begin = time.perf_counter()
    return work(), time.perf_counter() - begin
