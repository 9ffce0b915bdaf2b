"""What others do today: bounds by auto_LiRPA, and radii by bisection on them."""

import numpy as np
from jaxtyping import Float64

from certify.bounders.base import AbstractBounder
from certify.deadline import Deadline
from certify.query import Queries


def bisected(
    bounder: AbstractBounder, queries: Queries, *, start: float, tolerance: float
) -> Float64[np.ndarray, " b"]:
    """Radii by bisection with one radius per sample: doubled until the bound fails, halved until it holds, then split.

    Stops when every bracket is within the relative ``tolerance``.
    """
    low, high = np.zeros(len(queries)), np.full(len(queries), np.inf)
    radius = np.full(len(queries), start)
    while True:
        holds = bounder.bound(queries.within(radius), Deadline.never()).radius >= radius
        low, high = np.where(holds, radius, low), np.where(holds, high, radius)
        if (high <= low * (1 + tolerance)).all():
            return low
        middle = np.where(low > 0, np.sqrt(low * np.where(np.isfinite(high), high, low)), high / 4)
        radius = np.where(np.isfinite(high), middle, low * 2)
