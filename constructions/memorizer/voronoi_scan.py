"""Nearest-neighbour classification with running maxima: as deep as there are samples, and not wider than the input."""

import dataclasses as dc
from fractions import Fraction
from typing import ClassVar

import numpy as np

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network
from constructions.compose import Chain, Forms
from constructions.dyadic import exact_float, rational
from constructions.memorizer.powers import Powers
from constructions.memorizer.rebuilding import rebuilt_claims
from constructions.memorizer.separated import Separated
from constructions.memorizer.voronoi import read_out, size_claims
from constructions.theorem import Claim, Construction, Family, Labelled, Theorem, parameter

_DEEPEST = 5_000
"""The most layers that are built: each is a matrix of its own."""


@dc.dataclass(frozen=True)
class VoronoiScan(Family):
    """The function of ``voronoi``, each maximum taken over one sample a layer: width d + 4 for two classes.

    The layers carry ``u = x + cube``, non-negative on the balls, and for each class the largest form so far,
    ``r <- max(r, l_i(u)) = relu(l_i(u) - r) + relu(r)``; the forms are those of ``voronoi``, written in u. The largest
    class has a sample in every layer, smaller classes in the first ones, after which their maximum is carried. Why it
    is sound, and where it means anything, is as for ``voronoi``.
    """

    name: ClassVar[str] = "voronoi-scan"
    theorem: ClassVar[Theorem] = Theorem(
        "Robust memorisation in l2 by nearest neighbours, one sample a layer",
        "N points of classes 2 eps apart in l2 are classified with zero robust error at every radius delta < eps, and "
        "margin 4 eps (eps - delta), by a network of width d + 4 and depth of the order of N.",
        Source("li2022", "Theorem 2.2, explicit form"),
        Tag.DERIVED,
    )

    delta: Fraction = parameter("radius in l2, below half the distance of the classes")

    def build(self, data: Labelled | None) -> Network:
        """The network; see ``Family.build``."""
        assert data is not None
        _require_depth(data)
        powers = Powers.of(data, self.delta, moved=True)
        classes = range(powers.found.classes)
        forms = [powers.moved_forms(label) for label in classes]
        chain, layers = Chain(powers.found.width), max(len(form) for form in forms)
        first = (powers.forms(label).take([0]) for label in classes)
        carried, *best = chain.relu(chain.inputs() + exact_float(powers.cube), *first)
        for i in range(1, layers):
            rises = [_rise(form, carried, so_far, i) for form, so_far in zip(forms, best, strict=True)]
            kept = carried.take(slice(0, len(carried) if i < layers - 1 else 0))
            carried, *made = chain.relu(kept, *rises, *best)
            best = [_total(*parts) for parts in zip(made[: len(forms)], made[len(forms) :], strict=True)]
        return chain.output(*read_out(best))

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Zero robust error and margin, by rebuilding and the closest pair; sizes for two classes."""
        assert data is not None
        found = Powers.of(data, self.delta, moved=True).found
        least, entry = found.distance * found.gap, "verify.voronoi.margin"
        robust = rebuilt_claims(network, data, found, build=lambda: self.build(data), margin=least, entry=entry)
        return robust + size_claims(network, found, _entries(found))


def voronoi_scan(points: object, labels: object, *, delta: object) -> Construction:
    """Nearest-neighbour classification by running maxima, robust at l2 radius ``delta``; see ``VoronoiScan``.

    Raises:
        InvalidInput: points or labels of no meaning, too many of them, or ``delta`` not below half the distance of the
            classes.
    """
    return VoronoiScan(rational(delta, "delta")).construct(Labelled.of(points, labels))


def _entries(found: Separated) -> dict[str, str]:
    """What ``bounds`` predicts for classes of these sizes: the dense count only when they are equal."""
    smaller = int((found.labels == found.minority).sum())
    larger = len(found.labels) - smaller
    counts = ("nnz", "units", "depth") if larger > 1 else ()
    counts += ("dense",) if smaller == larger > 2 else ()
    return {count: f"robust-memorizer.voronoi-scan.{count}" for count in counts}


def _rise(forms: Forms, carried: Forms, so_far: Forms, i: int) -> Forms:
    """By how much the form of sample i exceeds the largest one so far; nothing when the class has no sample i."""
    row = forms.take(slice(i, i + 1))
    if not len(row):
        return so_far.take(slice(0, 0))
    return carried.combined(row.weight) + row.bias - so_far


def _total(*parts: Forms) -> Forms:
    """The sum of all forms of all parts."""
    forms = Forms.stack(*parts)
    return forms.combined(np.ones((1, len(forms))))


def _require_depth(data: Labelled) -> None:
    layers = int(np.bincount(data.labels).max())
    if layers > _DEEPEST:
        raise InvalidInput(
            f"A scan of {layers:,} samples of one class has as many layers; the limit is {_DEEPEST:,}. "
            f"Use voronoi, whose depth is the logarithm of that."
        )
