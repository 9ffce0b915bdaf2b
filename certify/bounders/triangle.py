"""Bounds by the triangle relaxation: linear programs choose the slopes, backward substitution in float64 proves them.

Given bounds of the open units, a linear program over the triangles of all of them is the best that slopes can do
(salman2019). Of its answer only the slopes are used, and each row keeps the better of these and those of alpha-CROWN.
So a solver that fails, comes late or is wrong costs tightness and nothing else.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from certify.bounders.alpha import AlphaBounder, Ascent
from certify.bounders.ball import BallBatch
from certify.bounders.base import AbstractBounder, MarginBounds
from certify.bounders.budget import Limits
from certify.bounders.crown import ChosenSlopes, certified, margin_form, nothing
from certify.bounders.enclosure import Enclosure
from certify.bounders.linear_form import LinearForm
from certify.bounders.refine import both_signs, feeds_relu, open_units, refine, tighten_rows
from certify.bounders.substitution import Slopes, Substitution
from certify.bounders.triangle_lp import TriangleProgram, matrices
from certify.deadline import Deadline
from certify.network import Network
from certify.outcome import Trust
from certify.query import Queries
from certify.region import Norm
from certify.tensor_network import TensorNetwork

_MOST_ROUNDS = 40
"""How often the description of an l2 ball is refined for one cost."""

_MOST_WORK = 2 * 10**7
"""Hidden units get programs of their own where rows times entries of a program are no more than this: some seconds."""

_LONG = Ascent(margin_steps=60, hidden_steps=15, rate=0.5, decay=0.95)
"""Programs take far longer than the ascent that they start from, so this one is not in a hurry."""


class TriangleBounder(AbstractBounder):
    """The triangle relaxation, its slopes proved in float64 with rounding accounted for; trust ``rounded``.

    Open units are bounded by programs of their own, two each, where that is affordable: not in l2, where one program is
    dozens, and not in large networks. There the slopes of hidden units are those of a long ascent.
    """

    def __init__(self, network: Network, *, device: torch.device | str = "cpu", ascent: Ascent = _LONG) -> None:
        self.name = "lp"
        self.trust = Trust.ROUNDED
        self._fast = AlphaBounder(network, device=device, ascent=ascent)
        self._tensors = TensorNetwork(network, dtype=torch.float64)
        self._matrices = matrices(network)

    def bound(self, queries: Queries, deadline: Deadline) -> MarginBounds:
        if deadline.passed:
            return nothing(queries)
        return certified(*self.relax(queries, deadline, every=True))

    def relax(self, queries: Queries, deadline: Deadline, *, every: bool) -> tuple[BallBatch, LinearForm]:
        """The regions at the queries' radii and linear margins on them, proved.

        Without ``every``, programs are solved only for the margins that decide a radius: the least one of each input
        and those that are not positive without.
        """
        _, _, chosen = self._fast.relax(queries, deadline)
        with torch.no_grad():
            chosen = chosen.take(torch.arange(len(queries)), "cpu")
            enclosure = self._enclosure(queries, chosen, deadline)
            form = margin_form(enclosure, queries, chosen.margin)
            lower = form.lower(enclosure.ball)
            asked = (lower <= 0) | (lower == lower.amin(1, keepdim=True)) | every
            slopes = self._solved(queries, enclosure, asked, chosen.margin, deadline)
            other = margin_form(enclosure, queries, slopes)
            return enclosure.ball, _better(form, other, other.lower(enclosure.ball) > lower)

    def _enclosure(self, queries: Queries, chosen: ChosenSlopes, deadline: Deadline) -> Enclosure:
        """The enclosure with every open unit as tight as the slopes and the programs make it."""
        enclosure = Enclosure.start(self._tensors, BallBatch.of(queries, self._tensors, rounded=True))
        targets = feeds_relu(enclosure)
        for value in range(1, len(self._tensors.network.nodes) + 1):
            enclosure.extend()
            if value in targets:
                refine(enclosure, value, Limits(deadline=deadline), slopes=chosen.hidden.get(value, ()))
                if enclosure.relaxations and queries.norm is not Norm.L2:
                    self._tighten(enclosure, value, deadline)
        return enclosure

    def _tighten(self, enclosure: Enclosure, value: int, deadline: Deadline) -> None:
        """Bounds the open units of the last value by programs."""
        index, counts = open_units(enclosure, value)
        for i in torch.nonzero(counts)[:, 0]:
            part, columns = enclosure.take(i[None]), index[i, : counts[i]][None]
            program = TriangleProgram(part, self._matrices, value)
            if not program.proposes or 2 * columns.shape[1] * program.size > _MOST_WORK:
                continue
            for rows in both_signs(enclosure, columns):
                dense = rows.dense(enclosure.lower[value].shape[1], torch.float64)
                slopes = _defaults(part, dense, {})
                for j in range(columns.shape[1]):
                    _solve(program, dense[0, j], {k: s[0, j] for k, s in slopes.items()}, deadline)
                form = Substitution(part, value, rows, slopes).finish()
                tighten_rows(enclosure, value, i[None], rows, form.lower(part.ball))
            if deadline.passed:
                return

    def _solved(
        self, queries: Queries, enclosure: Enclosure, asked: Tensor, start: Slopes, deadline: Deadline
    ) -> Slopes:
        """The slopes (B, R, n) that programs find for the margins that are ``asked`` for; ``start`` elsewhere."""
        rows = self._tensors.tensor(queries.rows)
        slopes = _defaults(enclosure, rows, start)
        for i in torch.nonzero(asked.any(1))[:, 0]:
            if deadline.passed:
                break
            program = TriangleProgram(enclosure.take(i[None]), self._matrices, len(self._tensors.network.nodes))
            for j in torch.nonzero(asked[i])[:, 0]:
                _solve(program, rows[i, j], {k: s[i, j] for k, s in slopes.items()}, deadline)
        return slopes


def _defaults(enclosure: Enclosure, rows: Tensor, start: Slopes) -> dict[int, Tensor]:
    """Slopes (B, R, n) in float64 for each ReLU and each of ``rows`` (B, R, w): those of ``start``, else the usual."""
    relaxations = enclosure.relaxations.items()
    slopes = {i: start[i].double() if i in start else r.lower_slope[:, None, :] for i, r in relaxations}
    return {i: s.expand(-1, rows.shape[1], -1).clone() for i, s in slopes.items()}


def _solve(program: TriangleProgram, row: Tensor, slopes: Mapping[int, Tensor], deadline: Deadline) -> None:
    """Overwrites ``slopes``, (n,) for each ReLU, by what the program says about the row (w,), if it does."""
    for _ in range(_MOST_ROUNDS):
        found = program.minimise(row.numpy(), deadline)
        if found is None:
            return
        for i, said in found.slopes.items():
            known = torch.as_tensor(said)
            slopes[i].copy_(torch.where(known.isnan(), slopes[i], known))
        if not program.approach():
            return


def _better(first: LinearForm, second: LinearForm, gain: Tensor) -> LinearForm:
    return LinearForm(
        torch.where(gain[:, :, None], second.coefficients, first.coefficients),
        torch.where(gain, second.constant, first.constant),
        torch.where(gain, second.error, first.error),
    )
