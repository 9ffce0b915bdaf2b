"""A scale, a shift or a selection folded into the affine map or convolution beside it: one rounding a number."""

import math
from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from certify.io.residues import product_error
from certify.io.views import View
from certify.network import Affine, Conv2d

Matrix = Float64[np.ndarray, "m n"] | sp.csr_array


def shifted_bias(weight: Matrix, offset: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """``weight @ offset + bias``, each entry rounded once."""
    if not offset.any():
        return bias
    rows = _terms(weight, offset)
    return np.array([_sum([float(b), *terms]) for b, terms in zip(bias, rows, strict=True)])


def _terms(weight: Matrix, offset: np.ndarray) -> Iterable[list[float]]:
    if isinstance(weight, sp.csr_array):
        factors, shifts = weight.data, offset[weight.indices]
        products, errors = factors * shifts, product_error(factors, shifts)
        for start, end in zip(weight.indptr[:-1], weight.indptr[1:], strict=True):
            yield [*products[start:end].tolist(), *errors[start:end].tolist()]
        return
    used = np.flatnonzero(offset)
    for row in weight[:, used]:
        yield [*(row * offset[used]).tolist(), *product_error(row, offset[used]).tolist()]


def _sum(terms: list[float]) -> float:
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):  # infinite terms: the network's own check names the node
        return math.nan


def scaled(numbers: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, bool]:
    """``numbers * factors`` and whether that rounded anything."""
    if (factors == 1).all():
        return numbers, False
    factors = np.broadcast_to(factors, numbers.shape)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        return numbers * factors, bool(product_error(numbers, factors).any())


def after_affine(op: Affine, view: View) -> tuple[Affine, bool]:
    """The map "``op``, then ``view`` of its output", and whether a number was rounded.

    Rows are picked and scaled; a row that reads nothing is 0.
    """
    index, scale, offset = view.index.ravel(), view.scale.ravel(), view.offset.ravel()
    constant = index < 0
    bias, bias_rounded = _scaled_sum(np.where(constant, 0.0, op.bias[index]), scale, offset)
    if isinstance(op.weight, sp.csr_array):
        picked = sp.csr_array(op.weight[np.maximum(index, 0)])
        factors = np.repeat(np.where(constant, 0.0, scale), np.diff(picked.indptr))
        data, rounded = scaled(picked.data, factors)
        weight = sp.csr_array((data, picked.indices, picked.indptr), shape=picked.shape)
        weight.eliminate_zeros()
        return Affine(weight, bias), rounded or bias_rounded
    same = view.covers(op.output_width)
    rows = op.weight if same else np.where(constant[:, None], 0.0, op.weight[index])
    weight, rounded = scaled(rows, scale[:, None])
    return Affine(weight, bias), rounded or bias_rounded


def after_conv(op: Conv2d, view: View) -> tuple[Conv2d, bool] | None:
    """The convolution "``op``, then one scale and one shift per output channel"; None when ``view`` is not that."""
    if not view.covers(op.output_width):
        return None
    scale, offset = (a.reshape(op.output_image[0], -1) for a in (view.scale, view.offset))
    if (scale != scale[:, :1]).any() or (offset != offset[:, :1]).any():
        return None
    weight, rounded = scaled(op.weight, scale[:, 0, None, None, None])
    bias, bias_rounded = _scaled_sum(op.bias, scale[:, 0], offset[:, 0])
    folded = Conv2d(weight, bias, op.image, op.stride, op.padding, op.dilation, op.groups)
    return folded, rounded or bias_rounded


def _scaled_sum(numbers: np.ndarray, scale: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, bool]:
    """``numbers * scale + offset`` rounded once, and whether it was."""
    if (scale == 1).all() and not offset.any():
        return numbers, False
    if not numbers.any():
        return offset + 0.0, False
    products, errors = numbers * scale, product_error(numbers, scale)
    terms = list(zip(products.tolist(), errors.tolist(), offset.tolist(), strict=True))
    sums = [_sum(list(t)) for t in terms]
    rounded = any(_sum([*t, -s]) != 0 for t, s in zip(terms, sums, strict=True))
    return np.array(sums), rounded


def before_affine(view: View, weight: Matrix, bias: np.ndarray, width: int) -> tuple[Affine, bool]:
    """The map from the whole source of ``width`` numbers to ``weight @ view + bias``, and whether a number was rounded.

    ``view`` must not repeat an entry: columns are then moved, never added.
    """
    index, scale, offset = view.index.ravel(), view.scale.ravel(), view.offset.ravel()
    used = np.flatnonzero(index >= 0)
    shifted = shifted_bias(weight, offset, bias)
    rounded_bias = bool(offset.any())
    if isinstance(weight, sp.csr_array):
        data, rounded = scaled(weight.data, scale[weight.indices])
        placed = sp.coo_array((data, (weight.tocoo().row, index[weight.indices])), shape=weight.shape)
        keep = placed.col >= 0
        kept = (placed.data[keep], (placed.row[keep], placed.col[keep]))
        return Affine(sp.csr_array(kept, shape=(weight.shape[0], width)), shifted), rounded or rounded_bias
    columns, rounded = scaled(weight[:, used], scale[None, used])
    placed = np.zeros((weight.shape[0], width))
    placed[:, index[used]] = columns
    return Affine(placed, shifted), rounded or rounded_bias


def before_conv(view: View, op: Conv2d) -> tuple[Conv2d, bool] | None:
    """The convolution that scales and shifts each input channel first; None when ``view`` is not that.

    A shift cannot pass a zero padding, so with padding only scales fold.
    """
    if not view.covers(op.input_width):
        return None
    scale, offset = (a.reshape(op.image[0], -1) for a in (view.scale, view.offset))
    uniform = (scale == scale[:, :1]).all() and (offset == offset[:, :1]).all()
    if not uniform or (offset.any() and any(op.padding)):
        return None
    per_group = op.weight.shape[0] // op.groups
    channel = np.arange(op.groups).repeat(per_group)[:, None] * op.weight.shape[1] + np.arange(op.weight.shape[1])
    weight, rounded = scaled(op.weight, scale[:, 0][channel][:, :, None, None])
    shifts = np.broadcast_to(offset[:, 0][channel][:, :, None, None], op.weight.shape)
    bias = np.array(
        [
            shifted_bias(w.reshape(1, -1), s.ravel(), b[None])[0]
            for w, s, b in zip(op.weight, shifts, op.bias, strict=True)
        ]
    )
    folded = Conv2d(weight, bias, op.image, op.stride, op.padding, op.dilation, op.groups)
    return folded, rounded or bool(offset.any())
