"""The largest radius that a relaxation certifies, found in a few passes for a whole batch at once.

A pass relaxes the network at radius R and learns in closed form how far its linear margins stay positive: up to a
radius ``wanted``. The answer is the fixed point ``wanted(R) = R``; ``wanted`` falls as R grows because relaxations
loosen, so a secant on ``log(wanted / R)`` against ``log R`` finds it in three or four passes; bisection needs a dozen.
"""

import dataclasses as dc
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float64, Int64

from certify.deadline import Deadline

_MOST_PASSES = 24
_FAR = 8.0
"""The most by which a radius grows or shrinks from one pass to the next."""


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
        self._log_ratio = np.full_like(start, np.nan)

    def learn(self, index: Int64[np.ndarray, " k"], found: Pass) -> None:
        """Takes in a pass at ``next[index]`` and chooses the next radii."""
        radius = self.next[index]
        self.passes[index] += 1
        self.low[index] = np.maximum(self.low[index], found.proved)
        whole = found.proved >= radius * (1 - 1e-6)  # a float32 pass rounds the radius it proves
        self.high[index] = np.where(whole, self.high[index], np.minimum(self.high[index], radius))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log(found.wanted / radius)
            step = self._step(index, np.log(radius), ratio)
            closed = self.high[index] <= self.low[index] * (1 + self.tolerance)
        self.done[index] = (whole & (ratio < self.tolerance)) | closed | (self.low[index] >= self.limit[index])
        self.next[index] = self._guarded(index, radius * np.exp(step))
        self._log_radius[index], self._log_ratio[index] = np.log(radius), ratio

    def _step(self, index: Int64[np.ndarray, " k"], position: np.ndarray, ratio: np.ndarray) -> np.ndarray:
        """A secant step in log radius; half the gap (slope -2) where there is no usable earlier point."""
        slope = (ratio - self._log_ratio[index]) / (position - self._log_radius[index])
        slope = np.where(np.isfinite(slope) & (slope < -0.2), slope, -2.0)
        far = np.log(_FAR)
        return np.clip(np.nan_to_num(-ratio / slope, nan=0.0, posinf=far, neginf=-far), -far, far) - self.tolerance / 4

    def _guarded(self, index: Int64[np.ndarray, " k"], wish: np.ndarray) -> np.ndarray:
        """``wish`` where it lies inside the bracket, else a point well inside it."""
        low, high = self.low[index], self.high[index]
        with np.errstate(invalid="ignore"):
            inside = (wish > low * (1 + self.tolerance / 8)) & (wish < high * (1 - self.tolerance / 8))
            middle = np.where(low > 0, np.sqrt(low) * np.sqrt(high), high / _FAR)
        fallback = np.where(np.isfinite(high), middle, low * _FAR)
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
