"""Pooling over windows: averages as sparse maps, maxima as a tree of ``b + relu(a - b)``."""

import dataclasses as dc
import math
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Int64

from certify.errors import UnsupportedModel
from certify.io.graph import Graph
from certify.io.layers import Sliding
from certify.io.views import View
from certify.network import Add, Affine, ReLU


@dc.dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """Which entries of a (channels, height, width) image each window reads, in flat positions.

    ``inside`` is false for a tap in the padding (its position means nothing), ``counted`` false for one beyond the
    padding as well, which happens when output sizes are rounded up.
    """

    position: Int64[np.ndarray, "t c h w"]
    inside: Bool[np.ndarray, "t h w"]
    counted: Bool[np.ndarray, "t h w"]


def taps(shape: tuple[int, int, int], window: Sliding, name: str) -> Taps:
    """The taps of every window; raises ``UnsupportedModel`` when no window fits."""
    channels, height, width = shape
    top, left, bottom, right = window.pads
    axes = [
        _axis(size, window.kernel[i], window.stride[i], pads, window.dilation[i], window.ceil)
        for i, (size, pads) in enumerate(((height, (top, bottom)), (width, (left, right))))
    ]
    (row, row_in, row_count), (column, column_in, column_count) = axes
    if not row.size or not column.size:
        raise UnsupportedModel(f"{name}: a {window.kernel} window does not fit a {height} x {width} image.")

    def grid(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        both = first[:, None, :, None] & second[None, :, None, :]
        return both.reshape(-1, first.shape[1], second.shape[1])

    place = np.clip(row, 0, height - 1)[:, None, :, None] * width + np.clip(column, 0, width - 1)[None, :, None, :]
    place = place.reshape(-1, 1, row.shape[1], column.shape[1])
    position = place + (np.arange(channels) * height * width)[None, :, None, None]
    return Taps(position, grid(row_in, column_in), grid(row_count, column_count))


def _axis(
    size: int, taps: int, stride: int, pads: tuple[int, int], dilation: int, ceil: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (taps, windows) along one axis, which of them are real, and which are real or padding."""
    room = size + sum(pads) - dilation * (taps - 1) - 1
    count = (-(-room // stride) if ceil else room // stride) + 1
    if ceil and (count - 1) * stride >= size + pads[0]:
        count -= 1  # a window may not start in the padding on the right
    position = np.arange(max(count, 0)) * stride - pads[0] + dilation * np.arange(taps)[:, None]
    return position, (position >= 0) & (position < size), position < size + pads[1]


def average_pool(graph: Graph, view: View, window: Sliding, *, count_padding: bool, name: str) -> View:
    """The mean of each window of an (n, channels, height, width) tensor."""
    shape, image = _image(view, name)
    reads = taps(image, window, name)
    counts = (reads.counted if count_padding else reads.inside).sum(axis=0)
    if not counts.all():
        raise UnsupportedModel(f"{name}: a window lies entirely in the padding.")
    if (counts & (counts - 1)).any():
        graph.note(f"The averages of {name} divide by a number that is not a power of two: weights rounded to float64.")
    position, inside = reads.position, np.broadcast_to(reads.inside[:, None], reads.position.shape)
    target = np.broadcast_to(np.arange(position[0].size).reshape(position[0].shape), position.shape)
    weight = np.broadcast_to(1.0 / counts, position.shape)
    entries = (weight[inside], (target[inside], position[inside]))
    matrix = sp.csr_array(entries, shape=(position[0].size, view.size))
    result = (*shape[:2], *position.shape[2:])
    return graph.affine(view, matrix, np.zeros(matrix.shape[0]), shape=result, name=name)


def max_pool(graph: Graph, view: View, window: Sliding, name: str) -> View:
    """The maximum of each window of an (n, channels, height, width) tensor; padding never wins."""
    shape, image = _image(view, name)
    reads = taps(image, window, name)
    if not reads.inside.any(axis=0).all():
        raise UnsupportedModel(f"{name}: a window lies entirely in the padding, so its maximum is minus infinity.")
    first = np.take_along_axis(reads.position, reads.inside.argmax(axis=0)[None, None], axis=0)
    position = np.where(reads.inside[:, None], reads.position, first)  # a repeated candidate changes no maximum
    result = (*shape[:2], *position.shape[2:])
    return maximum_of(graph, view.picks(position.reshape(len(position), -1)), name).reshape(result)


def maximum_of(graph: Graph, candidates: View, name: str) -> View:
    """The maximum over axis 0 of a (t, n) tensor, by halving: (n,)."""
    current = candidates
    if not current.is_selection or (current.index < 0).any():
        current = View.whole(graph.settle(current, name), current.shape)
    while current.shape[0] > 1:
        current = _halved(graph, current, name)
    return current.reshape((current.size,))


def _halved(graph: Graph, current: View, name: str) -> View:
    """The larger of candidates 2i and 2i + 1, for every i; an odd last one is kept."""
    count, width = current.shape
    pairs, rows = count // 2, -(-count // 2)
    first, second = (current.rearranged(lambda a, s=s: a[s : 2 * pairs : 2]) for s in (0, 1))
    source = View.whole(current.source, (graph.width(current.source),))
    total = pairs * width
    ones, row = np.ones(total), np.arange(total)
    columns = np.concatenate([first.index.ravel(), second.index.ravel()])
    entries = (np.concatenate([ones, -ones]), (np.concatenate([row, row]), columns))
    difference = sp.csr_array(entries, shape=(total, source.size))
    gap = graph.whole(Affine(difference, np.zeros(total)), source.source, shape=(total,))
    gain = graph.whole(ReLU(total), gap.source, shape=(pairs, width))
    base = current.rearranged(lambda a: np.concatenate([a[1 : 2 * pairs : 2], a[2 * pairs :]]))
    if rows > pairs:
        blank = View.constant(np.zeros((1, width)))
        gain = graph.concatenate([gain, blank], 0, name)
    values = [graph.settle(part, name) for part in (gain, base)]
    return graph.whole(Add(rows * width), *values, shape=(rows, width))


def _image(view: View, name: str) -> tuple[tuple[int, ...], tuple[int, int, int]]:
    if len(view.shape) != 4:
        raise UnsupportedModel(f"{name}: pooling of a {view.shape} tensor; (batch, channels, height, width) is needed.")
    return view.shape, (view.shape[0] * view.shape[1], view.shape[2], view.shape[3])


def reduce_axes(graph: Graph, view: View, axes: Sequence[int] | None, *, keep: bool, mean: bool, name: str) -> View:
    """The mean or the sum over ``axes`` (None: all), which stay with length 1 when ``keep``."""
    rank = len(view.shape)
    gone = sorted({a % rank for a in axes}) if axes is not None else list(range(rank))
    kept = [a for a in range(rank) if a not in gone]
    rows = math.prod(view.shape[a] for a in kept)
    count = view.size // rows
    entries = np.full(view.size, 1.0 / count if mean else 1.0)
    places = (np.repeat(np.arange(rows), count), np.arange(view.size))
    if mean and count & (count - 1):
        graph.note(f"The averages of {name} divide by {count}: weights rounded to float64.")
    shape = [1 if a in gone else size for a, size in enumerate(view.shape) if keep or a not in gone]
    ordered = view.rearranged(lambda a: np.transpose(a, [*kept, *gone]))
    matrix = sp.csr_array((entries, places), shape=(rows, view.size))
    return graph.affine(ordered, matrix, np.zeros(rows), shape=shape, name=name)
