"""The triangle relaxation of a network on one region as a linear program, solved by HiGHS for one cost after another.

Variables are deviations from the values at the region's centre in units of its radius, so that tiny and huge regions
look alike to the solver. An open ReLU becomes ``max(t, 0) <= y <= chord(t)``; one whose sign is settled is its own
input, or 0. Nothing that comes back is believed: of the dual values only ratios are kept, as slopes, which are valid
whatever they are (``substitution``). In real arithmetic they prove the program's own optimum (salman2019).
"""

import dataclasses as dc
import math
from collections.abc import Mapping

import highspy
import numpy as np
import scipy.sparse as sp

from certify.bounders.enclosure import Enclosure
from certify.deadline import Deadline
from certify.network import Add, Affine, Linear, Network, ReLU
from certify.region import Norm

_NEAR = 1e-5
"""How far the squares of an optimum may add up to more than an l2 ball's squared radius, relative to it."""

Matrices = Mapping[int, sp.csr_array]
"""For each affine or convolution node its matrix."""

Entries = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Rows, columns and numbers of the entries of a sparse matrix."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """What HiGHS says of one cost: the least ``value``, and what its dual makes of each open ReLU.

    ``slopes[i]`` are lower slopes for ReLU node i in [0, 1], NaN where the program does not care.
    """

    value: float
    slopes: dict[int, np.ndarray]


def matrices(network: Network) -> Matrices:
    """The matrices of a network's linear nodes."""
    return {i: _matrix(node.op) for i, node in enumerate(network.nodes) if isinstance(node.op, Linear)}


def _matrix(op: Linear) -> sp.csr_array:
    if isinstance(op, Affine):
        return sp.csr_array(op.weight)
    places = op.windows(np.arange(1, op.input_width + 1)[None, :])[0]  # (channels, h, w, kh, kw); 0 is padding
    each = len(op.weight) // op.groups
    parts: list[Entries] = []
    for group, patches in enumerate(np.split(places, op.groups, axis=0)):
        taps = patches.transpose(1, 2, 0, 3, 4).reshape(-1, op.weight[0].size)
        where, tap = np.nonzero(taps)
        for channel in range(group * each, (group + 1) * each):
            numbers = op.weight[channel].ravel()[tap]
            parts.append((channel * len(taps) + where, taps[where, tap] - 1, numbers))
    row, column, numbers = (np.concatenate(side) for side in zip(*parts, strict=True))
    return sp.csr_array((numbers, (row, column)), shape=(op.output_width, op.input_width))


class TriangleProgram:
    """``min cost . value k`` over the triangle relaxation of all before value k, on the one region of an enclosure.

    Of an l2 ball it starts with the hull; ``approach`` adds to the description, for every later cost.
    """

    def __init__(self, enclosure: Enclosure, maps: Matrices, value: int) -> None:
        with np.errstate(all="ignore"):  # a program whose numbers are not finite is not loaded
            relaxed = _Relaxed(enclosure, maps, value)
        self._radius, self._inputs, self._squares = relaxed.radius, relaxed.places[0], relaxed.squares
        self._places, self._open = relaxed.places[value], relaxed.open
        self._centre = enclosure.typical[value][0].numpy()
        self._highs = relaxed.program.loaded() if relaxed.open else None
        self._point = np.zeros(relaxed.program.width)
        self.size = relaxed.program.size

    @property
    def proposes(self) -> bool:
        """Whether there are slopes to choose and numbers to choose them by."""
        return self._highs is not None

    def minimise(self, cost: np.ndarray, deadline: Deadline) -> Optimum | None:
        """The optimum for a cost (w,) of the value, found from the last one; None where HiGHS finds none in time."""
        left, highs, moving = deadline.remaining, self._highs, self._places >= 0
        if highs is None or not left > 0:
            return None
        columns = self._places[moving].astype(np.int32)
        highs.setOptionValue("time_limit", highs.getRunTime() + left)  # HiGHS counts from its first run
        highs.changeColsCost(len(columns), columns, cost[moving])
        highs.run()
        found = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        answer = self._read(highs.getSolution(), cost) if found else None
        highs.changeColsCost(len(columns), columns, np.zeros(len(columns)))
        if not found:
            highs.clearSolver()
        return answer

    def approach(self) -> bool:
        """Describes an l2 ball better around the last optimum; False where the optimum lies in it, or nearly.

        The ball is ``sum of w_i <= 1`` with ``w_i >= z_i ** 2``, and tangents of the parabolas stand in for these: each
        coordinate by itself, which takes a dozen rounds where tangents of the ball would take hundreds (vielma2017).
        """
        if self._highs is None or not len(self._squares):
            return False
        at = self._point[self._inputs]
        index = np.flatnonzero(np.square(at) - self._point[self._squares] > _NEAR / len(at))
        if not index.size:
            return False
        count, at = len(index), at[index]
        columns = np.stack([self._squares[index], self._inputs[index]], 1).ravel().astype(np.int32)
        numbers, starts = np.stack([np.ones(count), -2.0 * at], 1).ravel(), 2 * np.arange(count, dtype=np.int32)
        self._highs.addRows(count, -np.square(at), np.full(count, math.inf), 2 * count, starts, columns, numbers)
        return True

    def _read(self, solution: highspy.HighsSolution, cost: np.ndarray) -> Optimum:
        self._point, price, reduced = map(np.array, (solution.col_value, solution.row_dual, solution.col_dual))
        slopes: dict[int, np.ndarray] = {}
        for node, unit in self._open.items():
            along, flat = np.maximum(-price[unit.rows], 0.0), np.maximum(reduced[unit.columns], 0.0)
            slopes[node] = np.full(unit.width, np.nan)
            with np.errstate(invalid="ignore"):
                slopes[node][unit.index] = along / (along + flat)
        moving = self._places >= 0
        moved = cost[moving] @ self._point[self._places[moving]]
        return Optimum(float(cost @ self._centre + self._radius * moved), slopes)


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """The open units ``index`` of one ReLU of ``width``: their columns y, and the rows that hold ``y >= t``."""

    width: int
    index: np.ndarray
    columns: np.ndarray
    rows: np.ndarray


