"""Classes on a patch of a known affine subspace: k units find the place on it, a Kuhn interpolant the level there."""

import dataclasses as dc
import functools
from fractions import Fraction
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from bounds.entry import Source, Tag
from certify.errors import InvalidInput
from certify.network import Network
from certify.region import Norm
from constructions.counting import count_claims
from constructions.dyadic import floor_to
from constructions.generalisation.mesh import Mesh
from constructions.manifold.chart import Places
from constructions.manifold.fixed import BITS, Fixed
from constructions.manifold.interpolation import (
    VALUE_ERROR,
    cells_needed,
    deviation,
    interpolant,
    node_values,
    require_both_classes,
)
from constructions.manifold.patch import AffinePatch
from constructions.manifold.problem import OnManifold
from constructions.manifold.proof import Attacks, robustness_claims
from constructions.theorem import Claim, Construction, Labelled, Theorem

_ENTRY_BITS = 24
_ROOM = 1 + Fraction(1, 1 << 6)
"""The mesh is larger than the patch by this factor, so that rounding does not leave it."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Inverse:
    """``w = V (x - 1/2) + 1/2``: places on the subspace, scaled so that the patch lies well inside the unit cube.

    ``matrix`` V (k, d) is a left inverse of the frame over ``side``, the length of the mesh in space, rounded to
    multiples of ``2**-24``; on the patch w is at most ``error`` from ``z / side + 1/2`` in linf, exactly computed.
    ``rate`` bounds how fast points of the subspace move in linf as w does: ``side`` times the frame's largest row.
    """

    matrix: Float64[np.ndarray, "k d"]
    side: Fraction
    error: Fraction
    rate: Fraction

    @classmethod
    def of(cls, frame: Float64[np.ndarray, "d k"], patch: AffinePatch) -> "Inverse":
        """Of the frame of a patch."""
        side = patch.side * _ROOM
        matrix = np.rint(np.linalg.pinv(frame) / float(side) * 2.0**_ENTRY_BITS) * 2.0**-_ENTRY_BITS
        if float(np.abs(matrix).sum(axis=1).max()) >= 2.0 ** (51 - _ENTRY_BITS):
            raise InvalidInput(f"A patch of side {patch.side} is too small for exact float64; take a larger one.")
        rows, columns = [[Fraction(x) for x in row] for row in matrix.tolist()], _exact_columns(frame)
        gaps = [
            sum(abs(_dot(row, column) - Fraction(int(i == j)) / side) for j, column in enumerate(columns))
            for i, row in enumerate(rows)
        ]
        lengths = [sum((abs(Fraction(x)) for x in row), Fraction(0)) for row in frame.tolist()]
        error = Fraction(max(gaps)) * patch.side / 2
        assert error < Fraction(1, 1 << 10), "a frame close to an isometry has an accurate inverse"
        return cls(matrix, side, error, side * max(lengths))

    @property
    def shift(self) -> Float64[np.ndarray, " k"]:
        """``1/2 - V 1/2``: a short dyadic sum, exact."""
        return 0.5 - self.matrix.sum(axis=1) / 2


@dc.dataclass(frozen=True, kw_only=True)
class SubspaceKuhn(OnManifold):
    """``w = V (x - 1/2) + 1/2`` by k units, then the Kuhn interpolant in k dimensions of the clipped ``g / eps``.

    On the patch, w determines x, and x moves by at most ``rate`` per unit of w in linf, so that the interpolant on a
    mesh of n cells a side is within ``rate (E / n + error) / eps`` of the clipped ``g / eps``, E < 3/4. The exponent is
    k, not the dimension d of the space. Attacks stay on the subspace's patch.
    """

    name: ClassVar[str] = "subspace-kuhn"
    theorem: ClassVar[Theorem] = Theorem(
        "Theorem 5.5 on an affine subspace",
        "Classes on a patch of a known k-dimensional affine subspace are classified with zero robust error on it by "
        "k (d + 1) parameters that find the place and a Kuhn interpolant on a mesh in k dimensions.",
        Source("li2022", "Theorem 5.5"),
        Tag.DERIVED,
    )

    @property
    def inverse(self) -> Inverse:
        """The layer that finds the place on the subspace.

        Raises:
            InvalidInput: the manifold is no patch.
        """
        embedded = self.classes.embedded
        if not isinstance(embedded.manifold, AffinePatch):
            raise InvalidInput(
                f"subspace-kuhn is for an affine patch, such as patch:k=2,side=1/2; this is a {embedded.manifold.kind}."
                f" Use projected-kuhn or manifold-cover."
            )
        return _inverse(self)

    @property
    def mesh(self) -> Mesh:
        """The coarsest mesh that leaves a margin.

        Raises:
            InvalidInput: c so near 1 that rounding leaves none.
        """
        inverse, k = self.inverse, self.classes.embedded.manifold.dimension
        room = 1 - self.c - VALUE_ERROR - inverse.rate * inverse.error / self.eps
        cells = cells_needed(inverse.rate * deviation(k) / self.eps, room)
        if cells is None:
            raise InvalidInput(f"c = {self.c} is too near 1: a margin of {float(1 - self.c):g} is lost in rounding.")
        return Mesh(cells, k, Norm.LINF)

    @property
    def margin(self) -> Fraction:
        """The margin on all attacked inputs, rounded down."""
        inverse, mesh = self.inverse, self.mesh
        error = inverse.rate * (mesh.deviation + inverse.error) / self.eps + VALUE_ERROR
        return floor_to(1 - self.c - error, 20)

    def build(self, data: Labelled | None) -> Network:  # noqa: ARG002
        inverse, mesh = self.inverse, self.mesh
        nodes = mesh.nodes()
        ticks = _ticks(inverse.side, mesh.cells)
        points = self.classes.embedded.at(Places((ticks,) * mesh.dimension, nodes))
        values = node_values(self.classes.level, points, self.eps)
        require_both_classes(values, self.eps)
        return interpolant(inverse.matrix, inverse.shift, nodes=nodes, cells=mesh.cells, values=values)

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        attacks, mesh = Attacks(self.classes, self.attack, on_manifold=True), self.mesh
        letters = {"M": mesh.size, "g": mesh.cells, "d": self.classes.embedded.width, "k_proj": mesh.dimension}
        counts = count_claims(network, {"nnz": "manifold.projected-kuhn.nnz"}, letters)
        return (*robustness_claims(network, attacks, (), lambda: self.build(data), self.margin), *counts)


@functools.lru_cache(maxsize=4)
def _inverse(family: SubspaceKuhn) -> Inverse:
    embedded = family.classes.embedded
    assert isinstance(embedded.manifold, AffinePatch)
    return Inverse.of(embedded.frame.matrix, embedded.manifold)


def _ticks(side: Fraction, cells: int) -> Fixed:
    """``side (i / cells - 1/2)`` for i = 0..cells, rounded down by less than a unit."""
    steps = 2 * np.arange(cells + 1).astype(object) - cells
    return np.asarray(((steps * side.numerator) << BITS) // (2 * cells * side.denominator), dtype=object)


def _exact_columns(matrix: Float64[np.ndarray, "d k"]) -> list[list[Fraction]]:
    return [[Fraction(x) for x in column] for column in matrix.T.tolist()]


def _dot(one: list[Fraction], other: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(one, other, strict=True)), Fraction(0))


def subspace_kuhn(manifold: str, level: str, *, eps: Fraction, **options: Fraction | int | str) -> Construction:
    """The Kuhn network of two classes on a patch of a subspace, with its claims; ``options`` as in ``SubspaceKuhn``."""
    return SubspaceKuhn(manifold=manifold, level=level, eps=eps, **options).construct()  # type: ignore[arg-type]
