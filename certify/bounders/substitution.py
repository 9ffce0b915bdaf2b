"""Backward substitution: a linear lower bound of rows of one value in terms of the network's input (CROWN).

Walks from a value back to the input, replacing each ReLU by its linear enclosure. What rounding does to a coefficient
is charged where it happens, as (error of the coefficient) times (largest |value| there); a row's errors at one matrix
product are bounded by ``gamma * ||row||_2 * sum_i ||column i||_2 |value_i|`` (Cauchy-Schwarz), so accounting costs one
norm per row and no second product. (zhang2018, Theorem 3.2) gives the bound in real arithmetic.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from certify.bounders.charges import LEAST, length
from certify.bounders.enclosure import Enclosure
from certify.bounders.linear_form import LinearForm
from certify.bounders.relaxation import Relaxation
from certify.network import Add, Affine, Conv2d
from certify.rounding import UNIT, gamma
from certify.tensor_network import LinearMap

Slopes = Mapping[int, Tensor]
"""Lower slopes (B, R or 1, n) for the ReLU of each node that is in the mapping; the others use their default."""


class Selection:
    """The rows ``sign * e_index`` of a value, both (B, R) with signs +-1: unit vectors, not yet written out."""

    def __init__(self, index: Tensor, sign: Tensor) -> None:
        self.index, self.sign = index, sign

    def dense(self, width: int, dtype: torch.dtype) -> Tensor:
        """Them as coefficients (B, R, width)."""
        return torch.nn.functional.one_hot(self.index, width).to(dtype) * self.sign[:, :, None]


class Substitution:
    """B times R rows on their way from a value to the input. Invariant, on each region:

    ``rows . value >= sum over the frontier of coefficients . value_k + constant - error``.
    """

    def __init__(
        self, enclosure: Enclosure, value: int, rows: "Tensor | Selection", slopes: Slopes | None = None
    ) -> None:
        self._enclosure, self._slopes = enclosure, slopes or {}
        self._frontier: dict[int, Tensor | Selection] = {value: rows}
        shape = (rows.index if isinstance(rows, Selection) else rows[:, :, 0]).shape
        self.constant = enclosure.lower[0].new_zeros(shape)
        self.error = torch.zeros_like(self.constant)

    def add(self, value: int, rows: Tensor) -> None:
        """Adds ``rows . value``, with ``value`` not yet passed, to the functions that are bounded.

        Where ``rows . value <= 0`` on the region, as for a multiplier times a constraint, the bound of the sum is one
        of the functions themselves.
        """
        self._receive(value, rows)

    def finish(self) -> LinearForm:
        """The linear form over the input."""
        while self.advance():
            pass
        coefficients = self._frontier.get(0)
        if coefficients is None:
            width = self._enclosure.lower[0].shape[1]
            coefficients = self.constant.new_zeros((*self.constant.shape, width))
        if isinstance(coefficients, Selection):
            coefficients = coefficients.dense(self._enclosure.lower[0].shape[1], self.constant.dtype)
        return LinearForm(coefficients, self.constant, self.error)

    def advance(self) -> bool:
        """Replaces the latest value of the frontier by what it was made from; False once only the input is left."""
        value = max(self._frontier, default=0)
        if value == 0:
            return False
        rows = self._frontier.pop(value)
        node = self._enclosure.network.network.nodes[value - 1]
        match node.op:
            case Affine() | Conv2d():
                self._receive(node.inputs[0], self._through_linear(value - 1, rows))
            case Add():
                for source in node.inputs:
                    self._receive(source, rows)
            case _:
                self._receive(node.inputs[0], self._through_relu(value - 1, rows))
        return True

    @property
    def past_relu(self) -> bool:
        """Whether the walk stands right behind a single ReLU, where ``estimate`` says something new."""
        last = max(self._frontier, default=0)
        relus = self._enclosure.relaxations
        return (
            last > 0
            and len(self._frontier) == 1
            and any(last in self._enclosure.network.network.nodes[i].inputs for i in relus)
            and not isinstance(self._frontier[last], Selection)
        )

    def estimate(self) -> Tensor:
        """Lower bounds (B, R) of the rows from the intervals of the one value that the frontier holds."""
        ((value, rows),) = self._frontier.items()
        assert isinstance(rows, Tensor)
        lower, upper = self._enclosure.lower[value], self._enclosure.upper[value]
        middle, half = (lower + upper) / 2, (upper - lower) / 2
        reach = torch.bmm(rows, middle[:, :, None])[:, :, 0] - torch.bmm(rows.abs(), half[:, :, None])[:, :, 0]
        if self._enclosure.rounded:
            size = length(rows, dim=2) * length(middle.abs() + half, dim=1)[:, None]
            reach = reach - 8 * gamma(rows.shape[2] + 8) * size - 1.01 * self.error
            reach = reach - 8 * UNIT * (reach.abs() + self.constant.abs()) - LEAST
        return (reach + self.constant).nan_to_num(nan=-torch.inf, posinf=-torch.inf, neginf=-torch.inf)

    def keep(self, index: Tensor) -> None:
        """Goes on with the rows at ``index`` (B, R') only."""
        self.constant = self.constant.gather(1, index)
        self.error = self.error.gather(1, index)
        for value, rows in self._frontier.items():
            assert isinstance(rows, Tensor)
            self._frontier[value] = rows.gather(1, index[:, :, None].expand(-1, -1, rows.shape[2]))
        self._slopes = {
            i: s if s.shape[1] == 1 else s.gather(1, index[:, :, None].expand(-1, -1, s.shape[2]))
            for i, s in self._slopes.items()
        }

    def _receive(self, value: int, rows: "Tensor | Selection") -> None:
        waiting = self._frontier.get(value)
        if waiting is None:
            self._frontier[value] = rows
            return
        width = self._enclosure.lower[value].shape[1]
        first, second = (
            r.dense(width, self.constant.dtype) if isinstance(r, Selection) else r for r in (waiting, rows)
        )
        total = first + second
        if self._enclosure.rounded:
            size = length(self._enclosure.magnitude(value), dim=1)
            self.error = self.error + 2 * UNIT * length(total, dim=2) * size[:, None]
        self._frontier[value] = total

    def _through_linear(self, node: int, rows: "Tensor | Selection") -> Tensor:
        linear = self._enclosure.network.linear[node]
        if isinstance(rows, Selection):
            self._add_constant(linear.bias[rows.index] * rows.sign)
            return linear.rows(rows.index) * rows.sign[:, :, None]
        self._add_constant(rows @ linear.bias)
        if self._enclosure.rounded:
            self._charge_product(node, linear, rows)
        return linear.transpose(rows)

    def _charge_product(self, node: int, linear: LinearMap, rows: Tensor) -> None:
        value = self._enclosure.network.network.nodes[node].inputs[0]
        magnitude = self._enclosure.magnitude(value)
        mass = magnitude @ (linear.column_norms + 1e-120)
        bias = gamma(rows.shape[2] + 4) * length(linear.bias, dim=0)
        product = gamma(linear.column_terms + 4) * mass
        self.error = self.error + length(rows, dim=2) * (bias + product)[:, None]

    def _through_relu(self, node: int, rows: "Tensor | Selection") -> Tensor:
        relaxation = self._enclosure.relaxations[node]
        if isinstance(rows, Selection):
            rows = rows.dense(relaxation.unstable.shape[1], self.constant.dtype)
        if self._enclosure.rounded:
            charge = 4 * gamma(rows.shape[2] + 16) * relaxation.reach
            self.error = self.error + length(rows, dim=2) * charge[:, None]
        below = rows.clamp_max(0.0)
        self._add_constant(torch.bmm(below, relaxation.upper_offset[:, :, None])[:, :, 0])
        return rows * torch.where(rows > 0, self._lower_slope(node, relaxation), relaxation.upper_slope[:, None, :])

    def _lower_slope(self, node: int, relaxation: Relaxation) -> Tensor:
        chosen = self._slopes.get(node)
        return relaxation.lower_slope[:, None, :] if chosen is None else relaxation.with_slopes(chosen)

    def _add_constant(self, term: Tensor) -> None:
        self.constant = self.constant + term
        if self._enclosure.rounded:
            self.error = self.error + 2 * UNIT * self.constant.abs()
