"""Whether a tiny question's answer is right, by enumeration in exact arithmetic; and searches without an attack."""

from fractions import Fraction

from certify.deadline import Deadline
from certify.outcome import Falsified, Outcome, Verified
from certify.query import Queries
from certify.region import Norm
from certify.solvers.branch_and_bound.effort import Effort, Stage
from certify.solvers.branch_and_bound.regions import bounded
from certify.solvers.branch_and_bound.solver import BranchAndBound
from tests.oracles import evaluate, min_margin, robust_radius_squared
from tests.strategies import Problem

PHASES = Effort(halving=0, nodes=400)
"""Splits ReLU phases whatever the number of inputs."""

SHARP = Effort(halving=0, nodes=400, stages=(Stage(3, 1), Stage(5, 2)))
"""Sharpens hidden bounds before it splits anything."""

HALVES = Effort(halving=99, nodes=400)
"""Halves boxes whatever the number of inputs."""


def searched(queries: Queries, effort: Effort, deadline: Deadline | None = None) -> list[Outcome]:
    """The answers of the search alone: nothing is proved or attacked beforehand."""
    solver = BranchAndBound(queries.network, limits=effort)
    return solver._search(bounded(queries), deadline or Deadline.never(), [{} for _ in range(len(queries))])


def is_robust(problem: Problem) -> bool:
    """Whether every margin is positive on the whole region."""
    queries = problem.queries()
    if problem.norm is Norm.L2:
        squared = robust_radius_squared(
            problem.network, problem.point, queries.rows[0], queries.offsets[0], problem.domain
        )
        return squared is None or squared > Fraction(problem.radius) ** 2
    margins = (
        min_margin(problem.network, problem.point, problem.radius, problem.norm, row, offset, problem.domain)
        for row, offset in zip(queries.rows[0], queries.offsets[0].tolist(), strict=True)
    )
    return all(margin > 0 for margin in margins)


def contradiction(problem: Problem, answer: Outcome) -> str:
    """What is wrong with the answer; empty if nothing is."""
    if isinstance(answer, Verified) and not is_robust(problem):
        return "verified, but a counterexample exists"
    if isinstance(answer, Falsified):
        return _flaw(problem, answer.witness.point.tolist())
    return ""


def _flaw(problem: Problem, point: list[float]) -> str:
    queries, values = problem.queries(), evaluate(problem.network, point)
    rows = [[Fraction(float(a)) for a in row] for row in queries.rows[0]]
    if min(sum((a * v for a, v in zip(row, values, strict=True)), Fraction(0)) for row in rows) > 0:
        return "falsified by a point that is no counterexample"
    moves = [abs(Fraction(a) - Fraction(b)) for a, b in zip(point, problem.point.tolist(), strict=True)]
    radius, squares = Fraction(problem.radius), sum((move * move for move in moves), Fraction(0))
    inside = {
        Norm.LINF: max(moves) <= radius,
        Norm.L1: sum(moves) <= radius,
        Norm.L2: squares <= radius * radius,
    }
    if not inside[problem.norm]:
        return "falsified by a point outside the ball"
    box = problem.domain
    if box is not None and not all(a <= x <= b for a, x, b in zip(box.lower, point, box.upper, strict=True)):
        return "falsified by a point outside the domain"
    return ""
