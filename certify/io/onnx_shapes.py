"""Conversion rules for ONNX ops that move, drop, repeat or average entries."""

import numpy as np

from certify.errors import UnsupportedModel
from certify.io.onnx_call import Call, Rule
from certify.io.pools import reduce_axes
from certify.io.views import View


def _same(call: Call) -> View:
    return call.view(0)


def _dropout(call: Call) -> View:
    if len(call.inputs) > 2 and call.optional(2) is not None and bool(call.constant(2, "training mode").item()):
        raise UnsupportedModel(f"{call.name} is in training mode. Export the model after model.eval().")
    return call.view(0)


def _flatten(call: Call) -> View:
    view = call.view(0)
    axis = int(call.attribute("axis", 1))
    axis = axis + len(view.shape) if axis < 0 else axis
    return view.reshape((int(np.prod(view.shape[:axis])), int(np.prod(view.shape[axis:]))))


def _reshape(call: Call) -> View:
    view = call.view(0)
    target = call.integers(1, "shape") or []
    if not call.attribute("allowzero", 0):
        target = [view.shape[i] if t == 0 and i < len(view.shape) else t for i, t in enumerate(target)]
    if call.batch > 1 and target[:1] == [call.batch] and view.shape[:1] == (1,):
        target[0] = 1  # one input of the fixed batch is read
    try:
        return view.reshape(target)
    except ValueError:
        raise UnsupportedModel(f"{call.name}: {view.shape} cannot become {tuple(target)}.") from None


def _squeeze(call: Call) -> View:
    axes = call.integers(1, "axes")
    return call.view(0).rearranged(lambda a: np.squeeze(a, None if axes is None else tuple(axes)))


def _unsqueeze(call: Call) -> View:
    axes = call.integers(1, "axes") or []
    return call.view(0).rearranged(lambda a: np.expand_dims(a, tuple(axes)))


def _transpose(call: Call) -> View:
    return call.view(0).rearranged(lambda a: np.transpose(a, call.attribute("perm")))


def _concat(call: Call) -> View:
    views = [call.view(i) for i in range(len(call.inputs))]
    return call.graph.concatenate(views, int(call.attribute("axis", 1)), call.name)


def _slice(call: Call) -> View:
    starts, ends = (call.integers(i, name) or [] for i, name in ((1, "starts"), (2, "ends")))
    axes = call.integers(3, "axes", range(len(starts))) or []
    steps = call.integers(4, "steps", [1] * len(starts)) or []
    view = call.view(0)
    cut: list[slice] = [slice(None)] * len(view.shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cut[axis] = slice(start, end, step)
    return view.rearranged(lambda a: a[tuple(cut)])


def _gather(call: Call) -> View:
    index = call.constant(1, "index").astype(np.int64)
    return call.view(0).rearranged(lambda a: np.take(a, index, axis=int(call.attribute("axis", 0))))


def _split(call: Call) -> list[View]:
    view, axis = call.view(0), int(call.attribute("axis", 0))
    count = len(call.node.output)
    sizes = call.integers(1, "split")
    chunk = -(-view.shape[axis] // count)
    ends = np.cumsum(sizes)[:-1] if sizes else np.arange(1, count) * chunk
    positions = np.split(np.arange(view.shape[axis]), ends)
    return [view.rearranged(lambda a, p=p: np.take(a, p, axis=axis)) for p in positions]


def _expand(call: Call) -> View:
    view = call.view(0)
    shape = np.broadcast_shapes(view.shape, tuple(call.integers(1, "shape") or []))
    return view.broadcast(shape)


def _reduce(call: Call, mean: bool) -> View:
    axes = call.integers(1, "axes")
    if not axes and call.attribute("noop_with_empty_axes", 0):
        return call.view(0)
    keep = bool(call.attribute("keepdims", 1))
    return reduce_axes(call.graph, call.view(0), axes or None, keep=keep, mean=mean, name=call.name)


def _shape(call: Call) -> np.ndarray:
    shape = np.array(call.view(0).shape, dtype=np.int64)
    return shape[call.attribute("start", 0) : call.attribute("end", None)]


def _cast(call: Call) -> View:
    target = int(call.attribute("to", 1))
    if target not in (1, 10, 11, 16):
        raise UnsupportedModel(f"{call.name} casts to a type that is not floating point (ONNX type {target}).")
    if target in (10, 16):
        call.graph.note(f"{call.name} rounds to half precision when the file is run; the network is read without it.")
    return call.view(0)


SHAPES: dict[str, Rule] = {
    "Identity": _same,
    "Dropout": _dropout,
    "Cast": _cast,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Slice": _slice,
    "Gather": _gather,
    "Split": _split,
    "Expand": _expand,
    "Shape": _shape,
    "ReduceMean": lambda call: _reduce(call, mean=True),
    "ReduceSum": lambda call: _reduce(call, mean=False),
}
