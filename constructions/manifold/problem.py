"""What all networks for classes on a manifold are told: the manifold, the level function, eps and c."""

import dataclasses as dc
import functools
from fractions import Fraction

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.manifold.naming import embedded_named, level_named
from constructions.manifold.separated import SeparatedClasses
from constructions.theorem import Family, parameter

GRID_BITS = 24
"""Net points are multiples of ``2**-24``, so that sums over a bump's hinges stay exact in float64."""


@dc.dataclass(frozen=True, kw_only=True)
class OnManifold(Family):
    """The parameters of a two-class problem on a manifold, attacked in linf with radius ``c eps``.

    The classes are infinite sets: A where the level function is at least eps (label 1), B where it is at most -eps.
    """

    needs_data = False

    manifold: str = parameter("the manifold, such as torus:k=2,radius=1/2 or swiss-roll:pitch=1/30")
    level: str = parameter("the level function: linear:W,W,... or waves:COUNT:SEED or angles:COUNT:SEED")
    eps: Fraction = parameter("the classes are 2 eps apart in linf")
    c: Fraction = parameter("the attack radius is c eps, 0 < c < 1", default=Fraction(1, 2))
    width: int = parameter("dimension d of the space; 0: the manifold's own", default=0)
    seed: int = parameter("seed of the rotation into d dimensions", default=0)

    def __post_init__(self) -> None:
        if not 0 < self.c < 1:
            raise InvalidInput(f"c must lie strictly between 0 and 1, got {self.c}: the attack radius is c eps.")
        if self.eps <= 0:
            raise InvalidInput(f"eps must be positive, got {self.eps}: the classes are 2 eps apart.")

    @property
    def classes(self) -> SeparatedClasses:
        """A and B."""
        return separated_classes(self.manifold, self.level, self.eps, self.width, self.seed)

    @property
    def attack(self) -> Fraction:
        """The attack radius ``c eps``."""
        return self.c * self.eps


@functools.lru_cache(maxsize=4)
def separated_classes(manifold: str, level: str, eps: Fraction, width: int, seed: int) -> SeparatedClasses:
    """The classes that these texts name; see ``OnManifold``."""
    embedded = embedded_named(manifold, width, seed)
    return SeparatedClasses(embedded, level_named(level, embedded, Norm.LINF), eps)
