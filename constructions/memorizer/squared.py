"""Squared distances inside a network: sums of sawtooth squares, and the bumps that are cut from them."""

import dataclasses as dc
from fractions import Fraction

import scipy.sparse as sp

from constructions.compose import Chain, Forms
from constructions.dyadic import shorten_up
from constructions.gadgets import Tooth, tooth

_DIGITS = 8
"""Significant bits of a slope."""


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

    The slope is a dyadic of few bits, not below ``1 / (outer - inner)`` and above it by less than one part in 128.
    """

    inner: Fraction
    outer: Fraction

    @property
    def slope(self) -> Fraction:
        """By how much the bump falls per unit of squared distance."""
        return shorten_up(1 / (self.outer - self.inner), _DIGITS)


def levels_needed(scale: Fraction, room: Fraction) -> int:
    """The smallest m >= 1 with ``scale * 4**-m <= room``."""
    levels = 1
    while scale > room * 4**levels:
        levels += 1
    return levels
