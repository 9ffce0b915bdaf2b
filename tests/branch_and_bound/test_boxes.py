"""Searches over boxes: contraction against exact linear programs, clauses against enumeration, signs kept."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from certify.bounders.ball import BallBatch
from certify.bounders.budget import Limits
from certify.bounders.enclosure import Enclosure
from certify.bounders.linear_form import LinearForm
from certify.bounders.refine import enclose
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.io.vnnlib.cases import cases
from certify.io.vnnlib.reader import parse
from certify.network import Affine, Network, ReLU
from certify.query import Queries
from certify.region import Box, Norm
from certify.solvers.branch_and_bound.box_search import BoxSearch
from certify.solvers.branch_and_bound.boxes import Boxes, signs_of
from certify.solvers.branch_and_bound.contraction import contracted
from certify.solvers.branch_and_bound.effort import Effort
from certify.solvers.branch_and_bound.functions import Functions
from certify.solvers.branch_and_bound.units import Units
from certify.solvers.clauses import Clauses
from certify.solvers.solutions import Judge, Solution
from certify.solvers.unsafe import Question, questions
from certify.tensor_network import TensorNetwork
from tests.branch_and_bound.nets import dense
from tests.rational_lp import Halfspaces, minimise
from tests.strategies import arrays, networks
from tests.vnnlib.queries import Sample, samples


def functions(clause: list[int], inputs: int) -> Functions:
    """Functions of a network without hidden units, for their clauses alone."""
    count = len(clause)
    network = Network.chain([Affine(np.eye(inputs), np.zeros(inputs))])
    rows, offsets = np.zeros((1, count, inputs)), np.zeros((1, count))
    queries = Queries(network, np.zeros((1, inputs)), np.ones(1), Norm.LINF, rows, offsets)
    clauses = Clauses(queries, np.zeros((count, inputs)), np.array(clause))
    return Functions(clauses, TensorNetwork(network, dtype=torch.float64))


def failing(a: np.ndarray, c: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> Halfspaces:
    """The points of the box where every ``a @ x + c`` is at most 0."""
    n = len(lower)
    region = Halfspaces(n)
    for row, constant in zip(a, c, strict=True):
        region = region.with_row([Fraction(x) for x in row], -Fraction(constant))
    for j, (low, high) in enumerate(zip(lower, upper, strict=True)):
        unit = [Fraction(int(i == j)) for i in range(n)]
        region = region.with_row(unit, Fraction(high)).with_row([-x for x in unit], -Fraction(low))
    return region


@st.composite
def forms(draw: st.DrawFn) -> tuple[list[int], np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Clauses, coefficients, constants, and the ends of a box; slopes and constants that no sum represents exactly."""
    n, sizes = draw(st.integers(1, 3)), draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    clause = [k for k, size in enumerate(sizes) for _ in range(size)]
    lower = draw(arrays(n))
    upper = lower + np.abs(draw(arrays(n)))
    factor = draw(st.sampled_from([1.0, 1 / 3, 1e-5, 1e9]))
    return clause, draw(arrays(len(clause), n)) * factor, draw(arrays(len(clause))) * factor, lower, upper


@given(forms())
def test_no_point_where_a_clause_fails_is_cut_off(case: tuple) -> None:
    clause, a, c, lower, upper = case
    form = LinearForm(torch.tensor(a[None]), torch.tensor(c[None]), torch.zeros(1, len(clause), dtype=torch.float64))
    made = functions(clause, len(lower))
    held = torch.zeros(1, made.count, dtype=torch.bool)
    left = contracted(form, made, held, torch.tensor(lower[None]), torch.tensor(upper[None]))
    for k in range(made.count):
        mine = np.array(clause) == k
        region = failing(a[mine], c[mine], lower, upper)
        for j in range(len(lower)):
            unit = [Fraction(int(i == j)) for i in range(len(lower))]
            least, most = minimise(unit, region), minimise([-x for x in unit], region)
            if least is None or most is None:
                break
            assert not left.held[0, k]
            assert Fraction(left.lower[0, j].item()) <= least[0]
            assert -most[0] <= Fraction(left.upper[0, j].item())


