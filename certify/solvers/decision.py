"""Decides a VNN-LIB query: attacks first, then cheap proofs, then branch and bound; every answer is checked exactly.

``sat`` needs an assignment under which the assertions hold literally, evaluated in rational arithmetic on the network
as read; ``unsat`` needs every case proved with rounding accounted for.
"""

import dataclasses as dc
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float64

from certify.bounders.alpha import AlphaBounder
from certify.bounders.crown import CrownBounder
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.io.vnnlib.cases import Case, cases
from certify.io.vnnlib.query import Query
from certify.network import Network
from certify.outcome import Falsified, Trust, Verified
from certify.solvers.branch_and_bound.box_search import BoxSearch
from certify.solvers.branch_and_bound.effort import Effort
from certify.solvers.branch_and_bound.solver import BranchAndBound
from certify.solvers.branch_and_bound.units import Units
from certify.solvers.equalities import clearly_empty, equations
from certify.solvers.falsify import lowest_points
from certify.solvers.solutions import Judge, Replay, Solution
from certify.solvers.unsafe import Question, questions
from certify.tensor_network import TensorNetwork

_SMALL = 4096
"""A network with fewer values than this is attacked from eight times as many starts."""

_BOXES, _FEW_BOXES = 1024, 1024
"""Boxes that are bounded at once; so many at least before a network with few units is searched over its phases."""

_BESIDE = 1e-3
"""Points with margins up to this may lie beside solutions, where inputs must fulfil equations."""

_FOR_BOXES = 0.8
"""The share of its time that a search over boxes gets, where it is tried first."""


@dc.dataclass(frozen=True, slots=True)
class Satisfied:
    """The assertions can hold together: ``sat``."""

    solution: Solution


@dc.dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """They cannot: ``unsat``, as far as ``trust`` says, which is at least ``rounded``."""

    trust: Trust


@dc.dataclass(frozen=True, slots=True)
class Undecided:
    """Neither was shown; ``late`` says whether the deadline came first."""

    reason: str
    late: bool


Decision = Satisfied | Unsatisfiable | Undecided


def decide(
    query: Query,
    network: Network,
    deadline: Deadline,
    *,
    replay: Replay | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Decision:
    """The answer to a query whose inputs ``network`` reads and whose outputs it makes, in the query's order.

    Attacks and searches run on ``device``; proofs, and the search over boxes, which is one, on the CPU.

    Raises:
        InvalidInput: an empty region, an input without bounds, or numbers beyond float64.
    """
    asked = cases(query)
    open_ = [question for case in asked for question in questions(network, case)]
    for stage in _stages(network, Judge(query, network, replay), seed, device):
        left: list[Question] = []
        for k, question in enumerate(open_):
            if deadline.passed:
                return Undecided(f"The time ran out with {len(open_) - k + len(left)} question(s) open.", late=True)
            answer = stage(question, deadline.part(1 / (len(open_) - k)))
            if isinstance(answer, Solution):
                return Satisfied(answer)
            left += [answer] if answer else []
        open_ = left
        if not open_:
            _refuse_empty(query, asked)
            return Unsatisfiable(Trust.ROUNDED)
    return _undecided(open_, deadline)


def _stages(network: Network, judge: Judge, seed: int, device: str) -> "tuple[_Stage, ...]":
    """What to try, in this order, on whatever is still open."""
    first, second = _Attack(judge, 8, 20, seed, device), _Attack(judge, 32, 80, seed + 1, device)
    last = _Completion(judge, seed + 2, device)
    if network.input_width <= Effort().halving:
        return first, _Halving(judge, TensorNetwork(network, dtype=torch.float64)), second, last
    return first, _crown, second, _Alpha(device), last


def _refuse_empty(query: Query, asked: Sequence[Case]) -> None:
    """Refuses a query that nothing solves because its constraints on inputs alone contradict each other."""
    pairs = ((case, polytope) for case in asked for polytope in case.polytopes)
    if all(clearly_empty(polytope, case.intervals) for case, polytope in pairs):
        raise InvalidInput(
            f"{query.name}: the assertions about inputs leave no input in any case. An empty region says nothing about "
            f"the network; check the constraints that join several inputs."
        )


def _undecided(open_: Sequence[Question], deadline: Deadline) -> Undecided:
    if deadline.passed:
        return Undecided(f"The time ran out with {len(open_)} question(s) open.", late=True)
    margins = sum(question.queries.rows.shape[1] for question in open_)
    return Undecided(
        f"{margins} margin(s) on {len(open_)} box(es) were neither proved positive nor broken; split the box.",
        late=False,
    )


_Stage = Callable[[Question, Deadline], Question | Solution | None]
"""What is left of a question, None when all of it is proved."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Attack:
    """Looks for a solution in the question's box."""

    judge: Judge
    attempts: int
    steps: int
    seed: int
    device: str

    def __call__(self, question: Question, deadline: Deadline) -> Question | Solution:
        small = sum(question.queries.network.widths) < _SMALL
        attempts = self.attempts * (8 if small else 1)
        points = lowest_points(
            question, attempts=attempts, steps=self.steps, seed=self.seed, deadline=deadline, device=self.device
        )
        return self.judge.best(question.case, points) or question


def _crown(question: Question, deadline: Deadline) -> Question | None:
    """What CROWN does not prove."""
    bounder = CrownBounder(question.queries.network, dtype=torch.float64, rounded=True)
    return _unproved(question, bounder.bound(question.queries, deadline).lower[0])


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Alpha:
    """What CROWN does not prove with the slopes that alpha-CROWN found."""

    device: str

    def __call__(self, question: Question, deadline: Deadline) -> Question | None:
        network, queries = question.queries.network, question.queries
        _, _, slopes = AlphaBounder(network, device=self.device).relax(queries, deadline.part(0.5))
        bounder = CrownBounder(network, dtype=torch.float64, rounded=True)
        here = slopes.take(torch.arange(1), "cpu")
        return _unproved(question, bounder.certify(queries, deadline, here).lower[0])


def _unproved(question: Question, lower: Float64[np.ndarray, " r"]) -> Question | None:
    rows = np.flatnonzero(~(lower > 0))
    return question.only(rows) if rows.size else None


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Halving:
    """Branch and bound over boxes, which suits networks with few inputs."""

    judge: Judge
    network: TensorNetwork

    def __call__(self, question: Question, deadline: Deadline) -> Question | Solution | None:
        def judged(_: int, points: Float64[np.ndarray, "k n"]) -> Solution | None:
            return self.judge.best(question.case, points)

        leaves = 1 << min(Units(self.network.network).count, 24)  # of a tree over phases, which comes next
        effort = Effort(nodes=_FEW_BOXES + leaves, batch=_BOXES)
        slack = _BESIDE if equations(question.case) else 0.0
        search = BoxSearch[Solution](question.clauses, network=self.network, judge=judged, effort=effort, slack=slack)
        search.run(deadline.part(_FOR_BOXES))
        return None if search.proved()[0] else search.found[0] or question


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Completion:
    """Branch and bound over phases, whose counterexamples are checked like any other."""

    judge: Judge
    seed: int
    device: str

    def __call__(self, question: Question, deadline: Deadline) -> Question | Solution | None:
        solver = BranchAndBound(question.queries.network, device=self.device, limits=Effort(halving=0))
        (answer,) = solver.decide(question.queries, deadline, seed=self.seed)
        match answer:
            case Verified(trust) if trust >= Trust.ROUNDED:
                return None
            case Falsified(witness):
                return self.judge.best(question.case, witness.point[None]) or question
            case _:
                return question
