"""Bumps after a linear projection: robust on the manifold, by a certificate on finitely many pairs of points."""

import dataclasses as dc
import functools
from fractions import Fraction
from typing import ClassVar

import numpy as np

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network
from certify.region import Norm
from constructions.dyadic import floor_to
from constructions.manifold.bumps import bump_classifier, bump_counts
from constructions.manifold.problem import OnManifold
from constructions.manifold.projection import Projection, projection_named
from constructions.manifold.proof import Attacks, Boxes, robustness_claims
from constructions.manifold.separated import Net
from constructions.separation import ClosestPair, Plan
from constructions.separation.metric import Metric
from constructions.separation.pair_set import PairSet
from constructions.separation.search import closest as closest_pair
from constructions.theorem import Claim, Construction, Labelled, Theorem, parameter

PROJECTED_BITS = 20
"""Net points are multiples of ``2**-20``, so that their projections are exact, and sums of hinges of these too."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class ProjectedNets:
    """Nets of both attacked classes and the closest pair of their projections: the certificate.

    Attacks of radius c eps that stay on the manifold turn the class ``g >= eps`` into ``g >= (1 - c) eps``;
    ``positive`` is a net of that, ``negative`` of its mirror image. ``ramp = |Phi a - Phi b| - 2 Lambda r > 0`` for
    the closest pair says that no attacked input of one class is projected into the plateau, or the ramp, of a bump of
    the other.
    """

    positive: Net
    negative: Net
    projection: Projection
    closest: ClosestPair

    @property
    def ramp(self) -> Fraction:
        """Delta: how far the two projected parts are apart, at least; the certificate holds where it is positive."""
        return self.closest.exact - self.projection.lipschitz * (self.positive.radius + self.negative.radius)


@dc.dataclass(frozen=True, kw_only=True)
class ProjectedBumps(OnManifold):
    """``z = Phi x`` by m units, then hinge bumps in m dimensions around the projected net of one attacked class.

    With nets {a}, {b} of radius r of the two attacked classes on the manifold and Lambda the Lipschitz constant of Phi
    in linf, ``Delta = min |Phi a - Phi b| - 2 Lambda r > 0`` is a certificate: plateaus ``Lambda r`` and ramps Delta
    give 1 on one class and -1 on the other, for all attacks that stay on the manifold (li2022, Lemma 5.6, replaced).
    """

    name: ClassVar[str] = "projected-bumps"
    theorem: ClassVar[Theorem] = Theorem(
        "Lemma 5.6, by a certified projection",
        "Classes on a manifold whose projections to m coordinates stay apart, as a check of finitely many pairs "
        "proves, are classified with zero robust error on the manifold by m (d + 1) + K_A (6 m + 2) + 1 parameters.",
        Source("li2022", "Lemma 5.6"),
        Tag.DERIVED,
    )

    projection: str = parameter("pca:M, random:M:SEED or rows:1,0,..;0,1,..", default="pca:2")
    radius: Fraction = parameter("the radius r of the nets; 0: (1 - c) eps / 4", default=Fraction(0))

    def certificate(self) -> ProjectedNets:
        """The nets and the closest pair of their projections, whether or not these are far enough apart."""
        return _certificate(self)

    def build(self, data: Labelled | None) -> Network:  # noqa: ARG002
        found = self.certificate()
        if found.ramp <= 0:
            pair = found.closest
            raise InvalidInput(
                f"The projection {self.projection} is not certified: node {pair.first} of A and node "
                f"{pair.second - len(found.positive)} of B are projected to {float(pair.exact):.4g} apart, and "
                f"2 Lambda r = {float(pair.exact - found.ramp):.4g} is needed. Take smaller nets (radius) or another "
                f"projection."
            )
        projected = found.projection.image(found.positive.points)
        plateau = found.projection.lipschitz * found.positive.radius
        return bump_classifier(found.projection.layer(), projected, plateau=plateau, ramp=found.ramp)

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        found, attacks = self.certificate(), Attacks(self.classes, self.attack, on_manifold=True)
        boxes = [Boxes(net.points, net.radius, label) for net, label in ((found.positive, 1), (found.negative, 0))]
        letters = {"d": self.classes.embedded.width, "k_proj": found.projection.rows}
        centres = found.projection.image(found.positive.points)
        counts = bump_counts(network, centres, "manifold.projected", letters)
        return (*robustness_claims(network, attacks, boxes, lambda: self.build(data)), *counts)


@functools.lru_cache(maxsize=4)
def _certificate(family: ProjectedBumps) -> ProjectedNets:
    bar = (1 - family.c) * family.eps
    radius = floor_to(family.radius or bar / 4, PROJECTED_BITS)
    projection = projection_named(family.projection, family.classes.embedded)
    positive, negative = (family.classes.net(label, bar, radius, PROJECTED_BITS) for label in (1, 0))
    images = np.concatenate([projection.image(net.points) for net in (positive, negative)])
    labels = np.repeat([1, 0], [len(positive), len(negative)])
    pairs = PairSet(labels, labels, equal=False, within=True)
    closest = closest_pair(pairs, Metric.of(images, images, Norm.LINF), Plan()).nearest
    assert closest is not None
    return ProjectedNets(positive, negative, projection, closest)


def projected_bumps(manifold: str, level: str, *, eps: Fraction, **options: Fraction | int | str) -> Construction:
    """The projected bumps for two classes on a manifold, with their claims; ``options`` as in ``ProjectedBumps``."""
    return ProjectedBumps(manifold=manifold, level=level, eps=eps, **options).construct()  # type: ignore[arg-type]