class _Program:
    """A linear program in the making, rows ``entries . x = limit`` or ``<= limit``."""

    def __init__(self) -> None:
        self.width = self._height = 0
        self._columns: list[tuple[np.ndarray, np.ndarray]] = []
        self._rows: list[tuple[np.ndarray, np.ndarray]] = []
        self._entries: list[Entries] = []

    def columns(self, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """New variables between ``lower`` and ``upper``; their columns."""
        self._columns.append((lower, upper))
        self.width += len(lower)
        return np.arange(self.width - len(lower), self.width)

    def rows(self, entries: Entries, limit: np.ndarray, *, equal: bool) -> np.ndarray:
        """New rows, numbered from 0 in ``entries``; their numbers."""
        row, column, number = entries
        self._entries.append((row + self._height, column, number))
        self._rows.append((limit if equal else np.full(len(limit), -math.inf), limit))
        self._height += len(limit)
        return np.arange(self._height - len(limit), self._height)

    @property
    def size(self) -> int:
        """How many entries its rows have."""
        return sum(len(numbers) for _, _, numbers in self._entries)

    def loaded(self) -> highspy.Highs | None:
        """HiGHS with this program; None where a number is not finite."""
        row, column, number = (np.concatenate(side) for side in zip(*self._entries, strict=True))
        matrix = sp.csr_array((number, (row, column)), shape=(self._height, self.width))
        limits = [np.concatenate(side) for side in zip(*self._rows, strict=True)]
        bounds = [np.concatenate(side) for side in zip(*self._columns, strict=True)]
        if not np.isfinite(number).all() or np.isnan(np.concatenate([*limits, *bounds])).any():
            return None
        starts, columns = (np.asarray(x, dtype=np.int32) for x in (matrix.indptr, matrix.indices))
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = self.width, self._height
        program.col_cost_ = np.zeros(self.width)
        program.col_lower_, program.col_upper_ = bounds
        program.row_lower_, program.row_upper_ = limits
        program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        program.a_matrix_.start_, program.a_matrix_.index_ = starts, columns
        program.a_matrix_.value_ = np.asarray(matrix.data, dtype=np.float64)
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        return highs if highs.passModel(program) != highspy.HighsStatus.kError else None


class _Relaxed:
    """The rows of a triangle relaxation, value by value.

    ``places[k]`` (n_k,) is the column of each number of value k, -1 where it stays at 0 or nothing depends on it.
    """

    def __init__(self, enclosure: Enclosure, maps: Matrices, value: int) -> None:
        self.program, self.open = _Program(), dict[int, _Open]()
        self._nodes, self._maps = enclosure.network.network.nodes[:value], maps
        self._lower = [x[0].numpy() for x in enclosure.lower]
        self._upper = [x[0].numpy() for x in enclosure.upper]
        self._centre = [x[0].numpy() for x in enclosure.typical]
        self.radius = float(enclosure.ball.radius[0]) or 1.0
        self.places = [self._input(enclosure.ball.norm)]
        needed = self._needed(enclosure.network.network.widths[: value + 1])
        for i, node in enumerate(self._nodes):
            reads = [self.places[k] for k in node.inputs]
            match node.op:
                case ReLU():
                    made = self._relu(i, node.inputs[0], reads[0])
                case Add():
                    made = self._defined(needed[i + 1], *(_moved(sp.csr_array(sp.eye_array(len(r))), r) for r in reads))
                case _:
                    made = self._defined(needed[i + 1], _moved(maps[i], reads[0]))
            self.places.append(made)

    def _needed(self, widths: tuple[int, ...]) -> list[np.ndarray]:
        """For each value which of its numbers the last one depends on; a ReLU that is off depends on nothing."""
        needed = [np.zeros(width, dtype=bool) for width in widths[:-1]] + [np.ones(widths[-1], dtype=bool)]
        for i, node in reversed(list(enumerate(self._nodes))):
            for k in node.inputs:
                match node.op:
                    case ReLU():
                        needed[k] |= needed[i + 1] & ~(self._upper[k] <= 0)
                    case Add():
                        needed[k] |= needed[i + 1]
                    case _:
                        needed[k][np.unique(self._maps[i][needed[i + 1]].indices)] = True
        return needed

    def _input(self, norm: Norm) -> np.ndarray:
        low, high = ((side[0] - self._centre[0]) / self.radius for side in (self._lower, self._upper))
        inputs = self.program.columns(np.minimum(low, 0.0), np.maximum(high, 0.0))
        self.squares = np.zeros(0, dtype=np.int64)
        n = len(inputs)
        if norm is Norm.L2:
            self.squares = self.program.columns(np.zeros(n), np.ones(n))
            self.program.rows((np.zeros(n, dtype=np.int64), self.squares, np.ones(n)), np.ones(1), equal=False)
        if norm is Norm.L1:  # the direction is up - down, and all of them add up to 1 at most
            up, down = (self.program.columns(np.zeros(n), np.ones(n)) for _ in range(2))
            entries = np.arange(n).repeat(3), np.stack([inputs, up, down], 1).ravel(), np.tile([-1.0, 1.0, -1.0], n)
            self.program.rows(entries, np.zeros(n), equal=True)
            entries = np.zeros(2 * n, dtype=np.int64), np.concatenate([up, down]), np.ones(2 * n)
            self.program.rows(entries, np.ones(1), equal=False)
        return inputs

    def _defined(self, needed: np.ndarray, *sums: Entries) -> np.ndarray:
        """New columns for the needed numbers, each the sum of what its rows say."""
        row, column, number = (np.concatenate(side) for side in zip(*sums, strict=True))
        count, kept, order = int(needed.sum()), needed[row], np.cumsum(needed) - 1
        made = self.program.columns(np.full(count, -math.inf), np.full(count, math.inf))
        entries = (
            np.append(order[row[kept]], np.arange(count)),
            np.append(column[kept], made),
            np.append(number[kept], -np.ones(count)),
        )
        self.program.rows(entries, np.zeros(count), equal=True)
        places = np.full(len(needed), -1)
        places[needed] = made
        return places

    def _relu(self, node: int, before: int, reads: np.ndarray) -> np.ndarray:
        low, high, centre = self._lower[before], self._upper[before], self._centre[before]
        place, index = np.where(high > 0, reads, -1), np.flatnonzero((low < 0) & (high > 0) & (reads >= 0))
        if not index.size:
            return place
        low, high, centre = low[index], high[index], centre[index]
        count, after = len(index), np.maximum(centre, 0.0)
        chord = high / (high - low)
        room = (chord * (centre - low) - after) / self.radius
        made = self.program.columns(-after / self.radius, np.full(count, math.inf))
        row, pair = np.arange(count).repeat(2), np.stack([made, reads[index]], 1).ravel()
        above = row, pair, np.tile([-1.0, 1.0], count)
        below = row, pair, np.stack([np.ones(count), -chord], 1).ravel()
        lines = self.program.rows(above, (after - centre) / self.radius, equal=False)
        self.program.rows(below, room, equal=False)
        self.open[node] = _Open(len(place), index, made, lines)
        place[index] = made
        return place


def _moved(matrix: sp.csr_array, reads: np.ndarray) -> Entries:
    """The entries of a matrix that acts on the columns ``reads``, less those of numbers that do not move."""
    entries = matrix.tocoo()
    row, column = entries.coords
    kept = reads[column] >= 0
    return row[kept], reads[column[kept]], entries.data[kept]
