"""Linear enclosures of ReLU on an interval: the chord above, a line through the origin below.

For t in [l, u], every coefficient nu and every real v, ``nu * relu(t) >= v t - c`` with
``c = max(v l - nu relu(l), v u - nu relu(u), 0 if l < 0 < u)``, because the difference is piecewise linear with its
breakpoints there. So any slope that floating point produced is valid; only c has to be bounded.
"""

import dataclasses as dc

import torch
from torch import Tensor

from certify.bounders.charges import length


@dc.dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """For each of B regions and n units with pre-activation in [l, u]:

    ``lower_slope * t <= relu(t) <= upper_slope * t + upper_offset``, all (B, n). On a stable unit both lines are the
    function itself. ``reach`` (B,) is the l2 norm over the units of how far relu(t) and its lines can be from 0;
    rounding is measured by it.
    """

    lower_slope: Tensor
    upper_slope: Tensor
    upper_offset: Tensor
    unstable: Tensor
    reach: Tensor

    @classmethod
    def of(cls, lower: Tensor, upper: Tensor) -> "Relaxation":
        """The chord, and the lower line of least area: slope 1 where the positive side is longer, else 0."""
        unstable = (lower < 0) & (upper > 0)
        active = lower >= 0
        width = torch.where(unstable, upper - lower, 1.0)
        chord = torch.where(unstable, upper / width, active.to(lower.dtype))
        offset = torch.where(unstable, -chord * lower, 0.0)
        slope = torch.where(unstable, upper > -lower, active).to(lower.dtype)
        span = upper.clamp_min(0.0) + torch.where(unstable, -lower, 0.0)
        return cls(slope, chord, offset, unstable, length(span, dim=1))

    def take(self, index: Tensor) -> "Relaxation":
        """The relaxations of the regions at ``index``."""
        return Relaxation(
            self.lower_slope[index],
            self.upper_slope[index],
            self.upper_offset[index],
            self.unstable[index],
            self.reach[index],
        )

    def with_slopes(self, chosen: Tensor) -> Tensor:
        """Lower slopes (B, R, n): ``chosen`` (B, R, n), cut to [0, 1], on unstable units; the only choice elsewhere."""
        return torch.where(self.unstable[:, None, :], chosen.clamp(0.0, 1.0), self.lower_slope[:, None, :])
