"""Which points carry a bump, how steep it is, and how bumps are read out as a classification."""

import dataclasses as dc
from fractions import Fraction

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.compose import Forms
from constructions.decimals import ceil_text, floor_text
from constructions.dyadic import shorten_up
from constructions.memorizer.separated import Separated, separate
from constructions.theorem import Labelled

_DIGITS = 8
"""Significant bits of a slope: few, so that sums of many hinges stay exact."""


def separated_for_bumps(data: Labelled, norm: Norm, delta: Fraction) -> Separated:
    """The points on a grid on which sums of a bump's 2d hinges, and of all bumps, are exact in float64.

    Raises:
        InvalidInput: as ``separate``.
    """
    n, d = data.points.shape
    return separate(data, norm, delta, spare=_DIGITS + 2 + max((2 * d - 1).bit_length(), n.bit_length()))


def slope(found: Separated) -> Fraction:
    """``1 / tau``: how fast a bump falls from 1 at its ball's edge. At least ``1 / gap``, with few significant bits.

    Raises:
        InvalidInput: a gap so small that this is no float64.
    """
    if found.gap * 2**1000 < 1:
        raise InvalidInput(f"Balls are only {floor_text(found.gap)} apart, too little for float64; scale the data up.")
    return shorten_up(1 / found.gap, _DIGITS)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """The points that carry bumps, and outputs ``weight @ bumps + bias``, one for two classes, else one a class.

    Where the bumps of one class sum up to at least 1 and the others vanish, as on the balls, the margin is at least 1.
    """

    carriers: Int64[np.ndarray, " n"]
    weight: sp.csr_array
    bias: Float64[np.ndarray, " k"]

    @classmethod
    def of(cls, found: Separated, two_sided: bool = False) -> "Readout":
        """Of two classes only the smaller one carries bumps, ``f = +-(2 sum - 1)``, unless ``two_sided``.

        With ``two_sided`` the output is the sum of signed bumps, 0 far from all points. For k > 2 classes output c is
        the sum of the bumps of class c.

        Raises:
            InvalidInput: ``two_sided`` for more than two classes.
        """
        if two_sided and found.classes > 2:
            raise InvalidInput(
                f"two_sided speaks of two classes, and there are {found.classes}: leave it out, every class has bumps."
            )
        everyone = np.arange(len(found.labels))
        if found.classes > 2:
            ones, starts = np.ones(len(everyone)), (found.labels, everyone)
            weight = sp.csr_array((ones, starts), shape=(found.classes, len(everyone)))
            return cls(everyone, weight, np.zeros(found.classes))
        if two_sided:
            return cls(everyone, sp.csr_array(2.0 * found.labels[None, :] - 1.0), np.zeros(1))
        carriers, sign = np.flatnonzero(found.labels == found.minority), 2.0 * found.minority - 1.0
        return cls(carriers, sp.csr_array(np.full((1, len(carriers)), 2.0 * sign)), np.array([-sign]))

    @property
    def forms(self) -> Forms:
        """The outputs as forms of the bumps."""
        return Forms.of(self.weight, self.bias)


def hypothesis(found: Separated) -> str:
    """What of the data a bump network's theorem needs, with the numbers that make it true."""
    return (
        f"classes at least {floor_text(found.distance)} apart in {found.norm}, so balls of {ceil_text(found.radius)} "
        f"at least {floor_text(found.gap)} apart, and 1/tau = {slope(found)} times that is at least 1"
    )


def letters(found: Separated, carriers: int) -> dict[str, int | Fraction]:
    """The values of the letters of the memorizers' formulas."""
    return {
        "N": len(found.labels),
        "n": carriers,
        "d": found.width,
        "C": found.classes,
        "eps": found.distance / 2,
        "delta": found.radius,
        "tau": 1 / slope(found),
    }
