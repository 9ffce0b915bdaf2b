"""Verdicts on tiny networks against exact enumeration: none is wrong, and hardly any is missing."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.io.vnnlib.cases import cases
from certify.io.vnnlib.reader import parse
from certify.network import Affine, Network
from certify.outcome import Trust
from certify.solvers.decision import Decision, Satisfied, Undecided, Unsatisfiable, decide
from tests.oracles import evaluate
from tests.strategies import networks
from tests.vnnlib.queries import Sample, samples

IDENTITY = Network.chain([Affine(np.eye(1), np.zeros(1))])
HEAD = "(declare-const X_0 Real)(declare-const Y_0 Real)"
UNIT = HEAD + "(assert (<= 0 X_0))(assert (<= X_0 1))"


def decided(sample: Sample, network: Network, text: str) -> Decision | None:
    """The decision, after checking it against enumeration; None for an empty region."""
    can_hold, _ = sample.can_hold(network)
    query = parse(text)
    try:
        cases(query)
        decision = decide(query, network, Deadline.never())
    except InvalidInput:
        assert not can_hold
        return None
    match decision:
        case Satisfied(solution):
            assert sample.holds([*solution.inputs, *solution.outputs])
            assert list(solution.outputs) == evaluate(network, solution.inputs)
            assert can_hold
        case Unsatisfiable(trust):
            assert trust is Trust.ROUNDED
            assert not can_hold
        case Undecided(_, late):
            assert not late
    return decision


@st.composite
def questions(draw: st.DrawFn) -> tuple[Network, Sample]:
    network = draw(networks())
    return network, draw(samples(network.input_width, network.output_width))


@given(questions())
def test_no_verdict_is_wrong(question: tuple[Network, Sample]) -> None:
    network, sample = question
    decided(sample, network, sample.version1())


@given(questions())
def test_no_verdict_about_a_query_of_version_2_is_wrong(question: tuple[Network, Sample]) -> None:
    network, sample = question
    decided(sample, network, sample.version2())


@given(st.data())
def test_a_query_is_decided_unless_its_answer_hangs_by_a_thread(data: st.DataObject) -> None:
    network = data.draw(networks())
    sample = data.draw(samples(network.input_width, network.output_width, strict=False))
    decision = decided(sample, network, sample.version1())
    if decision is not None and abs(depth := sample.depth(network)) >= Fraction(1, 100):
        assert type(decision) is (Satisfied if depth > 0 else Unsatisfiable)


@pytest.mark.parametrize(
    ("assertion", "expected"),
    [
        ("(<= Y_0 0)", Satisfied),
        ("(< Y_0 0)", Undecided),
        ("(< Y_0 -1e-9)", Unsatisfiable),
        ("(>= Y_0 1)", Satisfied),
        ("(> Y_0 1)", Undecided),
        ("(and (< 0.5 Y_0) (< Y_0 0.500001))", Satisfied),
        ("(== Y_0 0.5)", Satisfied),
        ("(== Y_0 2)", Unsatisfiable),
        ("(!= Y_0 0.5)", Satisfied),
        ("(and (<= (+ X_0 Y_0) 0.5) (>= Y_0 0.25))", Satisfied),
        ("(> X_0 Y_0)", Undecided),
        ("(>= X_0 (+ Y_0 0.001))", Unsatisfiable),
        ("(<= X_0 0.5)", Satisfied),
        ("(and)", None),
    ],
)
def test_strict_and_closed_comparisons_are_told_apart(assertion: str, expected: type | None) -> None:
    if expected is None:
        with pytest.raises(InvalidInput, match="no parts"):
            parse(UNIT + f"(assert {assertion})")
        return
    assert type(decide(parse(UNIT + f"(assert {assertion})"), IDENTITY, Deadline.never())) is expected


def test_a_query_about_inputs_alone_is_satisfied_by_any_of_them() -> None:
    assert isinstance(decide(parse(UNIT), IDENTITY, Deadline.never()), Satisfied)


def test_an_input_that_no_float_can_be_is_answered_by_a_fraction() -> None:
    decision = decide(parse(HEAD + "(assert (= X_0 0.1))(assert (>= Y_0 0.1))"), IDENTITY, Deadline.never())
    assert isinstance(decision, Satisfied)
    assert decision.solution.inputs == decision.solution.outputs == (Fraction(1, 10),)


def test_a_time_limit_of_zero_answers_nothing() -> None:
    decision = decide(parse(UNIT + "(assert (<= Y_0 0))"), IDENTITY, Deadline(lambda: 1.0, 1.0))
    assert isinstance(decision, Undecided)
    assert decision.late


@pytest.mark.parametrize(("shift", "found"), [(0.0, Satisfied), (1e-5, Satisfied), (1e-3, Undecided)])
def test_a_replay_may_miss_by_the_tolerance_of_the_competition_and_no_more(shift: float, found: type) -> None:
    query = parse(UNIT + "(assert (<= Y_0 0))")
    decision = decide(query, IDENTITY, Deadline.never(), replay=lambda points: points + shift)
    assert type(decision) is found
    if isinstance(decision, Satisfied):
        assert decision.solution.replayed == Fraction(shift)


def test_a_replay_that_agrees_is_preferred() -> None:
    query = parse(UNIT + "(assert (<= Y_0 0.5))")
    decision = decide(query, IDENTITY, Deadline.never(), replay=lambda points: points + 0.25)
    assert isinstance(decision, Satisfied)
    assert decision.solution.replayed == 0
    assert decision.solution.inputs[0] <= Fraction(1, 4)


def test_a_replay_that_answers_with_nan_is_no_witness() -> None:
    query = parse(UNIT + "(assert (<= Y_0 0.5))")
    assert isinstance(decide(query, IDENTITY, Deadline.never(), replay=lambda points: points * np.nan), Undecided)
