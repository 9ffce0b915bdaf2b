"""Sets that are hard to classify robustly: random labels on a grid, plain or linearly separable (Theorems 3.4, 4.3)."""

import dataclasses as dc
import os
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from constructions.distributions.files import write_points
from constructions.dyadic import floor_to
from constructions.hard.grid import BITS, Grid
from constructions.theorem import Labelled

_DEFAULT_OFFSET = Fraction(1, 2**20)


@dc.dataclass(frozen=True, slots=True)
class HardSet:
    """``S = {(i_1/K, ..., i_{d-1}/K, 1/2 + offset * phi(i))}`` with labels phi drawn uniformly by ``seed``.

    K = floor(1 / (2 eps)), and i runs over {0..K}^(d-1) (li2022, Section 4; there 1..K). Two different points differ by
    at least 1/K >= 2 eps in one of the first d - 1 coordinates, so the classes are 2 eps apart in every norm; the last
    coordinate separates them linearly; and every mid-point (i/K, 1/2) lies within ``offset <= c eps`` of its point.

    The exact set has the coordinates i/K. The float64 points have the nearest multiples of 2**-36 in their place and
    the same last coordinate; ``movement`` bounds the difference. What is claimed of networks holds for both.

    ``inputs`` is d, ``c`` the attack radius divided by eps, ``offset`` a multiple of 2**-36.

    Raises:
        InvalidInput: d < 2, eps outside (0, 1/2], c outside (0, 1), or an offset outside (0, c eps].
    """

    inputs: int
    eps: Fraction
    c: Fraction = Fraction(1, 2)
    offset: Fraction = Fraction(0)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.inputs < 2:
            raise InvalidInput(f"The hard set needs d >= 2 dimensions, got d = {self.inputs}.")
        if not 0 < self.eps <= Fraction(1, 2):
            raise InvalidInput(f"The hard set needs 0 < eps <= 1/2, got eps = {self.eps}.")
        if not 0 < self.c < 1:
            raise InvalidInput(f"The attack radius c eps needs 0 < c < 1, got c = {self.c}.")
        if self.seed < 0:
            raise InvalidInput(f"A seed is a whole number >= 0, got {self.seed}.")
        largest = floor_to(self.radius, BITS)
        offset = self.offset or min(largest, _DEFAULT_OFFSET)
        if not 0 < offset <= largest or floor_to(offset, BITS) != offset:
            raise InvalidInput(
                f"The offset must be a positive multiple of 2^-{BITS}, at most c eps = {self.radius} "
                f"(at most {largest} here), got {offset}."
            )
        object.__setattr__(self, "offset", offset)

    @property
    def radius(self) -> Fraction:
        """The attack radius c eps."""
        return self.c * self.eps

    @property
    def grid(self) -> Grid:
        """The grid of the first d - 1 coordinates."""
        return Grid.of_spacing(2 * self.eps, self.inputs - 1)

    @property
    def count(self) -> int:
        """M = (K + 1)^(d - 1), computed without allocating."""
        return self.grid.count

    @property
    def separation(self) -> Fraction:
        """A distance that all points of the exact set keep from each other in every norm: 1/K, at least 2 eps."""
        return Fraction(1, self.grid.steps)

    @property
    def movement(self) -> Fraction:
        """How far each float64 coordinate is from its exact one at most."""
        return self.grid.error

    def labels(self) -> Int64[np.ndarray, " M"]:
        """phi as 0 and 1, by the index of the grid node.

        Raises:
            InvalidInput: too many points, or a draw with one class only.
        """
        self.grid.refuse_if_large(self.inputs)
        drawn = random_labels(self.count, self.seed)
        if drawn.min() == drawn.max():
            raise InvalidInput(
                f"With seed {self.seed} all {self.count} points have the label {drawn[0]}, so there is one class only; "
                f"take another seed, more dimensions or a smaller eps."
            )
        return drawn

    def points(self) -> Float64[np.ndarray, "M d"]:
        """The float64 points, in the order of the labels."""
        found = self.midpoints()
        found[:, -1] += float(self.offset) * (2.0 * self.labels() - 1.0)
        return found

    def midpoints(self) -> Float64[np.ndarray, "M d"]:
        """The float64 points (i/K, 1/2): within ``offset`` of each point, in every norm, whatever its label."""
        return self.midpoints_of(np.arange(self._allowed(), dtype=np.int64))

    def midpoints_of(self, nodes: Int64[np.ndarray, " b"]) -> Float64[np.ndarray, "b d"]:
        """The mid-points of these nodes."""
        first = self.grid.levels()[self.grid.digits(nodes)]
        return np.concatenate([first, np.full((len(nodes), 1), 0.5)], axis=1)

    def exact_point(self, node: int, label: int) -> list[Fraction]:
        """The exact point of a node with this label."""
        return [*self.grid.exact(node), Fraction(1, 2) + (self.offset if label else -self.offset)]

    def labelled(self) -> Labelled:
        """Points and labels; class 1 is A (above 1/2), class 0 is B."""
        return Labelled(self.points(), self.labels())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes points and labels as npz or csv, as ``python -m certify --data FILE`` reads them."""
        write_points(path, self.points(), self.labels())

    def _allowed(self) -> int:
        self.grid.refuse_if_large(self.inputs)
        return self.count


def hard_set_of_steps(inputs: int, steps: int, *, c: Fraction = Fraction(1, 2), seed: int = 0) -> HardSet:
    """The hard set with K = ``steps``, for the largest eps that has it: 1 / (2K)."""
    if steps < 1:
        raise InvalidInput(f"The grid needs K >= 1 steps, got {steps}.")
    return HardSet(inputs, Fraction(1, 2 * steps), c, seed=seed)


def labelled_grid(inputs: int, eps: Fraction, *, seed: int = 0) -> Labelled:
    """All ``(K+1)^d`` points of the grid {0, 1/K, ..., 1}^d with uniformly drawn labels, K = floor(1 / (2 eps)).

    Every labelling of this grid is a pair of classes at least 2 eps apart in every norm, so a family of networks that
    classifies all such data shatters the grid (li2022, Theorem 3.4). Float64 points are rounded as in ``HardSet``.

    Raises:
        InvalidInput: eps outside (0, 1/2], no dimension, or too many points, with their number.
    """
    grid = Grid.of_spacing(2 * eps, inputs)
    grid.refuse_if_large(inputs)
    nodes = np.arange(grid.count, dtype=np.int64)
    return Labelled(grid.levels()[grid.digits(nodes)], random_labels(grid.count, seed))


def random_labels(count: int, seed: int) -> Int64[np.ndarray, " M"]:
    """Uniform bits: the raw stream of PCG64, which numpy keeps the same from version to version."""
    raw = np.random.PCG64(seed).random_raw(-(-count // 64)).astype("<u8")
    return np.unpackbits(raw.view(np.uint8), bitorder="little")[:count].astype(np.int64)
