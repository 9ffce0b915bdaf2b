"""What each way of judging a network says of its l2 radii: plain PGD, the strengthened attack, proofs.

Each gives a number per point; an accuracy at an attack radius is the share of points whose number is larger.
"""

import dataclasses as dc
import itertools
import math
import time
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64

from certify.api import radii
from certify.attacks.combined import StrongestAttack
from certify.deadline import Deadline
from certify.network import Affine, Network, ReLU
from certify.query import Queries, robustness
from certify.radius import Settings
from certify.region import Box, Norm
from certify.solvers.prover import AbstractProver
from certify.solvers.two_layer.solver import TwoLayerSolver
from constructions.theorem import Labelled
from constructions.training import Pgd, measure


@dc.dataclass(frozen=True, slots=True, eq=False)
class Brackets:
    """Of each point a radius that holds and one that does not; both 0 where the point itself is classified wrong."""

    lower: Float64[np.ndarray, " b"]
    upper: Float64[np.ndarray, " b"]

    def accuracy(self, deltas: Sequence[float]) -> tuple[Float64[np.ndarray, " r"], Float64[np.ndarray, " r"]]:
        """For each attack radius the share that is certified, and the share that no attack is known to break."""
        return surviving(self.lower, deltas), surviving(self.upper, deltas)


def surviving(radius: Float64[np.ndarray, " b"], deltas: Sequence[float]) -> Float64[np.ndarray, " r"]:
    """The share of points whose radius exceeds each of ``deltas``."""
    return (radius[None, :] > np.asarray(deltas, dtype=np.float64)[:, None]).mean(axis=1)


def certified(network: Network, data: Labelled, settings: Settings) -> Brackets:
    """Proved below, broken above, by the method that ``settings`` names."""
    found = radii(network, data.points, data.labels, settings=settings)
    return Brackets(np.array([one.lower for one in found]), np.array([one.upper for one in found]))


def proved_by(prover: AbstractProver, network: Network, data: Labelled, *, most: float) -> Float64[np.ndarray, " b"]:
    """The radii up to ``most`` that one method proves by itself, however long it takes; 0 for a misclassified point."""
    right, radius = np.flatnonzero(_right(network, data)), np.zeros(len(data.points))
    if right.size:
        asked = robustness(network, data.points[right], data.labels[right], norm=Norm.L2, radius=most)
        start = np.full(right.size, 0.1 * most)
        radius[right] = prover.prove(asked, start=start, tolerance=1e-3, deadline=Deadline.never()).radius
    return radius


def certified_maximum(
    scores: Network,
    positive: Bool[np.ndarray, " k"],
    binary: Network,
    data: Labelled,
    *,
    seconds: float,
    box: tuple[float, float] | None = None,
) -> Brackets:
    """Around the radii of ``binary``, the maximum read-out of any ``scores`` with one hidden layer.

    A point keeps its class at least while its largest own score stays above all scores of the other class: a question
    about the network of scores, which the exact solver answers, ``seconds`` a point at most. Counterexamples are those
    that the strengthened attack finds of ``binary``, inside the box.
    """
    upper, lower = attacked(binary, data, box=box), np.zeros(len(data.points))
    right = np.flatnonzero(_right(binary, data))
    if right.size:
        rows = _own_above_rivals(scores, positive, Labelled(data.points[right], data.labels[right]))
        count, flat = len(rows), np.zeros(rows.shape[:2])
        asked = Queries(scores, data.points[right], np.full(count, np.inf), Norm.L2, rows, flat)
        limit = Deadline.after(seconds * count, time.monotonic)
        found = TwoLayerSolver(scores).solve(asked, np.zeros(count, dtype=bool), tolerance=5e-4, deadline=limit)
        lower[right] = np.minimum(found.radius, upper[right])
    return Brackets(lower, upper)


def _own_above_rivals(
    scores: Network, positive: Bool[np.ndarray, " k"], data: Labelled
) -> Float64[np.ndarray, "b r k"]:
    """Of each point the rows ``f_i - f_l``: its largest own score i over each l of the other class (cycled)."""
    own = np.where(data.labels[:, None] == 1, positive, ~positive)
    top = np.where(own, scores.evaluate(data.points), -np.inf).argmax(axis=1)
    most = int(max(positive.sum(), (~positive).sum()))
    unit = np.eye(len(positive))
    rivals = {mark: np.resize(np.flatnonzero(positive != mark), most) for mark in (True, False)}
    return np.stack([unit[i] - unit[rivals[bool(positive[i])]] for i in top.tolist()])


