"""Tensors that a reader has not computed yet: entries picked from one value of the network, scaled and shifted.

Reshapes, transposes, slices, pads and concatenations only move indices, so they cost nothing and round nothing.
"""

import dataclasses as dc
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float64, Int64

from certify.io.residues import product_error, sum_error


@dc.dataclass(frozen=True, slots=True, eq=False)
class View:
    """A tensor whose entry e is ``scale[e] * value[index[e]] + offset[e]``; where the index is -1, just ``offset[e]``.

    ``source`` numbers the value as in ``Network``: 0 is the input. The three arrays have the tensor's shape, batch axis
    (of length 1) included when the model has one. ``rounded``: sums or products of the model's own numbers were rounded
    to get these scales and offsets.
    """

    source: int
    index: Int64[np.ndarray, "..."]
    scale: Float64[np.ndarray, "..."]
    offset: Float64[np.ndarray, "..."]
    rounded: bool = False

    @classmethod
    def whole(cls, source: int, shape: Sequence[int]) -> "View":
        """All of a value, in order, as a tensor of ``shape``."""
        shape = tuple(shape)
        index = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
        return cls(source, index, np.ones(shape), np.zeros(shape))

    @classmethod
    def constant(cls, numbers: np.ndarray) -> "View":
        """A tensor that does not depend on the input."""
        offset = np.asarray(numbers, dtype=np.float64)
        return cls(0, np.full(offset.shape, -1, dtype=np.int64), np.ones(offset.shape), offset)

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return self.index.shape

    @property
    def size(self) -> int:
        """How many entries it has."""
        return int(self.index.size)

    @property
    def is_constant(self) -> bool:
        """Whether no entry depends on the input."""
        return bool((self.index < 0).all())

    @property
    def is_selection(self) -> bool:
        """Whether every entry is an entry of the value or 0, untouched."""
        return bool((self.scale == 1).all() and (self.offset == 0).all())

    @property
    def repeats(self) -> bool:
        """Whether some entry of the value appears twice."""
        used = self.index[self.index >= 0]
        return bool(len(np.unique(used)) < used.size)

    def covers(self, width: int) -> bool:
        """Whether it is a value of ``width`` entries, each once and in order."""
        return self.size == width and bool((self.index.ravel() == np.arange(width)).all())

    def rearranged(self, change: Callable[[np.ndarray], np.ndarray]) -> "View":
        """The tensor after ``change``, which may move, drop or repeat entries but not compute with them."""
        index, scale, offset = (np.asarray(change(part)) for part in (self.index, self.scale, self.offset))
        return dc.replace(self, index=index, scale=scale, offset=offset)

    def reshape(self, shape: Sequence[int]) -> "View":
        """The same entries in row-major order in another shape."""
        return self.rearranged(lambda a: a.reshape(tuple(shape)))

    def broadcast(self, shape: Sequence[int]) -> "View":
        """The entries repeated to ``shape``."""
        return self.rearranged(lambda a: np.broadcast_to(a, tuple(shape)))

    def picks(self, positions: Int64[np.ndarray, "..."]) -> "View":
        """The entries at flat ``positions``, in their shape."""
        return self.rearranged(lambda a: a.reshape(-1)[positions])

    def plus(self, numbers: np.ndarray) -> "View":
        """``self + numbers`` with broadcasting."""
        wide = self.broadcast(np.broadcast_shapes(self.shape, numbers.shape))
        rounded = wide.rounded or bool(sum_error(wide.offset, numbers).any())
        return dc.replace(wide, offset=np.asarray(wide.offset + numbers), rounded=rounded)

    def times(self, numbers: np.ndarray) -> "View":
        """``self * numbers`` with broadcasting."""
        wide = self.broadcast(np.broadcast_shapes(self.shape, numbers.shape))
        rounded = wide.rounded or any(bool(product_error(part, numbers).any()) for part in (wide.scale, wide.offset))
        scale, offset = np.asarray(wide.scale * numbers), np.asarray(wide.offset * numbers)
        return dc.replace(wide, scale=scale, offset=offset, rounded=rounded)

    def over(self, numbers: np.ndarray) -> "View":
        """``self / numbers`` with broadcasting; one rounding for the factor, one for the shift."""
        wide = self.broadcast(np.broadcast_shapes(self.shape, numbers.shape))
        return dc.replace(wide, scale=np.asarray(wide.scale / numbers), offset=np.asarray(wide.offset / numbers))

    def __neg__(self) -> "View":
        return dc.replace(self, scale=np.asarray(-self.scale), offset=np.asarray(-self.offset))


def join(views: Sequence[View], axis: int) -> View:
    """The concatenation along ``axis`` of views that read one source (constants read any)."""
    sources = {view.source for view in views if not view.is_constant} or {0}
    assert len(sources) == 1
    index, scale, offset = (
        np.concatenate([part(view) for view in views], axis=axis)
        for part in (lambda v: v.index, lambda v: v.scale, lambda v: v.offset)
    )
    return View(sources.pop(), index, scale, offset, any(view.rounded for view in views))
