"""The network under construction: what every reader talks to. It decides what is folded where, and says so in notes."""

import dataclasses as dc
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from certify.io.folding import Matrix, after_affine, after_conv, before_affine, before_conv
from certify.io.views import View, join
from certify.network import Add, Affine, Conv2d, Network, Node, Op, ReLU


class Graph:
    """Ops so far, over one input of ``input_shape``; ``notes`` are sentences on every folding that rounded.

    Consecutive affine maps stay separate; only selections, scales and shifts are folded into a neighbour.
    """

    def __init__(self, input_shape: Sequence[int]) -> None:
        self.input_shape = tuple(input_shape)
        self._widths = [int(np.prod(self.input_shape))]
        self._nodes: list[Node] = []
        self._notes: dict[str, None] = {}
        self._read: set[int] = set()

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each thing that was rounded or assumed, in order, none twice."""
        return tuple(self._notes)

    def note(self, sentence: str) -> None:
        """Keep ``sentence`` for the user."""
        self._notes[sentence] = None

    def width(self, value: int) -> int:
        """How many numbers a value has."""
        return self._widths[value]

    def heed(self, view: View, name: str) -> View:
        """The view, with a note if its numbers were rounded before ``name`` reads them."""
        if view.rounded:
            self.note(f"Numbers that {name} reads were multiplied or added up in float64 first, which rounded them.")
        return view

    def emit(self, op: Op, *inputs: int) -> int:
        """The number of the value that ``op`` makes of ``inputs``."""
        self._nodes.append(Node(_owned(op), inputs))
        self._widths.append(op.output_width)
        self._read.update(inputs)
        return len(self._nodes)

    def settle(self, view: View, name: str) -> int:
        """The number of a value that holds exactly the entries of ``view``, in row-major order.

        Folded backwards into the map that made the source where that is possible and nobody else has read it,
        otherwise a sparse affine map of its own. ``name`` says on whose behalf, for the notes.
        """
        if view.is_selection and view.covers(self._widths[view.source]):
            return view.source
        self.heed(view, name)
        folded = None
        if view.source > 0 and view.source not in self._read:
            match self._nodes[view.source - 1].op:
                case Affine() as op if view.size <= 2 * op.output_width:
                    folded = after_affine(op, view)
                case Conv2d() as op:
                    folded = after_conv(op, view)
                case _:
                    pass
        if folded is None:
            return self.emit(_gather(view, self._widths[view.source]), view.source)
        op, rounded = folded
        if rounded:
            self.note(
                f"The scale or shift at {name} was folded into the layer before it in float64, one rounding a weight."
            )
        return self.emit(op, *self._nodes[view.source - 1].inputs)

    def whole(self, op: Op, *inputs: int, shape: Sequence[int]) -> View:
        """The result of ``op`` as a tensor of ``shape``."""
        return View.whole(self.emit(op, *inputs), shape)

    def relu(self, view: View, name: str) -> View:
        """``max(view, 0)``."""
        return self.whole(ReLU(view.size), self.settle(view, name), shape=view.shape)

    def add(self, first: View, second: View, name: str) -> View:
        """``first + second`` with broadcasting."""
        shape = np.broadcast_shapes(first.shape, second.shape)
        for view, other in ((first, second), (second, first)):
            if other.is_constant:
                return view.plus(other.offset)
        values = [self.settle(view.broadcast(shape), name) for view in (first, second)]
        return self.whole(Add(int(np.prod(shape))), *values, shape=shape)

    def concatenate(self, views: Sequence[View], axis: int, name: str) -> View:
        """``views`` joined along ``axis``; those of each source are embedded in the whole, and the parts added."""
        sources = sorted({view.source for view in views if not view.is_constant})
        if len(sources) <= 1:
            return join(views, axis)
        parts = [
            join([v if v.source == source and not v.is_constant else _blank(v, source) for v in views], axis)
            for source in sources
        ]
        total = parts[0]
        for part in parts[1:]:
            total = self.add(total, part, name)
        shift = join([View.constant(v.offset if v.is_constant else np.zeros(v.shape)) for v in views], axis)
        return total.plus(shift.offset)

    def affine(self, view: View, weight: Matrix, bias: np.ndarray, *, shape: Sequence[int], name: str) -> View:
        """``weight @ (entries of view) + bias`` as a tensor of ``shape``."""
        width = self._widths[view.source]
        if view.repeats or (not view.is_selection and self._is_linear(view.source)):
            settled = View.whole(self.settle(view, name), view.shape)
            return self.affine(settled, weight, bias, shape=shape, name=name)
        if view.is_selection and view.covers(width):
            return self.whole(Affine(weight, bias), view.source, shape=shape)
        self.heed(view, name)
        op, rounded = before_affine(view, weight, bias, width)
        if rounded:
            self.note(f"The scale or shift before {name} was folded into it in float64, one rounding a weight.")
        return self.whole(op, view.source, shape=shape)

    def convolve(self, view: View, op: Conv2d, *, shape: Sequence[int], name: str) -> View:
        """``op`` applied to the image that ``view`` is."""
        if not (view.is_selection and view.covers(op.input_width)) and not self._is_linear(view.source):
            folded = before_conv(view, op) if self._widths[view.source] == op.input_width else None
            if folded is not None:
                self.heed(view, name)
                op, rounded = folded
                if rounded:
                    self.note(f"The scale or shift before {name} was folded into it in float64, one rounding a weight.")
                return self.whole(op, view.source, shape=shape)
        return self.whole(op, self.settle(view, name), shape=shape)

    def _is_linear(self, source: int) -> bool:
        return source > 0 and source not in self._read and isinstance(self._nodes[source - 1].op, Affine | Conv2d)

    def network(self, output: View, name: str) -> Network:
        """The network that computes ``output``, without the ops that it does not need."""
        last = self.settle(output, name)
        if last == 0:
            last = self.emit(_gather(output, self._widths[0]), 0)
        needed = {last}
        for value in range(last, 0, -1):
            if value in needed:
                needed.update(self._nodes[value - 1].inputs)
        kept = sorted(needed - {0})
        number = {0: 0} | {value: i + 1 for i, value in enumerate(kept)}
        nodes = (self._nodes[value - 1] for value in kept)
        return Network(self.input_shape, tuple(Node(n.op, tuple(number[k] for k in n.inputs)) for n in nodes))


def _owned(op: Op) -> Op:
    """``op`` with dense arrays of its own, in row-major order: a file's buffer may be read-only."""
    if isinstance(op, Affine):
        weight = op.weight if isinstance(op.weight, sp.csr_array) else np.require(op.weight, None, ["C", "W"])
        return dc.replace(op, weight=weight, bias=np.require(op.bias, None, ["C", "W"]))
    if isinstance(op, Conv2d):
        weight, bias = (np.require(a, None, ["C", "W"]) for a in (op.weight, op.bias))
        return dc.replace(op, weight=weight, bias=bias)
    return op


def _gather(view: View, width: int) -> Affine:
    """The sparse map from the whole source of ``width`` numbers to the entries of ``view``."""
    index = view.index.ravel()
    rows = np.flatnonzero(index >= 0)
    weight = sp.csr_array((view.scale.ravel()[rows], (rows, index[rows])), shape=(view.size, width))
    return Affine(weight, view.offset.ravel())


def _blank(view: View, source: int) -> View:
    zero = View.constant(np.zeros(view.shape))
    return View(source, zero.index, zero.scale, zero.offset, view.rounded)
