"""The functions of clauses as tensors: their linear bounds on boxes, and their values at points."""

import dataclasses as dc

import torch
from torch import Tensor

from certify.bounders.charges import length
from certify.bounders.enclosure import Enclosure
from certify.bounders.linear_form import LinearForm
from certify.bounders.substitution import Substitution
from certify.rounding import UNIT
from certify.solvers.clauses import Clauses
from certify.tensor_network import TensorNetwork


class Functions:
    """The functions of ``clauses`` on the network's device; boxes and points name their question by its number.

    ``clause`` (R,) holds the clause of each function, ``count`` is the number of clauses.
    """

    def __init__(self, clauses: Clauses, network: TensorNetwork) -> None:
        self._network = network
        self._rows = network.tensor(clauses.queries.rows)
        self._offsets = network.tensor(clauses.queries.offsets)
        self._on_inputs = network.tensor(clauses.on_inputs)
        self._about_inputs = bool(clauses.on_inputs.any())
        self.clause, self.count = torch.as_tensor(clauses.clause), clauses.count

    def form(self, enclosure: Enclosure, question: Tensor) -> LinearForm:
        """Linear lower bounds (b, R) of the functions on a finished enclosure."""
        rows, offsets = self._of(question)
        form = Substitution(enclosure, len(self._network.network.nodes), rows).finish()
        form = dc.replace(form, constant=form.constant + offsets)
        if not self._about_inputs:
            return form
        total = form.coefficients + self._on_inputs
        largest = length(enclosure.ball.magnitude, dim=1)[:, None]
        charge = 2 * UNIT * length(total, dim=2) * largest if enclosure.rounded else 0.0
        return LinearForm(total, form.constant, form.error + charge)

    def values(self, points: Tensor, question: Tensor) -> Tensor:
        """The values (p, R) of the functions at ``points`` (p, n)."""
        rows, offsets = self._of(question)
        outputs = self._network.forward(points)
        on_outputs = torch.bmm(rows, outputs[:, :, None])[:, :, 0]
        return on_outputs + points @ self._on_inputs.T + offsets

    def best(self, values: Tensor) -> Tensor:
        """The largest of the values (b, R) in each clause: (b, K)."""
        index = self.clause.expand(values.shape)
        blank = values.new_full((len(values), self.count), -torch.inf)
        return blank.scatter_reduce(1, index, values, "amax")

    def _of(self, question: Tensor) -> tuple[Tensor, Tensor]:
        if len(self._rows) == 1:
            count = len(question)
            return self._rows.expand(count, -1, -1), self._offsets.expand(count, -1)
        return self._rows[question], self._offsets[question]
