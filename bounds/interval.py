"""Real intervals with exact dyadic ends of unbounded exponent, so that 10^400 and 10^(10^6) need no logarithms.

Every operation rounds its lower end down and its upper end up. **Trusts:** the directed rounding of ``mpmath.libmp``;
results of transcendental functions are widened by a further ``2^-(precision - 8)`` relatively, so a last-digit slip
there changes nothing.
"""

import dataclasses as dc
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from mpmath import libmp

from bounds.errors import InvalidInput

_DOWN, _UP = libmp.round_floor, libmp.round_ceiling
Raw = tuple[int, Any, int, int]
"""mpmath's sign, mantissa, exponent, bit count; compared and converted only through ``libmp``."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """All reals between ``low`` and ``high``, both included; ``precision`` is the mantissa in bits of what is computed
    from it.
    """

    low: Raw
    high: Raw
    precision: int

    @classmethod
    def of(cls, value: Fraction | int, precision: int) -> "Interval":
        """The tightest interval around a rational number."""
        top, bottom = (_integer(part, precision) for part in Fraction(value).as_integer_ratio())
        return cls(*libmp.mpi_div(top, bottom, precision), precision)

    @classmethod
    def scaled(cls, mantissa: int, exponent: int, precision: int) -> "Interval":
        """The tightest interval around ``mantissa * 2^exponent``."""
        low, high = _integer(mantissa, precision)
        return cls(libmp.mpf_shift(low, exponent), libmp.mpf_shift(high, exponent), precision)

    @classmethod
    def between(cls, low: Fraction | int, high: Fraction | int, precision: int) -> "Interval":
        """The interval from one rational number to another, rounded outwards."""
        return cls(cls.of(low, precision).low, cls.of(high, precision).high, precision)

    def _with(self, ends: tuple[Raw, Raw]) -> "Interval":
        if libmp.fnan in ends:
            raise InvalidInput("an operation on an interval has no value, such as 0 times infinity")
        return Interval(ends[0], ends[1], self.precision)

    @property
    def _ends(self) -> tuple[Raw, Raw]:
        return (self.low, self.high)

    def __add__(self, other: "Interval") -> "Interval":
        return self._with(libmp.mpi_add(self._ends, other._ends, self.precision))

    def __sub__(self, other: "Interval") -> "Interval":
        return self._with(libmp.mpi_sub(self._ends, other._ends, self.precision))

    def __mul__(self, other: "Interval") -> "Interval":
        return self._with(libmp.mpi_mul(self._ends, other._ends, self.precision))

    def __truediv__(self, other: "Interval") -> "Interval":
        if other.sign() == 0:
            raise InvalidInput("division by a number that may be 0")
        return self._with(libmp.mpi_div(self._ends, other._ends, self.precision))

    def __neg__(self) -> "Interval":
        return self._with(libmp.mpi_neg(self._ends))

    def power(self, exponent: int) -> "Interval":
        """The interval raised to an integer power."""
        if exponent < 0:
            return Interval.of(1, self.precision) / self.power(-exponent)
        return self._with(libmp.mpi_pow_int(self._ends, exponent, self.precision)).widened()

    def sign(self) -> int:
        """+1 or -1 when every member has that sign, else 0."""
        return _sign(self.low) if _sign(self.low) == _sign(self.high) else 0

    def is_narrow(self, bits: int) -> bool:
        """Whether the width is at most ``2^-bits`` of the size of the end nearer to 0."""
        width = libmp.mpf_sub(self.high, self.low)
        sizes = [libmp.mpf_abs(self.low), libmp.mpf_abs(self.high)]
        nearer = sizes[0] if libmp.mpf_le(sizes[0], sizes[1]) else sizes[1]
        return bool(libmp.mpf_le(width, libmp.mpf_shift(nearer, -bits)))

    def widened(self) -> "Interval":
        """The interval with both ends moved outwards by ``2^(8 - precision)`` of their size."""
        slack = [libmp.mpf_shift(libmp.mpf_abs(end), 8 - self.precision) for end in self._ends]
        low = libmp.mpf_sub(self.low, slack[0], self.precision, _DOWN)
        high = libmp.mpf_add(self.high, slack[1], self.precision, _UP)
        return self._with((low, high))

    def has_bits(self, bits: int) -> bool:
        """Whether a member may have more than so many bits before the point."""
        return any(end[2] + end[3] > bits for end in self._ends)

    def floors(self) -> tuple[int, int]:
        """The floors of both ends; an integer of a million digits is refused by the caller, not here."""
        low, high = (libmp.to_int(end, _DOWN) for end in self._ends)
        assert low is not None, "an end is infinite"
        assert high is not None, "an end is infinite"
        return int(low), int(high)

    def log(self) -> "Interval":
        """The natural logarithms of a positive interval."""
        if self.sign() != 1:
            raise InvalidInput("the logarithm of a number that may be 0 or negative")
        return self._with(libmp.mpi_log(self._ends, self.precision)).widened()

    def exp(self) -> "Interval":
        """The exponentials."""
        return self._with(libmp.mpi_exp(self._ends, self.precision)).widened()

    def sqrt(self) -> "Interval":
        """The square roots of a non-negative interval."""
        if _sign(self.low) < 0:
            raise InvalidInput("the square root of a number that may be negative")
        return self._with(libmp.mpi_sqrt(self._ends, self.precision)).widened()

    def gamma(self) -> "Interval":
        """Euler's gamma function on an interval above 2, where it increases."""
        if not libmp.mpf_ge(self.low, libmp.from_int(2)):
            raise InvalidInput("the gamma function is enclosed above 2 only")
        return self._with(libmp.mpi_gamma(self._ends, self.precision)).widened()

    def arcsine(self) -> "Interval":
        """The arcsines of an interval inside (0, 1), as the angle of the point (sqrt(1 - x^2), x)."""
        one = Interval.of(1, self.precision)
        adjacent = (one - self * self).sqrt()
        return self._with(libmp.mpi_atan2(self._ends, adjacent._ends, self.precision)).widened()

    def hull(self, other: "Interval") -> "Interval":
        """The smallest interval around both."""
        low = self.low if libmp.mpf_le(self.low, other.low) else other.low
        high = self.high if libmp.mpf_ge(self.high, other.high) else other.high
        return self._with((low, high))

    def larger(self, other: "Interval") -> "Interval":
        """The maxima of a member of each."""
        low = self.low if libmp.mpf_ge(self.low, other.low) else other.low
        high = self.high if libmp.mpf_ge(self.high, other.high) else other.high
        return self._with((low, high))


