"""Conversion rules for ATen convolution and pooling, in one or two dimensions."""

import numpy as np

from certify.errors import UnsupportedModel
from certify.io.aten_call import Call, Rule
from certify.io.layers import Kernel, Sliding, convolve, surrounded
from certify.io.pools import average_pool, max_pool
from certify.io.views import View


def _convolution(call: Call) -> View:
    if call.arguments.get("transposed"):
        raise UnsupportedModel(f"{call.name} is a transposed convolution, which is not supported.")
    weight = call.numbers("weight")
    bias = np.zeros(len(weight)) if call.get("bias") is None else call.numbers("bias")
    flat = weight.ndim == 3
    weight = weight[:, :, None, :] if flat else weight
    kernel = (int(weight.shape[2]), int(weight.shape[3]))
    dilation, stride = _spatial(call, "dilation", flat, 1), _spatial(call, "stride", flat, 1)
    padding = call.get("padding")
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        pads = (total[0] // 2, total[1] // 2, total[0] - total[0] // 2, total[1] - total[1] // 2)
    elif padding == "valid":
        pads = (0, 0, 0, 0)
    else:
        vertical, horizontal = _spatial(call, "padding", flat, 0)
        pads = (vertical, horizontal, vertical, horizontal)
    window, groups = Sliding(kernel, stride, pads, dilation), int(call.get("groups"))
    view = _lifted(call.view("input"), flat)
    return _restored(convolve(call.graph, view, Kernel(weight, bias, groups), window, call.name), flat)


def _spatial(call: Call, name: str, flat: bool, neutral: int) -> tuple[int, int]:
    """An argument as (vertical, horizontal); of a one-dimensional op the vertical one is ``neutral``."""
    pair = call.pair(name, neutral)
    return (neutral, pair[0]) if flat else pair


def _lifted(view: View, flat: bool) -> View:
    return view.rearranged(lambda a: a[:, :, None, :]) if flat else view


def _restored(view: View, flat: bool) -> View:
    return view.rearranged(lambda a: a[:, :, 0, :]) if flat else view


def _pool_window(call: Call, flat: bool) -> Sliding:
    kernel = _spatial(call, "kernel_size", flat, 1)
    stride = _spatial(call, "stride", flat, 1) if call.get("stride") else kernel
    (vertical, horizontal) = _spatial(call, "padding", flat, 0)
    dilation = _spatial(call, "dilation", flat, 1) if "dilation" in call.arguments else (1, 1)
    return Sliding(kernel, stride, (vertical, horizontal, vertical, horizontal), dilation, bool(call.get("ceil_mode")))


def _max_pool(call: Call, flat: bool = False) -> View:
    view = _lifted(call.view(), flat)
    return _restored(max_pool(call.graph, view, _pool_window(call, flat), call.name), flat)


def _average_pool(call: Call, flat: bool = False) -> View:
    if call.arguments.get("divisor_override") is not None:
        raise UnsupportedModel(f"{call.name}: divisor_override is not supported.")
    view, count = _lifted(call.view(), flat), bool(call.get("count_include_pad"))
    window = _pool_window(call, flat)
    return _restored(average_pool(call.graph, view, window, count_padding=count, name=call.name), flat)


def _adaptive_average(call: Call, flat: bool = False) -> View:
    view = _lifted(call.view(), flat)
    size = _spatial(call, "output_size", flat, 1)
    if any(have % want for have, want in zip(view.shape[2:], size, strict=True)):
        raise UnsupportedModel(f"{call.name}: {size} windows do not divide an image of {view.shape[2:]} evenly.")
    kernel = (view.shape[2] // size[0], view.shape[3] // size[1])
    window = Sliding(kernel, kernel)
    return _restored(average_pool(call.graph, view, window, count_padding=False, name=call.name), flat)


def _pad(call: Call) -> View:
    if call.arguments.get("mode", "constant") != "constant":
        raise UnsupportedModel(f"{call.name}: only constant padding is supported, not mode {call.get('mode')!r}.")
    view, pads = call.view(), [int(p) for p in call.get("pad")]
    if min(pads) < 0:
        raise UnsupportedModel(f"{call.name}: negative padding is not supported; slice the tensor instead.")
    pairs = list(zip(pads[::2], pads[1::2], strict=True))[::-1]
    number = float(call.get("value") or 0.0)
    return surrounded(view, [(0, 0)] * (len(view.shape) - len(pairs)) + pairs, number)


WINDOWS: dict[str, Rule] = {
    "conv2d": _convolution,
    "conv1d": _convolution,
    "convolution": _convolution,
    "max_pool2d": _max_pool,
    "max_pool1d": lambda call: _max_pool(call, flat=True),
    "max_pool2d_with_indices": lambda call: [_max_pool(call)],
    "avg_pool2d": _average_pool,
    "avg_pool1d": lambda call: _average_pool(call, flat=True),
    "adaptive_avg_pool2d": _adaptive_average,
    "_adaptive_avg_pool2d": _adaptive_average,
    "adaptive_avg_pool1d": lambda call: _adaptive_average(call, flat=True),
    "pad": _pad,
    "constant_pad_nd": _pad,
}
