"""The Kuhn interpolant of the level function after a projection, robust on the manifold by a finite certificate."""

import dataclasses as dc
import functools
import math
from fractions import Fraction
from typing import ClassVar

import numpy as np
from jaxtyping import Float64, Int64
from scipy.spatial import KDTree

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network
from certify.region import Norm
from constructions.counting import count_claims
from constructions.dyadic import floor_to
from constructions.manifold.embedded import Points
from constructions.manifold.interpolation import (
    VALUE_ERROR,
    cells_needed,
    deviation,
    interpolant,
    node_values,
    require_both_classes,
)
from constructions.manifold.levels import LEVEL_ERROR
from constructions.manifold.modulus import Modulus, candidates, moduli, require_pairs
from constructions.manifold.problem import OnManifold
from constructions.manifold.projected_bumps import PROJECTED_BITS
from constructions.manifold.projection import Projection, projection_named
from constructions.manifold.proof import Attacks, robustness_claims
from constructions.theorem import Claim, Construction, Labelled, Theorem, parameter

LARGEST_MESH = 2_000_000
"""The most places that are looked at for active nodes."""

_ROUNDING = Fraction(1, 1 << PROJECTED_BITS)
"""How far a net point is from the float that stands for it, at most."""

_NEAREST = Fraction(1, 1 << 40)
"""How much further than the nearest image the one found in floating point may be."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class ProjectedMesh:
    """What a projected Kuhn network is built from, with its certificate.

    ``net`` are exact points of the manifold, ``floats`` (K, d) what they are rounded to; every point of the manifold is
    within ``radius`` of such a float. ``modulus`` holds for all pairs of floats.
    """

    net: Points
    floats: Float64[np.ndarray, "K d"]
    radius: Fraction
    projection: Projection
    modulus: Modulus
    cells: int

    def error(self, eps: Fraction) -> Fraction:
        """How far the network is from the clipped ``g / eps`` on the manifold, at most.

        Let x be on the manifold, a its net point, v a vertex of its simplex and b the net point whose image is nearest
        to v. Then ``|Phi b - v| <= |Phi a - v| <= |Phi x - v| + Lambda r``, so that ``|Phi a - Phi b|`` is at most
        ``2 |Phi x - v| + 2 Lambda r`` and ``|x - b| <= r + rate (2 |Phi x - v| + 2 Lambda r) + offset``. Averaged over
        the simplex, ``|Phi x - v|`` is at most ``deviation / cells``; the function is 1/eps-Lipschitz.
        """
        spread = deviation(self.projection.rows) / self.cells
        return self.rest(eps) + 2 * self.modulus.rate * spread / eps

    def rest(self, eps: Fraction) -> Fraction:
        """The part of ``error`` that no finer mesh removes."""
        reach = 2 * self.modulus.rate * (self.projection.lipschitz * self.radius + _NEAREST)
        return (self.radius + _ROUNDING + self.modulus.offset + reach) / eps + VALUE_ERROR

    def nodes(self) -> Int64[np.ndarray, "n m"]:
        """All nodes within a cell and ``Lambda r`` of the image of a net point, at least: those the manifold feels.

        Raises:
            InvalidInput: too many places to look at.
        """
        images = self.projection.image(self.floats)
        reach = float(self.projection.lipschitz * self.radius + Fraction(1, self.cells) + _NEAREST)
        low = np.floor((images - reach) * self.cells).astype(np.int64)
        side = math.ceil(2 * reach * self.cells) + 2
        if len(images) * side**self.projection.rows > LARGEST_MESH:
            raise InvalidInput(
                f"A mesh of {self.cells} cells a side has up to {side**self.projection.rows:,} nodes near each of "
                f"{len(images):,} images, more than {LARGEST_MESH:,} to look at. Project to fewer coordinates, or take "
                f"a smaller c."
            )
        steps = np.stack(np.unravel_index(np.arange(side ** low.shape[1]), (side,) * low.shape[1]), axis=1)
        places = (low[:, None] + steps[None]).reshape(-1, low.shape[1])
        return np.unique(places[((places >= 0) & (places <= self.cells)).all(axis=1)], axis=0)


@dc.dataclass(frozen=True, kw_only=True)
class ProjectedKuhn(OnManifold):
    """``z = Phi x`` by m units, then a Kuhn interpolant in m dimensions of the level at the net point nearest in image.

    Only the nodes near the projected manifold are kept. The certificate ``|a - b| <= |Phi a - Phi b| / kappa + sigma``
    on all pairs of a net (li2022, Lemma 5.6), needs only the lower constant kappa of the projection, for attacks stay
    on the manifold.
    """

    name: ClassVar[str] = "projected-kuhn"
    theorem: ClassVar[Theorem] = Theorem(
        "Lemma 5.6, with a certificate",
        "A Lipschitz function on a manifold is interpolated on a Kuhn mesh of m coordinates behind a linear "
        "projection; where a check of all pairs of a net bounds the error by 1 - c, the robust error on the "
        "manifold is zero.",
        Source("li2022", "Lemma 5.6"),
        Tag.DERIVED,
    )

    projection: str = parameter("pca:M, random:M:SEED or rows:1,0,..;0,1,..", default="pca:2")
    radius: Fraction = parameter("the radius r of the net; 0: (1 - c) eps / 12", default=Fraction(0))

    def certificate(self) -> ProjectedMesh:
        """The net, the certificate with the best rate, and the coarsest mesh it allows.

        Raises:
            InvalidInput: no rate leaves a positive margin.
        """
        return _certificate(self)

    @property
    def margin(self) -> Fraction:
        """The margin on all attacked inputs, rounded down."""
        return floor_to(1 - self.c - self.certificate().error(self.eps), 20)

    def build(self, data: Labelled | None) -> Network:  # noqa: ARG002
        found = self.certificate()
        levels = node_values(self.classes.level, found.net, self.eps)
        require_both_classes(levels, self.eps)
        nodes = found.nodes()
        tree = KDTree(found.projection.image(found.floats))
        nearest = np.asarray(tree.query(nodes / found.cells, p=np.inf)[1])
        matrix, shift = found.projection.matrix, found.projection.shift
        return interpolant(matrix, shift, nodes=nodes, cells=found.cells, values=levels[nearest])

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        found, attacks = self.certificate(), Attacks(self.classes, self.attack, on_manifold=True)
        kept = len(found.nodes())
        letters = {"M": kept, "g": found.cells, "d": self.classes.embedded.width, "k_proj": found.projection.rows}
        counts = count_claims(network, {"nnz": "manifold.projected-kuhn.nnz"}, letters)
        proved = robustness_claims(network, attacks, (), lambda: self.build(data), promised=self.margin)
        return (*proved, *counts)


@functools.lru_cache(maxsize=4)
def _certificate(family: ProjectedKuhn) -> ProjectedMesh:
    classes, eps = family.classes, family.eps
    radius = floor_to(family.radius or (1 - family.c) * eps / 12, PROJECTED_BITS)
    slack = classes.embedded.rounding(PROJECTED_BITS, Norm.LINF) + LEVEL_ERROR
    if radius <= 2 * slack:
        raise InvalidInput(f"A net of radius {float(radius):g} is finer than its points' grid; take a larger radius.")
    require_pairs(math.prod(classes.embedded.cells(radius - slack, Norm.LINF)))
    net = classes.embedded.cover(radius - slack, Norm.LINF).points
    floats = net.rounded(PROJECTED_BITS)
    projection = projection_named(family.projection, classes.embedded)
    meshes = [
        ProjectedMesh(net, floats, radius, projection, modulus, 1)
        for modulus in moduli(floats, projection.image(floats), candidates())
    ]
    spread = deviation(projection.rows)
    rooms = [1 - family.c - mesh.rest(eps) for mesh in meshes]
    cells = [cells_needed(2 * mesh.modulus.rate * spread / eps, room) for mesh, room in zip(meshes, rooms, strict=True)]
    possible = [(count, mesh) for count, mesh in zip(cells, meshes, strict=True) if count is not None]
    if not possible:
        best = max(rooms)
        raise InvalidInput(
            f"The projection {family.projection} is not certified: with a net of radius {float(radius):g} the error "
            f"stays {float(-best):.3g} above 1 - c = {1 - family.c} at every rate. Take a smaller radius, a smaller c "
            f"or another projection."
        )
    count, mesh = min(possible, key=lambda pair: pair[0])
    return dc.replace(mesh, cells=count)


def projected_kuhn(manifold: str, level: str, *, eps: Fraction, **options: Fraction | int | str) -> Construction:
    """The projected Kuhn network of two classes on a manifold, with its claims; ``options`` as in ``ProjectedKuhn``."""
    return ProjectedKuhn(manifold=manifold, level=level, eps=eps, **options).construct()  # type: ignore[arg-type]
