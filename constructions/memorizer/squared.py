"""Squared distances inside a network: sums of sawtooth squares, and the bumps that are cut from them."""

import dataclasses as dc
import math
from fractions import Fraction

import numpy as np
import scipy.sparse as sp

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.compose import Chain, Forms
from constructions.dyadic import shorten_up
from constructions.gadgets import Tooth, tooth
from constructions.memorizer.separated import Separated, grid_bits, separate
from constructions.theorem import Labelled

_PRECISION = 53
_DIGITS = 8
"""Significant bits of a slope."""
_MOST_LEVELS = 200
_MOST_COORDINATES = 2**18


def summed_squares(
    chain: Chain, arguments: Forms, groups: sp.csr_array, levels: int, *, carry: bool
) -> tuple[Forms, Forms]:
    """``groups @ f(t)`` for arguments t in [0, 1], with f the interpolant of the square at multiples of ``2**-levels``.

    ``groups`` is a non-negative matrix, so that the partial sums are non-negative and one unit a row carries them from
    one level to the next: ``0 <= f(t) - t*t <= 4**-(levels + 1)`` (yarotsky2017, Section 3). Adds ``levels`` layers.
    With ``carry`` the arguments come along, as second answer; else that is empty.
    """
    level = Tooth(*chain.relu(*tooth(arguments)))
    carried = level.whole.take(slice(0, len(arguments) if carry else 0))
    partial = (level.whole - level.wave.scaled(0.25)).combined(groups)
    for s in range(2, levels + 1):
        whole, half, carried, before = chain.relu(*tooth(level.wave), carried, partial)
        level = Tooth(whole, half)
        partial = before - level.wave.scaled(4.0**-s).combined(groups)
    return partial, carried


@dc.dataclass(frozen=True, slots=True)
class Fall:
    """The bump ``relu(slope * (outer - S))`` of a squared distance S: at least 1 up to ``inner``, 0 from ``outer`` on.

    S may exceed the true squared distance by ``error`` and is never below it. In the ball of ``radius`` around its own
    centre ``S <= radius**2 + error = inner``. In the balls of other classes the distance is at least ``distance -
    radius``, whose square is ``outer``. What is between, ``distance * gap - error``, is positive.
    """

    inner: Fraction
    outer: Fraction

    @classmethod
    def of(cls, found: Separated, error: Fraction) -> "Fall":
        """The fall that separated points leave to an approximation with this error."""
        return cls(found.radius**2 + error, (found.distance - found.radius) ** 2)

    @property
    def slope(self) -> Fraction:
        """A dyadic of few bits, not below ``1 / (outer - inner)`` and above it by less than one part in 127."""
        return shorten_up(1 / (self.outer - self.inner), _DIGITS)


def enough_levels(found: Separated, scale: Fraction, wanted: int, *, least: int) -> int:
    """The levels of a sawtooth whose squares are ``scale * 4**-levels`` too large at most: as few as suffice for 0.

    They suffice when the bump can fall over at least 33/64 of ``distance * gap``: no bump is then steeper than twice
    what exact squares would need, its slope's rounding included.

    Raises:
        InvalidInput: ``wanted`` is neither 0 nor enough, or beyond reason.
    """
    needed, room = least, found.distance * found.gap * Fraction(31, 64)
    while scale > room * 4**needed:
        needed += 1
    if wanted and not needed <= wanted <= _MOST_LEVELS:
        raise InvalidInput(
            f"{wanted} sawtooth levels: for these points and this radius give {needed} to {_MOST_LEVELS}, or 0 for as "
            f"few as suffice."
        )
    return wanted or needed


def separated_for_squares(data: Labelled, delta: Fraction) -> Separated:
    """The points on a grid on which squared distances times a slope are float64 without rounding.

    Raises:
        InvalidInput: as ``separate``, or more coordinates than float64 has bits for.
    """
    d = data.points.shape[1]
    if d > _MOST_COORDINATES:
        raise InvalidInput(f"Points have {d:,} coordinates; squared distances are exact for {_MOST_COORDINATES:,}.")
    largest = Fraction(float(np.abs(data.points).max()) or 1.0)
    if not 1e-100 < largest < 1e100:
        raise InvalidInput(f"The largest coordinate is {float(largest):g}; scale the data to about 1.")
    reach = largest + min(delta, (1 + math.isqrt(d)) * largest)  # a larger delta is refused as such
    half, bits = power_above(reach), 0
    while True:
        bits = (_PRECISION - _DIGITS - math.frexp(float(4 * half**2 * d))[1]) // 2
        if reach + (2 + math.isqrt(d)) * Fraction(1, 2) ** bits <= half:
            found = separate(data, Norm.L2, delta, spare=grid_bits(data.points, delta, 0) - bits)
            assert largest_coordinate(found) <= half, "the grid is too coarse for this cube"
            return found
        half *= 2


def largest_coordinate(found: Separated) -> Fraction:
    """What no coordinate of an input in a ball exceeds in absolute value."""
    return Fraction(float(np.abs(found.points).max())) + found.radius


def power_above(value: Fraction) -> Fraction:
    """The smallest power of two that is not below ``value > 0``."""
    return shorten_up(value, 1)
