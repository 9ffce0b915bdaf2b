"""Linear lower bounds of many functions at once, and the error that computing them may have left behind."""

import dataclasses as dc

from torch import Tensor

from certify.bounders.ball import BallBatch
from certify.bounders.charges import LEAST
from certify.rounding import UNIT


@dc.dataclass(frozen=True, slots=True, eq=False)
class LinearForm:
    """For B regions and R functions each: ``function(x) >= coefficients @ x + constant - error`` on the region.

    Shapes: ``coefficients`` (B, R, n), ``constant`` and ``error`` (B, R); ``error`` bounds what rounding did and is 0
    where rounding is not accounted for.
    """

    coefficients: Tensor
    constant: Tensor
    error: Tensor

    def lower(self, ball: BallBatch) -> Tensor:
        """Lower bounds (B, R) of the functions over ``ball``, which must lie in the region; NaN becomes -inf."""
        reach = ball.minimum(self.coefficients)
        value = reach + self.constant
        if ball.rounded:
            value = value - 1.01 * self.error - 8 * UNIT * (reach.abs() + self.constant.abs()) - LEAST
        return value.nan_to_num(nan=-float("inf"), posinf=-float("inf"), neginf=-float("inf"))
