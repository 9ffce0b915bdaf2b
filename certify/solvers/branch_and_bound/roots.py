"""Where trees start: rigorous enclosures of whole questions, and of the nodes below them."""

import dataclasses as dc

import numpy as np
import torch
from torch import Tensor

from certify.bounders.alpha import AlphaBounder
from certify.bounders.ball import BallBatch
from certify.bounders.budget import DEFAULT_BYTES, Limits
from certify.bounders.crown import CrownBounder
from certify.bounders.enclosure import Enclosure
from certify.bounders.refine import refine
from certify.bounders.relaxation import Relaxation
from certify.deadline import Deadline
from certify.query import Queries
from certify.solvers.branch_and_bound.nodes import Multipliers, Nodes, clipped
from certify.solvers.branch_and_bound.units import Units
from certify.tensor_network import TensorNetwork

_REFINING_WORK = 1e7
"""Products a node that tightening its hidden bounds may cost; where it would cost more only intervals are used."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Roots:
    """T trees: tree t bounds one row of question ``question[t]``; all tensors in float64 on the CPU.

    ``enclosure`` holds on the whole regions of the questions, rounding accounted for. ``row`` (T, 1, m), ``offset``
    (T, 1) are the margins, ``slopes`` (T, U) where their search starts.
    """

    units: Units
    enclosure: Enclosure
    question: Tensor
    row: Tensor
    offset: Tensor
    slopes: Tensor

    def node(self, trees: Tensor, phases: Tensor, deadline: Deadline) -> Nodes:
        """The regions that ``phases`` (B, U) cut from those of ``trees`` (B,), with bounds that hold on them."""
        enclosure = narrowed(self.units, self.enclosure.take(self.question[trees]), phases, deadline)
        return Nodes(self.units, enclosure, self.row[trees], self.offset[trees], phases)


def plant(
    queries: Queries, bounder: CrownBounder, search: AlphaBounder, units: Units, deadline: Deadline
) -> tuple[Roots, np.ndarray]:
    """The trees of the margins that one alpha-CROWN pass leaves open, and which (B, R) it proved.

    ``search`` finds the slopes, ``bounder`` proves with them.
    """
    _, _, slopes = search.relax(queries, deadline)
    slopes = slopes.take(torch.arange(len(queries)), "cpu")
    enclosure, form = bounder.relax(queries, deadline, slopes)
    proved = form.lower(enclosure.ball) > 0
    question, row = (~proved).nonzero(as_tuple=True)
    rows, offsets = (torch.as_tensor(a) for a in (queries.rows, queries.offsets))
    default = {k: enclosure.relaxations[units.readers[k][0]].lower_slope[question] for k in units.values}
    found = {k: slopes.margin[i][question, row] for k in units.values if (i := units.readers[k][0]) in slopes.margin}
    start = units.join(default | found, torch.zeros(len(question), 1, dtype=torch.float64)).double()
    roots = Roots(units, enclosure, question, rows[question, row][:, None], offsets[question, row][:, None], start)
    return roots, proved.numpy()


def narrowed(units: Units, root: Enclosure, phases: Tensor, deadline: Deadline) -> Enclosure:
    """An enclosure of the parts of ``root``'s regions where ``phases`` (B, U) hold; rounding as in ``root``.

    Values are bounded in turn: by intervals from tightened bounds, by ``root``, by the phases, and, where that is
    cheap, by backward substitution again. Every step intersects enclosures of the same region.
    """
    enclosure = Enclosure.start(root.network, root.ball)
    of_value, changed = dict(units.parts(phases)), torch.zeros(len(phases), dtype=torch.bool)
    for value in range(1, len(root.lower)):
        enclosure.extend()
        enclosure.tighten(value, root.lower[value], root.upper[value])
        if value not in of_value:
            continue
        cut = of_value[value]
        enclosure.tighten(value, *clipped(enclosure.lower[value], enclosure.upper[value], cut))
        if bool(changed.any()) and _affordable(enclosure, value):
            refine(enclosure, value, Limits(DEFAULT_BYTES, deadline))
        changed |= (cut != 0).any(1)
    return enclosure


def _affordable(enclosure: Enclosure, value: int) -> bool:
    """Whether the open rows of a value cost few enough products on their way to the input."""
    unsettled = (enclosure.lower[value] < 0) & (enclosure.upper[value] > 0)
    linear = [m for i, m in enclosure.network.linear.items() if i < value]
    products = sum(len(m.bias) * m.row_terms for m in linear)
    return float(unsettled.sum(1).double().mean()) * products <= _REFINING_WORK


def cast(nodes: Nodes, network: TensorNetwork) -> Nodes:
    """The nodes for a search: in the network's dtype, on its device, rounding not accounted for."""
    old, like = nodes.enclosure, network.tensor(np.zeros(0))
    centre, radius, low, high = (x.to(like) for x in (old.ball.centre, old.ball.radius, old.ball.lower, old.ball.upper))
    ball = BallBatch(centre, radius, old.ball.norm, low, high, old.ball.cut, False)
    lower, upper, typical = ([x.to(like) for x in values] for values in (old.lower, old.upper, old.typical))
    relaxations = {
        i: Relaxation.of(lower[value], upper[value]) for value in nodes.units.values for i in nodes.units.readers[value]
    }
    enclosure = Enclosure(network, ball, lower, upper, typical, relaxations)
    return Nodes(nodes.units, enclosure, nodes.row.to(like), nodes.offset.to(like), nodes.phases.to(like.device))


@torch.no_grad()
def proves(nodes: Nodes, chosen: Multipliers) -> Tensor:
    """Which nodes (B,) the multipliers prove: margin > 0 on the whole region, or no point in it."""
    assert nodes.enclosure.rounded
    return nodes.empty() | (nodes.bound(chosen.to(nodes.row)) > 0)
