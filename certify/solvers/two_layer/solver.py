"""The exact l2 radius of a network with one hidden layer: search, then proof."""

import dataclasses as dc

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.network import Network
from certify.outcome import Trust
from certify.query import Queries
from certify.region import Norm
from certify.solvers.two_layer.forest import Forest
from certify.solvers.two_layer.incumbents import Incumbents
from certify.solvers.two_layer.model import TwoLayer
from certify.solvers.two_layer.questions import Questions
from certify.solvers.two_layer.search import BEYOND, Effort, Search
from certify.solvers.two_layer.units import Units

_SEARCH = 0.8
_SHRINK = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 0.3)
"""How much below the search's bound a proof is tried."""

_FAR = 1e3


@dc.dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """For B inputs: proved radii, the nearest candidates found (B, n; NaN where there is none), nodes, and the end.

    ``unsplit`` is the search's own bound before any split, not proved. ``nodes`` counts the balls searched and the
    halves of every split, each once however often it was bounded.
    ``settled``: the search ended by itself, not by the deadline.
    """

    radius: Float64[np.ndarray, " b"]
    candidates: Float64[np.ndarray, "b n"]
    unsplit: Float64[np.ndarray, " b"]
    nodes: Int64[np.ndarray, " b"]
    settled: Bool[np.ndarray, " b"]

    @classmethod
    def nothing(cls, queries: Queries) -> "Solution":
        """No radius and no candidate: the network's numbers overflow."""
        count, centres = len(queries), queries.centres
        none = np.zeros(count, dtype=np.int64)
        return cls(np.zeros(count), np.full_like(centres, np.nan), np.zeros(count), none, none > 0)


class TwoLayerSolver:
    """Branch and bound on l2 questions about a network with one hidden layer.

    Radii are proved by ``Forest.proves``, from multipliers alone, without the domain: a ball that a box cuts is
    smaller. Candidates are the nearest counterexamples in all of R^n; it is for the caller to confirm them. The search
    bounds at most ``most_nodes`` nodes an input; without ``quadratic`` chords are its only majorants, for comparisons.

    Raises:
        UnsupportedModel: the network has another shape.
    """

    name = "exact"
    trust = Trust.ROUNDED

    def __init__(
        self, network: Network, *, device: str = "cpu", most_nodes: int = 2**62, quadratic: bool = True
    ) -> None:
        self._model = TwoLayer.of(network)
        self._device, self._most_nodes, self._quadratic = device, most_nodes, quadratic

    @torch.no_grad()
    def solve(
        self, queries: Queries, broken: Bool[np.ndarray, " b"], *, tolerance: float, deadline: Deadline
    ) -> Solution:
        """Radii up to ``queries.radii``; ``broken`` says where a counterexample at that radius is known.

        Raises:
            InvalidInput: another norm than l2.
        """
        if queries.norm is not Norm.L2:
            raise InvalidInput(f"The exact method measures perturbations in l2, not in {queries.norm}.")
        if not bool(torch.isfinite(self._model.gram).all()):
            return Solution.nothing(queries)
        asked = Questions.of(self._model, queries)
        units = Units(self._model, asked, self._device)
        effort = Effort(tolerance, self._most_nodes, deadline.part(_SEARCH), self._quadratic)
        incumbents = self._start(units, asked, queries, broken, effort)
        search = Search(units, asked.owner, incumbents, effort)
        finished = search.run()
        claim = torch.minimum(search.lower, incumbents.radius).cpu()
        radius = self._prove(search.forest, asked, claim, torch.as_tensor(queries.radii))
        z = (units.move(incumbents.direction) @ torch.as_tensor(self._model.weight)).numpy()
        found = incumbents.found.cpu().numpy() & (incumbents.question >= 0).cpu().numpy()
        candidates = np.where(found[:, None], queries.centres + z, np.nan)
        settled = ~search.open.cpu().numpy() | finished
        nodes = torch.bincount(asked.owner[search.forest.regions], minlength=len(queries))
        return Solution(radius.numpy(), candidates, search.unsplit.cpu().numpy(), nodes.numpy(), settled)

    def _start(
        self, units: Units, asked: Questions, queries: Queries, broken: np.ndarray, effort: Effort
    ) -> Incumbents:
        """The first counterexamples, and the radii beyond which nobody looks."""
        limit = torch.as_tensor(queries.radii) * torch.as_tensor(np.where(broken, 1.0, BEYOND))
        far = torch.zeros_like(limit).scatter_reduce(0, asked.owner, units.start.cpu().abs().amax(1), "amax")
        limit = torch.minimum(limit, _FAR * far.clamp_min(1e-6)).to(self._device)
        incumbents = Incumbents(units, asked.owner, limit, gap=0.02 * effort.tolerance, deadline=effort.deadline)
        incumbents.found |= torch.as_tensor(broken, device=self._device)
        incumbents.begin()
        return incumbents

    def _prove(self, forest: Forest, asked: Questions, claim: Tensor, limit: Tensor) -> Tensor:
        proved = torch.zeros_like(claim)
        for shrink in _SHRINK:
            wish = torch.where(proved > 0, 0.0, torch.minimum(claim * (1 - shrink), limit))
            if not bool((wish > 0).any()):
                break
            held = forest.proves(self._model, asked, wish[asked.owner])
            whole = torch.ones_like(claim).scatter_reduce(0, asked.owner, held.double(), "amin") > 0
            proved = torch.where(whole & (wish > 0), wish, proved)
        return proved
