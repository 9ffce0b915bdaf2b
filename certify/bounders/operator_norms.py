"""Upper bounds on the norms of layers: spectral norms and the norms induced by l1 and linf, rounding included.

Power iteration would give lower bounds on a spectral norm, and a Lipschitz constant from below proves nothing. Here
``||M||_2^2 = ||M^T M||_2`` is applied a few times and ends with the Frobenius norm, which is never below the spectral.
"""

import dataclasses as dc
import math

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from certify.network import Affine, Conv2d, Linear
from certify.region import Norm
from certify.rounding import TINY, gamma

SQUARINGS = 10
"""The Frobenius norm of a rank-k matrix is at most sqrt(k) too large; so many squarings leave its 2**10-th root."""

LARGEST_DENSE = 1 << 22
"""Convolutions and sparse maps with at most so many entries, zeros included, are written out as matrices."""


def padded(computed: float, terms: int) -> float:
    """Not below a sum of ``terms`` non-negative numbers, or the root of a sum of squares, computed as ``computed``.

    Squares that underflow are paid for too: each may hide a number of up to ``sqrt(TINY)``.
    """
    return computed * (1 + 4 * gamma(terms + 8)) + 2 * terms * math.sqrt(TINY)


def times_up(first: float, second: float) -> float:
    """Not below the product of two non-negative numbers, also where it underflows."""
    return 0.0 if 0.0 in (first, second) else math.nextafter(first * second, math.inf)


def frobenius_up(matrix: Float64[np.ndarray, "m n"]) -> float:
    """An upper bound on the Frobenius norm."""
    return padded(math.sqrt(float(np.sum(matrix * matrix))), matrix.size)


def spectral_up(matrix: Float64[np.ndarray, "m n"]) -> float:
    """An upper bound on the spectral norm, within about 0.4 % of it for fewer than 1000 rows or columns.

    With ``P = fl(M^T M)`` and k rows, ``||M||_2^2 <= ||P||_2 + gamma(k) ||M||_F^2``, for every entry of P is off by at
    most ``gamma(k) (|M|^T |M|)`` and that matrix has a Frobenius norm of at most ``||M||_F^2``. (higham2002, Section
    3.5)
    """
    largest = float(np.abs(matrix).max(initial=0.0))
    if largest == 0.0:
        return 0.0
    exponent = math.frexp(largest)[1]
    scale, unit = 1.0, np.ldexp(matrix, -exponent)  # the largest entry lies in [1/2, 1): nothing over- or underflows
    current = unit if unit.shape[0] >= unit.shape[1] else unit.T
    steps: list[tuple[float, float]] = []  # (scale, error) of each squaring
    for _ in range(SQUARINGS):
        error = gamma(len(current) + 2) * frobenius_up(current) ** 2 * 2
        steps.append((scale, error))
        current = current.T @ current
        scale = 2.0 ** math.frexp(float(np.abs(current).max()))[1]
        current = current / scale
    bound = frobenius_up(current)
    for before, error in reversed(steps):
        bound = math.sqrt(bound * scale + error) * (1 + 1e-15)
        scale = before
    return _ldexp_up(bound * scale * (1 + 1e-15), exponent)


def _ldexp_up(number: float, exponent: int) -> float:
    """Not below ``number * 2**exponent``; ``inf`` where that is no float64."""
    try:
        return math.nextafter(math.ldexp(number, exponent), math.inf)
    except OverflowError:
        return math.inf


def operator_norm_up(op: Linear, norm: Norm) -> float:
    """An upper bound on ``max ||W z||_p / ||z||_p``."""
    if norm is Norm.LINF:
        return _largest_sum(op, axis=1)
    if norm is Norm.L1:
        return _largest_sum(op, axis=0)
    matrix = _dense(op)
    if matrix is not None:
        return spectral_up(matrix)
    product = times_up(_largest_sum(op, axis=0), _largest_sum(op, axis=1))
    mixed = math.nextafter(math.sqrt(product), math.inf)
    return min(mixed, _patch_norm(op)) if isinstance(op, Conv2d) else mixed


def _dense(op: Linear) -> Float64[np.ndarray, "m n"] | None:
    if isinstance(op, Affine) and isinstance(op.weight, np.ndarray):
        return op.weight
    if op.input_width * op.output_width > LARGEST_DENSE:
        return None
    if isinstance(op, Conv2d):  # each entry is one weight or zero, so nothing is rounded
        return dc.replace(op, bias=np.zeros_like(op.bias)).apply(np.eye(op.input_width)).T
    return sp.csr_array(op.weight).toarray()


def _largest_sum(op: Linear, axis: int) -> float:
    """The largest sum of absolute values in a row (axis 1) or column (axis 0); of a convolution, at most that."""
    if isinstance(op, Conv2d):
        per_group = np.abs(op.weight).reshape(op.groups, -1, *op.weight.shape[1:])
        sums = per_group.sum(axis=(1, 3, 4) if axis == 0 else (2, 3, 4))
    else:
        sums = np.asarray(abs(op.weight).sum(axis=axis))
    entries = op.weight.size if isinstance(op, Conv2d) else max(op.input_width, op.output_width)
    return padded(float(sums.max(initial=0.0)), entries)


def _patch_norm(op: Conv2d) -> float:
    """The kernel's norm as a matrix on patches, times the root of how many patches can share a pixel."""
    kernels = np.split(op.weight.reshape(len(op.weight), -1), op.groups)
    taps, dense = op.weight.shape[2:], op.dilation == (1, 1)
    shared = math.prod(math.ceil(k / s) if dense else k for k, s in zip(taps, op.stride, strict=True))
    return times_up(max(spectral_up(kernel) for kernel in kernels), math.nextafter(math.sqrt(shared), math.inf))
