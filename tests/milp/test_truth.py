"""What integer programs decide, against enumeration in exact arithmetic, and what is made of solvers that are wrong."""

import hypothesis
import numpy as np
import pytest

from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from certify.outcome import Falsified, Trust, Unknown, Verified
from certify.query import Queries
from certify.region import Box, Norm
from certify.solvers.branch_and_bound.solver import BranchAndBound
from certify.solvers.milp.encoding import Margin, encode
from certify.solvers.milp.highs import Highs
from certify.solvers.milp.program import AbstractBackend, Program
from certify.solvers.milp.solver import IntegerSolver, _bounds, _region
from tests.branch_and_bound.nets import convolutional, dense, positive, questions, residual, spike
from tests.branch_and_bound.truth import contradiction
from tests.milp.liars import Says
from tests.strategies import Problem, problems

LINEAR = (Norm.LINF, Norm.L1)


def scip() -> AbstractBackend:
    pytest.importorskip("pyscipopt")
    from certify.solvers.scip import Scip

    return Scip()


BACKENDS = {"milp": Highs, "scip": scip}


def first_program(queries: Queries, *, limit: float = 0.0) -> Program:
    """The program of the first margin of the first question, whatever its numbers are."""
    solver = IntegerSolver(queries.network, Highs())
    enclosure, _ = solver._bounder.relax(queries, Deadline.never())
    row, offset = queries.rows[0, 0], float(queries.offsets[0, 0])
    typical = float(row @ queries.network.evaluate(queries.centres)[0] + offset)
    margin = Margin(row, offset, typical)
    return encode(queries.network, _bounds(enclosure), _region(enclosure), margin, limit=limit)


@hypothesis.given(problem=problems(norms=LINEAR))
def test_no_verdict_of_highs_contradicts_enumeration(problem: Problem) -> None:
    (answer,) = IntegerSolver(problem.network, Highs()).decide(problem.queries(), Deadline.never())
    assert not contradiction(problem, answer)


@hypothesis.given(problem=problems())
def test_no_verdict_of_scip_contradicts_enumeration(problem: Problem) -> None:
    (answer,) = IntegerSolver(problem.network, scip()).decide(problem.queries(), Deadline.never())
    assert not contradiction(problem, answer)


@pytest.mark.parametrize(("how", "norm"), [("milp", Norm.LINF), ("milp", Norm.L1), ("scip", Norm.L2)])
@pytest.mark.parametrize("build", [lambda s: dense((3, 6, 5, 3), s), residual, convolutional])
def test_programs_decide_as_branch_and_bound_does_and_both_ways(how: str, build, norm: Norm) -> None:
    kinds: list[type] = []
    network = build(1)
    reach = network.input_width ** (1 / norm.value)
    for radius in (0.005 * reach, 0.06 * reach, 0.25 * reach):
        asked = questions(network, 2, norm=norm, radius=radius, seed=1)
        answers = IntegerSolver(network, BACKENDS[how]()).decide(asked, Deadline.never())
        expected = BranchAndBound(network).decide(asked, Deadline.never())
        assert [type(a) for a in answers] == [type(a) for a in expected]
        kinds += [type(answer) for answer in answers]
    assert {Verified, Falsified} <= set(kinds)


def test_what_only_a_program_proved_is_computed_and_a_second_proof_makes_it_rounded() -> None:
    network = dense((10, 30, 30, 5), 1)
    asked = questions(network, 2, norm=Norm.L1, radius=0.4, seed=1)
    alone = IntegerSolver(network, Highs()).decide(asked, Deadline.never())
    assert [a for a in alone if isinstance(a, Verified)] == [Verified(Trust.FLOAT)]
    again = IntegerSolver(network, Highs(), second=BranchAndBound(network)).decide(asked, Deadline.never())
    assert [type(a) for a in again] == [type(a) for a in alone]
    assert [a for a in again if isinstance(a, Verified)] == [Verified(Trust.ROUNDED)]


@pytest.mark.parametrize("steepness", [1e9, 2.0**40])
def test_highs_itself_calls_a_spike_to_minus_one_positive(steepness: float) -> None:
    asked = positive(spike(steepness, 0.3, 2.0), Box.uniform(0.0, 1.0, 1))
    assert Highs().solve(first_program(asked, limit=1e-6), Deadline.never(), seed=0).above


@pytest.mark.parametrize("steepness", [1e10, 2.0**40])
def test_scip_itself_calls_a_spike_to_minus_one_positive(steepness: float) -> None:
    asked = positive(spike(steepness, 0.3, 2.0), Box.uniform(0.0, 1.0, 1))
    assert scip().solve(first_program(asked, limit=1e-6), Deadline.never(), seed=0).above


@pytest.mark.parametrize("how", list(BACKENDS))
@pytest.mark.parametrize("steepness", [1e3, 1e4, 1e5, 1e6, 1e8, 1e9, 1e10, 2.0**40])
def test_a_spike_that_integer_programs_overlook_is_never_verified(how: str, steepness: float) -> None:
    network = spike(steepness, 0.3, 2.0)
    asked = positive(network, Box.uniform(0.0, 1.0, 1))
    (alone,) = IntegerSolver(network, BACKENDS[how]()).decide(asked, Deadline.never())
    assert isinstance(alone, Falsified) if steepness < 1e5 else isinstance(alone, Unknown)
    (both,) = IntegerSolver(network, BACKENDS[how](), second=BranchAndBound(network)).decide(asked, Deadline.never())
    assert isinstance(both, Falsified)