def test_one_function_cuts_a_box_to_the_hull_of_what_it_leaves() -> None:
    a, c = torch.tensor([[[1.0, -2.0]]]).double(), torch.tensor([[0.5]]).double()
    box = torch.tensor([[0.0, 0.0]]).double(), torch.tensor([[1.0, 1.0]]).double()
    made = functions([0], 2)
    left = contracted(LinearForm(a, c, 0 * c), made, torch.zeros(1, 1, dtype=torch.bool), *box)
    assert left.lower[0].tolist() == pytest.approx([0.0, 0.25], abs=1e-12)
    assert left.upper[0].tolist() == [1.0, 1.0]
    again = contracted(LinearForm(a, c + 2.0, 0 * c), made, torch.zeros(1, 1, dtype=torch.bool), *box)
    assert again.held.tolist() == [[True]]


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_numbers_that_overflow_cut_nothing_off(number: float) -> None:
    box = torch.full((1, 2), -2.0).double(), torch.full((1, 2), 2.0).double()
    for a, c in (([number, 1.0], 0.0), ([1.0, 1.0], number), ([number, number], number)):
        form = LinearForm(torch.tensor([[a]]).double(), torch.tensor([[c]]).double(), torch.zeros(1, 1).double())
        left = contracted(form, functions([0], 2), torch.zeros(1, 1, dtype=torch.bool), *box)
        assert not left.held.any()
        assert (left.lower[0, 0], left.upper[0, 0]) == (-2.0, 2.0)


@given(networks(), st.data())
def test_signs_proved_on_a_box_hold_at_its_points(network: Network, data: st.DataObject) -> None:
    centre = data.draw(arrays(network.input_width))
    lower, upper = torch.tensor((centre - 0.5)[None]), torch.tensor((centre + 0.5)[None])
    tensors, units = TensorNetwork(network, dtype=torch.float64), Units(network)
    enclosure = enclose(Enclosure.start(tensors, BallBatch.box(lower, upper)), Limits())
    signs = dict(units.parts(signs_of(enclosure, units)))
    for corner in (lower, upper, (lower + upper) / 2):
        values = [corner]
        for i, node in enumerate(network.nodes):
            reads = [values[k] for k in node.inputs]
            linear = tensors.linear.get(i)
            if linear is not None:
                values.append(linear.apply(reads[0]) + linear.bias)
            else:
                values.append(reads[0].clamp_min(0.0) if isinstance(node.op, ReLU) else reads[0] + reads[1])
        for value, sign in signs.items():
            assert (sign * values[value] >= 0).all()


def solved(question: Question, judge: Judge, nodes: int = 2000) -> tuple[bool, Solution | None]:
    """Whether the search over boxes alone proves that the case cannot be reached, and the solution that it found."""

    def judged(_: int, points: np.ndarray) -> Solution | None:
        return judge.best(question.case, points)

    network = TensorNetwork(question.network, dtype=torch.float64)
    search = BoxSearch(question.clauses, network=network, judge=judged, effort=Effort(nodes=nodes, batch=64))
    search.run(Deadline.never())
    return bool(search.proved()[0]), search.found[0]


@st.composite
def conjunctive(draw: st.DrawFn) -> tuple[Network, Sample]:
    network = draw(networks())
    return network, draw(samples(network.input_width, network.output_width))


@given(conjunctive())
def test_no_conjunction_that_can_be_met_is_proved_out_of_reach(asked: tuple[Network, Sample]) -> None:
    network, sample = asked
    query = parse(sample.version1())
    try:
        union = cases(query)
    except InvalidInput:
        return
    judge = Judge(query, network, None)
    answers = [solved(question, judge) for case in union for question in questions(network, case)]
    can_hold, _ = sample.can_hold(network)
    if all(proved for proved, _ in answers):  # the reader leaves out what is false by itself, as Y_0 < Y_0
        assert not can_hold
    if any(found for _, found in answers):
        assert can_hold


def abs_sum(size: int) -> Network:
    """|x_1| + ... + |x_n|."""
    eye = np.eye(size)
    first = Affine(np.concatenate([eye, -eye]), np.zeros(2 * size))
    return Network.chain([first, ReLU(2 * size), Affine(np.ones((1, 2 * size)), np.zeros(1))])


