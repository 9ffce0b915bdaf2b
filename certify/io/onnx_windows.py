"""Conversion rules for ONNX convolution and pooling, in one or two dimensions."""

from collections.abc import Sequence

import numpy as np

from certify.errors import UnsupportedModel
from certify.io.layers import Kernel, Sliding, convolve, padded
from certify.io.onnx_call import Call, Rule
from certify.io.pools import average_pool, max_pool
from certify.io.views import View


def _convolution(call: Call) -> View:
    weight = call.numbers(1, "kernel")
    bias = call.numbers(2, "bias") if call.optional(2) is not None else np.zeros(len(weight))
    view, rank = _two_dimensional(call)
    weight = weight if rank == 2 else weight[:, :, None, :]
    window = _window(call, view, weight.shape[2:])
    groups = int(call.attribute("group", 1))
    result = convolve(call.graph, view, Kernel(weight, bias, groups), window, call.name)
    return _restored(result, rank)


def _max_pool(call: Call) -> View:
    if len(call.node.output) > 1:
        raise UnsupportedModel(f"{call.name}: the indices of the maxima are not a piecewise linear function.")
    view, rank = _two_dimensional(call)
    window = _window(call, view, _lifted(call.attribute("kernel_shape"), rank, 1))
    return _restored(max_pool(call.graph, view, window, call.name), rank)


def _average_pool(call: Call) -> View:
    view, rank = _two_dimensional(call)
    window = _window(call, view, _lifted(call.attribute("kernel_shape"), rank, 1))
    count = bool(call.attribute("count_include_pad", 0))
    return _restored(average_pool(call.graph, view, window, count_padding=count, name=call.name), rank)


def _global_average(call: Call) -> View:
    view, rank = _two_dimensional(call)
    window = Sliding((view.shape[2], view.shape[3]))
    return _restored(average_pool(call.graph, view, window, count_padding=False, name=call.name), rank)


def _global_max(call: Call) -> View:
    view, rank = _two_dimensional(call)
    return _restored(max_pool(call.graph, view, Sliding((view.shape[2], view.shape[3])), call.name), rank)


def _pad(call: Call) -> View:
    mode = call.attribute("mode", "constant")
    if mode != "constant":
        raise UnsupportedModel(f"{call.name}: only constant padding is supported, not mode {mode!r}.")
    view = call.view(0)
    pads = call.integers(1, "pads") or []
    axes = call.integers(3, "axes", range(len(view.shape))) or []
    value = call.optional(2)
    number = float(call.numbers(2, "value").item()) if value is not None else float(call.attribute("value", 0.0))
    widths = [(0, 0)] * len(view.shape)
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        widths[axis] = (before, after)
    for axis, (before, after) in enumerate(widths):
        moved = view.rearranged(lambda a, k=axis: np.moveaxis(a, k, -1)[..., None, :])
        grown = padded(moved, (0, before, 0, after), number)
        view = grown.rearranged(lambda a, k=axis: np.moveaxis(a[..., 0, :], -1, k))
    return view


def _two_dimensional(call: Call) -> tuple[View, int]:
    """The input as a (batch, channels, height, width) tensor, and how many spatial axes it really has."""
    view = call.view(0)
    rank = len(view.shape) - 2
    if rank not in (1, 2):
        raise UnsupportedModel(f"{call.name}: a {view.shape} tensor; one or two spatial axes are supported.")
    return (view if rank == 2 else view.rearranged(lambda a: a[:, :, None, :])), rank


def _restored(view: View, rank: int) -> View:
    return view if rank == 2 else view.rearranged(lambda a: a[:, :, 0, :])


def _lifted(values: Sequence[int] | None, rank: int, default: int) -> tuple[int, int]:
    given = [int(v) for v in values] if values else [default] * rank
    return (given[0], given[1]) if rank == 2 else (default, given[0])


def _window(call: Call, view: View, kernel: Sequence[int]) -> Sliding:
    rank = 1 if len(call.view(0).shape) == 3 else 2
    stride = _lifted(call.attribute("strides"), rank, 1)
    dilation = _lifted(call.attribute("dilations"), rank, 1)
    auto = call.attribute("auto_pad", "NOTSET")
    size = (int(kernel[0]), int(kernel[1]))
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pads = _same(view, size, stride, dilation, auto == "SAME_UPPER")
    else:
        given = [int(p) for p in call.attribute("pads") or [0] * 2 * rank] if auto == "NOTSET" else [0] * 2 * rank
        pads = (given[0], given[1], given[2], given[3]) if rank == 2 else (0, given[0], 0, given[1])
    return Sliding(size, stride, pads, dilation, bool(call.attribute("ceil_mode", 0)))


def _same(
    view: View, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], upper: bool
) -> tuple[int, int, int, int]:
    """The padding that makes the output ``ceil(size / stride)`` long; the odd one out goes last when ``upper``."""
    total = [
        max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        for size, k, s, d in zip(view.shape[2:], kernel, stride, dilation, strict=True)
    ]
    small, large = [t // 2 for t in total], [t - t // 2 for t in total]
    before, after = (small, large) if upper else (large, small)
    return before[0], before[1], after[0], after[1]


WINDOWS: dict[str, Rule] = {
    "Conv": _convolution,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average,
    "GlobalMaxPool": _global_max,
    "Pad": _pad,
}
