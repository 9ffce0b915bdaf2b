"""CROWN: linear bounds by backward substitution, and the radius they certify. (zhang2018, Theorem 3.2)"""

import dataclasses as dc

import numpy as np
import torch
from torch import Tensor

from certify.bounders.ball import BallBatch
from certify.bounders.base import AbstractBounder, MarginBounds
from certify.bounders.budget import DEFAULT_BYTES, Limits
from certify.bounders.closed_form import positive_radius
from certify.bounders.enclosure import Enclosure
from certify.bounders.linear_form import LinearForm
from certify.bounders.refine import HiddenSlopes, enclose
from certify.bounders.substitution import Slopes, Substitution
from certify.deadline import Deadline
from certify.network import Network
from certify.outcome import Trust
from certify.query import Queries
from certify.tensor_network import TensorNetwork


@dc.dataclass(frozen=True, slots=True, eq=False)
class ChosenSlopes:
    """Slopes for a whole bound: ``hidden[k]`` for the rows of value k, ``margin`` for the margin rows."""

    hidden: HiddenSlopes
    margin: Slopes

    def take(self, index: Tensor, device: torch.device | str) -> "ChosenSlopes":
        """The slopes of the inputs at ``index``, on ``device``."""

        size = int(index.max()) + 1 if len(index) else 0
        known = [int(part.samples.max()) + 1 for parts in self.hidden.values() for part in parts if len(part.samples)]
        renumbered = torch.full((max([size, *known]),), -1, dtype=torch.int64)
        renumbered[index] = torch.arange(len(index))
        hidden = {
            value: [taken for part in parts if len((taken := part.take(renumbered, device)).samples)]
            for value, parts in self.hidden.items()
        }
        return ChosenSlopes(hidden, {i: s[index.to(s.device)].to(device) for i, s in self.margin.items()})


def margin_form(enclosure: Enclosure, queries: Queries, slopes: Slopes | None = None) -> LinearForm:
    """Linear lower bounds of the margins of ``queries`` on a finished enclosure."""
    network = enclosure.network
    form = Substitution(enclosure, len(network.network.nodes), network.tensor(queries.rows), slopes).finish()
    return dc.replace(form, constant=form.constant + network.tensor(queries.offsets))


class CrownBounder(AbstractBounder):
    """CROWN with every open pre-activation refined; float64 with ``rounded`` accounts for every rounding error.

    Trust ``rounded`` in that case, else ``float``.
    """

    def __init__(
        self,
        network: Network,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        rounded: bool = False,
        budget: int = DEFAULT_BYTES,
    ) -> None:
        if rounded and dtype != torch.float64:
            raise ValueError("Rounding is accounted for in float64 only.")
        self.name = "crown"
        self.trust = Trust.ROUNDED if rounded else Trust.FLOAT
        self.tensors = TensorNetwork(network, dtype=dtype, device=device)
        self._rounded, self._budget = rounded, budget

    def bound(self, queries: Queries, deadline: Deadline) -> MarginBounds:
        if deadline.passed:
            return nothing(queries)
        return self.certify(queries, deadline)

    def certify(self, queries: Queries, deadline: Deadline, slopes: ChosenSlopes | None = None) -> MarginBounds:
        """Bounds with ``slopes`` where they are given; looser ones where the deadline comes first."""
        enclosure, form = self.relax(queries, deadline, slopes)
        return certified(enclosure.ball, form)

    @torch.no_grad()
    def relax(
        self,
        queries: Queries,
        deadline: Deadline,
        slopes: ChosenSlopes | None = None,
        *,
        begin: Enclosure | None = None,
    ) -> tuple[Enclosure, LinearForm]:
        """The finished enclosure at the queries' radii and the linear margins on it.

        ``begin`` is what is known of the first values on the same regions; it must account for rounding if this does.
        """
        if begin:
            known = begin.upto(len(begin.lower) - 1)  # a copy, to be extended
        else:
            known = Enclosure.start(self.tensors, BallBatch.of(queries, self.tensors, rounded=self._rounded))
        assert known.rounded or not self._rounded
        hidden = slopes.hidden if slopes else None
        enclosure = enclose(known, Limits(self._budget, deadline), slopes=hidden)
        return enclosure, margin_form(enclosure, queries, slopes.margin if slopes else None)


def nothing(queries: Queries) -> MarginBounds:
    """Bounds that say nothing."""
    return MarginBounds(np.full(queries.offsets.shape, -np.inf), np.zeros(len(queries)))


@torch.no_grad()
def certified(ball: BallBatch, form: LinearForm) -> MarginBounds:
    """Bounds on the whole ball, and the largest radius within it on which the same linear margins are positive."""
    lower = form.lower(ball)
    radius = positive_radius(form, ball, lower.amin(1)).proved
    return MarginBounds(lower.double().cpu().numpy(), radius.double().cpu().numpy())
