"""Centres of a cover of a class, in whole numbers of a fraction of the unit, and what is left for the bumps' ramps."""

import dataclasses as dc
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from constructions.dyadic import snap
from constructions.generalisation.cells import Cells
from constructions.generalisation.classes import Attack, Classes


@dc.dataclass(frozen=True, slots=True, eq=False)
class Centres:
    """Points ``places / scale`` such that every point of A is within ``radius`` of one, and none is near B.

    Each of them is at least ``2 eps - offset`` from every point of B: because it is within ``offset`` of A, or because
    of a 1-Lipschitz function that tells the classes apart. ``places`` are multiples of ``2**-bits``.
    """

    places: Float64[np.ndarray, "K d"]
    scale: int
    radius: Fraction
    offset: Fraction
    bits: int

    @classmethod
    def at(cls, points: Float64[np.ndarray, "K d"], classes: Classes, bits: int) -> "Centres":
        """The points of A themselves, moved to multiples of ``2**-bits``, equal ones once."""
        snapped = snap(points, bits, classes.norm)
        return cls(np.unique(snapped.points, axis=0), 1, snapped.error, snapped.error, bits)

    @classmethod
    def of_cells(cls, cells: Cells, which: Int64[np.ndarray, "K d"], rounding: Fraction = Fraction(0)) -> "Centres":
        """The centres of some cells; ``rounding`` is what the choice of cells may be wrong by in distance to B."""
        places = (2 * which + 1).astype(np.float64)
        return cls(places, 2 * cells.side, cells.radius, cells.radius + rounding, 0)

    def room(self, attack: Attack) -> Fraction:
        """How far the attacked points of B are beyond a plateau that holds those of A; positive or no ramp fits."""
        return 2 * attack.slack - self.radius - self.offset
