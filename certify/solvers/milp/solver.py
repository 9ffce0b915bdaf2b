"""Verdicts by mixed-integer programs, one for each margin that CROWN cannot prove.

Nothing that the solver says is believed. Its points count after an exact evaluation. Its proofs rest on tolerances, so
they have trust ``float``, unless branch and bound proves the same in the time that is left.
"""

import math

import numpy as np
import torch

from certify.attacks.polish import confirm
from certify.bounders.crown import CrownBounder
from certify.bounders.enclosure import Enclosure
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Network
from certify.outcome import Falsified, Outcome, Trust, Unknown, Verified
from certify.query import Queries
from certify.solvers.branch_and_bound.regions import bounded
from certify.solvers.branch_and_bound.solver import BranchAndBound, Trees
from certify.solvers.milp.encoding import Bounds, Margin, Region, encode, estimated_noise
from certify.solvers.milp.program import AbstractBackend

_MOST_NOISE = 0.1
"""The share of the margin at the centre that a solver's tolerances may be worth before it is not asked at all."""

_SHARE = 0.5
"""The share of the time that the programs may take where their answers are to be proved again."""


class IntegerSolver:
    """Decides questions about one network by ``backend``; ``second`` proves its answers again, where it is given."""

    trust = Trust.FLOAT

    def __init__(self, network: Network, backend: AbstractBackend, *, second: BranchAndBound | None = None) -> None:
        self.name = backend.name
        self._network, self._backend, self._second = network, backend, second
        self._bounder = CrownBounder(network, dtype=torch.float64, rounded=True)
        self._exact = ExactNetwork(network)

    def decide(self, queries: Queries, deadline: Deadline, *, seed: int = 0) -> list[Outcome]:
        """An answer to each question: as ``resume`` without trees."""
        return self.resume(queries, deadline, seed=seed, trees=[{} for _ in range(len(queries))])

    def resume(self, queries: Queries, deadline: Deadline, *, seed: int, trees: list[Trees]) -> list[Outcome]:
        """An answer to each question; what only the programs proved has trust ``float``.

        ``trees`` are those of the second proof (``BranchAndBound.resume``), which has the last word: what it refutes is
        falsified, whatever a program said.

        Raises:
            InvalidInput: the questions are about another network, a region is empty or unbounded, or the backend cannot
                express it.
        """
        if queries.network is not self._network:
            raise InvalidInput("The questions are about another network than this solver was built for.")
        if queries.norm not in self._backend.norms:
            raise InvalidInput(
                f"The method {self.name} cannot express {queries.norm} balls. Use exact, or scip if it is installed."
            )
        queries = bounded(queries)
        answers = self._programs(queries, deadline if self._second is None else deadline.part(_SHARE), seed)
        index = np.array([i for i, answer in enumerate(answers) if not _settled(answer)], dtype=np.int64)
        if self._second is None or not index.size or deadline.passed:
            return answers
        again = self._second.resume(queries.take(index), deadline, seed=seed, trees=[trees[i] for i in index])
        for i, answer in zip(index.tolist(), again, strict=True):
            if _settled(answer):
                answers[i] = answer
        return answers

    def _programs(self, queries: Queries, deadline: Deadline, seed: int) -> list[Outcome]:
        answers: list[Outcome] = [Unknown("the time limit came before the first bound; raise it")] * len(queries)
        if deadline.passed:
            return answers
        enclosure, form = self._bounder.relax(queries, deadline.part(0.3))
        lower = form.lower(enclosure.ball).numpy()
        for i, witness in enumerate(confirm(queries, queries.centres, None, self._exact)):
            if (lower[i] > 0).all():
                answers[i] = Verified(Trust.ROUNDED)
            elif witness is not None:
                answers[i] = Falsified(witness)
            else:
                asked, bounds = queries.take(np.array([i])), enclosure.take(torch.tensor([i]))
                share = deadline.part(1 / (len(queries) - i))
                answers[i] = self._rows(asked, bounds, lower[i], share, seed)
        return answers

    def _rows(self, asked: Queries, enclosure: Enclosure, lower: np.ndarray, deadline: Deadline, seed: int) -> Outcome:
        """One question's margins that are not proved, the least bounds first."""
        region, bounds = _region(enclosure), _bounds(enclosure)
        outputs = self._network.evaluate(asked.centres)[0]
        failure = ""
        for j in lower.argsort()[: int((~(lower > 0)).sum())].tolist():
            row, offset = asked.rows[0, j], float(asked.offsets[0, j])
            margin = Margin(row, offset, float(row @ outputs + offset))
            noise = estimated_noise(self._network, bounds, margin) if margin.typical > 0 else math.inf
            if not noise <= _MOST_NOISE:
                failure = failure or _coarse(self.name, noise)
                continue
            program = encode(self._network, bounds, region, margin, limit=noise)
            found = self._backend.solve(program, deadline, seed=seed)
            if found.point is not None:
                (witness,) = confirm(asked, region.point(found.point)[None], None, self._exact)
                if witness is not None:
                    return Falsified(witness)
            if not found.above:
                failure = failure or f"{self.name} ended with {found.status!r}, neither a proof nor a counterexample"
        return Unknown(failure) if failure else Verified(Trust.FLOAT)


def _settled(answer: Outcome) -> bool:
    return isinstance(answer, Falsified) or (isinstance(answer, Verified) and answer.trust > Trust.FLOAT)


def _region(enclosure: Enclosure) -> Region:
    ball = enclosure.ball
    centre, lower, upper = (x[0].numpy() for x in (ball.centre, ball.lower, ball.upper))
    return Region(centre, float(ball.radius[0]), ball.norm, lower, upper)


def _bounds(enclosure: Enclosure) -> list[Bounds]:
    return [(low[0].numpy(), high[0].numpy()) for low, high in zip(enclosure.lower, enclosure.upper, strict=True)]


def _coarse(name: str, noise: float) -> str:
    return (
        f"the tolerances of {name} may move this margin by {noise:.1e} times what it is at the input, so an answer "
        f"would mean nothing: the weights are too large for it, or the region is. Use exact"
    )
