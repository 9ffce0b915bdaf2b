"""Conversion rules for ATen arithmetic: products, sums, scalings, batch norm and piecewise linear activations."""

import dataclasses as dc

import numpy as np

from certify.errors import UnsupportedModel
from certify.io.aten_call import Call, Rule
from certify.io.layers import clip, leaky_relu, matmul, matmul_left, maximum
from certify.io.views import View


def _linear(call: Call) -> View:
    product = matmul(call.graph, call.view("input"), call.numbers("weight").T, call.name)
    return product if call.get("bias") is None else call.graph.add(product, call.view("bias"), call.name)


def _product(call: Call, first: View, second: View) -> View:
    if second.is_constant:
        return matmul(call.graph, first, second.offset, call.name)
    if first.is_constant:
        return matmul_left(call.graph, first.offset, second, call.name)
    raise UnsupportedModel(f"{call.name} multiplies two tensors that both depend on the input: not piecewise linear.")


def _addmm(call: Call) -> View:
    product = _scaled(call, _product(call, call.view("mat1"), call.view("mat2")), "alpha")
    return call.graph.add(product, _scaled(call, call.view(), "beta"), call.name)


def _scaled(call: Call, view: View, name: str) -> View:
    factor = float(call.get(name))
    return view if factor == 1 else view.times(np.asarray(factor))


def _add(call: Call) -> View:
    return call.graph.add(call.view(), _scaled(call, call.view("other"), "alpha"), call.name)


def _subtract(call: Call) -> View:
    return call.graph.add(call.view(), -_scaled(call, call.view("other"), "alpha"), call.name)


def _subtract_from(call: Call) -> View:
    return call.graph.add(-_scaled(call, call.view(), "alpha"), call.view("other"), call.name)


def _multiply(call: Call) -> View:
    first, second = call.view(), call.view("other")
    if second.is_constant:
        return first.times(second.offset)
    if first.is_constant:
        return second.times(first.offset)
    raise UnsupportedModel(f"{call.name} multiplies two tensors that both depend on the input: not piecewise linear.")


def _divide(call: Call) -> View:
    divisor = call.numbers("other")
    if call.arguments.get("rounding_mode") is not None or not divisor.all():
        raise UnsupportedModel(f"{call.name} divides by zero or rounds.")
    if (np.frexp(divisor)[0] % 0.5 != 0).any():
        call.graph.note(f"{call.name} divides: the reciprocals were rounded to float64.")
    return call.view().over(divisor)


def _batch_norm(call: Call) -> View:
    if call.arguments.get("training"):
        raise UnsupportedModel(f"{call.name} is in training mode. Export the module after module.eval().")
    mean, variance = call.numbers("running_mean"), call.numbers("running_var")
    scale = np.ones(mean.shape) if call.get("weight") is None else call.numbers("weight")
    bias = np.zeros(mean.shape) if call.get("bias") is None else call.numbers("bias")
    factor = scale / np.sqrt(variance + float(call.get("eps")))
    view = call.graph.heed(call.view("input"), call.name)
    shape = (-1, *[1] * (len(view.shape) - 2))
    call.graph.note(f"{call.name} was folded in float64: weight / sqrt(variance + eps) is rounded.")
    folded = view.plus(-mean.reshape(shape)).times(factor.reshape(shape)).plus(bias.reshape(shape))
    return dc.replace(folded, rounded=False)  # that is said


def _relu(call: Call) -> View:
    return call.graph.relu(call.view(), call.name)


def _leaky_relu(call: Call) -> View:
    return leaky_relu(call.graph, call.view(), np.asarray(float(call.get("negative_slope"))), call.name)


def _prelu(call: Call) -> View:
    slope, rank = call.numbers("weight"), len(call.view().shape)
    shaped = slope if slope.size == 1 or rank < 2 else slope.reshape(-1, *[1] * (rank - 2))
    return leaky_relu(call.graph, call.view(), shaped, call.name)


def _hard_tanh(call: Call) -> View:
    return clip(call.graph, call.view(), (float(call.get("min_val")), float(call.get("max_val"))), call.name)


def _clamp(call: Call) -> View:
    low, high = (None if call.arguments.get(n) is None else float(call.numbers(n)) for n in ("min", "max"))
    return clip(call.graph, call.view(), (low, high), call.name)


def _maximum(call: Call) -> View:
    return maximum(call.graph, call.view(), call.view("other"), call.name)


def _minimum(call: Call) -> View:
    return -maximum(call.graph, -call.view(), -call.view("other"), call.name)


ARITHMETIC: dict[str, Rule] = {
    "linear": _linear,
    "addmm": _addmm,
    "mm": lambda call: _product(call, call.view(), call.view("mat2")),
    "bmm": lambda call: _product(call, call.view(), call.view("mat2")),
    "matmul": lambda call: _product(call, call.view(), call.view("other")),
    "add": _add,
    "sub": _subtract,
    "rsub": _subtract_from,
    "mul": _multiply,
    "div": _divide,
    "neg": lambda call: -call.view(),
    "batch_norm": lambda call: _batch_norm(call),
    "_native_batch_norm_legit_no_training": lambda call: [_batch_norm(call)],
    "relu": _relu,
    "relu6": lambda call: clip(call.graph, call.view(), (0.0, 6.0), call.name),
    "leaky_relu": _leaky_relu,
    "prelu": _prelu,
    "_prelu_kernel": _prelu,
    "hardtanh": _hard_tanh,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp,
    "abs": lambda call: maximum(call.graph, call.view(), -call.view(), call.name),
    "maximum": _maximum,
    "minimum": _minimum,
}
