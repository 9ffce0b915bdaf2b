"""Classes on low-dimensional manifolds: charts with certified covers, separated classes, and networks for them."""

from constructions.manifold.cover_bumps import ManifoldCover, cover_bumps
from constructions.manifold.embedded import Embedded
from constructions.manifold.naming import embedded_named, level_named, manifold_named
from constructions.manifold.packing import Packing, greedy_packing, patch_packing, torus_packing
from constructions.manifold.projected_bumps import ProjectedBumps, projected_bumps
from constructions.manifold.projected_kuhn import ProjectedKuhn, projected_kuhn
from constructions.manifold.separated import SeparatedClasses
from constructions.manifold.subspace_kuhn import SubspaceKuhn, subspace_kuhn

__all__ = [
    "Embedded",
    "ManifoldCover",
    "Packing",
    "ProjectedBumps",
    "ProjectedKuhn",
    "SeparatedClasses",
    "SubspaceKuhn",
    "cover_bumps",
    "embedded_named",
    "greedy_packing",
    "level_named",
    "manifold_named",
    "patch_packing",
    "projected_bumps",
    "projected_kuhn",
    "subspace_kuhn",
    "torus_packing",
]
