"""Tiny labelled sets over dyadic numbers with radii in l1 or linf, inputs in their balls, and bumps over Fractions."""

from collections.abc import Sequence
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np

from certify.attacks.combined import StrongestAttack
from certify.deadline import Deadline
from certify.network import Network
from certify.query import robustness
from certify.region import Norm
from constructions.theorem import Claim, Construction
from tests.constructions.euclidean_sets import Task

PARTS = 16


def length(steps: Sequence[Fraction] | np.ndarray, norm: Norm) -> Fraction:
    sizes = [abs(Fraction(step)) for step in steps]
    return max(sizes) if norm is Norm.LINF else sum(sizes, Fraction())


def gaps(x: np.ndarray, centre: np.ndarray) -> list[Fraction]:
    return [abs(Fraction(a) - Fraction(c)) for a, c in zip(x, centre, strict=True)]


def epsilon(points: np.ndarray, labels: np.ndarray, norm: Norm) -> Fraction:
    """Half the smallest distance between points of different classes."""
    pairs = [(i, j) for i in range(len(labels)) for j in range(i) if labels[i] != labels[j]]
    return min(length(gaps(points[i], points[j]), norm) for i, j in pairs) / 2


@st.composite
def tasks(draw: st.DrawFn, norm: Norm, classes: int = 2) -> Task:
    """3 to 7 distinct points, every class among them, and a radius of 0 to 15 sixteenths of epsilon."""
    d = draw(st.integers(1, 4))
    rows = draw(st.lists(st.tuples(*[st.integers(-PARTS, PARTS)] * d), min_size=classes + 1, max_size=7, unique=True))
    extra = draw(st.lists(st.integers(0, classes - 1), min_size=len(rows) - classes, max_size=len(rows) - classes))
    points, labels = np.array(rows) / PARTS, np.array([*range(classes), *extra])
    return Task(points, labels, Fraction(draw(st.integers(0, 15)), 16) * epsilon(points, labels, norm))


def anywhere(d: int) -> st.SearchStrategy[np.ndarray]:
    """Inputs around the points of a task, on a finer grid."""
    return st.lists(st.integers(-6 * PARTS, 6 * PARTS), min_size=d, max_size=d).map(
        lambda whole: np.array(whole) / (4 * PARTS)
    )


def minority(task: Task) -> tuple[np.ndarray, int]:
    """The points of the smaller class (label 1 when equal), and the sign of its label."""
    positive = 2 * int(task.labels.sum()) <= len(task.labels)
    return task.points[task.labels == int(positive)], 1 if positive else -1


def bump(height: Fraction) -> Fraction:
    return max(Fraction(), height)


def one_sided(bumps: list[Fraction], sign: int) -> Fraction:
    return sign * (2 * sum(bumps, Fraction()) - 1)


def generic(sizes: tuple[int, ...], d: int, norm: Norm, seed: int = 0) -> Task:
    """Points in general position, so many of each class, with a radius of half of epsilon."""
    points = np.random.default_rng(seed).normal(size=(sum(sizes), d))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return Task(points, labels, epsilon(points, labels, norm) / 2)


def claim(made: Construction, name: str) -> Claim:
    return next(claim for claim in made.claims if claim.name == name)


def broken(network: Network, task: Task, norm: Norm, radius: float) -> int:
    """On how many balls of this radius the strongest attack finds an error."""
    queries = robustness(network, task.points, task.labels, norm=norm, radius=radius)
    witnesses = StrongestAttack(effort=1).search(queries, seed=0, deadline=Deadline.never())
    return sum(witness is not None for witness in witnesses)
