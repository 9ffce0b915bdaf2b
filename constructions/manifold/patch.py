"""The affine patch: a cube of dimension k, flat in space."""

import dataclasses as dc
import math
from fractions import Fraction
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.rounding import sqrt_up
from constructions.manifold.chart import Axis, Facts, Manifold, Places
from constructions.manifold.fixed import Fixed


@dc.dataclass(frozen=True, slots=True)
class AffinePatch(Manifold):
    """The cube ``[-side / 2, side / 2]^k``; a frame of k columns turns it into a patch of an affine subspace.

    Flat, with boundary: the printed lower bound does not speak of it.
    """

    kind: ClassVar[str] = "patch"
    independent: ClassVar[bool] = True

    k: int
    side: Fraction

    def __post_init__(self) -> None:
        if self.k < 1 or not 0 < self.side <= 2:
            raise InvalidInput(f"A patch needs dimension k >= 1 and a side in (0, 2], got {self.k}, {self.side}.")

    @property
    def ambient(self) -> int:
        return self.k

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (Axis(-self.side / 2, self.side / 2, Fraction(1)),) * self.k

    @property
    def extent(self) -> Fraction:
        return Fraction(sqrt_up(self.side**2 * self.k / 4))

    @property
    def width(self) -> Fraction:
        return self.side / 2

    @property
    def facts(self) -> Facts:
        return Facts(math.inf, float(self.side) ** self.k, ricci_nonnegative=True, boundary=True)

    def coordinates(self, places: Places) -> Fixed:
        return np.column_stack([places.spread(axis, ticks) for axis, ticks in enumerate(places.ticks)])

    def draw(self, count: int, rng: np.random.Generator) -> Float64[np.ndarray, "N k"]:
        half = float(self.side) / 2
        return rng.uniform(-half, half, (count, self.k))
