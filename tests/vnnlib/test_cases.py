"""What a query means: the parsed formula and the union of cases agree with brute force at every point tried."""

import contextlib
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from certify.errors import InvalidInput
from certify.io.vnnlib.cases import Case, Interval, cases
from certify.io.vnnlib.reader import parse
from tests.vnnlib.queries import Sample, formulas, samples

DECLARED = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"


def rationals(count: int) -> st.SearchStrategy[list[Fraction]]:
    """Points on the grids that random bounds lie on, so that ties happen."""
    number = st.one_of(
        st.integers(-16, 16).map(lambda k: Fraction(k, 8)), st.integers(-16, 16).map(lambda k: Fraction(k, 10))
    )
    return st.lists(number, min_size=count, max_size=count)


@given(formulas(range(4)), rationals(4))
def test_a_parsed_formula_is_true_exactly_where_its_text_is(formula: tuple, values: list[Fraction]) -> None:
    sample = Sample(2, 2, formula)
    for query in (parse(sample.version1()), parse(sample.version2()), parse(sample.version2((1, 2)))):
        assert query.is_solution(values[:2], values[2:]) == sample.holds(values)


@given(samples(2, 2), st.lists(rationals(4), min_size=8, max_size=8))
def test_the_union_of_the_cases_is_the_set_of_solutions(sample: Sample, points: list[list[Fraction]]) -> None:
    query = parse(sample.version1())
    union: list[Case] = []
    with contextlib.suppress(InvalidInput):  # an empty region: then no point may be a solution
        union = cases(query)
    for values in points:
        inside = [
            all(_within(i, x) for i, x in zip(case.intervals, values[:2], strict=True))
            and any(all(row.holds(values) for row in polytope) for polytope in case.polytopes)
            for case in union
        ]
        assert any(inside) == sample.holds(values)


def _within(interval: Interval, x: Fraction) -> bool:
    assert interval.lower is not None
    assert interval.upper is not None
    above = x > interval.lower if interval.lower_open else x >= interval.lower
    below = x < interval.upper if interval.upper_open else x <= interval.upper
    return above and below


@given(samples(2, 1))
def test_the_outward_box_holds_the_exact_one_and_the_inward_box_lies_in_it(sample: Sample) -> None:
    try:
        union = cases(parse(sample.version1()))
    except InvalidInput:
        return
    for case in union:
        outer, (low, high) = case.outward(), case.inward()
        for k, interval in enumerate(case.intervals):
            assert Fraction(outer.lower[k]) <= interval.lower <= interval.upper <= Fraction(outer.upper[k])
            assert Fraction(np.nextafter(outer.lower[k], np.inf)) > interval.lower
            assert Fraction(np.nextafter(outer.upper[k], -np.inf)) < interval.upper
            if low[k] <= high[k]:
                assert _within(interval, Fraction(low[k]))
                assert _within(interval, Fraction(high[k]))
                assert not _within(interval, Fraction(np.nextafter(low[k], -np.inf)))
                assert not _within(interval, Fraction(np.nextafter(high[k], np.inf)))


def test_conjunctions_with_the_same_box_share_a_case() -> None:
    text = DECLARED + (
        "(assert (<= 0 X_0))(assert (<= X_0 1))(assert (<= -1 X_1))(assert (<= X_1 1))"
        "(assert (or (and (<= X_0 0.5) (<= Y_0 0)) (<= Y_0 1) (and (<= X_0 1) (>= Y_0 2)) (<= Y_0 1)))"
    )
    union = cases(parse(text))
    assert [len(case.polytopes) for case in union] == [1, 2]
    assert [case.intervals[0].upper for case in union] == [Fraction(1, 2), 1]


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ("(assert (<= X_0 1))(assert (<= 0 X_1 ))(assert (<= X_1 1))", "X_0 has no lower bound"),
        ("(assert (<= 0 X_0))(assert (<= X_0 1))(assert (<= 0 X_1))", "X_1 has no upper bound"),
        ("(assert (<= 0 X_0))(assert (<= X_0 1))(assert (<= (+ X_0 X_1) 1))(assert (<= 0 X_1))", "X_1 has no upper"),
        ("(assert (<= 0 X_0))(assert (<= X_0 1e400))(assert (<= 0 X_1))(assert (<= X_1 1))", "X_0 has no upper bound"),
        ("(assert (<= 1 X_0))(assert (<= X_0 0.5))(assert (<= 0 X_1))(assert (<= X_1 1))", "leave no input"),
        ("(assert (< 0 X_0))(assert (<= X_0 0))(assert (<= 0 X_1))(assert (<= X_1 1))", "leave no input"),
        (
            "(assert (<= 0 X_0))(assert (<= X_0 1))(assert (<= 0 X_1))(assert (<= X_1 1))(assert (<= 1 0))",
            "leave no input",
        ),
    ],
)
def test_an_empty_region_or_an_unbounded_input_is_an_error_and_no_verdict(bounds: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        cases(parse(DECLARED + bounds + "(assert (<= Y_0 0))"))


def test_an_empty_part_of_a_disjunction_is_left_out() -> None:
    text = DECLARED + (
        "(assert (<= 0 X_0))(assert (<= X_0 1))(assert (<= 0 X_1))(assert (<= X_1 1))(assert (<= Y_0 0))"
        "(assert (or (<= X_0 -1) (<= X_0 0.5)))"
    )
    (case,) = cases(parse(text))
    assert case.intervals[0].upper == Fraction(1, 2)


def test_an_explosion_of_cases_is_refused() -> None:
    either = "(assert (or (<= Y_0 0) (>= Y_0 1) (<= X_0 0)))"
    text = DECLARED + "(assert (<= 0 X_0))(assert (<= X_0 1))(assert (<= 0 X_1))(assert (<= X_1 1))" + 20 * either
    with pytest.raises(InvalidInput, match="more than 100000 cases"):
        cases(parse(text))