@pytest.mark.parametrize(("level", "proved"), [("0.749", True), ("0.751", False)])
def test_a_conjunction_over_inputs_and_outputs_is_decided_without_maxima(level: str, proved: bool) -> None:
    head = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
    box = "".join(f"(assert (<= -1 X_{k}))(assert (<= X_{k} 1))" for k in (0, 1))
    unsafe = f"(assert (<= Y_0 {level}))(assert (>= (+ X_0 X_1) 0.25))(assert (>= (- X_0 X_1) 0.75))"
    query = parse(head + box + unsafe)  # |x0| + |x1| >= x0 - x1 >= 3/4 there, with equality at (1/2, -1/4)
    network = abs_sum(2)
    (question,) = questions(network, cases(query)[0])
    answer = solved(question, Judge(query, network, None))
    assert (answer[0], answer[1] is None) == (proved, proved)


def test_a_question_about_some_polytopes_keeps_their_functions() -> None:
    text = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= 0 X_0))(assert (<= X_0 1))"
    text += "(assert (or (<= Y_0 -3) (and (<= Y_0 -1) (>= (+ X_0 Y_0) 2)) (>= Y_0 7)))"
    network = abs_sum(1)
    (question,) = questions(network, cases(parse(text))[0])
    clauses = question.only(np.array([1, 2])).clauses
    assert clauses.clause.tolist() == [0, 0, 1]
    assert clauses.queries.rows[0, :, 0].tolist() == [1.0, -1.0, -1.0]
    assert clauses.on_inputs[:, 0].tolist() == [0.0, -1.0, 0.0]
    assert clauses.queries.offsets[0].tolist() == [1.0, 2.0, 7.0]


def test_clauses_are_numbered_without_gaps() -> None:
    queries = Queries(abs_sum(1), np.zeros((1, 1)), np.ones(1), Norm.LINF, np.ones((1, 2, 1)), np.zeros((1, 2)))
    with pytest.raises(ValueError, match="without gaps"):
        Clauses(queries, np.zeros((2, 1)), np.array([0, 2]))
    with pytest.raises(ValueError, match="2 functions"):
        Clauses(queries, np.zeros((1, 1)), np.array([0]))


def test_halves_cover_the_box_and_an_axis_without_numbers_between_its_ends_is_left_alone() -> None:
    lower = torch.tensor([[1.0, 0.0], [1.0, 5.0]]).double()
    upper = torch.tensor([[np.nextafter(1.0, 2.0), 1.0], [np.nextafter(1.0, 2.0), 5.0]]).double()
    boxes = Boxes.whole(lower, upper, Units(dense((2, 3, 1), 0)))
    halves, narrow = boxes.halves(torch.tensor([[1e30, 0.0], [1.0, 1.0]]).double())
    assert narrow.tolist() == [False, True]
    assert halves.question.tolist() == [0, 0]
    assert halves.lower[:, 1].tolist() == [0.0, 0.5]
    assert halves.upper[:, 1].tolist() == [0.5, 1.0]
    assert (halves.lower[:, 0] == lower[0, 0]).all()
    assert (halves.upper[:, 0] == upper[0, 0]).all()


def test_a_search_leaves_the_number_of_a_question_alone() -> None:
    network = abs_sum(2)
    rows, offsets = np.ones((2, 1, 1)), np.array([[0.5], [-0.5]])
    box = Box.uniform(-1.0, 1.0, 2)
    asked = Queries(network, np.zeros((2, 2)), np.ones(2), Norm.LINF, rows, offsets, box)
    points: list[tuple[int, list[float]]] = []

    def judged(question: int, found: np.ndarray) -> str | None:
        points.append((question, found[0].tolist()))
        return "below"

    network_tensors = TensorNetwork(network, dtype=torch.float64)
    search = BoxSearch(Clauses.singly(asked), network=network_tensors, judge=judged, effort=Effort(batch=1))
    search.run(Deadline.never())
    assert search.found == [None, "below"]
    assert search.proved().tolist() == [True, False]
    assert [question for question, _ in points] == [1]
