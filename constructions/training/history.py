"""What a training run looked like at the steps that were written down."""

import dataclasses as dc
from typing import cast

import numpy as np
from jaxtyping import Bool, Float64, Int64


@dc.dataclass(frozen=True, slots=True, eq=False)
class History:
    """At each of S written-down steps: loss and train accuracy *before* that step, and the coefficients lambda.

    ``lam`` is (S, R, k): neuron r's coefficient on cluster j. ``own`` (R, k) marks the clusters of a neuron's own
    class.
    """

    steps: Int64[np.ndarray, " s"]
    loss: Float64[np.ndarray, " s"]
    accuracy: Float64[np.ndarray, " s"]
    lam: Float64[np.ndarray, "s r k"]
    own: Bool[np.ndarray, "r k"]

    @property
    def lam_mean(self) -> Float64[np.ndarray, " s"]:
        """The mean of lambda over neurons and the clusters of their own class."""
        return self.lam[:, self.own].mean(axis=1)

    @property
    def lam_min(self) -> Float64[np.ndarray, " s"]:
        """The least lambda on an own cluster."""
        return self.lam[:, self.own].min(axis=1)

    @property
    def lam_max(self) -> Float64[np.ndarray, " s"]:
        """The largest lambda on an own cluster."""
        return self.lam[:, self.own].max(axis=1)

    @property
    def lam_opposite(self) -> Float64[np.ndarray, " s"]:
        """The most negative lambda on a cluster of another class."""
        return self.lam[:, ~self.own].min(axis=1)

    def largest_reversal(self) -> float:
        """By how much any lambda ever moved the wrong way: 0 where own ones only grow and the others only shrink."""
        moves = np.diff(self.lam, axis=0) * np.where(self.own, 1.0, -1.0)
        return float(np.maximum(-moves, 0.0).max(initial=0.0))


def logged_steps(steps: int, count: int) -> frozenset[int]:
    """About ``count`` steps to write down, spread geometrically, with the first and the last."""
    spread = np.geomspace(1, steps, count).round().astype(int) if steps else np.zeros(0, dtype=int)
    return frozenset({0, steps} | cast("set[int]", set(spread.tolist())))
