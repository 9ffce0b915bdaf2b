"""The layers that models have, said in the four ops: shared by the ONNX and the PyTorch reader."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from certify.errors import UnsupportedModel
from certify.io.graph import Graph
from certify.io.views import View
from certify.network import Conv2d

LARGEST_SPARSE = 100_000_000
"""More entries than this are refused where a layer must be written out as a sparse matrix."""


def matmul(graph: Graph, view: View, weight: np.ndarray, name: str) -> View:
    """``view @ weight`` for constant ``weight``, by numpy's rules for vectors, matrices and leading axes.

    Raises:
        UnsupportedModel: the shapes do not fit, or the layer is too large to write out.
    """
    vector = weight.ndim == 1
    weight = weight[:, None] if vector else weight
    if view.shape[-1:] != weight.shape[-2:-1]:
        raise UnsupportedModel(f"{name}: a {view.shape} tensor does not fit a {weight.shape} weight.")
    if len(view.shape) == 1:
        result = _stacked(graph, view.reshape((1, view.size)), weight, name)
        result = result.reshape(result.shape[:-2] + result.shape[-1:])
    else:
        result = _stacked(graph, view, weight, name)
    return result.reshape(result.shape[:-1]) if vector else result


def _stacked(graph: Graph, view: View, weight: np.ndarray, name: str) -> View:
    rows, inner = view.shape[-2:]
    lead = np.broadcast_shapes(view.shape[:-2], weight.shape[:-2])
    view = view.broadcast((*lead, rows, inner))
    shape = (*lead, rows, weight.shape[-1])
    blocks = np.broadcast_to(weight, (*lead, *weight.shape[-2:])).reshape(-1, *weight.shape[-2:])
    bias = np.zeros(int(np.prod(shape)))
    if len(blocks) * rows == 1:
        return graph.affine(view, np.ascontiguousarray(blocks[0].T), bias, shape=shape, name=name)
    if len(blocks) * rows * weight[..., :, :].shape[-1] * inner > LARGEST_SPARSE:
        raise UnsupportedModel(
            f"{name}: a {shape} product written out as a matrix has over {LARGEST_SPARSE:.0e} entries."
        )
    matrix = sp.csr_array(sp.block_diag([block.T for block in blocks for _ in range(rows)], format="csr"))
    return graph.affine(view, matrix, bias, shape=shape, name=name)


def matmul_left(graph: Graph, weight: np.ndarray, view: View, name: str) -> View:
    """``weight @ view`` for constant ``weight``."""
    if len(view.shape) == 1 or weight.ndim == 1:
        flipped = weight if weight.ndim == 1 else np.swapaxes(weight, -1, -2)
        turned = view if len(view.shape) == 1 else view.rearranged(lambda a: np.swapaxes(a, -1, -2))
        return matmul(graph, turned, flipped, name)
    turned = matmul(graph, view.rearranged(lambda a: np.swapaxes(a, -1, -2)), np.swapaxes(weight, -1, -2), name)
    return turned.rearranged(lambda a: np.swapaxes(a, -1, -2))


def leaky_relu(graph: Graph, view: View, slope: np.ndarray, name: str) -> View:
    """``x`` where positive, ``slope * x`` elsewhere, as ``slope x + (1 - slope) relu(x)``: one ReLU a unit."""
    rest = np.asarray(1.0 - slope)
    if ((1.0 - rest) != slope).any():
        graph.note(f"The slope of {name} was rounded: 1 - slope is not a float64.")
    settled = View.whole(graph.settle(view, name), view.shape)
    return graph.add(graph.relu(settled, name).times(rest), settled.times(slope), name)


def maximum(graph: Graph, first: View, second: View, name: str) -> View:
    """``max(first, second)`` as ``second + relu(first - second)``, with broadcasting."""
    return graph.add(graph.relu(graph.add(first, -second, name), name), second, name)


def clip(graph: Graph, view: View, bounds: tuple[float | None, float | None], name: str) -> View:
    """``min(max(view, low), high)``; a bound may be None."""
    low, high = bounds
    if low is not None and np.isfinite(low):
        view = maximum(graph, view, View.constant(np.asarray(low)), name)
    if high is not None and np.isfinite(high):
        view = -maximum(graph, -view, View.constant(np.asarray(-high)), name)
    return view


@dc.dataclass(frozen=True, slots=True)
class Sliding:
    """How a window moves over (vertical, horizontal) axes; ``pads`` is (top, left, bottom, right)."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    ceil: bool = False


