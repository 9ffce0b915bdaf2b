"""Closes brackets of robust radii by verdicts, each search starting from the tree that proved the radius before it."""

import dataclasses as dc
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64

from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.outcome import Falsified, Outcome, Trust, Unknown, Verified, Witness
from certify.query import Queries
from certify.solvers.branch_and_bound.solver import Trees

_SHARE = 0.5
"""The share of the time left that one round of verdicts may take."""

_NEAR, _FACTOR, _MOST_STEPS = 0.75, 4.0, 30
"""How far below its upper end, in tolerances, a bracket is first cut, and by what that grows with each witness."""

_FAR = 1e30
"""A network that is robust so far out may be so everywhere, and doubling would not end."""


@runtime_checkable
class Decides(Protocol):
    """A solver that answers questions and may start from the trees of earlier answers (``BranchAndBound.resume``)."""

    name: str
    trust: Trust

    def resume(self, queries: Queries, deadline: Deadline, *, seed: int, trees: list[Trees]) -> list[Outcome]:
        """An answer to each question."""
        ...


@dc.dataclass(frozen=True, slots=True, eq=False)
class Radii:
    """Brackets of B robust radii: every margin is positive within ``lower``, and not within ``upper``.

    ``upper`` is what was given, or the distance of ``witness``, found here. ``settled``: the bracket is closed to the
    tolerance, or proved up to the question's radius. ``trust`` is what ``lower`` rests on where it was raised here.
    """

    lower: Float64[np.ndarray, " b"]
    trust: list[Trust]
    upper: Float64[np.ndarray, " b"]
    witness: list[Witness | None]
    settled: Bool[np.ndarray, " b"]


def certify_radii(
    solver: Decides,
    queries: Queries,
    bracket: tuple[Float64[np.ndarray, " b"], Float64[np.ndarray, " b"]],
    *,
    tolerance: float,
    deadline: Deadline,
    seed: int = 0,
) -> Radii:
    """Brackets within ``bracket`` = (proved, broken), up to ``queries.radii``, closed to a relative ``tolerance``.

    Of every open bracket a radius in between is decided, all in one batch. A radius that stays undecided bounds the
    next ones from above without becoming an upper end.

    Raises:
        InvalidInput: a tolerance that is not between 0 and 1, an unbounded search, or what ``decide`` refuses.
    """
    if not 0 < tolerance < 1:
        raise InvalidInput(f"The tolerance is relative and must lie between 0 and 1, got {tolerance}.")
    state = _State(queries, bracket, tolerance)
    while not deadline.passed:
        index = state.open()
        if not index.size:
            break
        trees = [dict(state.trees[i]) for i in index]
        radii = state.next(index)
        asked = queries.take(index).within(radii)
        answers = solver.resume(asked, deadline.part(_SHARE), seed=seed, trees=trees)
        for i, radius, answer, grown in zip(index.tolist(), radii.tolist(), answers, trees, strict=True):
            state.learn(i, radius, answer)
            if isinstance(answer, Verified):
                state.trees[i] = grown
    return state.radii()


class _State:
    """Brackets as they close. ``ceiling`` is the least radius not worth trying again: broken, or left undecided.

    ``proved`` is the largest radius of trust ``rounded``; ``lower`` goes back to it when a witness contradicts it.
    """

    def __init__(self, queries: Queries, bracket: Sequence[np.ndarray], tolerance: float) -> None:
        self.lower, self.upper = bracket[0].astype(np.float64), bracket[1].astype(np.float64)
        self.proved, self.trust = self.lower.copy(), [Trust.ROUNDED] * len(queries)
        self.witness: list[Witness | None] = [None] * len(queries)
        self.trees: list[Trees] = [{} for _ in range(len(queries))]
        self.ceiling = self.upper.copy()
        self._most, self._tolerance = queries.radii, tolerance
        self._steps = np.zeros(len(queries))  # how often the upper end turned out too far out
        endless = ~np.isfinite(np.minimum(self.upper, self._most)) & (self.lower <= 0)
        if endless.any():
            raise InvalidInput(
                f"Question {int(endless.argmax())} has neither a proved nor a broken nor a largest radius: there is no "
                f"scale to begin at. Attack it first, or give a largest radius."
            )

    def open(self) -> np.ndarray:
        """The questions that more verdicts may narrow."""
        return np.flatnonzero((self.ceiling > self.lower * (1 + self._tolerance)) & ~self._all())

    def next(self, index: np.ndarray) -> np.ndarray:
        """The radii to decide: just below the upper end or in the middle, whichever is larger; else further out."""
        low, high = self.lower[index], np.minimum(self.ceiling[index], self._most[index])
        finite = np.where(np.isfinite(high), high, 0.0)
        near = finite / (1 + self._tolerance * _NEAR * _FACTOR ** self._steps[index])
        unbroken = self.ceiling[index] > self._most[index]
        wish = np.where(unbroken, high, np.maximum(near, (low + finite) / 2))
        return np.where(np.isfinite(high), wish, 2 * low)

    def learn(self, i: int, radius: float, answer: Verified | Falsified | Unknown) -> None:
        """Takes in what was decided at ``radius``."""
        match answer:
            case Verified(trust):
                if radius > self.lower[i]:
                    self.lower[i], self.trust[i] = radius, trust
                if trust > Trust.FLOAT:
                    self.proved[i] = max(self.proved[i], radius)
            case Falsified(witness):
                if witness.distance <= self.lower[i] and self.trust[i] is Trust.FLOAT:
                    self.lower[i], self.trust[i] = self.proved[i], Trust.ROUNDED
                if witness.distance < self.upper[i]:
                    self.upper[i], self.witness[i] = witness.distance, witness
                self.ceiling[i] = min(self.ceiling[i], self.upper[i])
                self._steps[i] = min(self._steps[i] + 1, _MOST_STEPS)
            case Unknown():
                self.ceiling[i], self._steps[i] = min(self.ceiling[i], radius), _MOST_STEPS

    def _all(self) -> np.ndarray:
        """Which questions (B,) are proved as far out as anyone looks."""
        endless = np.isinf(np.minimum(self.ceiling, self._most))
        return self.lower >= np.where(endless, _FAR, self._most)

    def radii(self) -> Radii:
        """What is known now."""
        settled = (self.upper <= self.lower * (1 + self._tolerance)) | self._all()
        return Radii(np.minimum(self.lower, self.upper), self.trust, self.upper, self.witness, settled)
