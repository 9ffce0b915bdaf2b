"""Rows of Hadamard matrices: +-1 vectors of length d, exactly orthogonal.

Orders are built from 2, from Paley's two constructions over prime fields, and from Kronecker products, so that only the
rows asked for are ever formed.
"""

import math

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput


def hadamard_rows(order: int, rows: Int64[np.ndarray, " k"]) -> Float64[np.ndarray, "k d"]:
    """The rows with these numbers of a Hadamard matrix of this order d.

    Raises:
        InvalidInput: no matrix of this order exists, none is known, or none comes out of these constructions.
    """
    if order < 1 or (order > 2 and order % 4):
        near = max(4, 4 * round(order / 4))
        raise InvalidInput(
            f"There is no Hadamard matrix of order {order}: the order is 1, 2 or a multiple of 4. Try d = {near}."
        )
    twos = (order & -order).bit_length() - 1
    for doublings in reversed(range(twos + 1)):
        core = order >> doublings
        if (inner := _core(core, rows % core)) is not None:
            outer = _sylvester(1 << doublings, rows // core)
            return (outer[:, :, None] * inner[:, None, :]).reshape(len(rows), order)
    raise InvalidInput(
        f"No Hadamard matrix of order {order} comes out of doubling and Paley's constructions over prime fields. "
        f"Take d = {1 << order.bit_length()} or d = {3 << max(2, order.bit_length() - 1)}."
    )


def _sylvester(order: int, rows: Int64[np.ndarray, " k"]) -> Float64[np.ndarray, "k d"]:
    """Rows of the order 2^q: entry (i, j) is the parity of the common bits of i and j."""
    parity = rows[:, None] & np.arange(order)[None, :]
    for shift in (32, 16, 8, 4, 2, 1):
        parity ^= parity >> shift
    return 1.0 - 2.0 * (parity & 1)


def _core(order: int, rows: Int64[np.ndarray, " k"]) -> Float64[np.ndarray, "k n"] | None:
    """Rows of a matrix of this order from Paley's constructions, or of order 1; None where there is neither."""
    if order == 1:
        return np.ones((len(rows), 1))
    if order % 4:
        return None
    if _is_prime(order - 1):
        return _conference(order - 1, rows, border=-1.0) + (rows[:, None] == np.arange(order))
    half = order // 2
    if half % 4 == 2 and _is_prime(half - 1):
        block, odd = rows // 2, (rows % 2).astype(bool)
        first = np.where(odd[:, None], [1.0, -1.0], [1.0, 1.0])
        second = np.where(odd[:, None], [-1.0, -1.0], [1.0, -1.0])
        conference, unit = _conference(half - 1, block, border=1.0), block[:, None] == np.arange(half)
        both = conference[:, :, None] * first[:, None, :] + unit[:, :, None] * second[:, None, :]
        return both.reshape(len(rows), order)
    return None


def _conference(q: int, rows: Int64[np.ndarray, " k"], *, border: float) -> Float64[np.ndarray, "k n"]:
    """Rows of the conference matrix over the field of the odd prime q: zeros on the diagonal, else signs."""
    character = np.full(q, -1.0)
    character[np.arange(1, q, dtype=np.int64) ** 2 % q] = 1.0
    character[0] = 0.0
    matrix = np.full((len(rows), q + 1), border)
    matrix[:, 1:] = character[(rows[:, None] - 1 - np.arange(q)) % q]
    matrix[rows == 0] = 1.0
    matrix[rows == 0, 0] = 0.0
    return matrix


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % factor for factor in range(2, math.isqrt(number) + 1))