@dc.dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """The numbers of a convolution: ``weight`` and one ``bias`` per output channel."""

    weight: Float64[np.ndarray, "o i kh kw"]
    bias: Float64[np.ndarray, " o"]
    groups: int


def convolve(graph: Graph, view: View, kernel: Kernel, window: Sliding, name: str) -> View:
    """A 2-d convolution of the (1, channels, height, width) tensor ``view``.

    Zeros that the model pads with beforehand become padding; unequal padding becomes zero taps of the kernel.

    Raises:
        UnsupportedModel: a batch axis other than 1, or sizes that do not fit.
    """
    weight, groups = kernel.weight, kernel.groups
    if len(view.shape) != 4 or view.shape[0] != 1:
        raise UnsupportedModel(f"{name}: convolution of a {view.shape} tensor; (1, channels, height, width) is needed.")
    if view.shape[1] != weight.shape[1] * groups:
        raise UnsupportedModel(f"{name}: {weight.shape} kernel with {groups} group(s) on {view.shape[1]} channels.")
    inner, border = _without_border(view)
    top, left, bottom, right = (a + b for a, b in zip(window.pads, border, strict=True))
    spread = (bottom - top, right - left)
    if min(top, left, bottom, right) < 0 or any(s % d for s, d in zip(spread, window.dilation, strict=True)):
        inner, (top, left, bottom, right), spread = padded(view, window.pads), (0, 0, 0, 0), (0, 0)
    vertical, horizontal = (
        (max(s // d, 0), max(-s // d, 0)) for s, d in zip(spread, window.dilation, strict=True)
    )  # zero taps before and after
    op = Conv2d(
        np.pad(weight, ((0, 0), (0, 0), vertical, horizontal)),
        kernel.bias,
        (inner.shape[1], inner.shape[2], inner.shape[3]),
        window.stride,
        (max(top, bottom), max(left, right)),
        window.dilation,
        groups,
    )
    return graph.convolve(inner, op, shape=(1, *op.output_image), name=name)


def padded(view: View, pads: Sequence[int], number: float = 0.0) -> View:
    """The image with ``number`` around it; negative ``pads`` (top, left, bottom, right) crop."""
    top, left, bottom, right = pads
    none = [(0, 0)] * (len(view.shape) - 2)
    grown = surrounded(view, [*none, (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))], number)
    height, width = grown.shape[-2:]
    rows, columns = slice(max(-top, 0), height + min(bottom, 0)), slice(max(-left, 0), width + min(right, 0))
    return grown.rearranged(lambda a: a[..., rows, columns])


def surrounded(view: View, widths: Sequence[tuple[int, int]], number: float) -> View:
    """``np.pad`` with a constant."""
    return View(
        view.source,
        np.pad(view.index, widths, constant_values=-1),
        np.pad(view.scale, widths, constant_values=1.0),
        np.pad(view.offset, widths, constant_values=number),
        view.rounded,
    )


def _without_border(view: View) -> tuple[View, tuple[int, int, int, int]]:
    """The image without its constant zero border, and the border's (top, left, bottom, right) widths."""
    alive = (view.index >= 0) | (view.offset != 0)
    rows, columns = (np.flatnonzero(alive.any(axis=axes)) for axes in ((0, 1, 3), (0, 1, 2)))
    if not rows.size:
        return view, (0, 0, 0, 0)
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    inner = view.rearranged(lambda a: a[:, :, top:bottom, left:right])
    return inner, (top, left, view.shape[2] - bottom, view.shape[3] - right)
