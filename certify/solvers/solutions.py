"""Assignments that satisfy a query, checked in rational arithmetic and replayed on the original files."""

import dataclasses as dc
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.exact import ExactNetwork
from certify.io.vnnlib.cases import Case
from certify.io.vnnlib.formula import violation
from certify.io.vnnlib.query import Query
from certify.network import Network
from certify.solvers.equalities import equations

Replay = Callable[[Float64[np.ndarray, "b n"]], Float64[np.ndarray, "b m"]]
"""The original model on a batch of points, by another program and in its own arithmetic."""

REPLAY_SLACK = Fraction(1, 10_000)
"""By how much a replay in floating point may miss the assertions, in their own units: the competition's tolerance."""

_TRIED = 8


@dc.dataclass(frozen=True, slots=True)
class Solution:
    """An assignment under which all assertions hold, inputs and outputs exact.

    ``replayed`` is by how much the replay misses the assertions (0 if they hold there too), None without a replay.
    """

    inputs: tuple[Fraction, ...]
    outputs: tuple[Fraction, ...]
    replayed: Fraction | None


class Judge:
    """Decides whether a point solves a query; ``network`` reads all inputs and makes all outputs of the query."""

    def __init__(self, query: Query, network: Network, replay: Replay | None) -> None:
        self._query, self._replay = query, replay
        self._exact = ExactNetwork(network)

    def best(self, case: Case, points: Iterable[Float64[np.ndarray, " n"]]) -> Solution | None:
        """The first solution near one of the points whose replay agrees, else the one that it misses least.

        A point is brought into the exact box first, at float32 coordinates if possible. Solutions that the replay
        misses by more than ``REPLAY_SLACK`` do not count.
        """
        nearest: Solution | None = None
        for candidate in _some(_candidates(case, points)):
            found = self._solution(candidate)
            if found is None:
                continue
            if not found.replayed:
                return found
            if nearest is None or nearest.replayed is None or found.replayed < nearest.replayed:
                nearest = found
        return nearest if nearest and nearest.replayed is not None and nearest.replayed <= REPLAY_SLACK else None

    def _solution(self, inputs: tuple[Fraction, ...]) -> Solution | None:
        outputs = self._exact.evaluate_rational(inputs)
        if not self._query.is_solution(inputs, outputs):
            return None
        return Solution(inputs, tuple(outputs), self._missed(inputs))

    def _missed(self, inputs: tuple[Fraction, ...]) -> Fraction | None:
        if self._replay is None:
            return None
        answer = self._replay(np.array([float(x) for x in inputs])[None])[0]
        if not np.isfinite(answer).all():
            return REPLAY_SLACK + 1
        values = [*inputs, *(Fraction(float(y)) for y in answer)]
        return max((violation(assertion, values) for assertion in self._query.assertions), default=Fraction(0))


def _some(candidates: Iterator[tuple[Fraction, ...]]) -> Iterator[tuple[Fraction, ...]]:
    seen: set[tuple[Fraction, ...]] = set()
    for candidate in candidates:
        if candidate not in seen:
            seen.add(candidate)
            yield candidate
        if len(seen) == _TRIED:
            return


def _candidates(case: Case, points: Iterable[Float64[np.ndarray, " n"]]) -> Iterator[tuple[Fraction, ...]]:
    """Points of the exact box: each point with float32 coordinates where the box has one near it, then as it is.

    Where inputs must fulfil equations, each is preceded by the points next to it that do.
    """
    lower, upper = case.inward()
    thin = {int(i): case.intervals[i].middle for i in np.flatnonzero(lower > upper)}
    for point in points:
        inside = np.clip(point, lower, np.maximum(lower, upper))
        for chosen in (_as_float32(inside, lower, upper), inside):
            exact = tuple(thin.get(i, Fraction(float(x))) for i, x in enumerate(chosen))
            yield from (system.onto(exact) for system in equations(case))
            yield exact


def _as_float32(
    point: Float64[np.ndarray, " n"], lower: Float64[np.ndarray, " n"], upper: Float64[np.ndarray, " n"]
) -> Float64[np.ndarray, " n"]:
    """The point with each coordinate rounded to a float32 of the box, where there is one near it."""
    with np.errstate(over="ignore"):
        near = point.astype(np.float32)
        near = np.where(near > upper, np.nextafter(near, np.float32(-np.inf)), near)
        near = np.where(near < lower, np.nextafter(near, np.float32(np.inf)), near).astype(np.float64)
    return np.where((near >= lower) & (near <= upper), near, point)
