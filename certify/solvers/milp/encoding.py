"""One margin of a network over one region as a mixed-integer program (tjeng2019): big-M, with an enclosure's bounds.

Units that never turn on vanish, and units that never turn off need no binary variable. Every variable is divided by
the largest value that the enclosure lets it have, and the margin by its value at the centre: a solver's tolerances are
absolute, and so they mean the same everywhere.
"""

import dataclasses as dc
import math
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from certify.network import Add, Affine, Conv2d, Linear, Network, ReLU
from certify.region import Norm
from certify.solvers.milp.program import TOLERANCE, Program

Bounds = tuple[Float64[np.ndarray, " _"], Float64[np.ndarray, " _"]]
"""The least and the largest number that each coordinate of a value can be."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Region:
    """The points within ``radius`` of ``centre`` in ``norm``, and between ``lower`` and ``upper``."""

    centre: Float64[np.ndarray, " n"]
    radius: float
    norm: Norm
    lower: Float64[np.ndarray, " n"]
    upper: Float64[np.ndarray, " n"]

    @property
    def frame(self) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
        """(middle, scale): the first n variables are ``(x - middle) / scale``; the scale of what cannot move is 1."""
        if self.norm is Norm.LINF:
            middle, scale = self.lower / 2 + self.upper / 2, self.upper / 2 - self.lower / 2
        else:
            middle, scale = self.centre, np.full_like(self.centre, self.radius)
        return middle, np.where(scale > 0, scale, 1.0)

    def point(self, variables: Float64[np.ndarray, " v"]) -> Float64[np.ndarray, " n"]:
        """The point of the region that a solution means, drawn in where a tolerance let it out."""
        middle, scale = self.frame
        x = np.clip(middle + scale * variables[: len(middle)], self.lower, self.upper)
        size = float(np.linalg.norm(x - self.centre, ord=self.norm.value))
        return x if size <= self.radius else self.centre + (x - self.centre) * (self.radius / size * (1 - 1e-15))


@dc.dataclass(frozen=True, slots=True, eq=False)
class Margin:
    """The function ``row @ network(x) + offset``; ``typical`` is its value at the centre of the region, > 0."""

    row: Float64[np.ndarray, " m"]
    offset: float
    typical: float


def encode(
    network: Network, bounds: Sequence[Bounds], region: Region, margin: Margin, *, limit: float = 0.0
) -> Program:
    """The program whose minimum is that of the margin on the region, over ``margin.typical``; ``limit`` is handed on.

    ``bounds[k]`` enclose value k of the network on the region.
    """
    build = _Building(network, bounds, region)
    values = [build.inputs()]
    for node in network.nodes:
        reads = [values[k] for k in node.inputs]
        match node.op:
            case Affine() | Conv2d() as op:
                matrix = matrix_of(op)
                vector = op.apply(reads[0].vector[None])[0]
                values.append(_Form(sp.csr_array(matrix @ reads[0].matrix), vector))
            case Add():
                values.append(_Form(reads[0].matrix + reads[1].matrix, reads[0].vector + reads[1].vector))
            case ReLU():
                values.append(build.relu(node.inputs[0], reads[0]))
    cost = margin.row @ values[-1].matrix / margin.typical
    constant = float(margin.row @ values[-1].vector + margin.offset) / margin.typical
    return build.program(cost, constant, limit)


def estimated_noise(network: Network, bounds: Sequence[Bounds], margin: Margin) -> float:
    """How much a solver's tolerance may move the margin, over ``margin.typical``: an estimate, not a bound.

    Each unit is off by the tolerance times its largest value; the effects of independent errors on the margin add up in
    squares, through the squares of the weights.
    """
    effect = [np.zeros(width) for width in network.widths]
    effect[-1] = margin.row**2
    total = 0.0
    for i in range(len(network.nodes) - 1, -1, -1):
        node, after = network.nodes[i], effect[i + 1]
        match node.op:
            case Affine() | Conv2d() as op:
                matrix = matrix_of(op)
                effect[node.inputs[0]] += matrix.multiply(matrix).T @ after
            case Add():
                for k in node.inputs:
                    effect[k] += after
            case ReLU():
                lower, upper = bounds[node.inputs[0]]
                felt = np.where(upper > 0, after, 0.0)
                total += float(felt @ np.where(upper > 0, np.maximum(-lower, upper), 0.0) ** 2)
                effect[node.inputs[0]] += felt
    return TOLERANCE * math.sqrt(total) / margin.typical


def matrix_of(op: Linear) -> sp.csr_array:
    """The matrix (m, n) of an affine map or a convolution, sparse."""
    if isinstance(op, Affine):
        return sp.csr_array(op.weight)
    places = op.windows(np.arange(1, op.input_width + 1)[None])[0]  # 0 is the padding
    kernels = np.split(op.weight, op.groups, axis=0)
    blocks: list[sp.csr_array] = []
    for kernel, part in zip(kernels, np.split(places, op.groups, axis=0), strict=True):
        channels, height, width = len(kernel), *part.shape[1:3]
        shape = (channels, height, width, *kernel.shape[1:])
        entries = np.broadcast_to(kernel[:, None, None], shape).ravel()
        columns = np.broadcast_to(np.moveaxis(part, 0, 2)[None], shape).ravel()
        rows = np.repeat(np.arange(channels * height * width), kernel[0].size)
        real = columns > 0
        size = (channels * height * width, op.input_width)
        blocks.append(sp.csr_array((entries[real], (rows[real], columns[real] - 1)), shape=size))
    return sp.csr_array(sp.vstack(blocks))


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Form:
    """A value as an affine function of the variables: ``matrix @ v + vector``."""

    matrix: sp.csr_array
    vector: np.ndarray


class _Building:
    """A program under construction. Variables: inputs, in l1 their sizes, then units, pre-activations first."""

    def __init__(self, network: Network, bounds: Sequence[Bounds], region: Region) -> None:
        self._bounds, self._region = bounds, region
        self._inputs = network.input_width
        read = sorted({node.inputs[0] for node in network.nodes if isinstance(node.op, ReLU)})
        count = self._inputs * (1 + (region.norm is Norm.L1))
        self._first: dict[int, int] = {}
        for k in read:
            self._first[k] = count
            count += int(_alive(bounds[k]).sum()) + 2 * int(_open(bounds[k]).sum())
        self._low, self._high = np.zeros(count), np.ones(count)
        self._binary = np.zeros(count, dtype=bool)
        self._rows: list[tuple[sp.csr_array, np.ndarray, np.ndarray]] = []
        self._done: dict[int, _Form] = {}

    def _columns(self, columns: np.ndarray, factors: np.ndarray | float, height: int | None = None) -> sp.csr_array:
        """The matrix whose row i has ``factors[i]`` at ``columns[i]``."""
        rows, size = np.arange(len(columns)), (height or len(columns), len(self._low))
        return sp.csr_array((np.broadcast_to(factors, len(columns)), (rows, columns)), shape=size)

    def _require(self, matrix: sp.csr_array, low: np.ndarray | float, high: np.ndarray | float) -> None:
        height = matrix.shape[0]
        self._rows.append((matrix, np.full(height, low), np.full(height, high)))

    def inputs(self) -> _Form:
        """The input as a function of the first variables, which stay in the region."""
        n, region = self._inputs, self._region
        middle, scale = region.frame
        at = np.arange(n)
        self._low[:n], self._high[:n] = (region.lower - middle) / scale, (region.upper - middle) / scale
        if region.norm is Norm.L1:
            move, size = self._columns(at, 1.0), self._columns(n + at, 1.0)
            self._require(size - move, 0.0, np.inf)
            self._require(size + move, 0.0, np.inf)
            self._require(sp.csr_array(np.ones((1, n)) @ size), -np.inf, 1.0)
        return _Form(self._columns(at, scale), middle)

    def relu(self, k: int, value: _Form) -> _Form:
        """The positive part of value k."""
        if k not in self._done:
            self._done[k] = self._positive_part(k, value)
        return self._done[k]

    def _positive_part(self, k: int, value: _Form) -> _Form:
        lower, upper = self._bounds[k]
        alive, open_ = np.flatnonzero(_alive(self._bounds[k])), np.flatnonzero(_open(self._bounds[k]))
        scale = np.maximum(np.abs(lower), np.abs(upper))
        before = self._first[k] + np.arange(len(alive))
        after = self._first[k] + len(alive) + np.arange(len(open_))
        switch = after + len(open_)
        self._low[before], self._high[before] = lower[alive] / scale[alive], upper[alive] / scale[alive]
        own = sp.csr_array(sp.diags_array(1 / scale[alive]) @ value.matrix[alive])
        self._require(self._columns(before, 1.0) - own, *[value.vector[alive] / scale[alive]] * 2)
        of_open = before[np.searchsorted(alive, open_)]
        least, most = lower[open_] / scale[open_], upper[open_] / scale[open_]
        self._low[after], self._high[after], self._binary[switch] = 0.0, most, True
        on, off = self._columns(after, 1.0), self._columns(of_open, 1.0)
        self._require(on - off, 0.0, np.inf)
        self._require(on - self._columns(switch, most), -np.inf, 0.0)
        self._require(on - off - self._columns(switch, least), -np.inf, -least)
        column = np.zeros(len(lower), dtype=np.int64)
        column[alive], column[open_] = before, after
        factors = np.where(_alive(self._bounds[k]), scale, 0.0)
        return _Form(self._columns(column, factors), np.zeros(len(lower)))

    def program(self, cost: np.ndarray, constant: float, limit: float) -> Program:
        """All of it."""
        matrices, lows, highs = zip(*self._rows, strict=True) if self._rows else ((), (), ())
        matrix = sp.csr_array(sp.vstack(matrices)) if matrices else sp.csr_array((0, len(self._low)))
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        row_low, row_high = (np.concatenate(ends) if ends else np.zeros(0) for ends in (lows, highs))
        ball = self._inputs if self._region.norm is Norm.L2 else 0
        sides = (row_low, row_high, self._low, self._high)
        return Program(cost, constant, matrix, *sides, self._binary, ball, limit)


def _alive(bounds: Bounds) -> np.ndarray:
    return ~(bounds[1] <= 0)


def _open(bounds: Bounds) -> np.ndarray:
    return (bounds[0] < 0) & (bounds[1] > 0)
