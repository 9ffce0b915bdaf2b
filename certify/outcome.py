"""Answers: a certified radius with both sides, what it rests on, and why it is not tighter."""

import dataclasses as dc
import enum

import numpy as np
from jaxtyping import Float64

from certify.region import Norm


class Trust(enum.IntEnum):
    """What a number rests on, weakest first."""

    FLOAT = 0
    """Computed in floating point; nothing accounts for its rounding."""
    ROUNDED = 1
    """Proved in float64 with every rounding error bounded a priori."""
    CHECKED = 2
    """A certificate was replayed in exact arithmetic by an independent program."""

    def __str__(self) -> str:
        return self.name.lower()


class Status(enum.StrEnum):
    """How an input's question ended. Never merged."""

    EXACT = "exact"
    """The bracket is closed to the tolerance asked for."""
    BRACKETED = "bracketed"
    """Proved robust below ``lower``; broken at ``upper``, or not broken up to the largest radius asked for."""
    MISCLASSIFIED = "misclassified"
    """The input itself gets the wrong label: its radius is 0."""
    TIMEOUT = "timeout"
    """The time limit came first; ``lower`` and ``upper`` hold all the same."""
    ERROR = "error"
    """Something failed on this input; ``reason`` says what. ``lower`` is 0."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """A counterexample: the margin at ``point`` was evaluated in exact arithmetic and is not positive.

    ``distance`` is a float64 not below its distance from the input (same norm, raw input units).
    """

    point: Float64[np.ndarray, " n"]
    distance: float


@dc.dataclass(frozen=True, slots=True, eq=False)
class CertifiedRadius:
    """The bracket ``lower <= r* <= upper`` around an input's robust radius ``r* = inf {||z||_p : margin(x + z) <= 0}``.

    The prediction is right on the closed ball of radius ``lower`` (cut by the domain); it is wrong, or tied, at
    ``witness``, which lies within ``upper`` (``inf`` when no counterexample is known). Radii are in raw input units.
    ``trust`` is what ``lower`` rests on; ``upper`` always rests on an exact evaluation. ``seconds`` is this input's
    share of the work. A radius of a misclassified input is 0, and so is its ``upper``.
    """

    label: int
    prediction: int
    lower: float
    upper: float
    status: Status
    norm: Norm
    method: str
    trust: Trust
    seconds: float
    witness: Witness | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        assert 0 <= self.lower <= self.upper, f"a bracket must be ordered: [{self.lower}, {self.upper}]"


@dc.dataclass(frozen=True, slots=True)
class Verified:
    """Every margin of the question is positive on its whole region, as far as ``trust`` says."""

    trust: Trust


@dc.dataclass(frozen=True, slots=True, eq=False)
class Falsified:
    """Some margin is not positive at ``witness``, which was evaluated exactly."""

    witness: Witness


@dc.dataclass(frozen=True, slots=True)
class Unknown:
    """Neither was shown; ``reason`` says why and what to try. Not a verdict."""

    reason: str


Outcome = Verified | Falsified | Unknown
"""What a solver answers to one question."""