def attacked(network: Network, data: Labelled, *, box: tuple[float, float] | None = None) -> Float64[np.ndarray, " b"]:
    """The distance of the nearest counterexample that the strengthened attack finds; infinite where it finds none."""
    domain = None if box is None else Box.uniform(*box, network.input_width)
    asked = robustness(network, data.points, data.labels, norm=Norm.L2, radius=math.inf, domain=domain)
    found = StrongestAttack().search(asked, seed=0, deadline=Deadline.never())
    distance = np.array([np.inf if one is None else one.distance for one in found])
    return np.where(_right(network, data), distance, 0.0)


def pgd_accuracy(
    network: Network,
    data: Labelled,
    deltas: Sequence[float],
    *,
    steps: int = 40,
    box: tuple[float, float] | None = None,
) -> Float64[np.ndarray, " r"]:
    """What plain PGD reports at each attack radius: an upper bound of the robust accuracy, and often a bad one."""
    attacks = (Pgd(Norm.L2, float(delta), steps=steps, box=box) for delta in deltas)
    return np.array([measure(network, data, attack).robust for attack in attacks])


def mean_radius(deltas: Sequence[float], accuracy: Float64[np.ndarray, " r"]) -> float:
    """The mean radius that a curve of accuracies stands for: the integral of the share of survivors over the radius."""
    shown = np.minimum.accumulate(accuracy)
    return float(sum((b - a) * (p + q) / 2 for (a, b), (p, q) in zip(_pairs(deltas), _pairs(shown), strict=True)))


def maximum_radii(scores: Network, positive: Bool[np.ndarray, " k"], binary: Network, data: Labelled) -> Brackets:
    """Around the radii of ``binary``, the maximum read-out of bias-free ``scores`` of one neuron a cluster.

    A point keeps its class while its largest own neuron i stays positive and above every rival l. Each of these fails
    beyond a half-space, so the nearest of them is a lower bound; it is the radius where the network is wrong just
    beyond the foot on that half-space, which is the upper one. Computed in float64, not proved by intervals.
    """
    weight = _neurons(scores)
    own = np.where(data.labels[:, None] == 1, positive, ~positive)
    active = data.points @ weight.T
    rows = np.arange(len(active))
    i = np.where(own, active, -np.inf).argmax(axis=1)
    squares = np.square(weight).sum(axis=1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * weight @ weight.T, 0.0))
    gaps = (active[rows, i][:, None] - active) / np.where(apart[i] > 0, apart[i], 1.0)
    gaps = np.column_stack([np.where(own, np.inf, gaps), active[rows, i] / np.sqrt(squares[i])])
    nearest = gaps.argmin(axis=1)
    lower = np.where(_right(binary, data), np.maximum(gaps[rows, nearest], 0.0), 0.0)
    slopes = np.vstack([weight, np.zeros(weight.shape[1])])[nearest] - weight[i]
    slopes /= np.linalg.norm(slopes, axis=1, keepdims=True)
    moved = Labelled(data.points + (1 + 1e-9) * lower[:, None] * slopes, data.labels)
    broken = ~_right(binary, moved)
    return Brackets(lower, np.where(broken, lower * (1 + 1e-9), np.inf))


def _right(network: Network, data: Labelled) -> Bool[np.ndarray, " b"]:
    return network.evaluate(data.points)[:, 0] * (2 * data.labels - 1) > 0


def _neurons(scores: Network) -> Float64[np.ndarray, "k d"]:
    match [node.op for node in scores.nodes]:
        case [Affine(weight=np.ndarray() as weight) as first, ReLU(), Affine(weight=np.ndarray() as readout) as last]:
            plain = not first.bias.any() and not last.bias.any() and np.array_equal(readout, np.eye(len(weight)))
            assert plain, "one neuron a cluster, without biases"
            return weight
        case _:
            raise AssertionError("one hidden layer")


def _pairs(values: Sequence[float] | Float64[np.ndarray, " r"]) -> list[tuple[float, float]]:
    return list(itertools.pairwise(float(value) for value in values))
