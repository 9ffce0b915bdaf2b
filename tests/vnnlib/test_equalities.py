"""Constraints that join several inputs: equations are met exactly, contradictions are errors and no verdicts."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.io.vnnlib.cases import cases
from certify.io.vnnlib.reader import parse
from certify.network import Affine, Network, ReLU
from certify.solvers.decision import Decision, Satisfied, Unsatisfiable, decide
from certify.solvers.equalities import equations
from certify.solvers.falsify import lowest_points
from certify.solvers.unsafe import questions

INPUTS = 3
HEAD = "".join(f"(declare-const X_{k} Real)" for k in range(INPUTS)) + "(declare-const Y_0 Real)"
BOX = HEAD + "".join(f"(assert (<= -1 X_{k}))(assert (<= X_{k} 1))" for k in range(INPUTS))
EYE = np.eye(INPUTS)
SIZE = Network.chain(  # |x_0| + |x_1| + |x_2|
    [Affine(np.concatenate([EYE, -EYE]), np.zeros(6)), ReLU(6), Affine(np.ones((1, 6)), np.zeros(1))]
)


def decided(assertions: str) -> Decision:
    query = parse(BOX + assertions)
    decision = decide(query, SIZE, Deadline.never())
    if isinstance(decision, Satisfied):
        assert query.is_solution(decision.solution.inputs, decision.solution.outputs)
    return decision


@pytest.mark.parametrize(
    ("assertions", "expected"),
    [
        ("(assert (== X_0 X_1))(assert (>= Y_0 2.5))", Satisfied),
        ("(assert (== X_0 (+ X_1 0.1)))(assert (<= Y_0 0.2))", Satisfied),
        ("(assert (== X_0 (+ X_1 0.1)))(assert (<= Y_0 0.09))", Unsatisfiable),
        ("(assert (== X_0 (- X_1)))(assert (== X_2 (* 0.3 X_1)))(assert (>= Y_0 2.2))", Satisfied),
        ("(assert (== (+ X_0 X_1 X_2) 0.7))(assert (<= Y_0 0.75))", Satisfied),
        ("(assert (or (== X_0 (+ X_1 2.5)) (== (* 3 X_0) X_2)))(assert (>= Y_0 2.3))", Satisfied),
        ("(assert (!= X_0 X_1))(assert (>= Y_0 2.9))", Satisfied),
        ("(assert (== X_0 X_1))(assert (> X_0 X_1))(assert (>= Y_0 3.5))", Unsatisfiable),
    ],
)
def test_equations_between_inputs_are_decided(assertions: str, expected: type) -> None:
    assert type(decided(assertions)) is expected


@pytest.mark.parametrize(
    "assertions",
    [
        "(assert (>= (+ X_0 X_1) 2.1))(assert (<= Y_0 5))",
        "(assert (== X_0 (+ X_1 0.5)))(assert (== X_1 (+ X_0 0.5)))",
        "(assert (or (>= (- X_0 X_1) 3) (and (== X_0 X_1) (>= (- X_0 X_1) 0.5))))(assert (>= Y_0 0))",
    ],
)
def test_inputs_that_contradict_each_other_are_an_error_and_no_verdict(assertions: str) -> None:
    with pytest.raises(InvalidInput, match="leave no input in any case"):
        decided(assertions)


def test_one_case_with_inputs_is_enough_for_a_verdict() -> None:
    either = "(assert (or (and (>= (+ X_0 X_1) 2.1) (>= Y_0 0)) (and (>= (+ X_0 X_1) 1) (<= Y_0 0.9))))"
    assert isinstance(decided(either), Unsatisfiable)
    assert isinstance(decided("(assert (>= (+ X_0 X_1) 2))(assert (<= Y_0 1.5))"), Unsatisfiable)


numbers = st.fractions(-2, 2, max_denominator=7)


@given(st.lists(st.tuples(*[numbers] * INPUTS, numbers), min_size=1, max_size=3), st.tuples(*[numbers] * INPUTS))
def test_a_point_brought_onto_equations_fulfils_them(rows: list[tuple], point: tuple[Fraction, ...]) -> None:
    terms = [" ".join(f"(* (/ {a.numerator} {a.denominator}) X_{k})" for k, a in enumerate(row[:-1])) for row in rows]
    sums = [
        f"(assert (== (+ {t}) (/ {r[-1].numerator} {r[-1].denominator})))" for t, r in zip(terms, rows, strict=True)
    ]
    wide = BOX.replace("<= -1", "<= -1000").replace(" 1))", " 1000))")
    matrix = np.array([[float(a) for a in row[:-1]] for row in rows])
    if np.linalg.matrix_rank(matrix) < len(rows):
        return
    for case in cases(parse(wide + "".join(sums))):
        joined = [row for row in case.polytopes[0] if len(row.coefficients) > 1]
        for system in equations(case):
            moved = system.onto(point)
            assert all(row.value(moved) == 0 for row in joined)
            assert system.onto(moved) == moved


def test_a_case_without_equations_has_none() -> None:
    (case,) = cases(parse(BOX + "(assert (<= X_0 X_1))(assert (<= (- X_1 X_0) 1))(assert (== Y_0 1))"))
    assert equations(case) == ()
    (question,) = questions(SIZE, case)
    assert len(lowest_points(question, attempts=2, steps=2, seed=0, deadline=Deadline(lambda: 1.0, 1.0))) == 0
