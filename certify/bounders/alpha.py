"""alpha-CROWN: the lower slopes of open ReLUs chosen by gradient ascent on the bound itself. (xu2021, Section 3.1)

Any slopes in [0, 1] give a sound bound, so the search may be as crude as it likes; what it finds is handed on as
``ChosenSlopes`` and proved by somebody else.
"""

import dataclasses as dc

import torch
from torch import Tensor

from certify.bounders.ball import BallBatch
from certify.bounders.base import AbstractBounder, MarginBounds
from certify.bounders.budget import DEFAULT_BYTES, Limits, over_rows
from certify.bounders.crown import ChosenSlopes, certified, margin_form, nothing
from certify.bounders.enclosure import Enclosure
from certify.bounders.linear_form import LinearForm
from certify.bounders.refine import RowSlopes, both_signs, feeds_relu, open_units, refine, tighten_rows
from certify.bounders.substitution import Selection, Slopes, Substitution
from certify.deadline import Deadline
from certify.network import Network
from certify.outcome import Trust
from certify.query import Queries
from certify.tensor_network import TensorNetwork

_MOST_KEPT = 1 << 30
"""Bytes of slopes that one value's rows may take; a wider value keeps its default slopes."""


@dc.dataclass(frozen=True, slots=True)
class Ascent:
    """How slopes are searched: steps for the margins and for hidden rows, the first step's length, its decay."""

    margin_steps: int = 20
    hidden_steps: int = 4
    rate: float = 0.8
    decay: float = 0.9


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Best:
    """The best bounds (B, R) seen for some rows and the slopes that gave them."""

    lower: Tensor
    slopes: Slopes


class AlphaBounder(AbstractBounder):
    """alpha-CROWN in float32 or float64, not accounting for rounding; trust ``float``."""

    def __init__(
        self,
        network: Network,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        ascent: Ascent | None = None,
        budget: int = DEFAULT_BYTES,
    ) -> None:
        self.name = "alpha"
        self.trust = Trust.FLOAT
        self.tensors = TensorNetwork(network, dtype=dtype, device=device)
        self._ascent, self._budget = ascent or Ascent(), budget

    def bound(self, queries: Queries, deadline: Deadline) -> MarginBounds:
        if deadline.passed:
            return nothing(queries)
        ball, form, _ = self.relax(queries, deadline)
        return certified(ball, form)

    def relax(
        self, queries: Queries, deadline: Deadline, *, begin: Enclosure | None = None
    ) -> tuple[BallBatch, LinearForm, ChosenSlopes]:
        """The linear margins at the queries' radii, the slopes behind them, and the regions they hold on.

        ``begin`` is what is known of the first values on the same regions.
        """
        if begin:
            enclosure = begin.on(self.tensors)
        else:
            enclosure = Enclosure.start(self.tensors, BallBatch.of(queries, self.tensors, rounded=False))
        hidden: dict[int, list[RowSlopes]] = {}
        targets = feeds_relu(enclosure)
        for value in range(len(enclosure.lower), len(self.tensors.network.nodes) + 1):
            with torch.no_grad():
                enclosure.extend()
                if value in targets:
                    refine(enclosure, value, Limits(self._budget, deadline))
            if value in targets and enclosure.relaxations and self._ascent.hidden_steps and not deadline.passed:
                hidden[value] = self._improve(enclosure, value, deadline)
        rows = self.tensors.tensor(queries.rows)
        best = self._ascend(enclosure, len(self.tensors.network.nodes), rows, self._ascent.margin_steps, deadline)
        with torch.no_grad():
            form = margin_form(enclosure, queries, best.slopes)
        return enclosure.ball, form, ChosenSlopes(hidden, best.slopes)

    def _improve(self, enclosure: Enclosure, value: int, deadline: Deadline) -> list[RowSlopes]:
        """Tightens the open units of a value and returns the slopes that did it."""
        index, counts = open_units(enclosure, value)
        found: list[RowSlopes] = []
        each = enclosure.lower[0].element_size() * sum(r.unstable.shape[1] for r in enclosure.relaxations.values())
        if 2 * each * int(counts.sum()) > _MOST_KEPT:
            return found

        def work(samples: Tensor, start: int, stop: int) -> None:
            columns, part = index[samples, start:stop], enclosure.take(samples)
            sides: list[Slopes] = []
            for rows in both_signs(enclosure, columns):
                best = self._ascend(part, value, rows, self._ascent.hidden_steps, deadline)
                tighten_rows(enclosure, value, samples, rows, best.lower)
                sides.append(best.slopes)
            found.append(RowSlopes(samples, columns, upper=sides[0], lower=sides[1]))

        kept = 12 * sum(self.tensors.network.widths[:value]) * enclosure.lower[0].element_size()
        over_rows(counts, kept, Limits(self._budget, deadline), work)
        return found

    def _ascend(
        self, enclosure: Enclosure, value: int, rows: Tensor | Selection, steps: int, deadline: Deadline
    ) -> _Best:
        """Gradient ascent (Adam, projected to [0, 1]) on the lower bounds of ``rows``, each row with its own slopes."""
        slopes = _initial(enclosure, value, rows)
        best = _Best(torch.full_like(Substitution(enclosure, value, rows).constant, -torch.inf), slopes)
        if not slopes:
            steps = 0
        optimiser = torch.optim.Adam(list(slopes.values()), lr=self._ascent.rate) if slopes else None
        for step in range(steps + 1):
            last = step == steps or deadline.passed
            with torch.set_grad_enabled(not last):
                lower = Substitution(enclosure, value, rows, slopes).finish().lower(enclosure.ball)
            best = _better(best, lower.detach(), slopes)
            if last or optimiser is None or not lower.requires_grad:  # no open ReLU lies between the rows and the input
                break
            optimiser.zero_grad()
            (-lower.sum()).backward()
            optimiser.step()
            for group in optimiser.param_groups:
                group["lr"] *= self._ascent.decay
            with torch.no_grad():
                for tensor in slopes.values():
                    tensor.clamp_(0.0, 1.0)
        return best


def _initial(enclosure: Enclosure, value: int, rows: Tensor | Selection) -> dict[int, Tensor]:
    """Every open ReLU's default slopes, a copy for each row, ready for gradients; only ReLUs on the way count."""
    count = (rows.index if isinstance(rows, Selection) else rows).shape[1]
    return {
        i: r.lower_slope[:, None, :].repeat(1, count, 1).requires_grad_()
        for i, r in enclosure.relaxations.items()
        if i < value - 1 and bool(r.unstable.any()) and count
    }


def _better(best: _Best, lower: Tensor, slopes: Slopes) -> _Best:
    gain = lower > best.lower
    with torch.no_grad():
        kept = {i: torch.where(gain[:, :, None], s, best.slopes[i]).detach() for i, s in slopes.items()}
    return _Best(torch.maximum(best.lower, lower), kept)
