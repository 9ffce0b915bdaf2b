"""Points of a manifold that are 2 eps apart in linf: what forces every robust class of networks to be large."""

import dataclasses as dc
import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

import bounds
from bounds.values import Value
from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import float_up
from constructions.manifold.chart import Places
from constructions.manifold.embedded import Embedded
from constructions.manifold.fixed import BITS, Fixed
from constructions.manifold.patch import AffinePatch
from constructions.manifold.torus import FlatTorus

LARGEST_PACKING = 1_000_000
"""The most points that a packing may have."""

_POINT_BITS = 40


@dc.dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """M points of a manifold, at least ``separation`` apart in linf: proved for the manifold's own points.

    ``points`` (M, d) are these points as floats, within ``2**-20`` each. Any labelling of points that are 2 eps apart
    is a pair of separated classes, so that networks which classify all such classes shatter the points
    (li2022, Theorem 5.8, in the form that speaks of a packing and not of the volume).
    """

    points: Float64[np.ndarray, "M d"]
    separation: Fraction

    def __len__(self) -> int:
        return len(self.points)

    def smallest_size(self, alpha: Fraction = Fraction(0)) -> Value:
        """The least size of networks that are wrong on at most a share ``alpha`` of the points, for every labelling.

        The entry ``manifold.packing.lower``: non-zero parameters, for any depth and width.
        """
        entry = bounds.catalogue["manifold.packing.lower"]
        return entry.evaluate(M=len(self), alpha=alpha, d=self.points.shape[1])


def torus_packing(torus: Embedded, eps: Fraction) -> Packing:
    """K points on each circle of a flat torus in its own coordinates, all combinations.

    Different points differ on some circle, hence the distance of two points is at least the least one on a circle. K is
    the largest number, up to ``floor(pi / asin(sqrt(2) eps / R)) + 1``, whose least distance is proved to be 2 eps.

    Raises:
        InvalidInput: no flat torus in its own coordinates, circles too small for two points, or too many points.
    """
    manifold = torus.manifold
    if not isinstance(manifold, FlatTorus) or not torus.frame.selects:
        raise InvalidInput("torus_packing is for a flat torus in its own coordinates; use greedy_packing elsewhere.")
    circle = Embedded.plain(FlatTorus(1, manifold.radius))
    ratio = min(1.0, math.sqrt(2) * float(eps / manifold.radius))
    most = math.floor(math.pi / math.asin(ratio)) + 1 if eps > 0 else 0
    _require_size(most, manifold.k)
    for count in range(most, 1, -1):
        turns = (np.arange(count).astype(object) << BITS) // count
        separation = _least(circle, turns)
        if separation >= 2 * eps:
            return Packing(_product(torus, turns), separation)
    raise InvalidInput(
        f"No two points of a circle of radius {manifold.radius} are proved to be 2 eps = {2 * eps} apart."
    )


def patch_packing(patch: Embedded, eps: Fraction) -> Packing:
    """The grid of ``floor(side / (2 eps)) + 1`` points an axis on an affine patch in its own coordinates.

    Raises:
        InvalidInput: no patch in its own coordinates, eps <= 0, or too many points.
    """
    manifold = patch.manifold
    if not isinstance(manifold, AffinePatch) or not patch.frame.selects or eps <= 0:
        raise InvalidInput("patch_packing is for an affine patch in its own coordinates and eps > 0.")
    count = int(manifold.side / (2 * eps)) + 1
    _require_size(count, manifold.k)
    if count == 1:
        raise InvalidInput(f"A patch of side {manifold.side} has no two points 2 eps = {2 * eps} apart in each axis.")
    spacing = manifold.side / (count - 1)
    steps = 2 * np.arange(count).astype(object) - (count - 1)
    ticks = (steps * spacing.numerator << BITS) // (2 * spacing.denominator)
    return Packing(_product(patch, ticks), spacing)


def greedy_packing(embedded: Embedded, eps: Fraction, *, radius: Fraction) -> Packing:
    """Farthest points first, among the nodes of a cover of this radius: any manifold, any frame.

    Distances of the nodes' floats are exact; what they are off the manifold is charged twice.

    Raises:
        InvalidInput: as ``Embedded.cover``; no two nodes are 2 eps apart.
    """
    bits = 20
    points = embedded.cover(radius, Norm.LINF).points.rounded(bits)
    charged = 2 * embedded.rounding(bits, Norm.LINF)
    need, chosen = float_up(2 * eps + charged), [0]
    gaps = _gaps(points, points[0])
    separation = np.inf
    while (farthest := float(gaps.max())) >= need:
        chosen.append(int(gaps.argmax()))
        separation = min(separation, farthest)
        gaps = np.minimum(gaps, _gaps(points, points[chosen[-1]]))
    if len(chosen) == 1:
        raise InvalidInput(f"No two of {len(points):,} nodes are 2 eps = {2 * eps} apart; take a smaller eps.")
    return Packing(points[chosen], Fraction(separation) - charged)


def _require_size(count: int, k: int) -> None:
    """Refuses a packing of ``count**k`` points before it is made, when that is too many."""
    if count**k > LARGEST_PACKING:
        raise InvalidInput(
            f"This packing has up to {count}^{k} = {count**k:,} points, more than {LARGEST_PACKING:,}; take a larger "
            f"eps, or ask bounds for manifold.packing.torus.lower, which needs no points."
        )


def _gaps(points: Float64[np.ndarray, "K d"], point: Float64[np.ndarray, " d"]) -> Float64[np.ndarray, " K"]:
    return np.abs(points - point).max(axis=1)


def _least(embedded: Embedded, ticks: Fixed) -> Fraction:
    """A lower bound of the least distance in linf of points at some ticks of a manifold with one axis."""
    points = embedded.at(Places((ticks,), np.arange(len(ticks))[:, None])).rounded(_POINT_BITS)
    least = min(float(_gaps(points[i + 1 :], points[i]).min()) for i in range(len(points) - 1))
    return Fraction(least) - 2 * embedded.rounding(_POINT_BITS, Norm.LINF)


def _product(embedded: Embedded, ticks: Fixed) -> Float64[np.ndarray, "M d"]:
    """The points at all combinations of the same ticks on every axis."""
    k, count = embedded.manifold.dimension, len(ticks)
    index = np.stack(np.unravel_index(np.arange(count**k), (count,) * k), axis=1).astype(np.int64)
    return embedded.at(Places((ticks,) * k, index)).rounded(_POINT_BITS)
