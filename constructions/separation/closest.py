"""Answers about distances: the closest pair with its exact distance, and the radii that it leaves room for."""

import dataclasses as dc
import math
from fractions import Fraction

from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import float_down, float_up


@dc.dataclass(frozen=True, slots=True)
class ClosestPair:
    """Two points at the smallest distance that occurs; of several such pairs the one with the smallest indices.

    Attributes:
        first: Row of the first point (of the smaller index, when both come from one set).
        second: Row of the second point.
        norm: The norm that measures the distance.
        exact: Their distance; for l2 its square.
    """

    first: int
    second: int
    norm: Norm
    exact: Fraction

    @property
    def lower(self) -> float:
        """The largest float64 that is not above the distance."""
        return _distance_ends(self.exact, self.norm)[0]

    @property
    def upper(self) -> float:
        """The smallest float64 that is not below the distance; ``inf`` above the range."""
        return _distance_ends(self.exact, self.norm)[1]


@dc.dataclass(frozen=True, slots=True)
class Effort:
    """How the pairs of a search were decided.

    Attributes:
        pairs: All pairs that count.
        by_products: Proved too far apart to matter by matrix products, with their rounding accounted for.
        directly: The rest, whose difference was formed coordinate by coordinate in float64.
        exactly: Of these, the pairs that float64 could not order, compared in integers.
    """

    pairs: int
    by_products: int
    directly: int
    exactly: int


@dc.dataclass(frozen=True, slots=True)
class Separation:
    """Distances between and within the classes of a data set, exact.

    Attributes:
        norm: The norm that measures them.
        cross: The closest pair with different labels.
        same: The closest pair with equal labels; None when it was not asked for or no two labels are equal.
        effort: How the pairs with different labels were decided.
    """

    norm: Norm
    cross: ClosestPair
    same: ClosestPair | None
    effort: Effort

    @property
    def epsilon(self) -> float:
        """Half the distance of ``cross``, rounded down: balls of any smaller radius around the classes are disjoint."""
        return _distance_ends(self.exact_epsilon, self.norm)[0]

    @property
    def exact_epsilon(self) -> Fraction:
        """Half the distance of ``cross``; for l2 the square of the half, since the half may be irrational."""
        return self.cross.exact / (4 if self.norm is Norm.L2 else 2)

    @property
    def largest_radius(self) -> float:
        """The largest float64 strictly below half the distance of ``cross``: the largest admissible radius."""
        epsilon = self.epsilon
        return epsilon if self.admissible(epsilon) else math.nextafter(epsilon, -math.inf)

    def admissible(self, radius: float | Fraction) -> bool:
        """Whether closed balls of this ``radius`` around the classes are disjoint: ``radius < epsilon``, exactly.

        Raises:
            InvalidInput: the radius is negative or not finite.
        """
        return _power(_radius(radius), self.norm) < self.exact_epsilon

    def ratio(self, radius: float | Fraction) -> float:
        """``radius / epsilon`` rounded up: the rho of the theorems on robust memorisation.

        Raises:
            InvalidInput: the radius is negative or not finite.
        """
        return _distance_ends(_power(_radius(radius), self.norm) / self.exact_epsilon, self.norm)[1]


@dc.dataclass(frozen=True, slots=True)
class Clearance:
    """Whether all pairs of two sets are farther apart than a threshold, with evidence.

    Attributes:
        norm: The norm that measures distances.
        threshold: The distance in question; for l2 its square.
        closest: The closest pair when it is at or below the threshold; None when there is no such pair.
        effort: How the pairs were decided.
    """

    norm: Norm
    threshold: Fraction
    closest: ClosestPair | None
    effort: Effort

    @property
    def holds(self) -> bool:
        """Whether every pair is strictly farther apart than the threshold."""
        return self.closest is None


def _radius(radius: float | Fraction) -> Fraction:
    if not (math.isfinite(radius) and radius >= 0):
        raise InvalidInput(f"A radius must be a finite number >= 0, got {radius}.")
    return Fraction(radius)


def _power(distance: Fraction, norm: Norm) -> Fraction:
    return distance**2 if norm is Norm.L2 else distance


def _distance_ends(exact: Fraction, norm: Norm) -> tuple[float, float]:
    """The floats on both sides of a distance that is given exactly, for l2 by its square."""
    if norm is not Norm.L2:
        return float_down(exact), float_up(exact)
    fine = 4**1200  # finer than the square of the smallest float by far more than 53 bits
    scaled = exact * fine
    root = math.isqrt(math.floor(scaled))
    return float_down(Fraction(root, 2**1200)), float_up(Fraction(root + (root * root != scaled), 2**1200))
