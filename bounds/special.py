"""Rigorous enclosures of the functions that neither sympy nor mpmath encloses: entropy and its inverse, the normal law,
Lambert's W.
"""

from fractions import Fraction
from math import factorial, isqrt

from bounds.errors import InvalidInput
from bounds.interval import Interval, bisect, pi

Number = Fraction | Interval
"""An exact rational, or an interval around a real number."""

_FAR = 40
"""Beyond this many standard deviations the normal tail is bounded by its first two asymptotic terms."""


def interval(value: Number, precision: int) -> Interval:
    """The value as an interval."""
    return Interval.of(value, precision) if isinstance(value, Fraction) else value


def log2(value: Number, precision: int) -> Number:
    """The logarithm to base 2, exact for powers of 2."""
    if isinstance(value, Fraction) and value > 0:
        top, bottom = value.numerator, value.denominator
        if top & (top - 1) == 0 and bottom & (bottom - 1) == 0:
            return Fraction(top.bit_length() - bottom.bit_length())
    return interval(value, precision).log() / Interval.of(2, precision).log()


def entropy(value: Number, precision: int) -> Number:
    """The binary entropy of a number in [0, 1], in bits; exact at 0, 1/2 and 1."""
    if value in (Fraction(0), Fraction(1)):
        return Fraction(0)
    if value == Fraction(1, 2):
        return Fraction(1)
    x = interval(value, precision)
    y = Interval.of(1, precision) - x
    return -(x * interval(log2(x, precision), precision) + y * interval(log2(y, precision), precision))


def entropy_inverse(value: Number, precision: int) -> Number:
    """The x in [0, 1/2] with binary entropy ``value``; exact at 0 and 1."""
    if value in (Fraction(0), Fraction(1)):
        return Fraction(value) / 2 if isinstance(value, Fraction) else value
    target = interval(value, precision)

    def reached(x: Fraction) -> bool | None:
        return _sign(interval(entropy(x, precision), precision) - target)

    return bisect(reached, Fraction(0), Fraction(1, 2), precision)


def _sign(difference: Interval) -> bool | None:
    return {1: True, -1: False, 0: None}[difference.sign()]


def lambert(value: Number, precision: int) -> Number:
    """The w > 0 with ``w exp(w) = value``, for a positive value."""
    target = interval(value, precision)

    def reached(w: Fraction) -> bool | None:
        point = Interval.of(w, precision)
        return _sign(point * point.exp() - target)

    if target.sign() != 1:
        raise InvalidInput("Lambert's W is enclosed for positive numbers only")
    high = Fraction(1)
    while reached(high) is False:
        high *= 2
    return bisect(reached, Fraction(0), high, precision)


def normal(value: Number, precision: int) -> Interval:
    """The standard normal distribution function, by its power series with all terms of one sign and a geometric
    tail.
    """
    x = interval(value, precision)
    low, high = (abs(end) for end in x.floors())
    if max(low, high) <= _FAR:
        return _normal_series(x, precision)
    if x.sign() == 0:
        return Interval.between(0, 1, precision)
    one = Interval.of(1, precision)
    return one - _far_tail(x) if x.sign() == 1 else _far_tail(-x)


def _far_tail(x: Interval) -> Interval:
    """1 - Phi(x) for large x, between ``density/x (1 - 1/x^2)`` and ``density/x``."""
    one = Interval.of(1, x.precision)
    upper = _density(x) / x
    return upper.hull(upper * (one - one / (x * x)))


def _density(x: Interval) -> Interval:
    two = Interval.of(2, x.precision)
    return (-(x * x / two)).exp() / (two * pi(x.precision)).sqrt()


def _normal_series(x: Interval, precision: int) -> Interval:
    """``1/2 + density(x) (x + x^3/3 + x^5/15 + ...)``, with enough guard bits for the cancellation at negative x."""
    ceiling = max(abs(end) for end in (x * x).floors()) + 1
    guarded = precision + 32 + 2 * ceiling
    x = Interval(x.low, x.high, guarded)
    square, term, total, n = x * x, x, x, 1
    while n < 2 * ceiling or not _negligible(term, total, guarded):
        n += 2
        term = term * square / Interval.of(n, guarded)
        total = total + term
    # Each further term is at most half of the one before, so they add up to less than the last one.
    total = total.hull(total + term)
    answer = Interval.of(Fraction(1, 2), guarded) + _density(x) * total
    return Interval(answer.low, answer.high, precision)


def _negligible(term: Interval, total: Interval, precision: int) -> bool:
    if total.sign() == 0:
        return True
    ratio = term / total
    return ratio.sign() == 0 or max(abs(end) for end in (ratio * Interval.of(2**precision, precision)).floors()) <= 1


def gamma(value: Number, precision: int) -> Number:
    """Euler's gamma function: exact at positive integers, a rational times sqrt(pi) half-way between them."""
    if not isinstance(value, Fraction) or value.denominator > 2 or value <= 0:
        raise InvalidInput(f"the gamma function is enclosed at positive half-integers only, and this is {value}")
    if value > 10_000:
        return interval(value, precision).gamma()
    whole = int(value)
    if value.denominator == 1:
        return Fraction(factorial(whole - 1))
    over_root_pi = Interval.of(factorial(2 * whole), precision) / Interval.of(4**whole * factorial(whole), precision)
    return over_root_pi * pi(precision).sqrt()


def root(value: Fraction) -> Fraction | None:
    """The rational square root, or None when there is none."""
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    return Fraction(top, bottom) if top * top == value.numerator and bottom * bottom == value.denominator else None
