"""Exact l2 radii of robust two-layer nets, one input at a time and in batches, beside SCIP on the same questions.

How hard a net is shows in the nodes that chords alone would take, with the same search and the same tightening. SCIP is
given the radius of our counterexample, one percent enlarged, for its big-M bounds, which a user would not have.
Seconds are CPU seconds of the process, for the machine may be busy.
"""

import dataclasses as dc
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

from benchmarks import scip, tables
from benchmarks.robust_nets import HARD, RobustNet
from certify.deadline import Deadline
from certify.network import Affine
from certify.query import robustness
from certify.region import Norm
from certify.solvers.two_layer.solver import Solution, TwoLayerSolver

_T = TypeVar("_T")


@dc.dataclass(frozen=True, slots=True)
class Plan:
    """Nets with the tolerance each is closed to; points asked alone, in batches, and of SCIP; limits in CPU seconds.

    ``most_chords`` is how often chords alone bound a node before they give up.
    """

    d: int
    nets: dict[str, float]
    alone: int
    batches: tuple[int, ...]
    peer: int
    seconds: float
    peer_seconds: float
    most_chords: int


PLANS = {
    "small": Plan(128, {"decoupled k = 40": 1e-6, "noisy decoupled m = 20": 1e-6}, 2, (5,), 1, 20.0, 3.0, 100),
    "full": Plan(
        784, {name: 1e-4 if "to 0.7, m = 50" in name else 1e-6 for name in HARD}, 5, (5, 50), 2, 60.0, 30.0, 6000
    ),
}


@dc.dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One net: nodes, seconds and relative gaps (a,) of points asked alone, seconds a point in batches, and SCIP's.

    ``root`` (a,) is the bound before any split, as a share of the radius; ``chords`` (a,) are the nodes of chords
    alone, infinite where these do not close the point.
    """

    net: str
    tolerance: float
    radius: Float64[np.ndarray, " a"]
    root: Float64[np.ndarray, " a"]
    nodes: Float64[np.ndarray, " a"]
    seconds: Float64[np.ndarray, " a"]
    gaps: Float64[np.ndarray, " a"]
    chords: Float64[np.ndarray, " a"]
    batched: tuple[float, ...]
    peer_seconds: Float64[np.ndarray, " p"]
    peer_gaps: Float64[np.ndarray, " p"]

    @property
    def closed(self) -> int:
        """How many of the points asked alone are closed to the tolerance."""
        return int((self.gaps <= self.tolerance).sum())

    def cells(self) -> list[str]:
        """As text."""
        peer = [_span(self.peer_seconds, "{:.3g}"), _span(self.peer_gaps, "{:.1e}")]
        return [
            self.net,
            f"{self.tolerance:g}",
            f"{self.closed} of {len(self.gaps)}",
            f"{self.radius.mean():.3f}",
            _span(self.root, "{:.3f}"),
            _span(self.nodes, "{:.0f}"),
            _span(self.chords, "{:.0f}").replace("inf", "open"),
            _span(self.seconds, "{:.2f}"),
            *(f"{seconds:.3f}" for seconds in self.batched),
            *(peer if len(self.peer_seconds) else ["not installed", ""]),
        ]


def _span(numbers: np.ndarray, form: str) -> str:
    low, high = (form.format(end) for end in (numbers.min(initial=np.inf), numbers.max(initial=-np.inf)))
    return low if low == high else f"{low} to {high}"


def report(out: Path, plan: Plan) -> list[Row]:
    """Writes ``exact-radii-hard`` as CSV and Markdown; returns the rows."""
    rows: list[Row] = []
    for name, tolerance in plan.nets.items():
        rows.append(_measured(name, HARD[name](plan.d, max((plan.alone, *plan.batches)) + 4), tolerance, plan))
        print(f"{name}: {rows[-1].closed} of {len(rows[-1].gaps)} closed, {rows[-1].seconds.max():.2f} s", flush=True)
    batched = [f"s a point, {size} together" for size in plan.batches]
    nodes = ("root / radius", "nodes", f"nodes of chords alone, limit {plan.most_chords}")
    header = ("net", "tolerance", "closed", "mean radius", *nodes, "CPU s", *batched, "SCIP s", "SCIP gap")
    print(tables.write(out, "exact-radii-hard", header, [row.cells() for row in rows]))
    return rows


def _measured(name: str, net: RobustNet, tolerance: float, plan: Plan) -> Row:
    ours = TwoLayerSolver(net.network)
    chords = TwoLayerSolver(net.network, quadratic=False, most_nodes=plan.most_chords)

    def ask(first: int, last: int, solver: TwoLayerSolver = ours) -> tuple[Solution, Float64[np.ndarray, " b"]]:
        points, labels = net.data.points[first:last], net.data.labels[first:last]
        queries = robustness(net.network, points, labels, norm=Norm.L2, radius=np.inf)
        limit = Deadline.after(plan.seconds * len(points), time.process_time)
        found = solver.solve(queries, np.zeros(len(points), dtype=bool), tolerance=tolerance, deadline=limit)
        return found, np.linalg.norm(found.candidates - points, axis=1)

    ask(0, 1)  # the first call prepares
    alone = [_timed(lambda i=i: ask(i, i + 1)) for i in range(plan.alone)]
    found = [solution for (solution, _), _ in alone]
    lower, upper = np.concatenate([s.radius for s in found]), np.concatenate([near for (_, near), _ in alone])
    plain = [ask(i, i + 1, chords)[0] for i in range(plan.alone)]
    shut = np.concatenate([s.radius for s in plain]) >= (1 - tolerance) * upper
    batched = tuple(_timed(lambda size=size: ask(0, size))[1] / size for size in plan.batches)
    theirs = [_timed(lambda i=i: _peer(net, i, upper[i], plan)) for i in range(plan.peer if scip.installed() else 0)]
    return Row(
        name,
        tolerance,
        radius=lower,
        root=np.concatenate([s.unsplit for s in found]) / upper,
        nodes=np.concatenate([s.nodes for s in found]).astype(np.float64),
        seconds=np.array([seconds for _, seconds in alone]),
        gaps=1 - lower / upper,
        chords=np.where(shut, np.concatenate([s.nodes for s in plain]), np.inf),
        batched=batched,
        peer_seconds=np.array([seconds for _, seconds in theirs]),
        peer_gaps=np.array([1 - bracket.lower / bracket.upper for bracket, _ in theirs]),
    )


def _peer(net: RobustNet, i: int, radius: float, plan: Plan) -> scip.Bracket:
    first, last = net.network.nodes[0].op, net.network.nodes[2].op
    assert isinstance(first, Affine)
    assert isinstance(last, Affine)
    weight, readout = np.asarray(first.weight), np.asarray(last.weight)[0]
    side = 2.0 * net.data.labels[i] - 1.0
    start = weight @ net.data.points[i] + first.bias
    return scip.nearest(
        weight, start, side * readout, float(side * last.bias[0]), radius=1.01 * radius, seconds=plan.peer_seconds
    )


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    begin = time.process_time()
    return work(), time.process_time() - begin
