"""Where trees start: rigorous enclosures of whole questions, and of the nodes below them."""

import dataclasses as dc

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from certify.bounders.alpha import AlphaBounder
from certify.bounders.budget import DEFAULT_BYTES, Limits
from certify.bounders.crown import CrownBounder
from certify.bounders.enclosure import Enclosure
from certify.bounders.refine import refine
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

    def only(self, trees: Bool[np.ndarray, " t"]) -> "Roots":
        """Those of some trees."""
        kept = torch.as_tensor(np.flatnonzero(trees))
        parts = (self.question[kept], self.row[kept], self.offset[kept], self.slopes[kept])
        return Roots(self.units, self.enclosure, *parts)

    def about(self, index: Int64[np.ndarray, " k"]) -> "Roots":
        """Those of the questions at ``index``, which are numbered anew."""
        number = torch.full((len(self.enclosure.lower[0]),), -1)
        number[index] = torch.arange(len(index))
        kept = self.only(number[self.question].numpy() >= 0)
        return dc.replace(kept, enclosure=self.enclosure.take(torch.as_tensor(index)), question=number[kept.question])

    def node(self, trees: Tensor, phases: Tensor, deadline: Deadline) -> Nodes:
        """The regions that ``phases`` (B, U) cut from those of ``trees`` (B,), with bounds that hold on them."""
        enclosure = narrowed(self.units, self.enclosure.take(self.question[trees]), phases, deadline)
        return Nodes(self.units, enclosure, self.row[trees], self.offset[trees], phases)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Planter:
    """What trees are begun with: ``search`` finds slopes for one alpha-CROWN pass, ``proof`` proves with them."""

    units: Units
    search: AlphaBounder
    proof: CrownBounder

    def plant(
        self, queries: Queries, deadline: Deadline, *, begin: Enclosure | None = None, known: np.ndarray | None = None
    ) -> tuple[Roots, np.ndarray]:
        """The trees of the margins that are open after the pass, and which margins (B, R) are proved.

        ``begin`` is what is known of the first values on the same regions, ``known`` (B, R) which margins are proved.
        """
        _, _, slopes = self.search.relax(queries, deadline, begin=begin)
        slopes = slopes.take(torch.arange(len(queries)), "cpu")
        enclosure, form = self.proof.relax(queries, deadline, slopes, begin=begin)
        proved = form.lower(enclosure.ball) > 0
        if known is not None:
            proved |= torch.as_tensor(known)
        question, row = (~proved).nonzero(as_tuple=True)
        rows, offsets = (torch.as_tensor(a)[question, row][:, None] for a in (queries.rows, queries.offsets))
        first = {k: self.units.readers[k][0] for k in self.units.values}
        default = {k: enclosure.relaxations[i].lower_slope[question] for k, i in first.items()}
        found = {k: slopes.margin[i][question, row] for k, i in first.items() if i in slopes.margin}
        start = self.units.join(default | found, torch.zeros(len(question), 1, dtype=torch.float64)).double()
        return Roots(self.units, enclosure, question, rows, offsets, start), proved.numpy()


def narrowed(units: Units, root: Enclosure, phases: Tensor, deadline: Deadline) -> Enclosure:
    """An enclosure of the parts of ``root``'s regions where ``phases`` (B, U) hold; rounding as in ``root``.

    Values are bounded in turn: by intervals from tightened bounds, by ``root``, by the phases, and, where that is
    cheap, by backward substitution again. Every step intersects enclosures of the same region.
    """
    enclosure = Enclosure.start(root.network, root.ball)
    of_value, changed = dict(units.parts(phases)), torch.zeros(len(phases), dtype=torch.bool)
    if 0 in of_value:  # a ReLU may read the input itself
        enclosure.tighten(0, *clipped(enclosure.lower[0], enclosure.upper[0], of_value[0]))
        changed |= (of_value[0] != 0).any(1)
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
    enclosure, like = nodes.enclosure.on(network), network.tensor(np.zeros(0))
    return Nodes(nodes.units, enclosure, nodes.row.to(like), nodes.offset.to(like), nodes.phases.to(like.device))


@torch.no_grad()
def proves(nodes: Nodes, chosen: Multipliers) -> Tensor:
    """Which nodes (B,) the multipliers prove: margin > 0 on the whole region, or no point in it."""
    assert nodes.enclosure.rounded
    return nodes.empty() | (nodes.bound(chosen.to(nodes.row)) > 0)
