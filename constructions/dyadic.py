"""Dyadic rationals in the safe direction, so that a network's float64 weights are the rational numbers of its proof."""

import dataclasses as dc
import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import sqrt_up


def floor_to(value: Fraction, bits: int) -> Fraction:
    """The largest multiple of ``2**-bits`` that is not above ``value``."""
    return Fraction(math.floor(value * Fraction(2) ** bits)) / Fraction(2) ** bits


def ceil_to(value: Fraction, bits: int) -> Fraction:
    """The smallest multiple of ``2**-bits`` that is not below ``value``."""
    return -floor_to(-value, bits)


def shorten_down(value: Fraction, digits: int) -> Fraction:
    """The largest dyadic with at most ``digits`` significant bits that is not above ``value > 0``."""
    exponent = _exponent(value)
    return floor_to(value, digits - 1 - exponent)


def shorten_up(value: Fraction, digits: int) -> Fraction:
    """The smallest dyadic with at most ``digits`` significant bits that is not below ``value > 0``."""
    exponent = _exponent(value)
    return ceil_to(value, digits - 1 - exponent)


def _exponent(value: Fraction) -> int:
    """``floor(log2 value)``."""
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess if Fraction(2) ** guess <= value else guess - 1


def exact_float(value: Fraction) -> float:
    """``value`` as a float64 that equals it; an internal error when it is not one."""
    number = float(value)
    assert Fraction(number) == value, f"{value} is no float64"
    return number


def rational(value: object, name: str) -> Fraction:
    """A number given as int, float, Fraction or text such as ``1/10`` or ``0.1``: read as the decimal that was typed.

    Raises:
        InvalidInput: anything else, or not finite.
    """
    try:
        return Fraction(repr(float(value))) if isinstance(value, float) else Fraction(str(value))
    except (ValueError, ZeroDivisionError) as error:
        raise InvalidInput(f"{name} must be a number such as 0.1 or 1/10, got {value!r}.") from error


def sqrt_floor(value: Fraction, bits: int = 60) -> Fraction:
    """A rational not above ``sqrt(value)``, with ``bits`` bits after the point."""
    scaled = value * Fraction(4) ** bits
    return Fraction(math.isqrt(scaled.numerator // scaled.denominator)) / Fraction(2) ** bits


COARSEST = 2000
"""The lowest bit of zero, which is a multiple of everything: coarser than that of any float."""


def lowest_bits(numbers: Float64[np.ndarray, "..."]) -> Int64[np.ndarray, "..."]:
    """For each number the largest g for which it is a multiple of ``2**g``; ``COARSEST`` for zero."""
    mantissa, exponent = np.frexp(numbers)
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    trailing = np.log2(np.maximum(whole & -whole, 1).astype(np.float64)).astype(np.int64)
    return np.where(numbers != 0, exponent.astype(np.int64) - 53 + trailing, COARSEST)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Snapped:
    """Points moved to multiples of ``2**-bits``; ``error`` bounds how far any of them moved, in the norm asked for."""

    points: Float64[np.ndarray, "N d"]
    bits: int
    error: Fraction


def snap(points: Float64[np.ndarray, "N d"], bits: int, norm: Norm) -> Snapped:
    """Each point at its nearest multiple of ``2**-bits`` (coordinatewise), and an exact bound on how far it moved.

    Points that already lie on that grid do not move, and the error is 0.

    Raises:
        InvalidInput: coordinates too large for this grid in float64.
    """
    largest = float(np.abs(points).max(initial=0.0))
    if largest >= 2.0 ** (53 - bits):
        raise InvalidInput(
            f"Coordinates up to {largest:g} do not fit multiples of 2**-{bits} in float64; scale the data to [0, 1]."
        )
    moved = np.rint(np.ldexp(points, bits)) * 2.0**-bits
    gap = np.abs(points - moved)  # exact: a multiple of the point's last bit, and not larger than the point
    if not gap.any():
        return Snapped(moved, bits, Fraction(0))
    return Snapped(moved, bits, _length(gap, norm))


def _length(gap: Float64[np.ndarray, "N d"], norm: Norm) -> Fraction:
    """An upper bound of the largest row norm of ``gap``."""
    worst, width = Fraction(float(gap.max())), gap.shape[1]
    match norm:
        case Norm.LINF:
            return worst
        case Norm.L1:
            return worst * width
        case Norm.L2:
            return Fraction(sqrt_up(worst * worst * width))
