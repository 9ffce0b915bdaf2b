"""Numbers as decimal digits with directed rounding: a printed lower bound is a lower bound, a printed upper bound an
upper one.

Integers of up to 15 digits are printed in full. An exact value that does not end in time is cut towards 0 and says so
with an ellipsis.
"""

import dataclasses as dc
import enum
from fractions import Fraction

from bounds.entry import Side
from bounds.interval import Interval, Raw
from bounds.values import Dyadic, Enclosed, Exact, raw

_FULL_DIGITS = 15
_MODERATE_BITS = 20_000


class Way(enum.Enum):
    """The direction of rounding."""

    DOWN = "down"
    UP = "up"
    CUT = "towards 0"


@dc.dataclass(frozen=True, slots=True)
class Numeral:
    """``0.digits`` times ``10^exponent`` with a sign; ``cut`` says that non-zero digits were dropped."""

    negative: bool
    digits: str
    exponent: int
    cut: bool

    def __str__(self) -> str:
        sign = "-" if self.negative else ""
        if not self.digits:
            return "0"
        if -4 <= self.exponent <= _FULL_DIGITS:
            return sign + self._positional()
        fraction = self.digits[1:]
        return f"{sign}{self.digits[0]}{'.' + fraction if fraction else ''}e{self.exponent - 1}"

    def _positional(self) -> str:
        if self.exponent <= 0:
            return f"0.{'0' * -self.exponent}{self.digits}"
        whole = self.digits[: self.exponent].ljust(self.exponent, "0")
        fraction = self.digits[self.exponent :]
        return f"{whole}.{fraction}" if fraction else whole


def way_of(side: Side) -> Way:
    """The direction in which a bound on this side may be rounded."""
    return {Side.LOWER: Way.DOWN, Side.UPPER: Way.UP, Side.EXACT: Way.CUT}[side]


def written(value: Exact | Enclosed, side: Side, digits: int) -> Numeral:
    """The value to a number of significant digits, rounded in the direction of its side."""
    way = way_of(side)
    if way is not Way.CUT:
        return numeral(value.lower if way is Way.DOWN else value.upper, digits, way)
    low, high = (numeral(end, digits, Way.CUT) for end in (value.lower, value.upper))
    if (low.digits, low.exponent, low.negative) == (high.digits, high.exponent, high.negative):
        return dc.replace(low, cut=low.cut or isinstance(value, Enclosed))
    # The ends straddle a decimal, such as 1 between 0.99... and 1.00...: the value is that decimal or touches it.
    return dc.replace(low if low.negative else high, cut=True)


def numeral(value: Fraction | Dyadic, digits: int, way: Way) -> Numeral:
    """A number to significant digits; integers of up to 15 digits and decimals that end in time keep all of theirs."""
    if value == 0:
        return Numeral(False, "", 0, False)
    negative = value < 0
    size = -value if negative else value
    up = way is (Way.DOWN if negative else Way.UP)
    exact = _moderate(size)
    if exact is None:
        mantissa, exponent, cut = _from_wide(raw(size, 256), digits, up)
    else:
        kept = max(digits, len(str(exact.numerator))) if exact.denominator == 1 and exact < 10**_FULL_DIGITS else digits
        mantissa, exponent, cut = _from_fraction(exact, kept, up)
    return Numeral(negative, str(mantissa).rstrip("0"), exponent, cut)


def _moderate(size: Fraction | Dyadic) -> Fraction | None:
    """The number as a Fraction when its digits can be found by integer division."""
    if isinstance(size, Fraction):
        return size if max(size.numerator.bit_length(), size.denominator.bit_length()) <= _MODERATE_BITS else None
    _, mantissa, exponent, _ = size._mpf_
    return Fraction(int(mantissa)) * Fraction(2) ** exponent if abs(exponent) <= _MODERATE_BITS else None


def _from_fraction(size: Fraction, digits: int, up: bool) -> tuple[int, int, bool]:
    """Mantissa of ``digits`` digits, exponent of ``0.mantissa * 10^exponent``, and whether anything was dropped."""
    exponent = ((size.numerator.bit_length() - size.denominator.bit_length()) * 1233 >> 12) + 1
    while size >= Fraction(10) ** exponent:
        exponent += 1
    while size < Fraction(10) ** (exponent - 1):
        exponent -= 1
    scaled = size * Fraction(10) ** (digits - exponent)
    floor, cut = scaled.numerator // scaled.denominator, scaled.denominator != 1
    mantissa = floor + 1 if cut and up else floor
    return (mantissa // 10, exponent + 1, cut) if mantissa == 10**digits else (mantissa, exponent, cut)


def _from_wide(ends: tuple[Raw, Raw], digits: int, up: bool) -> tuple[int, int, bool]:
    """As ``_from_fraction`` for a number whose power of ten has to be found by logarithms."""
    precision = 256
    size = Interval(*ends, precision)
    ten = Interval.of(10, precision)
    exponent = (size.log() / ten.log()).floors()[0] + 1
    scaled = size * ten.power(digits - exponent)
    low, high = scaled.floors()
    mantissa = high + 1 if up else low
    if mantissa >= 10**digits:
        whole, rest = divmod(mantissa, 10)
        return (whole + 1 if up and rest else whole), exponent + 1, True
    return mantissa, exponent, True
