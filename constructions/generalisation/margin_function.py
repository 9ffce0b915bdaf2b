"""The margin function of two finite sets: the classifier that every robust one approximates."""

import dataclasses as dc
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import UNIT, gamma
from constructions.dyadic import sqrt_floor

_BLOCK = 1 << 22
"""Numbers held at once while distances are computed."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class MarginFunction:
    """``f*(x) = (d(x, B) - d(x, A)) / (d(x, A) + d(x, B))`` for finite sets A (positive) and B (negative).

    1 on A, -1 on B. Where the sets are ``2 eps`` apart it is ``1/eps``-Lipschitz and at least ``1 - c`` within
    ``c eps`` of A, in any norm (li2022, Proposition 3.2): with u, v the two distances, each 1-Lipschitz and
    ``u + v >= 2 eps``, ``|df/du| + |df/dv| = 2 / (u + v)``.

    Attributes:
        positive: The points of A, (a, d).
        negative: The points of B, (b, d).
        norm: The norm that measures distances.
    """

    positive: Float64[np.ndarray, "a d"]
    negative: Float64[np.ndarray, "b d"]
    norm: Norm

    def __post_init__(self) -> None:
        shapes = self.positive.shape, self.negative.shape
        if self.positive.ndim != 2 or self.negative.ndim != 2 or 0 in shapes[0] + shapes[1]:
            raise InvalidInput(f"A margin function needs points of both classes, got shapes {shapes[0]}, {shapes[1]}.")
        if shapes[0][1] != shapes[1][1]:
            raise InvalidInput(f"The classes have {shapes[0][1]} and {shapes[1][1]} coordinates a point.")
        if not (np.isfinite(self.positive).all() and np.isfinite(self.negative).all()):
            raise InvalidInput("The points of a margin function must be finite.")

    @property
    def dimension(self) -> int:
        """The number of coordinates d."""
        return self.positive.shape[1]

    @staticmethod
    def lipschitz(eps: Fraction) -> Fraction:
        """Its Lipschitz constant ``1/eps`` in its own norm, when the sets are at least ``2 eps`` apart."""
        return 1 / eps

    def distances(
        self, points: Float64[np.ndarray, "m d"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """The distances of each point to A and to B, in float64; ``distance_error`` bounds their rounding."""
        return _nearest(points, self.positive, self.norm), _nearest(points, self.negative, self.norm)

    def evaluate(self, points: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """f* at each point, in float64; ``error`` bounds its rounding."""
        return ratio(*self.distances(points))

    def distance_error(self) -> Fraction:
        """How far a computed distance of at most ``sqrt(d)`` or d is from the true one, for points of the unit cube.

        Also when the point meant is a rational one and its nearest floats were used. Differences, squares, sums and the
        root are off by a factor ``1 +- gamma(d + 3)`` together (higham2002, Section 3.1); a coordinate that is not a
        float moves by at most ``2**-54``; underflow is far below that.
        """
        largest = 1 if self.norm is Norm.LINF else self.dimension
        return 2 * Fraction(gamma(self.dimension + 3)) * largest + _moved(self.dimension)

    def error(self, eps: Fraction) -> Fraction:
        """How far ``evaluate`` is from f* in the unit cube, where the sets are at least ``2 eps`` apart.

        Relative errors e of u and v change f* by at most e to first order, since ``4 u v <= (u + v)**2``; absolute ones
        k by ``2 k / (u + v) <= k / eps``. The factor 2 pays for higher orders while ``k <= eps / 4``, the last term for
        the difference, the sum and the quotient.
        """
        moved = _moved(self.dimension)
        if 4 * moved > eps:
            raise InvalidInput(f"Classes only {float(2 * eps):g} apart are too close for float64.")
        return 2 * (Fraction(gamma(self.dimension + 3)) + moved / eps) + 4 * Fraction(UNIT)

    def enclose(self, point: Sequence[Fraction]) -> tuple[Fraction, Fraction]:
        """Rational numbers below and above f* at a rational point; equal for l1 and linf. Slow: an oracle."""
        near, far = (_exact_nearest(point, sites, self.norm) for sites in (self.positive, self.negative))
        if self.norm is not Norm.L2:
            value = (far - near) / (far + near)
            return value, value
        (u, u_up), (v, v_up) = _root(near), _root(far)
        return (v - u_up) / (v + u_up), (v_up - u) / (v_up + u)


def ratio(near: Float64[np.ndarray, " m"], far: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
    """f* from the distances to A and to B."""
    return (far - near) / (far + near)


def _moved(dimension: int) -> Fraction:
    return Fraction(dimension + 1, 2**54)


def _nearest(
    points: Float64[np.ndarray, "m d"], sites: Float64[np.ndarray, "s d"], norm: Norm
) -> Float64[np.ndarray, " m"]:
    """The distance of each point to its nearest site, blockwise."""
    found = np.full(len(points), np.inf)
    width = points.shape[1]
    some = max(1, min(len(sites), _BLOCK // width))
    step = max(1, _BLOCK // (some * width))
    for start in range(0, len(points), step):
        here = points[start : start + step, None, :]
        for first in range(0, len(sites), some):
            gaps = _lengths(here - sites[first : first + some], norm).min(axis=1)
            np.minimum(found[start : start + step], gaps, out=found[start : start + step])
    return np.sqrt(found) if norm is Norm.L2 else found


def _lengths(gaps: Float64[np.ndarray, "m s d"], norm: Norm) -> Float64[np.ndarray, "m s"]:
    """The norm of each difference, for l2 its square."""
    match norm:
        case Norm.LINF:
            return np.abs(gaps).max(axis=2)
        case Norm.L1:
            return np.abs(gaps).sum(axis=2)
        case Norm.L2:
            return (gaps * gaps).sum(axis=2)


def _exact_nearest(point: Sequence[Fraction], sites: Float64[np.ndarray, "s d"], norm: Norm) -> Fraction:
    """The exact distance to the nearest site, for l2 its square."""
    return min(
        _exact_length([x - Fraction(float(s)) for x, s in zip(point, site, strict=True)], norm) for site in sites
    )


def _exact_length(gaps: Sequence[Fraction], norm: Norm) -> Fraction:
    match norm:
        case Norm.LINF:
            return max(abs(gap) for gap in gaps)
        case Norm.L1:
            return sum((abs(gap) for gap in gaps), Fraction(0))
        case Norm.L2:
            return sum((gap * gap for gap in gaps), Fraction(0))


def _root(square: Fraction) -> tuple[Fraction, Fraction]:
    """Rationals below and above a square root; equal where it is a dyadic number of few bits."""
    low = sqrt_floor(square, 80)
    return (low, low) if low * low == square else (low, low + Fraction(1, 2**80))
