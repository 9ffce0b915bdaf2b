"""Tiny labelled sets over dyadic numbers, inputs in their l2 balls, and squared distances, all exact."""

import dataclasses as dc
from collections.abc import Callable
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np

from certify.attacks.combined import StrongestAttack
from certify.deadline import Deadline
from certify.network import Affine, Network
from certify.query import robustness
from certify.region import Norm
from constructions.dyadic import sqrt_floor
from constructions.theorem import Construction, Labelled, Proved

PARTS = 16


@dc.dataclass(frozen=True)
class Task:
    """A set whose classes are apart, and a radius below half their distance."""

    points: np.ndarray
    labels: np.ndarray
    delta: Fraction

    @property
    def data(self) -> Labelled:
        return Labelled.of(self.points, self.labels)


def squared_distance(one: np.ndarray, other: np.ndarray) -> Fraction:
    return sum(((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(one, other, strict=True)), Fraction())


def to_class(x: np.ndarray, points: np.ndarray, labels: np.ndarray, label: int) -> Fraction:
    """The squared distance of x to the points of one class."""
    return min(squared_distance(x, p) for p in points[labels == label])


def closest(points: np.ndarray, labels: np.ndarray) -> Fraction:
    """The smallest squared distance between points of different classes."""
    pairs = [(i, j) for i in range(len(labels)) for j in range(i) if labels[i] != labels[j]]
    return min(squared_distance(points[i], points[j]) for i, j in pairs)


@st.composite
def tasks(draw: st.DrawFn, classes: int = 2) -> Task:
    """3 to 7 distinct points, every class among them, and a radius of 0 to 15 sixteenths of epsilon."""
    d = draw(st.integers(1, 3))
    coordinate = st.integers(-PARTS, PARTS)
    rows = draw(st.lists(st.tuples(*[coordinate] * d), min_size=classes + 1, max_size=7, unique=True))
    extra = draw(st.lists(st.integers(0, classes - 1), min_size=len(rows) - classes, max_size=len(rows) - classes))
    points, labels = np.array(rows) / PARTS, np.array([*range(classes), *extra])
    share = Fraction(draw(st.integers(0, 15)), 16)
    return Task(points, labels, share * sqrt_floor(closest(points, labels) / 4, 12))


def inputs(task: Task) -> st.SearchStrategy[tuple[int, np.ndarray]]:
    """The row of a point and an input in its ball, often on the way to another point."""

    def moved(drawn: tuple[int, int, int, list[int]]) -> tuple[int, np.ndarray]:
        row, goal, parts, noise = drawn
        step = task.points[goal] - task.points[row] + np.array(noise[: task.points.shape[1]]) / 2**6
        while squared_distance(step * parts / PARTS, 0 * step) > task.delta**2:
            step = step / 2
        return row, task.points[row] + step * parts / PARTS

    rows = st.integers(0, len(task.labels) - 1)
    return st.tuples(rows, rows, st.integers(0, PARTS), st.lists(st.integers(-9, 9), min_size=3, max_size=3)).map(moved)


def generic(sizes: tuple[int, ...], d: int, seed: int = 0) -> Task:
    """Points in general position, so many of each class, with a radius of half of epsilon."""
    points = np.random.default_rng(seed).normal(size=(sum(sizes), d))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return Task(points, labels, sqrt_floor(closest(points, labels) / 16, 12))


def unproved(made: Construction) -> list[str]:
    """The names of the claims that are not proved, with what was found."""
    found = [(claim.name, claim.check()) for claim in made.claims]
    return [f"{name}: {evidence}" for name, evidence in found if not isinstance(evidence, Proved)]


def broken(network: Network, task: Task, radius: float, effort: int = 1) -> int:
    """On how many balls of this radius the strongest attack finds an error."""
    queries = robustness(network, task.points, task.labels, norm=Norm.L2, radius=radius)
    witnesses = StrongestAttack(effort=effort).search(queries, seed=0, deadline=Deadline.never())
    return sum(witness is not None for witness in witnesses)


def tampered(network: Network, node: int, change: Callable[[np.ndarray, np.ndarray], None]) -> Network:
    """The network with the weights and biases of one affine node changed in place by ``change``."""
    op = network.nodes[node].op
    assert isinstance(op, Affine)
    weight = op.weight.copy() if isinstance(op.weight, np.ndarray) else op.weight.toarray()
    bias = op.bias.copy()
    change(weight, bias)
    nodes = list(network.nodes)
    nodes[node] = dc.replace(nodes[node], op=Affine(weight, bias))
    return Network(network.input_shape, tuple(nodes))
