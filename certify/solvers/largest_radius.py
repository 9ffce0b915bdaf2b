"""The largest radius that a relaxation certifies, found in a few passes for a whole batch at once.

A pass relaxes the network at radius R and learns in closed form how far its linear margins stay positive: up to a
radius ``wanted``. The answer is the fixed point ``wanted(R) = R``; ``wanted`` falls as R grows because relaxations
loosen. A secant on the excess, ``log(wanted / R)`` where it is positive and ``wanted / R - 1`` below, against ``log R``
finds it in about five passes; bisection needs a dozen.
"""

import dataclasses as dc
import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float64, Int64

from certify.deadline import Deadline

_MOST_PASSES = 24
_FAR, _BACK = math.log(8.0), math.log(2.5)
"""The most by which the logarithm of a radius grows or shrinks from one pass to the next."""

_STEEPEST = -30.0
"""The steepest slope of the excess against ``log R`` that is believed of a secant."""

_CLOSE = 0.05
"""Two radii within this logarithm of each other tell the slope at the fixed point well enough to stop by it."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """What one relaxation at radii (k,) found: radii ``proved`` on it, and ``wanted``, where its margins reach 0."""

    proved: Float64[np.ndarray, " k"]
    wanted: Float64[np.ndarray, " k"]


Evaluate = Callable[[Int64[np.ndarray, " k"], Float64[np.ndarray, " k"]], Pass]
"""Relaxes the inputs at the given positions at the given radii."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Radii (B,) that some pass found certified, how many passes each input took, and whether its search ended."""

    radius: Float64[np.ndarray, " b"]
    passes: Int64[np.ndarray, " b"]
    settled: Bool[np.ndarray, " b"]


class _Search:
    """The state of B one-dimensional searches. ``low`` is certified, at ``high`` the relaxation failed."""

    def __init__(self, start: Float64[np.ndarray, " b"], limit: Float64[np.ndarray, " b"], tolerance: float) -> None:
        self.low = np.zeros_like(start)
        self.high = np.full_like(start, np.inf)
        self.limit, self.tolerance = limit, tolerance
        self.next = np.minimum(start, limit)
        self.passes = np.zeros(len(start), dtype=np.int64)
        self.done = limit <= 0
        self._log_radius = np.full_like(start, np.nan)
        self._excess = np.full_like(start, np.nan)

    def learn(self, index: Int64[np.ndarray, " k"], found: Pass) -> None:
        """Takes in a pass at ``next[index]`` and chooses the next radii."""
        radius = self.next[index]
        self.passes[index] += 1
        self.low[index] = np.maximum(self.low[index], found.proved)
        whole = found.proved >= radius * (1 - 1e-6)  # a float32 pass rounds the radius it proves
        self.high[index] = np.where(whole, self.high[index], np.minimum(self.high[index], radius))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = found.wanted / radius
            position, excess = np.log(radius), np.where(ratio < 1, ratio - 1, np.log(ratio))
            step, sure = self._step(index, position, excess, np.log(ratio))
            closed = self.high[index] <= self.low[index] * (1 + self.tolerance)
        near = whole & (np.where(sure, step, excess) < self.tolerance / 2)
        self.done[index] = near | closed | (self.low[index] >= self.limit[index])
        self.next[index] = self._guarded(index, radius * np.exp(step - self.tolerance / 4))
        told = np.isfinite(excess)
        self._log_radius[index] = np.where(told, position, self._log_radius[index])
        self._excess[index] = np.where(told, excess, self._excess[index])

    def _step(
        self, index: Int64[np.ndarray, " k"], position: np.ndarray, excess: np.ndarray, gap: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """How far in log radius the secant puts the fixed point, and whether its two points are close to each other.

        Where there is no earlier point, or the secant does not fall, half the way to ``wanted`` (``gap``) stands in.
        """
        apart = position - self._log_radius[index]
        slope = (excess - self._excess[index]) / apart
        falls = np.isfinite(slope) & (slope < -1)
        half = np.nan_to_num(gap / 2, nan=0.0, posinf=_FAR, neginf=-_BACK)
        step = np.where(falls, -excess / np.where(falls, np.maximum(slope, _STEEPEST), -1.0), half)
        return np.clip(step, np.minimum(half, -_BACK), _FAR), falls & (np.abs(apart) < _CLOSE)

    def _guarded(self, index: Int64[np.ndarray, " k"], wish: np.ndarray) -> np.ndarray:
        """``wish`` where it lies inside the bracket, else a point well inside it."""
        low, high = self.low[index], self.high[index]
        with np.errstate(invalid="ignore"):
            inside = (wish > low * (1 + self.tolerance / 8)) & (wish < high * (1 - self.tolerance / 8))
            middle = np.where(low > 0, np.sqrt(low) * np.sqrt(high), high / np.exp(_BACK))
        fallback = np.where(np.isfinite(high), middle, low * np.exp(_FAR))
        return np.minimum(np.where(inside, wish, fallback), self.limit[index])


def largest_radius(
    evaluate: Evaluate,
    start: Float64[np.ndarray, " b"],
    limit: Float64[np.ndarray, " b"],
    *,
    tolerance: float,
    deadline: Deadline,
) -> Found:
    """For each input a certified radius in [0, limit], within relative ``tolerance`` of the relaxation's largest.

    ``start`` (B,) are first guesses > 0. After the deadline it returns what has been certified so far.
    """
    search = _Search(start, limit, tolerance)
    while not search.done.all() and not deadline.passed:
        index = np.flatnonzero(~search.done)
        search.learn(index, evaluate(index, search.next[index]))
        search.done |= search.passes >= _MOST_PASSES
    return Found(np.minimum(search.low, limit), search.passes, search.done)
