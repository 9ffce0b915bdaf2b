"""The flat torus: k circles of one radius in 2k dimensions."""

import dataclasses as dc
import math
from fractions import Fraction
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.rounding import sqrt_up
from constructions.manifold.chart import Axis, Facts, Manifold, Places
from constructions.manifold.fixed import TWO_PI_UP, Fixed, cosines, fixed, product, sines


@dc.dataclass(frozen=True, slots=True)
class FlatTorus(Manifold):
    """``(R cos 2 pi t_1, R sin 2 pi t_1, ..., R cos 2 pi t_k, R sin 2 pi t_k)``: parameters are turns.

    Its metric is flat, so its Ricci curvature is 0; it has no boundary.
    """

    kind: ClassVar[str] = "torus"
    independent: ClassVar[bool] = True

    k: int
    radius: Fraction

    def __post_init__(self) -> None:
        if self.k < 1 or not 0 < self.radius <= 1:
            raise InvalidInput(f"A flat torus needs k >= 1 circles of radius in (0, 1], got {self.k}, {self.radius}.")

    @property
    def ambient(self) -> int:
        return 2 * self.k

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (Axis(Fraction(0), Fraction(1), TWO_PI_UP * self.radius, closed=True),) * self.k

    @property
    def extent(self) -> Fraction:
        return Fraction(sqrt_up(self.radius**2 * self.k))

    @property
    def width(self) -> Fraction:
        return self.radius

    @property
    def facts(self) -> Facts:
        volume = (2 * math.pi * float(self.radius)) ** self.k
        return Facts(float(self.radius), volume, ricci_nonnegative=True, boundary=False)

    def coordinates(self, places: Places) -> Fixed:
        points = np.empty((len(places), self.ambient), dtype=object)
        for axis, turns in enumerate(places.ticks):
            points[:, 2 * axis] = places.spread(axis, product(cosines(turns), fixed(self.radius)))
            points[:, 2 * axis + 1] = places.spread(axis, product(sines(turns), fixed(self.radius)))
        return points

    def draw(self, count: int, rng: np.random.Generator) -> Float64[np.ndarray, "N k"]:
        return rng.random((count, self.k))
