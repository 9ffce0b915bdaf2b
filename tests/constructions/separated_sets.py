"""Two classes on a coarse grid of the unit cube, and inputs near them, for tests of robust generalisation."""

import dataclasses as dc
from collections.abc import Iterator
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np

from certify.network import Affine, Network
from certify.region import Norm
from constructions.theorem import Labelled


def grid_classes(dimension: int, parts: int = 4, most: int = 5) -> st.SearchStrategy[Labelled]:
    """At least one point of each class, all at different multiples of ``1 / parts``."""
    place = st.tuples(*[st.integers(0, parts)] * dimension)
    limit = min(most, (parts + 1) ** dimension)
    points = st.lists(place, min_size=2, max_size=limit, unique=True)

    def labelled(places: list[tuple[int, ...]]) -> st.SearchStrategy[Labelled]:
        rest = st.lists(st.integers(0, 1), min_size=len(places) - 2, max_size=len(places) - 2)
        return rest.map(lambda labels: Labelled.of(np.array(places) / parts, [1, 0, *labels]))

    return points.flatmap(labelled)


def cube_points(dimension: int, parts: int = 32) -> st.SearchStrategy[tuple[Fraction, ...]]:
    """Points of the unit cube with multiples of ``1 / parts`` as coordinates."""
    return st.tuples(*[st.integers(0, parts).map(lambda k: Fraction(k, parts))] * dimension)


def scattered(dimension: int, norm: Norm, eps: float, count: int, seed: int = 0) -> Labelled:
    """Random points in general position whose two classes are at least ``2 eps`` apart, labels in turn."""
    rng = np.random.default_rng(seed)
    points: list[np.ndarray] = []
    for _ in range(10_000):
        x = rng.uniform(0, 1, dimension)
        others = [p for i, p in enumerate(points) if i % 2 != len(points) % 2]
        if all(np.linalg.norm(x - p, ord=norm.value) >= 2 * eps for p in others):
            points.append(x)
        if len(points) == count:
            break
    return Labelled.of(points, np.arange(len(points)) % 2)


def attacked(data: Labelled, norm: Norm, radius: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs within ``radius`` of the points, corners and random ones, and their labels."""
    rng = np.random.default_rng(seed)
    count, d = data.points.shape
    steps = rng.normal(size=(40, count, d))
    steps[:20] = np.sign(steps[:20])
    steps[20:22] *= rng.uniform(size=(2, count, d)) < 0.4
    lengths = np.linalg.norm(steps, ord=norm.value, axis=2, keepdims=True)
    moved = data.points + steps / np.maximum(lengths, 1e-9) * radius * (1 - 1e-12)
    return moved.reshape(-1, d), np.tile(data.labels, 40)


@dc.dataclass(frozen=True)
class Tampering:
    """A network with the weights of one op changed, and which one it was."""

    place: str
    network: Network


def tampered(network: Network) -> Iterator[Tampering]:
    """The network with the weights of each affine op negated in turn."""
    for i, node in enumerate(network.nodes):
        if isinstance(node.op, Affine):
            nodes = list(network.nodes)
            nodes[i] = dc.replace(node, op=Affine(-node.op.weight, node.op.bias))
            yield Tampering(f"node {i}", Network(network.input_shape, tuple(nodes)))
