"""Hinges at both sides of each centre's box, coordinate by coordinate; centres that agree in one share its hinges."""

import dataclasses as dc
from fractions import Fraction

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64, Int32

from certify.errors import InvalidInput
from constructions.compose import Forms
from constructions.dyadic import exact_float

LARGEST_LAYER = 500_000_000
"""The most weights that a layer of a memorizer may have: 6 GB of memory."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Hinges:
    """Units ``relu(x_j - c_ij - r)`` and ``relu(c_ij - r - x_j)`` of n centres: affine ``forms`` of the d coordinates.

    Row i of ``places`` (n, 2d) has the units of centre i: those above and below coordinate 0, then 1, and so on. For
    data in general position no unit serves two centres and there are ``2dn`` of them.
    """

    forms: Forms
    places: Int32[np.ndarray, "n w"]

    @classmethod
    def around(cls, centres: Float64[np.ndarray, "n d"], radius: Fraction) -> "Hinges":
        """The hinges of the boxes of this radius; ``centre +- radius`` must be exact in float64.

        Raises:
            InvalidInput: more weights than ``LARGEST_LAYER`` in the layer that reads the hinges.
        """
        n, d = centres.shape
        require_size(2 * n * d, f"{n:,} bumps in {d:,} dimensions")
        values, coordinates, places = _distinct(centres)
        reach = exact_float(radius)
        thresholds = np.column_stack([-values - reach, values - reach]).ravel()
        signs = np.tile([1.0, -1.0], len(values))
        weight = sp.csr_array(
            (signs, np.repeat(coordinates, 2), np.arange(len(signs) + 1, dtype=np.int32)), shape=(len(signs), d)
        )
        both = np.empty((n, 2 * d), dtype=np.int32)
        both[:, ::2] = 2 * places
        both[:, 1::2] = both[:, ::2] + 1
        return cls(Forms.of(weight, thresholds), both)

    def excess(self, factor: float) -> sp.csr_array:
        """``factor`` times the sum of each centre's hinges: (n, units), rows sorted."""
        n, width = self.places.shape
        starts = np.arange(n + 1, dtype=np.int32) * np.int32(width)
        return sp.csr_array((np.full(n * width, factor), self.places.ravel(), starts), shape=(n, len(self.forms)))


def require_size(weights: int, purpose: str) -> None:
    """Refuses a layer that would not fit into memory, before anything is allocated.

    Raises:
        InvalidInput: ``weights`` is above ``LARGEST_LAYER``.
    """
    if weights > LARGEST_LAYER:
        raise InvalidInput(
            f"{purpose} make a layer of {weights:,} weights; the limit is {LARGEST_LAYER:,}. Use fewer points."
        )


def _distinct(
    table: Float64[np.ndarray, "n d"],
) -> tuple[Float64[np.ndarray, " m"], Int32[np.ndarray, " m"], Int32[np.ndarray, "n d"]]:
    """The distinct values of each column, column after column; the column of each; where each entry is among them."""
    order = np.argsort(table, axis=0, kind="stable")
    ordered = np.take_along_axis(table, order, axis=0)
    first = np.ones(table.shape, dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    rank = np.cumsum(first, axis=0, dtype=np.int32) - np.int32(1)
    counts = rank[-1] + 1
    rank += (np.cumsum(counts) - counts).astype(np.int32)
    places = np.empty(table.shape, dtype=np.int32)
    np.put_along_axis(places, order, rank, axis=0)
    return ordered.T[first.T], np.repeat(np.arange(table.shape[1], dtype=np.int32), counts), places
