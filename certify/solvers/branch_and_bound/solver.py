"""Verdicts and exact radii of networks of any depth: search, then proof in float64 with rounding accounted for.

Nothing that the search computes is believed. A node of a tree is closed by one rigorous pass from the network's
weights, the phases on its path and its multipliers; a counterexample counts after an exact evaluation; all else is
open.
"""

import numpy as np
import torch

from certify.attacks.gradient import GradientAttack
from certify.attacks.polish import confirm
from certify.bounders.alpha import Ascent
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Network
from certify.outcome import Falsified, Outcome, Trust, Unknown, Verified
from certify.query import Queries
from certify.region import Norm
from certify.solvers.branch_and_bound.effort import Effort
from certify.solvers.branch_and_bound.halving import Halving
from certify.solvers.branch_and_bound.regions import bounded
from certify.solvers.branch_and_bound.stages import Stages, Trees, planter

_MOST_AT_ONCE = 128
"""Questions that share one search: they share its overhead, and its memory."""

_SLOPES = Ascent(margin_steps=10)
"""How slopes are searched before anything is split: the first nodes go on from there."""

_ATTACKS = (6, 4), (20, 4)
"""Steps and restarts of a quick attack, and of a longer one; then the search has candidates of its own."""


class BranchAndBound:
    """Decides questions about one network. Verdicts have trust ``rounded``; the search runs on ``device``."""

    name = "branch-and-bound"
    trust = Trust.ROUNDED

    def __init__(self, network: Network, *, device: str = "cpu", limits: Effort | None = None) -> None:
        self._network, self._effort = network, limits or Effort()
        self._planter = planter(network, dtype=torch.float32, device=device, slopes=_SLOPES)
        self._attacks = [GradientAttack(device=device, steps=n, restarts=r, verdict=True) for n, r in _ATTACKS]
        self._exact = ExactNetwork(network)

    def decide(self, queries: Queries, deadline: Deadline, *, seed: int = 0) -> list[Outcome]:
        """An answer to each question; those that the deadline or a limit leaves open are ``Unknown``.

        Raises:
            InvalidInput: the questions are about another network, or a region is empty or unbounded.
        """
        return self.resume(queries, deadline, seed=seed, trees=[{} for _ in range(len(queries))])

    def resume(self, queries: Queries, deadline: Deadline, *, seed: int, trees: list[Trees]) -> list[Outcome]:
        """As ``decide``, with every split of ``trees`` made at once; they become the trees of this search.

        A tree says where it may pay to split, and nothing more: every leaf is proved anew.
        """
        if queries.network is not self._network:
            raise InvalidInput("The questions are about another network than this solver was built for.")
        queries = bounded(queries)
        answers: list[Outcome] = []
        pieces = -(-len(queries) // _MOST_AT_ONCE)
        for piece in range(pieces):
            index = np.arange(piece * _MOST_AT_ONCE, min((piece + 1) * _MOST_AT_ONCE, len(queries)))
            share = deadline.part(1 / (pieces - piece))
            answers += self._piece(queries.take(index), share, seed, trees[index[0] : index[-1] + 1])
        return answers

    def _piece(self, queries: Queries, deadline: Deadline, seed: int, grown: list[Trees]) -> list[Outcome]:
        late = Unknown("the time limit came before the first bound; raise it")
        answers: list[Outcome] = [late] * len(queries)
        if not deadline.passed:
            quick = self._planter.proof.bound(queries, deadline.part(0.3)).lower.min(axis=1) > 0
            for i, witness in enumerate(confirm(queries, queries.centres, None, self._exact, shorten=False)):
                answers[i] = Verified(Trust.ROUNDED) if quick[i] else Falsified(witness) if witness else late
        for attack in self._attacks:
            index = _open(answers)
            moving = index[queries.radii[index] > 0]
            if not moving.size or deadline.passed:
                break
            asked = queries.take(moving)
            candidates = attack.propose(asked, seed=seed, deadline=deadline.part(0.2))
            found = confirm(asked, candidates, None, self._exact, shorten=False)
            for i, witness in zip(moving.tolist(), found, strict=True):
                answers[i] = Falsified(witness) if witness else late
        index = _open(answers)
        if index.size and not deadline.passed:
            part = [grown[i] for i in index]
            for i, answer in zip(index, self._search(queries.take(index), deadline, part), strict=True):
                answers[i] = answer
        return answers

    def _search(self, queries: Queries, deadline: Deadline, grown: list[Trees]) -> list[Outcome]:
        if queries.norm is Norm.LINF and self._network.input_width <= self._effort.halving:
            search = Halving(queries, network=self._planter.proof.tensors, exact=self._exact, effort=self._effort)
        else:
            search = Stages(queries, self._planter, exact=self._exact, effort=self._effort, grown=grown)
        search.run(deadline)
        return [
            Falsified(witness)
            if witness
            else Verified(Trust.ROUNDED)
            if proved
            else Unknown(_why(int(stuck), int(spent), self._effort.nodes))
            for witness, proved, stuck, spent in zip(
                search.witness, search.proved, search.stuck, search.spent, strict=True
            )
        ]


def _open(answers: list[Outcome]) -> np.ndarray:
    return np.array([i for i, answer in enumerate(answers) if isinstance(answer, Unknown)], dtype=np.int64)


def _why(stuck: int, spent: int, most: int) -> str:
    if stuck:
        return (
            f"{stuck} part(s) of the region, on which the network is affine, have a margin too near 0 for float64 to "
            f"prove or to refute; try a slightly different radius"
        )
    if spent >= most:
        return f"the limit of {most} nodes came first; raise it"
    return f"the time limit came after {spent} nodes; raise it"
