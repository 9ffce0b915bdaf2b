"""Conversion rules for ATen ops that move, drop, repeat or average entries."""

from collections.abc import Sequence

import numpy as np

from certify.errors import UnsupportedModel
from certify.io.aten_call import Call, Rule
from certify.io.pools import reduce_axes
from certify.io.views import View


def _same(call: Call) -> View:
    return call.view("input" if "input" in call.arguments else "self")


def _dropout(call: Call) -> View:
    if call.get("train"):
        raise UnsupportedModel(f"{call.name} is in training mode. Export the module after module.eval().")
    return _same(call)


def _flatten(call: Call) -> View:
    view = call.view()
    rank = len(view.shape)
    start, end = (int(call.get(name)) % rank for name in ("start_dim", "end_dim"))
    return view.reshape((*view.shape[:start], int(np.prod(view.shape[start : end + 1])), *view.shape[end + 1 :]))


def _unflatten(call: Call) -> View:
    view = call.view()
    axis = int(call.get("dim")) % len(view.shape)
    sizes = [int(s) for s in call.get("sizes")]
    return view.reshape((*view.shape[:axis], *sizes, *view.shape[axis + 1 :]))


def _squeeze(call: Call) -> View:
    view = call.view()
    given = call.arguments.get("dim")
    axes = range(len(view.shape)) if given is None else [given] if isinstance(given, int) else given
    single = tuple(a % len(view.shape) for a in axes if view.shape[a] == 1)
    return view.rearranged(lambda a: np.squeeze(a, single))


def _slice(call: Call) -> View:
    cut: list[slice] = [slice(None)] * len(call.view().shape)
    cut[int(call.get("dim"))] = slice(call.get("start"), call.get("end"), int(call.get("step")))
    return call.view().rearranged(lambda a: a[tuple(cut)])


def _taken(call: Call, positions: np.ndarray | int) -> View:
    return call.view().rearranged(lambda a: np.take(a, positions, axis=int(call.get("dim"))))


def _pieces(call: Call, ends: Sequence[int] | np.ndarray) -> list[View]:
    size = call.view().shape[int(call.get("dim"))]
    return [_taken(call, part) for part in np.split(np.arange(size), ends) if part.size]


def _chunk(call: Call) -> list[View]:
    size = call.view().shape[int(call.get("dim"))]
    step = -(-size // int(call.get("chunks")))
    return _pieces(call, np.arange(step, size, step))


def _split(call: Call) -> list[View]:
    given = call.get("split_size") if "split_size" in call.arguments else call.get("split_sizes")
    size = call.view().shape[int(call.get("dim"))]
    return _pieces(call, np.arange(given, size, given) if isinstance(given, int) else np.cumsum(given)[:-1])


def _cat(call: Call, stacked: bool = False) -> View:
    parts = call.get("tensors")
    views = [p if isinstance(p, View) else View.constant(p.detach().cpu().double().numpy()) for p in parts]
    axis = int(call.get("dim"))
    if stacked:
        axis = axis % (len(views[0].shape) + 1)
        views = [v.rearranged(lambda a: np.expand_dims(a, axis)) for v in views]
    return call.graph.concatenate(views, axis, call.name)


def _expand(call: Call) -> View:
    view, size = call.view(), [int(s) for s in call.get("size")]
    old = (1,) * (len(size) - len(view.shape)) + view.shape
    return view.broadcast(tuple(o if s == -1 else s for o, s in zip(old, size, strict=True)))


def _reduce(call: Call, mean: bool) -> View:
    axes = call.arguments.get("dim")
    axes = [axes] if isinstance(axes, int) else axes
    keep = bool(call.arguments.get("keepdim"))
    return reduce_axes(call.graph, call.view(), axes or None, keep=keep, mean=mean, name=call.name)


def _transpose(call: Call) -> View:
    return call.view().rearranged(lambda a: np.swapaxes(a, int(call.get("dim0")), int(call.get("dim1"))))


def _unsqueeze(call: Call) -> View:
    return call.view().rearranged(lambda a: np.expand_dims(a, int(call.get("dim"))))


SHAPES: dict[str, Rule] = {
    **dict.fromkeys(("contiguous", "clone", "alias", "detach", "to", "_to_copy", "lift_fresh_copy", "float"), _same),
    "dropout": _dropout,
    "feature_dropout": _dropout,
    "native_dropout": lambda call: [_dropout(call)],
    "view": lambda call: call.view().reshape(call.get("size")),
    "_unsafe_view": lambda call: call.view().reshape(call.get("size")),
    "reshape": lambda call: call.view().reshape(call.get("shape")),
    "flatten": _flatten,
    "unflatten": _unflatten,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "permute": lambda call: call.view().rearranged(lambda a: np.transpose(a, call.get("dims"))),
    "transpose": _transpose,
    "t": lambda call: call.view().rearranged(np.transpose),
    "slice": _slice,
    "select": lambda call: _taken(call, int(call.get("index"))),
    "index_select": lambda call: _taken(call, call.numbers("index").astype(np.int64)),
    "chunk": _chunk,
    "split": _split,
    "split_with_sizes": _split,
    "cat": _cat,
    "stack": lambda call: _cat(call, stacked=True),
    "expand": _expand,
    "flip": lambda call: call.view().rearranged(lambda a: np.flip(a, call.get("dims"))),
    "mean": lambda call: _reduce(call, mean=True),
    "sum": lambda call: _reduce(call, mean=False),
}
