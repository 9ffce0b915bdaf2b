"""Robust accuracy as a function of the radius, from both sides.

With N inputs (every row counts, failed ones too), the accuracy that an adversary of power r leaves lies between

    certified(r) = #{correct and lower >= r} / N    and    attacked(r) = #{not misclassified and upper > r} / N,

because ``lower`` belongs to the ball that is proved robust, and at distance ``upper`` a counterexample is known.
"""

import dataclasses as dc
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from certify.outcome import Status
from certify.record import Record


@dc.dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The two sides of robust accuracy for ``count`` inputs.

    ``lowers``: sorted certified radii of the correct inputs. ``uppers``: sorted attacked radii of those not
    misclassified, ``inf`` where no counterexample is known. Radii are in raw input units.
    """

    lowers: Float64[np.ndarray, " c"]
    uppers: Float64[np.ndarray, " k"]
    count: int

    @classmethod
    def of(cls, rows: Sequence[Record]) -> "Curve":
        """The curve of a run's rows."""
        lowers = [row.answer.lower for row in rows if row.correct]
        uppers = [row.answer.upper for row in rows if row.answer.status is not Status.MISCLASSIFIED]
        return cls(np.sort(np.array(lowers, dtype=np.float64)), np.sort(np.array(uppers, dtype=np.float64)), len(rows))

    def certified(self, radius: float) -> float:
        """The fraction of inputs proved robust on the closed ball of ``radius``; at 0, the known clean accuracy."""
        return float(len(self.lowers) - np.searchsorted(self.lowers, radius, side="left")) / max(self.count, 1)

    def attacked(self, radius: float) -> float:
        """The fraction of inputs without a known counterexample within ``radius``."""
        return float(len(self.uppers) - np.searchsorted(self.uppers, radius, side="right")) / max(self.count, 1)

    @property
    def reach(self) -> float:
        """The largest finite radius in the curve, 0 if there is none."""
        finite = self.uppers[np.isfinite(self.uppers)]
        return float(max(self.lowers.max(initial=0.0), finite.max(initial=0.0)))

    def steps(
        self, end: float
    ) -> tuple[Float64[np.ndarray, " e"], Float64[np.ndarray, " s"], Float64[np.ndarray, " s"]]:
        """Both sides as step functions on [0, end]: edges, and the certified and attacked value between them."""
        jumps = np.concatenate([self.lowers, self.uppers])
        edges = np.unique(np.concatenate([[0.0], jumps[(jumps > 0) & (jumps < end)], [end]]))
        certified = [self.certified(right) for right in edges[1:]]
        attacked = [self.attacked(left) for left in edges[:-1]]
        return edges, np.array(certified, dtype=np.float64), np.array(attacked, dtype=np.float64)

    def ticks(self, count: int = 8) -> list[float]:
        """About ``count`` round radii from 0 to ``reach``, for tables; steps are 1, 2 or 5 times a power of ten."""
        if self.reach == 0:
            return [0.0]
        rough = self.reach / count
        scale = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * scale for factor in (1, 2, 5, 10) if factor * scale >= rough * (1 - 1e-9))
        return [float(f"{k * step:.12g}") for k in range(int(self.reach / step) + 1)]