def test_the_reason_for_not_asking_names_the_tolerance_and_what_to_use() -> None:
    network, liar = spike(1e9, 0.3, 2.0), Says(above=True)
    (answer,) = IntegerSolver(network, liar).decide(positive(network, Box.uniform(0.0, 1.0, 1)), Deadline.never())
    assert isinstance(answer, Unknown)
    assert "tolerances of liar" in answer.reason
    assert "Use exact" in answer.reason
    assert liar.asked == []


def test_a_solver_that_calls_everything_positive_is_overruled_by_a_counterexample() -> None:
    network = dense((6, 20, 20, 4), 4)
    asked = questions(network, 6, norm=Norm.LINF, radius=0.4)
    alone = IntegerSolver(network, Says(above=True)).decide(asked, Deadline.never())
    second = BranchAndBound(network)
    answers = IntegerSolver(network, Says(above=True), second=second).decide(asked, Deadline.never())
    truth = second.decide(asked, Deadline.never())
    assert [type(a) for a in answers] == [type(a) for a in truth]
    assert Falsified in {type(a) for a in truth}
    assert all(a == Verified(Trust.FLOAT) for a in alone if isinstance(a, Verified) and a.trust < Trust.ROUNDED)
    wrong = [a for a, t in zip(alone, truth, strict=True) if isinstance(t, Falsified) and isinstance(a, Verified)]
    assert wrong
    assert all(a.trust is Trust.FLOAT for a in wrong)


@pytest.mark.parametrize("corner", [-1.0, 0.0, 1.0, 1e30, float("nan")])
def test_points_that_are_no_counterexamples_falsify_nothing(corner: float) -> None:
    network = dense((6, 20, 20, 4), 4)
    asked = questions(network, 6, norm=Norm.LINF, radius=0.05)
    truth = BranchAndBound(network).decide(asked, Deadline.never())
    answers = IntegerSolver(network, Says(above=False, corner=corner)).decide(asked, Deadline.never())
    robust = [a for a, t in zip(answers, truth, strict=True) if isinstance(t, Verified)]
    assert robust
    assert not [a for a in robust if isinstance(a, Falsified)]


def test_a_margin_that_only_touches_zero_is_not_verified() -> None:
    network = spike(4.0, 0.25, 1.0)
    (answer,) = IntegerSolver(network, Highs()).decide(positive(network, Box.uniform(0.0, 1.0, 1)), Deadline.never())
    assert not isinstance(answer, Verified)


def test_verdicts_do_not_change_when_layers_are_scaled_against_each_other() -> None:
    network, factor = dense((6, 20, 20, 4), 4), 2.0**26
    first, relu, middle, again, last = (node.op for node in network.nodes)
    assert isinstance(first, Affine)
    assert isinstance(middle, Affine)
    assert isinstance(last, Affine)
    ops = [
        Affine(first.weight * factor, first.bias * factor),
        relu,
        Affine(middle.weight / factor**2, middle.bias / factor),
        again,
        Affine(last.weight * factor, last.bias),
    ]
    asked = questions(network, 6, norm=Norm.LINF, radius=0.15)
    other = questions(Network.chain(ops), 6, norm=Norm.LINF, radius=0.15)
    answers = [IntegerSolver(q.network, Highs()).decide(q, Deadline.never()) for q in (asked, other)]
    assert [type(a) for a in answers[0]] == [type(a) for a in answers[1]]
    assert {type(a) for a in answers[0]} == {Verified, Falsified}


def test_units_of_settled_sign_need_no_binary_variable() -> None:
    first = Affine(np.array([[1.0], [1.0], [1.0]]), np.array([2.0, -2.0, 0.0]))  # always on, never on, open
    network = Network.chain([first, ReLU(3), Affine(np.array([[1.0, 1.0, -1.0]]), np.zeros(1))])
    box = Box.uniform(-1.0, 1.0, 1)
    program = first_program(positive(network, box))
    assert program.binary.sum() == 1
    assert len(program.cost) == 1 + 2 + 2  # the input, two pre-activations, the open unit and its switch


def test_l2_balls_are_refused_by_highs_with_what_serves() -> None:
    asked = questions(dense((3, 6, 5, 3), 1), 1, norm=Norm.L2, radius=0.1)
    with pytest.raises(InvalidInput, match=r"cannot express l2 balls\. Use exact, or scip"):
        IntegerSolver(asked.network, Highs()).decide(asked, Deadline.never())


def test_questions_about_another_network_are_refused() -> None:
    asked = questions(dense((3, 6, 5, 3), 1), 1, norm=Norm.LINF, radius=0.1)
    with pytest.raises(InvalidInput, match="another network"):
        IntegerSolver(dense((3, 6, 5, 3), 1), Highs()).decide(asked, Deadline.never())


@pytest.mark.parametrize("how", list(BACKENDS))
def test_no_time_is_no_verdict(how: str) -> None:
    asked = questions(dense((6, 20, 20, 4), 4), 2, norm=Norm.LINF, radius=0.15)
    late = Deadline.after(0.0, lambda: 0.0)
    answers = IntegerSolver(asked.network, BACKENDS[how]()).decide(asked, late)
    assert all(isinstance(a, Unknown) for a in answers)
    assert not BACKENDS[how]().solve(first_program(asked), late, seed=0).above


class Ticks:
    """A clock that moves on each time it is read, and at no other time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


def test_highs_stops_by_the_clock_that_the_deadline_reads() -> None:
    asked = questions(dense((10, 60, 60, 5), 2), 1, norm=Norm.LINF, radius=0.3)
    found = Highs().solve(first_program(asked), Deadline.after(0.1, Ticks()), seed=0)
    assert not found.above
    assert "Interrupted" in found.status