def _integer(value: int, precision: int) -> tuple[Raw, Raw]:
    """An integer rounded both ways; its surplus bits are cut first, for mpmath strips trailing zeros eight at a
    time.
    """
    surplus = max(0, value.bit_length() - precision - 8)
    low = value >> surplus
    high = low if low << surplus == value else low + 1
    return (libmp.from_man_exp(low, surplus, precision, _DOWN), libmp.from_man_exp(high, surplus, precision, _UP))


def _sign(end: Raw) -> int:
    return int(libmp.mpf_sign(end))


def _constant(value: Callable[[int, str], Raw], precision: int) -> Interval:
    return Interval(value(precision, _DOWN), value(precision, _UP), precision)


def pi(precision: int) -> Interval:
    """The circle constant."""
    return _constant(libmp.mpf_pi, precision)


def euler(precision: int) -> Interval:
    """The base of the natural logarithm."""
    return _constant(libmp.mpf_e, precision)


def bisect(holds_from: Callable[[Fraction], bool | None], low: Fraction, high: Fraction, precision: int) -> Interval:
    """Encloses the point of ``[low, high]`` from which a monotone condition holds.

    ``holds_from`` says whether the condition holds at a point, or None when it cannot tell, which ends the search; it
    must be false (or unknown) at ``low`` and true (or unknown) at ``high``.
    """
    for _ in range(precision):
        middle = (low + high) / 2
        holds = holds_from(middle)
        if holds is None:
            break
        low, high = (low, middle) if holds else (middle, high)
    return Interval.between(low, high, precision)
