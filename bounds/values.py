"""What evaluating an entry can give: an exact rational, an enclosure, or only an order of growth."""

import dataclasses as dc
from fractions import Fraction
from typing import Any

from mpmath import libmp, mp

from bounds.interval import Interval, Raw

Dyadic = Any
"""mpmath's ``mpf``, a dyadic number of unbounded exponent, for which mpmath ships no types."""


@dc.dataclass(frozen=True, slots=True)
class Exact:
    """The value itself."""

    value: Fraction

    @property
    def lower(self) -> Fraction:
        """The value, as a lower end."""
        return self.value

    @property
    def upper(self) -> Fraction:
        """The value, as an upper end."""
        return self.value


@dc.dataclass(frozen=True, slots=True)
class Enclosed:
    """Two dyadic numbers with the value certainly between them."""

    lower: Dyadic
    upper: Dyadic

    @classmethod
    def of(cls, interval: Interval) -> "Enclosed":
        """The ends of an interval as mpmath numbers, whose exponents are unbounded."""
        return cls(mp.make_mpf(interval.low), mp.make_mpf(interval.high))


@dc.dataclass(frozen=True, slots=True)
class OrderOnly:
    """The statement hides its constants, so there is no number; ``order`` is the formula inside its O, Omega or
    Theta.
    """

    order: str


Value = Exact | Enclosed | OrderOnly


def raw(end: Fraction | Dyadic, precision: int) -> tuple[Raw, Raw]:
    """An end as two of mpmath's raw numbers around it; equal when the end is dyadic already."""
    if isinstance(end, Fraction):
        around = Interval.of(end, precision)
        return around.low, around.high
    return end._mpf_, end._mpf_


def is_less(one: Fraction | Dyadic, other: Fraction | Dyadic) -> bool:
    """Whether an end is certainly below another, to 256 bits."""
    return bool(libmp.mpf_lt(raw(one, 256)[1], raw(other, 256)[0]))
