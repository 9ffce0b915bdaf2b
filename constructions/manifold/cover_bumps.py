"""Bumps around a net of one class: the robust classifier of a class on a manifold, exponential in k only."""

import dataclasses as dc
import functools
from fractions import Fraction
from typing import ClassVar

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network
from constructions.compose import Chain
from constructions.dyadic import ceil_to
from constructions.manifold.bumps import bump_classifier, bump_counts
from constructions.manifold.problem import GRID_BITS, OnManifold
from constructions.manifold.proof import Attacks, Boxes, robustness_claims
from constructions.manifold.separated import Net
from constructions.theorem import Claim, Construction, Labelled, Theorem, parameter


@dc.dataclass(frozen=True, kw_only=True)
class ManifoldCover(OnManifold):
    """``f = 2 sum_i b_i - 1`` with hinge bumps b_i around a net of A of radius r, in all d coordinates.

    Bump i is 1 within ``c eps + r`` of its centre in linf, hence some bump is 1 at every input within c eps of A. A
    centre is at least ``2 eps - r`` from B, for g is 1-Lipschitz and at least ``eps - r`` at the node; an input within
    c eps of B is thus ``2 ((1 - c) eps - r)`` beyond every plateau, where bumps vanish. No attack needs to stay on the
    manifold, and no partition of unity or projection is needed (li2022, Theorem 5.5, by another construction).

    With ``other > 0`` the ramps are shorter by twice that, so that intervals around a net of B of that radius prove the
    claim for B as well, for any network.
    """

    name: ClassVar[str] = "manifold-cover"
    theorem: ClassVar[Theorem] = Theorem(
        "Theorem 5.5, by a cover",
        "Classes 2 eps apart in linf on a k-dimensional manifold are classified with zero robust error at radius "
        "c eps, against all attacks in space, by K_A (6 d + 2) + 1 parameters, K_A the size of a cover of one class.",
        Source("li2022", "Theorem 5.5"),
        Tag.DERIVED,
    )

    radius: Fraction = parameter("the radius r of the net of A; 0: (1 - c) eps / 2", default=Fraction(0))
    other: Fraction = parameter("the radius of a net of B used in the proof; 0: none", default=Fraction(0))

    @property
    def net_radius(self) -> Fraction:
        """r."""
        return self.radius or (1 - self.c) * self.eps / 2

    @property
    def plateau(self) -> Fraction:
        """The bumps are 1 up to here: ``c eps + r``, rounded up to the grid."""
        return ceil_to(self.attack + self.net_radius, GRID_BITS)

    @property
    def reach(self) -> Fraction:
        """Attacked inputs of B are this close to its net (or, without one, to B itself)."""
        return ceil_to(self.attack + self.other, GRID_BITS) if self.other else self.attack

    @property
    def ramp(self) -> Fraction:
        """tau: how far beyond every plateau the attacked inputs of B are, at least.

        Raises:
            InvalidInput: nets so coarse that this is not positive.
        """
        found = 2 * self.eps - self.net_radius - self.other - self.plateau - self.reach
        if self.net_radius <= 0 or self.other < 0 or found <= 0:
            raise InvalidInput(
                f"A net of A of radius {self.net_radius} is too coarse for c = {self.c}, eps = {self.eps}"
                f"{f' and other = {self.other}' if self.other else ''}: the radius must be positive and, up to "
                f"rounding, below (1 - c) eps - other = {(1 - self.c) * self.eps - self.other}."
            )
        return found

    def net(self) -> Net:
        """The centres."""
        return _net(self, 1, self.net_radius)

    def build(self, data: Labelled | None) -> Network:  # noqa: ARG002
        ramp, chain = self.ramp, Chain(self.classes.embedded.width)
        self.classes.net(0, self.eps, self.net_radius, GRID_BITS)  # refuses an empty class B
        return bump_classifier(chain, self.net().points, plateau=self.plateau, ramp=ramp)

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        net, attacks = self.net(), Attacks(self.classes, self.attack, on_manifold=False)
        boxes = [Boxes(net.points, self.plateau, 1)]
        if self.other:
            boxes.append(Boxes(_net(self, 0, self.other).points, self.reach, 0))
        letters = {"d": self.classes.embedded.width, "r": net.radius, "c": self.c, "eps": self.eps}
        counts = bump_counts(network, net.points, "manifold.cover", letters)
        return (*robustness_claims(network, attacks, boxes, lambda: self.build(data)), *counts)


@functools.lru_cache(maxsize=4)
def _net(family: ManifoldCover, label: int, radius: Fraction) -> Net:
    return family.classes.net(label, family.eps, radius, GRID_BITS)


def cover_bumps(manifold: str, level: str, *, eps: Fraction, **options: Fraction | int) -> Construction:
    """The cover network of two classes on a manifold, with its claims; ``options`` are the fields of ``ManifoldCover``.

    ``cover_bumps("torus:k=2,radius=1/2", "linear:0,1/2,0,1/2", eps=Fraction(3, 25), radius=Fraction(1, 20))``
    """
    return ManifoldCover(manifold=manifold, level=level, eps=eps, **options).construct()  # type: ignore[arg-type]
