"""Nearest-neighbour classification as a ReLU network: exact, without squaring, for l2 and any number of classes."""

import dataclasses as dc
from fractions import Fraction
from typing import ClassVar

import numpy as np

from bounds.entry import Source, Tag
from certify.network import Network
from constructions.compose import Chain, Forms
from constructions.counting import count_claims
from constructions.dyadic import rational
from constructions.gadgets import halving, tree_depth
from constructions.memorizer.powers import Powers
from constructions.memorizer.rebuilding import rebuilt_claims
from constructions.memorizer.separated import Separated
from constructions.theorem import (
    Claim,
    Construction,
    Family,
    Labelled,
    Theorem,
    parameter,
)

_CLASS_ENTRIES = {count: f"robust-memorizer.voronoi.{count}-class" for count in ("nnz", "units")}
_CLASSES_ENTRIES = {"depth": "robust-memorizer.voronoi.depth-classes"}
_ENTRIES = {count: f"robust-memorizer.voronoi.{count}-two-classes" for count in ("nnz", "dense", "units", "depth")}


@dc.dataclass(frozen=True)
class Voronoi(Family):
    """The difference of the squared distances to two classes, or for k classes k scores whose differences they are.

    ``max_a (2 <a, x> - ||a||**2) - max_b (2 <b, x> - ||b||**2) = d(x, B)**2 - d(x, A)**2``: the squared norm of x
    cancels, and a maximum of affine forms is a tree of ReLUs. The first level is fused with the forms, ``relu(l - l')``
    and ``relu(l' + s)`` for each pair, with one shift s that makes all forms non-negative on the balls and cancels.
    The identity holds where they are, which includes ``||x|| <= max ||p|| + radius`` and so all balls; elsewhere the
    network means nothing.

    On the closed ball of radius r around a point the margin against a point at distance D of another class is affine
    with gradient ``2 D``, hence at least ``D**2 - 2 r D``: positive for every r below half the distance of the classes
    (li2022, Theorem 2.2, in l2, with O(Nd) weights and without its logarithms).
    """

    name: ClassVar[str] = "voronoi"
    theorem: ClassVar[Theorem] = Theorem(
        "Robust memorisation in l2 by nearest neighbours",
        "N points of classes 2 eps apart in l2 are classified with zero robust error at every radius delta < eps, and "
        "margin 4 eps (eps - delta), by about N (d + 4) non-zero weights.",
        Source("li2022", "Theorem 2.2, explicit form"),
        Tag.DERIVED,
    )

    delta: Fraction = parameter("radius in l2, below half the distance of the classes")

    def build(self, data: Labelled | None) -> Network:
        """The network; see ``Family.build``."""
        assert data is not None
        powers = Powers.of(data, self.delta, moved=False)
        chain, trees = Chain(powers.found.width), [powers.forms(label) for label in range(powers.found.classes)]
        for _ in range(depth_of_trees([len(tree) for tree in trees])):
            levels = [halving(tree, 1) for tree in trees]
            units = chain.relu(*(level.units for level in levels))
            trees = [made.combined(level.merge) for made, level in zip(units, levels, strict=True)]
        return chain.output(*read_out(trees))

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Zero robust error and margin, by rebuilding and the closest pair; sizes."""
        assert data is not None
        found = Powers.of(data, self.delta, moved=False).found
        least, entry = found.distance * found.gap, "verify.voronoi.margin"
        robust = rebuilt_claims(network, data, found, build=lambda: self.build(data), margin=least, entry=entry)
        if found.classes > 2:
            return robust + _class_claims(network, found)
        return robust + size_claims(network, found, _ENTRIES)


def voronoi(points: object, labels: object, *, delta: object) -> Construction:
    """Nearest-neighbour classification of labelled points, robust at l2 radius ``delta``; see ``Voronoi``.

    Raises:
        InvalidInput: points or labels of no meaning, or ``delta`` not below half the distance of the classes.
    """
    return Voronoi(rational(delta, "delta")).construct(Labelled.of(points, labels))


def depth_of_trees(sizes: list[int]) -> int:
    """How many layers the maxima over classes of these sizes take; one where every class is a single point."""
    return max(1, tree_depth(max(sizes)))


def read_out(scores: list[Forms]) -> list[Forms]:
    """One output, positive for label 1, for two classes; one score a class for more."""
    return [scores[1] - scores[0]] if len(scores) == 2 else scores


def size_claims(network: Network, found: Separated, entries: dict[str, str]) -> tuple[Claim, ...]:
    """The sizes that ``entries`` in ``bounds`` predict for two classes; for more classes they say nothing."""
    if found.classes > 2:
        return ()
    letters = {"N": len(found.labels), "n": int((found.labels == found.minority).sum()), "d": found.width}
    return count_claims(network, entries, letters)


def _class_claims(network: Network, found: Separated) -> tuple[Claim, ...]:
    """The sizes for any number of classes: those of their trees, added up."""
    sizes = np.bincount(found.labels).tolist()
    depth = depth_of_trees(sizes)
    trees = [{"M": size, "d": found.width, "q": depth} for size in sizes]
    return (*count_claims(network, _CLASS_ENTRIES, *trees), *count_claims(network, _CLASSES_ENTRIES, {"q": depth}))
