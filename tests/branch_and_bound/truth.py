"""Whether a tiny question's answer is right, by enumeration in exact arithmetic."""

from fractions import Fraction

import numpy as np

from certify.outcome import Falsified, Outcome, Verified
from certify.region import Norm
from tests.oracles import evaluate, min_margin, robust_radius_squared
from tests.strategies import Problem


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
        point, queries = answer.witness.point, problem.queries()
        values = evaluate(problem.network, point)
        rows = [[Fraction(float(a)) for a in row] for row in queries.rows[0]]
        margins = [sum((a * v for a, v in zip(row, values, strict=True)), Fraction(0)) for row in rows]
        if min(margins) > 0:
            return f"falsified by a point whose smallest margin is {float(min(margins))}"
        moves = [Fraction(a) - Fraction(b) for a, b in zip(point.tolist(), problem.point.tolist(), strict=True)]
        if not _within(moves, Fraction(problem.radius), problem.norm):
            return "falsified by a point outside the ball"
        if problem.domain is not None and (problem.domain.outside(point[None, :]) > 0).any():
            return "falsified by a point outside the domain"
    return ""


def _within(moves: list[Fraction], radius: Fraction, norm: Norm) -> bool:
    sizes = [abs(move) for move in moves]
    match norm:
        case Norm.LINF:
            return max(sizes) <= radius
        case Norm.L1:
            return sum(sizes) <= radius
        case Norm.L2:
            return sum(size * size for size in sizes) <= radius**2


def answers(problem: Problem) -> np.ndarray:
    """The one question's answer under the exact oracle, as (robust, broken)."""
    robust = is_robust(problem)
    return np.array([robust, not robust])
