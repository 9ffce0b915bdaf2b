"""The sphere of any dimension, by hyperspherical angles."""

import dataclasses as dc
import math
from fractions import Fraction
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from constructions.manifold.chart import Axis, Facts, Manifold, Places
from constructions.manifold.fixed import TWO_PI_UP, Fixed, cosines, fixed, product, sines


@dc.dataclass(frozen=True, slots=True)
class Sphere(Manifold):
    """``R (cos a_1, sin a_1 cos a_2, ..., sin a_1 ... sin a_k)``, angles in turns.

    Every angle runs through half a turn, the last one through a whole one. The metric is
    ``R**2 (da_1**2 + sin(a_1)**2 da_2**2 + ...)``, so no angle moves a point
    faster than R. Ricci is ``(k - 1) / R**2``.
    """

    kind: ClassVar[str] = "sphere"

    k: int
    radius: Fraction

    def __post_init__(self) -> None:
        if self.k < 1 or not 0 < self.radius <= 1:
            raise InvalidInput(f"A sphere needs dimension k >= 1 and a radius in (0, 1], got {self.k}, {self.radius}.")

    @property
    def ambient(self) -> int:
        return self.k + 1

    @property
    def axes(self) -> tuple[Axis, ...]:
        speed = TWO_PI_UP * self.radius
        polar = Axis(Fraction(0), Fraction(1, 2), speed)
        return (*(polar,) * (self.k - 1), Axis(Fraction(0), Fraction(1), speed, closed=True))

    @property
    def extent(self) -> Fraction:
        return self.radius

    @property
    def width(self) -> Fraction:
        return self.radius

    @property
    def facts(self) -> Facts:
        half = (self.k + 1) / 2
        volume = 2 * math.pi**half * float(self.radius) ** self.k / math.gamma(half)
        return Facts(float(self.radius), volume, ricci_nonnegative=True, boundary=False)

    def coordinates(self, places: Places) -> Fixed:
        points = np.empty((len(places), self.ambient), dtype=object)
        rest: Fixed = np.full(len(places), fixed(self.radius), dtype=object)
        for axis, turns in enumerate(places.ticks):
            points[:, axis] = product(rest, places.spread(axis, cosines(turns)))
            rest = product(rest, places.spread(axis, sines(turns)))
        points[:, -1] = rest
        return points

    def draw(self, count: int, rng: np.random.Generator) -> Float64[np.ndarray, "N k"]:
        """Directions of Gaussian vectors."""
        vectors = rng.standard_normal((count, self.ambient))
        tails = np.sqrt(np.cumsum(vectors[:, ::-1] ** 2, axis=1))[:, ::-1]
        polar = np.arccos(np.clip(vectors[:, : self.k - 1] / tails[:, : self.k - 1], -1.0, 1.0)) / (2 * math.pi)
        last = np.arctan2(vectors[:, -1], vectors[:, -2]) / (2 * math.pi) % 1.0
        return np.column_stack([polar, last])
