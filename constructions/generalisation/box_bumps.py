"""Hinge bumps around the centres of a cover, in linf, and interval bounds of them on attacked boxes."""

import dataclasses as dc
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.network import Network
from certify.rounding import float_up
from constructions.compose import Chain, Forms
from constructions.dyadic import ceil_to, exact_float, shorten_up
from constructions.enclosure import Intervals, enclose
from constructions.generalisation.centres import Centres
from constructions.generalisation.classes import Attack
from constructions.memorizer.hinges import Hinges

_FINE = 64
"""Roundings are below the room for a ramp divided by this."""
_DIGITS = 8
"""Significant bits of a slope."""
_CELLS = 1 << 22


@dc.dataclass(frozen=True, slots=True, eq=False)
class BoxBumps:
    """A bump ``relu(1 - slope * sum of hinges)`` around each centre: 1 on attacked A, 0 on attacked B.

    In units of 1/scale: the plateau holds the box of ``c eps`` around every point of A within the cover radius, grown
    by ``2**-bits``, and ``1/slope`` is at most what is left up to the attacked points of B, grown alike.

    Raises:
        InvalidInput: no room for a ramp.
    """

    centres: Centres
    attack: Attack

    def __post_init__(self) -> None:
        room = self.centres.room(self.attack)
        if room <= 0:
            raise InvalidInput(
                f"A cover of radius {float(self.centres.radius):g} leaves no room for bumps when classes are "
                f"{float(2 * self.attack.eps):g} apart and inputs move by {float(self.attack.radius):g}; "
                f"take finer cells."
            )
        reach = float(np.abs(self.centres.places).max()) + float(self.plateau)
        if reach >= 2.0 ** (52 - max(self.bits, self.centres.bits)):
            raise InvalidInput(
                f"Bumps with ramps of {float(room):g} are too fine for exact float64. Take a smaller c or a larger eps."
            )

    @property
    def bits(self) -> int:
        """Binary places to which boxes are grown and plateaus rounded."""
        wanted = _FINE / self.centres.room(self.attack)
        return int(wanted).bit_length()

    @property
    def plateau(self) -> Fraction:
        """Half the width of a bump's plateau, times the scale."""
        grown = self.attack.radius + self.centres.radius + Fraction(1, 2**self.bits)
        return ceil_to(self.centres.scale * grown, self.bits)

    @property
    def slope(self) -> Fraction:
        """How fast a bump falls: at least 1 over the ramp, with few significant bits."""
        nearest = 2 * self.attack.eps - self.centres.offset - self.attack.radius - Fraction(1, 2**self.bits)
        return shorten_up(1 / (self.centres.scale * nearest - self.plateau), _DIGITS)

    def network(self) -> Network:
        """``2 * sum of bumps - 1``: three affine maps."""
        count, width = self.centres.places.shape
        hinges = Hinges.around(self.centres.places, self.plateau)
        chain = Chain(width)
        chain.relu(Forms.of(hinges.forms.weight * float(self.centres.scale), hinges.forms.bias))
        (bumps,) = chain.relu(Forms.of(hinges.excess(-exact_float(self.slope)), 1.0))
        return chain.output(bumps.combined(np.full((1, count), 2.0)) - 1.0)

    def boxes(self, points: Float64[np.ndarray, "N d"], radius: Fraction) -> Intervals:
        """Boxes that contain those of ``radius`` around each point, and less than ``2**-bits`` more on each side."""
        grid, reach = self.bits + 1, float_up(radius)
        lower = np.floor(np.ldexp(np.nextafter(points - reach, -np.inf), grid))
        upper = np.ceil(np.ldexp(np.nextafter(points + reach, np.inf), grid))
        return Intervals(np.ldexp(lower, -grid), np.ldexp(upper, -grid))


def output_range(network: Network, boxes: Intervals) -> tuple[Fraction, Fraction]:
    """The smallest and the largest value that exact interval bounds leave to the output on any of the boxes.

    Raises:
        Inexact: some sum might round in float64.
    """
    step = max(1, _CELLS // max(network.widths))
    low, high = np.inf, -np.inf
    for start in range(0, len(boxes.lower), step):
        rows = slice(start, start + step)
        found = enclose(network, Intervals(boxes.lower[rows], boxes.upper[rows]))
        low, high = min(low, float(found.lower.min())), max(high, float(found.upper.max()))
    return Fraction(low), Fraction(high)
