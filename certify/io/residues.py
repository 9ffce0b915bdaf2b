"""What rounding takes off sums and products of float64 numbers, exactly: to tell whether a weight was rounded."""

import numpy as np


def product_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What rounding takes off: ``a * b`` is ``fl(a * b) + error`` exactly (dekker1971), but for over- and underflow."""

    def halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        wide = x * 134217729.0  # 2**27 + 1
        high = wide - (wide - x)
        return high, x - high

    a, b = np.atleast_1d(a, b)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        (ah, al), (bh, bl) = halves(a), halves(b)
        error = ((ah * bh - a * b) + ah * bl + al * bh) + al * bl
    return np.where(np.isfinite(error), error, 0.0)


def sum_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What rounding takes off: the sum ``a + b`` is ``fl(a + b) + error`` exactly (moller1965), but for overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add(a, b)
        second = total - a
        error = (a - (total - second)) + (b - second)
    return np.where(np.isfinite(error), error, 0.0)
