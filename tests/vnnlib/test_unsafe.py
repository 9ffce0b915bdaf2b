"""From polytopes to margins: appended maxima are exact, and rounding only ever enlarges the unsafe set."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.io.vnnlib.cases import cases
from certify.io.vnnlib.reader import parse
from certify.network import Affine, Network, ReLU
from certify.solvers.composition import Maxima, side_by_side
from certify.solvers.unsafe import questions
from tests.oracles import evaluate
from tests.strategies import arrays, networks
from tests.vnnlib.queries import Sample, samples


@given(networks(), st.lists(st.integers(1, 6), min_size=1, max_size=4), st.data())
def test_appended_maxima_are_exact(network: Network, groups: list[int], data: st.DataObject) -> None:
    total, n, m = sum(groups), network.input_width, network.output_width
    on_outputs, on_inputs = data.draw(arrays(total, m)), data.draw(arrays(total, n))
    if data.draw(st.booleans()):
        on_inputs = np.zeros_like(on_inputs)
    constants = data.draw(arrays(total))
    functions = Maxima(sp.csr_array(on_outputs), sp.csr_array(on_inputs), constants, tuple(groups))
    x = data.draw(arrays(n))
    y = evaluate(network, x)
    rows = [
        sum((Fraction(c) * v for c, v in zip(on_outputs[i], y, strict=True)), Fraction(constants[i]))
        + sum(Fraction(a) * Fraction(v) for a, v in zip(on_inputs[i], x, strict=True))
        for i in range(total)
    ]
    ends = np.cumsum(groups)
    assert evaluate(functions.after(network), x) == [max(rows[e - g : e]) for g, e in zip(groups, ends, strict=True)]


def test_many_rows_are_kept_sparse_and_exact() -> None:
    width = 300
    network = Network.chain([Affine(np.eye(width), np.zeros(width)), ReLU(width)])
    order = np.random.default_rng(0).permutation(width).astype(float)
    functions = Maxima(sp.csr_array(sp.eye_array(width)), sp.csr_array((width, width)), -order, (width - 7, 7))
    extended = functions.after(network)
    assert any(isinstance(node.op, Affine) and isinstance(node.op.weight, sp.csr_array) for node in extended.nodes)
    found = extended.evaluate(order[None] * 0)[0]
    assert found.tolist() == [(-order[:-7]).max(), (-order[-7:]).max()]


@given(st.lists(networks(), min_size=1, max_size=3), st.data())
def test_networks_side_by_side_answer_each_for_itself(parts: list[Network], data: st.DataObject) -> None:
    points = [data.draw(arrays(part.input_width)) for part in parts]
    together = evaluate(side_by_side(parts), np.concatenate(points))
    assert together == [y for part, x in zip(parts, points, strict=True) for y in evaluate(part, x)]


@given(networks(), st.lists(st.fractions(-3, 3, max_denominator=50), min_size=3, max_size=3))
def test_a_network_is_exact_at_points_that_are_no_floats(network: Network, numbers: list[Fraction]) -> None:
    point = numbers[: network.input_width]
    assert ExactNetwork(network).evaluate_rational(point) == evaluate(network, point)


@given(st.data())
def test_a_solution_in_the_box_has_a_margin_that_is_not_positive(data: st.DataObject) -> None:
    network = data.draw(networks())
    sample: Sample = data.draw(samples(network.input_width, network.output_width))
    try:
        union = cases(parse(sample.version1()))
    except InvalidInput:
        return
    asked = [question for case in union for question in questions(network, case)]
    for case in union:
        shares = [data.draw(st.fractions(0, 1, max_denominator=4)) for _ in case.intervals]
        point = [i.lower + s * (i.upper - i.lower) for i, s in zip(case.intervals, shares, strict=True)]
        margins = [
            sum((Fraction(c) * y for c, y in zip(row, outputs, strict=True)), Fraction(offset))
            for question in asked
            for outputs in [evaluate(question.queries.network, point)]
            for row, offset in zip(question.queries.rows[0], question.queries.offsets[0], strict=True)
        ]
        if sample.holds([*point, *evaluate(network, point)]):
            assert min(margins) <= 0


def test_a_coefficient_that_is_no_float_is_paid_for_by_the_constant() -> None:
    network = Network.chain([Affine(np.array([[8.0]]), np.zeros(1))])
    text = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= 0 X_0))(assert (<= X_0 1))"
    (case,) = cases(parse(text + "(assert (<= (* 0.1 Y_0) 0.3))"))
    (question,) = questions(network, case)
    coefficient, offset = Fraction(question.queries.rows[0, 0, 0]), Fraction(question.queries.offsets[0, 0])
    scale = coefficient / Fraction(1, 10)
    for y in (0, 8):
        assert coefficient * y + offset <= Fraction(2) ** 3 * (Fraction(1, 10) * y - Fraction(3, 10))
    assert abs(scale - 8) < Fraction(1, 10**15)


def test_many_polytopes_become_several_questions() -> None:
    parts = "".join(f"(>= Y_0 {k})" for k in range(1, 601))
    text = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= 0 X_0))(assert (<= X_0 1))"
    (case,) = cases(parse(text + f"(assert (or {parts}))"))
    network = Network.chain([Affine(np.array([[1.0]]), np.zeros(1))])
    asked = questions(network, case)
    assert [question.queries.rows.shape[1] for question in asked] == [256, 256, 88]
    assert sum(len(question.case.polytopes) for question in asked) == 600


def test_numbers_beyond_float64_are_refused() -> None:
    network = Network.chain([Affine(np.array([[1.0]]), np.zeros(1))])
    text = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= 0 X_0))(assert (<= X_0 1))"
    (case,) = cases(parse(text + "(assert (<= Y_0 1e350))"))
    with pytest.raises(InvalidInput, match="too large"):
        questions(network, case)
    large = Affine(np.array([[1e150]]), np.zeros(1))
    (case,) = cases(parse(text.replace("X_0 1", "X_0 1e20") + "(assert (<= (* 0.1 Y_0) 1))"))
    with pytest.raises(InvalidInput, match="fewer digits"):
        questions(Network.chain([large, large]), case)
