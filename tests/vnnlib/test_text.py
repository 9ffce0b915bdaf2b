"""Text out: queries that read back as the same question, numbers with all digits, assignments of both versions."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from certify.errors import InvalidInput
from certify.io.vnnlib.answers import assignment, decimal_text
from certify.io.vnnlib.cases import cases
from certify.io.vnnlib.reader import parse
from certify.io.vnnlib.writer import write
from certify.network import Affine, Network
from certify.query import Queries
from certify.region import Box, Norm
from certify.solvers.unsafe import questions
from tests.oracles import evaluate
from tests.strategies import Problem, problems
from tests.vnnlib.test_cases import rationals


@given(problems(norms=(Norm.LINF,)), st.data())
def test_a_written_question_reads_back_as_the_same_question(problem: Problem, data: st.DataObject) -> None:
    queries = problem.queries()
    (text,) = write(queries, comment="two\nlines")
    query = parse(text)
    x = data.draw(rationals(queries.network.input_width))
    y = evaluate(queries.network, x)
    margins = [
        sum((Fraction(c) * v for c, v in zip(row, y, strict=True)), Fraction(offset))
        for row, offset in zip(queries.rows[0], queries.offsets[0], strict=True)
    ]
    centre, radius = queries.centres[0], Fraction(float(queries.radii[0]))
    inside = all(abs(a - Fraction(float(c))) <= radius for a, c in zip(x, centre, strict=True))
    if queries.domain is not None:
        inside = inside and all(-1 <= a <= 1 for a in x)
    assert query.is_solution(x, y) == (inside and min(margins) <= 0)


def scaled(queries: Queries) -> set[tuple[float, ...]]:
    """The margin rows, each with its constant, divided by its largest coefficient if that is not 0."""
    rows = np.column_stack([queries.rows[0], queries.offsets[0]])
    sizes = np.abs(queries.rows[0]).max(axis=1)
    return {tuple(row) for row in (rows / np.where(sizes > 0, sizes, 1.0)[:, None] + 0.0).tolist()}


@given(problems(norms=(Norm.LINF,), cut=True))
def test_a_written_question_has_the_same_margins_and_the_same_box(problem: Problem) -> None:
    queries = problem.queries()
    (text,) = write(queries)
    (case,) = cases(parse(text))
    (question,) = questions(queries.network, case)
    again = question.queries
    assert scaled(again) == scaled(queries)
    assert again.domain is not None
    assert (again.domain.lower == np.maximum(queries.centres[0] - queries.radii[0], -1)).all()


@pytest.mark.parametrize(
    ("norm", "radius", "domain", "message"),
    [
        (Norm.L2, 1.0, None, "a ball of the norm l2 is none"),
        (Norm.L1, 1.0, Box.uniform(0.0, 1.0, 1), "a ball of the norm l1 is none"),
        (Norm.LINF, np.inf, None, "unbounded"),
        (Norm.LINF, np.inf, Box(np.zeros(1), np.array([np.inf])), "unbounded"),
    ],
)
def test_a_region_that_is_no_box_cannot_be_written(norm: Norm, radius: float, domain: Box | None, message: str) -> None:
    network = Network.chain([Affine(np.eye(1), np.zeros(1))])
    one = np.ones((1, 1))
    with pytest.raises(InvalidInput, match=message):
        write(Queries(network, one, np.array([radius]), norm, one[None], one, domain))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_written_with_all_its_digits_and_no_exponent(number: float) -> None:
    text = decimal_text(Fraction(number))
    assert text is not None
    assert set(text) <= set("-.0123456789")
    assert Fraction(text) == Fraction(number)


def test_a_number_without_a_finite_decimal_has_no_text() -> None:
    assert decimal_text(Fraction(1, 3)) is None
    assert decimal_text(Fraction(-7, 40)) == "-0.175"
    assert decimal_text(Fraction(12)) == "12.0"


def test_an_assignment_of_version_1_lists_variables_in_parentheses() -> None:
    query = parse("(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)")
    text = assignment(query, (Fraction(1, 2), Fraction(-3)), (Fraction(1, 3),))
    assert text == "((X_0 0.5)\n(X_1 -3.0)\n(Y_0 0.3333333333333333333333333333))"


def test_an_assignment_of_version_2_lists_tensors_in_the_order_of_their_declarations() -> None:
    query = parse(
        "(vnnlib-version <2.0>)(declare-network f (declare-input A Real [1,2]) (declare-output B Real []))"
        "(declare-network g (declare-input C real [1]) (declare-output D real [2]))(assert (<= B 0.0))"
    )
    text = assignment(query, [Fraction(k) for k in range(3)], [Fraction(k) for k in range(3, 6)])
    assert text.split("\n") == [
        *("A Real [1,2]", "0.0", "1.0", "B Real []", "3.0"),
        *("C real [1]", "2.0", "D real [2]", "4.0", "5.0"),
    ]
