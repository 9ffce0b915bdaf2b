"""Conversion rules for ONNX arithmetic: Gemm, MatMul, sums, scalings, batch norm and piecewise linear activations."""

import dataclasses as dc

import numpy as np

from certify.errors import UnsupportedModel
from certify.io.layers import clip, leaky_relu, matmul, matmul_left, maximum
from certify.io.onnx_call import Call, Rule
from certify.io.views import View


def _gemm(call: Call) -> View:
    alpha, beta = (float(call.attribute(name, 1.0)) for name in ("alpha", "beta"))
    sides = [call.view(i) for i in (0, 1)]
    flips = [call.attribute(name, 0) for name in ("transA", "transB")]
    first, second = (v.rearranged(np.transpose) if flip else v for v, flip in zip(sides, flips, strict=True))
    product = _product(call, first, second)
    if alpha != 1:
        call.graph.note(f"{call.name} scales by alpha = {alpha}: weights rounded to float64.")
        product = product.times(np.asarray(alpha))
    if call.optional(2) is None:
        return product
    return call.graph.add(product, call.view(2).times(np.asarray(beta)), call.name)


def _matmul(call: Call) -> View:
    return _product(call, call.view(0), call.view(1))


def _product(call: Call, first: View, second: View) -> View:
    if second.is_constant:
        return matmul(call.graph, first, second.offset, call.name)
    if first.is_constant:
        return matmul_left(call.graph, first.offset, second, call.name)
    raise UnsupportedModel(f"{call.name} multiplies two tensors that both depend on the input: not piecewise linear.")


def _add(call: Call) -> View:
    return call.graph.add(call.view(0), call.view(1), call.name)


def _sum(call: Call) -> View:
    total = call.view(0)
    for i in range(1, len(call.inputs)):
        total = call.graph.add(total, call.view(i), call.name)
    return total


def _subtract(call: Call) -> View:
    return call.graph.add(call.view(0), -call.view(1), call.name)


def _multiply(call: Call) -> View:
    first, second = call.view(0), call.view(1)
    if second.is_constant:
        return first.times(second.offset)
    if first.is_constant:
        return second.times(first.offset)
    raise UnsupportedModel(f"{call.name} multiplies two tensors that both depend on the input: not piecewise linear.")


def _divide(call: Call) -> View:
    first, second = call.view(0), call.view(1)
    if not second.is_constant:
        raise UnsupportedModel(f"{call.name} divides by a tensor that depends on the input: not piecewise linear.")
    if not second.offset.all():
        raise UnsupportedModel(f"{call.name} divides by zero.")
    if (np.frexp(second.offset)[0] % 0.5 != 0).any():
        call.graph.note(f"{call.name} divides: the reciprocals were rounded to float64.")
    return first.over(second.offset)


def _negate(call: Call) -> View:
    return -call.view(0)


def _batch_norm(call: Call) -> View:
    if call.attribute("training_mode", 0):
        raise UnsupportedModel(f"{call.name} is in training mode. Export the model after model.eval().")
    scale, bias, mean, variance = (call.numbers(i, "parameters") for i in range(1, 5))
    factor = scale / np.sqrt(variance + float(call.attribute("epsilon", 1e-5)))
    view = call.graph.heed(call.view(0), call.name)
    shape = (-1, *[1] * (len(view.shape) - 2))
    call.graph.note(f"{call.name} was folded in float64: scale / sqrt(variance + epsilon) is rounded.")
    folded = view.plus(-mean.reshape(shape)).times(factor.reshape(shape)).plus(bias.reshape(shape))
    return dc.replace(folded, rounded=False)  # that is said


def _relu(call: Call) -> View:
    return call.graph.relu(call.view(0), call.name)


def _leaky_relu(call: Call) -> View:
    return leaky_relu(call.graph, call.view(0), np.asarray(float(call.attribute("alpha", 0.01))), call.name)


def _prelu(call: Call) -> View:
    return leaky_relu(call.graph, call.view(0), call.numbers(1, "slope"), call.name)


def _maximum(call: Call) -> View:
    largest = call.view(0)
    for i in range(1, len(call.inputs)):
        largest = maximum(call.graph, largest, call.view(i), call.name)
    return largest


def _minimum(call: Call) -> View:
    least = -call.view(0)
    for i in range(1, len(call.inputs)):
        least = maximum(call.graph, least, -call.view(i), call.name)
    return -least


def _clip(call: Call) -> View:
    ends = [
        float(call.numbers(i, name).item()) if call.optional(i) is not None else call.attribute(name)
        for i, name in ((1, "min"), (2, "max"))
    ]
    return clip(call.graph, call.view(0), (ends[0], ends[1]), call.name)


def _absolute(call: Call) -> View:
    return maximum(call.graph, call.view(0), -call.view(0), call.name)


ARITHMETIC: dict[str, Rule] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Add": _add,
    "Sum": _sum,
    "Sub": _subtract,
    "Mul": _multiply,
    "Div": _divide,
    "Neg": _negate,
    "BatchNormalization": _batch_norm,
    "Relu": _relu,
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Max": _maximum,
    "Min": _minimum,
    "Clip": _clip,
    "Abs": _absolute,
}
