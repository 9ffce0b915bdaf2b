"""The Freudenthal-Kuhn mesh of the unit cube: how fine it must be, its nodes, and how far a simplex reaches."""

import dataclasses as dc
import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.region import Norm
from certify.rounding import sqrt_up
from constructions.generalisation.sizes import in_words

LARGEST = 2_000_000
"""Nodes that a mesh may have."""


@dc.dataclass(frozen=True, slots=True)
class Mesh:
    """The Kuhn triangulation of ``[0, 1]^dimension`` with ``cells`` cells a side; distances are in ``norm``.

    Each cell of side ``h = 1/cells`` is cut into the d! simplices on which the order of the coordinates does not
    change. A point at ``t`` in its cell, with ``1 >= t_(1) >= ... >= t_(d) >= 0``, is the mean of the vertices
    ``v_0 = 0, v_k = v_(k-1) + e_(k)`` with weights ``1 - t_(1), t_(k) - t_(k+1), t_(d)``.
    """

    cells: int
    dimension: int
    norm: Norm

    @property
    def size(self) -> int:
        """The number of nodes."""
        return (self.cells + 1) ** self.dimension

    def nodes(self) -> Int64[np.ndarray, "M d"]:
        """The nodes times ``cells``, in lexicographic order.

        Raises:
            InvalidInput: more than ``LARGEST`` nodes; the message says how many before anything is allocated.
        """
        if self.size > LARGEST:
            raise InvalidInput(
                f"A mesh of {self.cells} cells a side in {self.dimension} dimensions has {in_words(self.size)} "
                f"nodes; at most {LARGEST:,} are built. Take a larger eps, a smaller c, or the cover instead, which "
                f"needs a bump for each cell that meets a class."
            )
        shape = (self.cells + 1,) * self.dimension
        return np.stack(np.unravel_index(np.arange(self.size), shape), axis=1).astype(np.int64)

    def points(self, nodes: Int64[np.ndarray, "M d"]) -> Float64[np.ndarray, "M d"]:
        """The places of nodes, as the nearest floats."""
        return nodes / float(self.cells)

    @property
    def reach(self) -> Fraction:
        """No vertex of a simplex is farther than this from a point of it: h, ``sqrt(d) h`` rounded up, ``d h``."""
        return _diameter(self.dimension, self.norm) / self.cells

    @property
    def deviation(self) -> Fraction:
        """The interpolant of an L-Lipschitz function is within L times this of it, everywhere in the cube."""
        return _mean_distance(self.dimension, self.norm) / self.cells


def _diameter(dimension: int, norm: Norm) -> Fraction:
    match norm:
        case Norm.LINF:
            return Fraction(1)
        case Norm.L2:
            return _root(dimension)
        case Norm.L1:
            return Fraction(dimension)


def _mean_distance(dimension: int, norm: Norm) -> Fraction:
    """A bound of the mean distance of a point from the vertices of its simplex, by their weights, in cells.

    With ``s_k`` the weight before vertex k, its distance in linf is ``max(s_k, 1 - s_(k+1))``, and the mean of these is
    at most the integral of ``max(s, 1 - s)`` less half the sum of squared weights. In l2, Jensen and
    ``sum t (1 - t) <= d/4``; in l1 the mean is ``sum 2 t (1 - t)``.
    """
    match norm:
        case Norm.LINF:
            return Fraction(3, 4) - Fraction(1, 2 * (dimension + 1))
        case Norm.L2:
            return _root(dimension) / 2
        case Norm.L1:
            return Fraction(dimension, 2)


def _root(dimension: int) -> Fraction:
    whole = math.isqrt(dimension)
    return Fraction(whole) if whole * whole == dimension else Fraction(sqrt_up(Fraction(dimension)))


def cells_for_margin(dimension: int, norm: Norm, slack: Fraction) -> int:
    """Cells a side with which the margin function is interpolated to less than 1 - c; ``slack`` is ``(1 - c) eps``.

    ``ceil(3 / (4 slack))`` in linf; one more than the whole part of ``sqrt(d) / (2 slack)`` in l2 and of
    ``d / (2 slack)`` in l1.
    """
    match norm:
        case Norm.LINF:
            return math.ceil(3 / (4 * slack))
        case Norm.L2:
            return math.isqrt(math.floor(dimension / (4 * slack**2))) + 1
        case Norm.L1:
            return math.floor(dimension / (2 * slack)) + 1


def cells_for_signs(dimension: int, norm: Norm, slack: Fraction) -> int:
    """Cells a side with which no simplex within c eps of a class has a vertex nearer to the other; ``slack`` as above.

    The least number with ``reach < slack``.
    """
    return math.floor(_diameter(dimension, norm) / slack) + 1
