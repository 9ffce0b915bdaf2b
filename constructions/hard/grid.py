"""The grid ``{0, 1/K, ..., 1}^axes``: exact coordinates, and the float64 points next to them."""

import dataclasses as dc
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput

BITS = 36
"""Coordinates are rounded to multiples of ``2**-BITS``: with slopes of 12 significant bits every product is exact."""

MOST_NUMBERS = 2**27
"""Coordinates of one set, 1 GiB of them: beyond that the set is refused before anything is allocated."""


@dc.dataclass(frozen=True, slots=True)
class Grid:
    """``(K + 1)**axes`` nodes; node i has the digits of i to base K + 1 as its multiples of 1/K, lowest digit first."""

    steps: int
    axes: int

    @classmethod
    def of_spacing(cls, spacing: Fraction, axes: int) -> "Grid":
        """The finest grid with nodes at least ``spacing`` apart in linf, hence in every norm: K = floor(1/spacing).

        Raises:
            InvalidInput: a spacing that is not in (0, 1], or no axis.
        """
        if axes < 1:
            raise InvalidInput(f"A grid needs at least one axis, got {axes}.")
        if not 0 < spacing <= 1:
            raise InvalidInput(f"A grid of the unit cube needs a spacing in (0, 1], got {spacing}; eps is half of it.")
        return cls(int(1 / spacing), axes)

    @property
    def count(self) -> int:
        """How many nodes: ``(K + 1)**axes``, which may be astronomical."""
        return (self.steps + 1) ** self.axes

    def levels(self) -> Float64[np.ndarray, " K1"]:
        """The float64 coordinates next to 0, 1/K, ..., 1: multiples of ``2**-BITS``."""
        scaled = [round(Fraction(i << BITS, self.steps)) for i in range(self.steps + 1)]
        return np.array(scaled, dtype=np.float64) * 2.0**-BITS

    @property
    def error(self) -> Fraction:
        """How far a float64 coordinate is from its exact one at most; 0 when K is a power of two (up to 2**BITS)."""
        return Fraction(0) if (1 << BITS) % self.steps == 0 else Fraction(1, 2 << BITS)

    def digits(self, nodes: Int64[np.ndarray, " b"]) -> Int64[np.ndarray, "b axes"]:
        """The multiples of 1/K of these nodes."""
        places = (self.steps + 1) ** np.arange(self.axes, dtype=np.int64)
        return nodes[:, None] // places[None, :] % (self.steps + 1)

    def exact(self, node: int) -> list[Fraction]:
        """The exact coordinates of one node."""
        return [Fraction(node // (self.steps + 1) ** j % (self.steps + 1), self.steps) for j in range(self.axes)]

    def refuse_if_large(self, inputs: int) -> None:
        """Refuses to allocate all nodes as points with ``inputs`` coordinates.

        Raises:
            InvalidInput: more than ``MOST_NUMBERS`` numbers; the message states the number of points.
        """
        if self.count * inputs > MOST_NUMBERS:
            size = f"{self.count:,}" if self.count < 10**18 else f"about 10^{len(str(self.count)) - 1}"
            raise InvalidInput(
                f"This set has (K+1)^{self.axes} = {self.steps + 1}^{self.axes} = {size} points of {inputs} "
                f"coordinates; at most {MOST_NUMBERS:,} numbers are made. Take fewer dimensions or a larger eps."
            )
