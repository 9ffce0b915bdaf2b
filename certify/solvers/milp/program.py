"""A mixed-integer program as plain arrays, and what a program for solving them may answer."""

import abc
import dataclasses as dc

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float64

from certify.deadline import Deadline
from certify.region import Norm

TOLERANCE = 1e-6
"""By how much a solver may break a constraint, and how far from 0 and 1 it may leave a binary variable."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Minimise ``cost @ v + constant`` where ``low <= v <= high`` and ``row_low <= matrix @ v <= row_high``.

    ``binary`` variables are 0 or 1. The first ``ball`` variables have squares that sum to at most 1 (0: no such
    condition). All that is asked is on which side of 0 the minimum lies, so nodes above ``limit`` need not be looked
    at, and a point at ``-limit`` or below ends the search.
    """

    cost: Float64[np.ndarray, " v"]
    constant: float
    matrix: sp.csr_array
    row_low: Float64[np.ndarray, " c"]
    row_high: Float64[np.ndarray, " c"]
    low: Float64[np.ndarray, " v"]
    high: Float64[np.ndarray, " v"]
    binary: Bool[np.ndarray, " v"]
    ball: int
    limit: float


@dc.dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """What a solver says: whether the minimum is above the limit, the best point (v,) it has, and how it ended."""

    above: bool
    point: Float64[np.ndarray, " v"] | None
    status: str


class AbstractBackend(abc.ABC):
    """A program that solves mixed-integer programs. Nothing that it says is taken for proved.

    ``norms`` are the balls that it can express.
    """

    name: str
    norms: tuple[Norm, ...]

    @abc.abstractmethod
    def solve(self, program: Program, deadline: Deadline, *, seed: int) -> Solved:
        """What it finds out until the deadline."""
