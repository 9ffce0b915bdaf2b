"""The only file that knows about units in the last place: floats to rationals and back, always in the safe direction.

Float64 arithmetic is round to nearest, so a sum or product is right up to a factor ``1 +- u`` with ``u = 2**-53``, and
a dot product of n terms, in any order of summation and with or without fused multiply-add, up to
``gamma(n) * sum |a_i| |b_i|`` (higham2002, Section 3.1). Underflow adds at most ``n * TINY``.
"""

import decimal
import math
import sys
from collections.abc import Iterable
from fractions import Fraction

UNIT = 2.0**-53
"""Unit roundoff of float64."""

TINY = 2.0**-1074
"""The smallest positive float64: the most that one underflowing operation can lose."""


def gamma(terms: int, unit: float = UNIT) -> float:
    """``n u / (1 - n u)`` rounded up: the relative error bound of an n-term dot product with unit roundoff ``u``."""
    product = terms * unit
    if product >= 0.25:
        raise ValueError(f"gamma({terms}) has no meaning with unit roundoff {unit}: the sum is too long.")
    return product / (1 - product) * (1 + 8 * UNIT)


def float_down(value: Fraction) -> float:
    """The largest float64 that is not above ``value``; ``-inf`` below the range."""
    try:
        nearest = float(value)
    except OverflowError:
        return sys.float_info.max if value > 0 else -math.inf
    return nearest if Fraction(nearest) <= value else math.nextafter(nearest, -math.inf)


def float_up(value: Fraction) -> float:
    """The smallest float64 that is not below ``value``; ``inf`` above the range."""
    return 0.0 - float_down(-value)  # never -0.0


def sqrt_up(value: Fraction) -> float:
    """A float64 not below ``sqrt(value)``, at most two units in the last place above it; ``value >= 0``."""
    guess = math.sqrt(float_up(value))
    if math.isinf(guess):  # beyond the squares of floats: scale by a power of four
        return sqrt_up(value / 4**600) * 2.0**600
    if 0 < guess < 2.0**-480:  # below them
        return float_up(Fraction(sqrt_up(value * 4**600)) / 2**600)
    while Fraction(guess) ** 2 < value:
        guess = math.nextafter(guess, math.inf)
    return guess


def distance_up(first: Iterable[float], second: Iterable[float], exponent: float) -> float:
    """A float64 not below ``||first - second||_p`` for ``exponent`` p in {1, 2, inf}, computed in integers."""
    pairs = [(a.as_integer_ratio(), b.as_integer_ratio()) for a, b in zip(first, second, strict=True)]
    scale = max((max(a[1], b[1]) for a, b in pairs), default=1)  # powers of two
    gaps = [abs(a[0] * (scale // a[1]) - b[0] * (scale // b[1])) for a, b in pairs]
    if exponent == 1:
        return float_up(Fraction(sum(gaps), scale))
    if exponent == 2:
        return sqrt_up(Fraction(sum(gap * gap for gap in gaps), scale * scale))
    return float_up(Fraction(max(gaps, default=0), scale))


def print_floor(value: float, digits: int = 6) -> str:
    """``value`` as decimal text with ``digits`` decimals, rounded towards minus infinity: what is printed holds."""
    return _decimal(value, digits, decimal.ROUND_FLOOR)


def print_ceil(value: float, digits: int = 6) -> str:
    """``value`` as decimal text with ``digits`` decimals, rounded towards plus infinity."""
    return _decimal(value, digits, decimal.ROUND_CEILING)


def _decimal(value: float, digits: int, direction: str) -> str:
    if not math.isfinite(value):
        return str(value)
    with decimal.localcontext() as context:
        context.prec = 400
        return str(decimal.Decimal(value).quantize(decimal.Decimal(1).scaleb(-digits), rounding=direction))
