"""The nodes of a mesh with their distances to two classes, and which of them matter to attacks of a radius."""

import dataclasses as dc
import functools
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float64, Int64

from certify.errors import InvalidInput
from certify.rounding import float_up
from constructions.generalisation.classes import Classes
from constructions.generalisation.margin_function import ratio
from constructions.generalisation.mesh import LARGEST, Mesh

_MOST = 1 << 35
"""Differences of coordinates that a survey may take."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Every node of a mesh, and its distances to A and to B up to ``error``.

    A point within the attack radius of a class lies in a simplex whose vertices are all within ``radius + reach`` of
    that class: ``near_positive`` and ``near_negative`` hold at those vertices, and at few others.
    """

    classes: Classes
    mesh: Mesh
    nodes: Int64[np.ndarray, "M d"]
    to_positive: Float64[np.ndarray, " M"]
    to_negative: Float64[np.ndarray, " M"]
    error: Fraction

    @property
    def threshold(self) -> float:
        """``radius + reach + error``, rounded up."""
        return float_up(self.classes.attack.radius + self.mesh.reach + self.error)

    @property
    def near_positive(self) -> Bool[np.ndarray, " M"]:
        """True at every vertex of a simplex that meets an attacked ball of A."""
        return self.to_positive <= self.threshold

    @property
    def near_negative(self) -> Bool[np.ndarray, " M"]:
        """True at every vertex of a simplex that meets an attacked ball of B."""
        return self.to_negative <= self.threshold

    @property
    def margins(self) -> Float64[np.ndarray, " M"]:
        """The margin function at the nodes, up to ``margin.error(eps)``."""
        return ratio(self.to_positive, self.to_negative)


@functools.lru_cache(maxsize=1)
def survey(classes: Classes, mesh: Mesh) -> Survey:
    """The survey of a mesh; kept for the last one asked for, since building and every proof ask again.

    Raises:
        InvalidInput: a mesh of too many nodes, or too many distances to compute.
    """
    distances = mesh.size * (len(classes.margin.positive) + len(classes.margin.negative))
    if mesh.size <= LARGEST and distances * mesh.dimension > _MOST:
        raise InvalidInput(
            f"A mesh of {mesh.size:,} nodes has {distances:,} distances to these points, which takes too long. Use "
            f"fewer points, a larger eps, or the cover."
        )
    nodes = mesh.nodes()
    near, far = classes.margin.distances(mesh.points(nodes))
    return Survey(classes, mesh, nodes, near, far, classes.margin.distance_error())
