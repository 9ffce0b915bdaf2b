"""The torus of revolution: a circle turned around an axis of space."""

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
class TorusOfRevolution(Manifold):
    """``((R + r cos a) cos b, (R + r cos a) sin b, r sin a)`` with the angles (a, b) in turns.

    Speeds are r and at most R + r. Its curvature is positive outside and negative inside, so that the printed lower
    bound does not speak of it.
    """

    kind: ClassVar[str] = "revolution"

    large: Fraction
    small: Fraction

    def __post_init__(self) -> None:
        if not 0 < self.small < self.large or self.large + self.small > 1:
            raise InvalidInput(
                f"A torus of revolution needs radii 0 < small < large with a sum of at most 1, got large = "
                f"{self.large}, small = {self.small}."
            )

    @property
    def ambient(self) -> int:
        return 3

    @property
    def axes(self) -> tuple[Axis, ...]:
        speeds = (self.small, self.large + self.small)
        first, second = (Axis(Fraction(0), Fraction(1), TWO_PI_UP * speed, closed=True) for speed in speeds)
        return first, second

    @property
    def extent(self) -> Fraction:
        return self.large + self.small

    @property
    def width(self) -> Fraction:
        return self.large + self.small

    @property
    def facts(self) -> Facts:
        large, small = float(self.large), float(self.small)
        area = 4 * math.pi**2 * large * small
        return Facts(min(small, large - small), area, ricci_nonnegative=False, boundary=False)

    def coordinates(self, places: Places) -> Fixed:
        around, tube = places.ticks[1], places.ticks[0]
        ring = places.spread(0, product(cosines(tube), fixed(self.small)) + fixed(self.large))
        height = places.spread(0, product(sines(tube), fixed(self.small)))
        circle = (places.spread(1, cosines(around)), places.spread(1, sines(around)))
        return np.column_stack([product(ring, circle[0]), product(ring, circle[1]), height])

    def draw(self, count: int, rng: np.random.Generator) -> Float64[np.ndarray, "N k"]:
        """Uniform by area: the tube's angle is drawn by rejection with density proportional to ``R + r cos a``."""
        tube = np.zeros(0)
        while len(tube) < count:
            angle, height = rng.random(2 * count + 16), rng.random(2 * count + 16)
            keep = height * float(self.extent) <= float(self.large) + float(self.small) * np.cos(2 * math.pi * angle)
            tube = np.concatenate([tube, angle[keep]])
        return np.column_stack([tube[:count], rng.random(count)])
