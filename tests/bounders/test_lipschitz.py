"""Lipschitz constants: never below the truth, tight where layers are aligned, and radii that hold."""

import math
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from certify.bounders.lipschitz import LipschitzBounder, two_layer_constants
from certify.bounders.operator_norms import LARGEST_DENSE, operator_norm_up, spectral_up
from certify.deadline import Deadline
from certify.network import Affine, Conv2d, Network, ReLU
from certify.outcome import Trust
from certify.query import robustness
from certify.region import Norm
from tests.oracles import dense, min_margin, robust_radius, robust_radius_squared
from tests.strategies import Problem, arrays, chains, networks, problems

NEVER = Deadline.never()


def sharpest_slope(network: Network, norm: Norm, count: int = 200) -> float:
    """The largest change of the first output per step between random points that are close."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, network.input_width))
    step = rng.normal(size=x.shape) * 1e-3
    change = np.abs(network.evaluate(x + step) - network.evaluate(x))[:, 0]
    return float((change / np.linalg.norm(step, norm.value, axis=1)).max())


@given(st.integers(1, 5).flatmap(lambda m: st.integers(1, 5).flatmap(lambda n: arrays(m, n))))
def test_the_spectral_bound_is_not_below_the_norm_and_hardly_above(matrix: np.ndarray) -> None:
    norm = float(np.linalg.norm(matrix, 2))
    assert norm * (1 - 1e-13) <= spectral_up(matrix) <= norm * 1.002


@pytest.mark.parametrize("scale", [1e-150, 1e-3, 1.0, 1e150], ids=str)
def test_the_spectral_bound_scales_with_the_matrix(scale: float) -> None:
    matrix = np.random.default_rng(0).normal(size=(40, 60))
    norm = float(np.linalg.norm(matrix, 2)) * scale
    assert norm * (1 - 1e-12) <= spectral_up(matrix * scale) <= norm * 1.003


def test_the_spectral_bound_of_a_known_matrix_holds_exactly() -> None:
    # ||(3, 4)|| = 5 and orthogonal rows of norms 5 and 1: the norm is 5, in rationals.
    for matrix in (np.array([[3.0, 4.0]]), np.array([[3.0, 4.0], [-0.8, 0.6]])):
        assert Fraction(spectral_up(matrix)) >= 5
    assert spectral_up(np.zeros((2, 3))) == 0.0


@given(networks())
def test_induced_norms_are_row_and_column_sums(network: Network) -> None:
    for node in network.nodes:
        if isinstance(node.op, Affine):
            matrix = np.array(dense(node.op)[0], dtype=float)
            assert operator_norm_up(node.op, Norm.LINF) == pytest.approx(np.abs(matrix).sum(axis=1).max(), rel=1e-12)
            assert operator_norm_up(node.op, Norm.L1) == pytest.approx(np.abs(matrix).sum(axis=0).max(), rel=1e-12)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "dilation"), [((1, 1), (1, 1)), ((2, 2), (1, 1)), ((1, 2), (2, 1))])
@pytest.mark.parametrize("norm", list(Norm), ids=str)
@pytest.mark.parametrize("written_out", [True, False])
def test_the_norm_of_a_convolution_is_not_below_its_matrix(
    written_out: bool,
    norm: Norm,
    stride: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("certify.bounders.operator_norms.LARGEST_DENSE", LARGEST_DENSE if written_out else 0)
    rng = np.random.default_rng(3)
    weight = rng.normal(size=(4, 2 // groups, 3, 3))
    op = Conv2d(weight, rng.normal(size=4), (2, 7, 6), stride, (1, 1), dilation, groups)
    matrix = np.array(dense(op)[0], dtype=float)
    norm_of_matrix = float(np.linalg.norm(matrix, norm.value))
    bound = operator_norm_up(op, norm)
    assert norm_of_matrix * (1 - 1e-13) <= bound <= norm_of_matrix * 3
    if written_out and norm is Norm.L2:
        assert bound <= norm_of_matrix * 1.003


@given(problems(nets=networks()))
def test_no_region_holds_a_margin_below_the_lipschitz_bound(problem: Problem) -> None:
    queries = problem.queries()
    bounds = LipschitzBounder(problem.network).bound(queries, NEVER)
    assert 0 <= bounds.radius[0] <= problem.radius
    question = (problem.network, problem.point, queries.rows[0], queries.offsets[0])
    if problem.norm is Norm.L2:
        squared = robust_radius_squared(*question, problem.domain)
        assert squared is None or bounds.radius[0] == 0 or Fraction(float(bounds.radius[0])) ** 2 < squared
        return
    least = [
        min_margin(problem.network, problem.point, problem.radius, problem.norm, row, offset, problem.domain)
        for row, offset in zip(queries.rows[0], queries.offsets[0], strict=True)
    ]
    assert all(Fraction(float(low)) <= exact for low, exact in zip(bounds.lower[0], least, strict=True))
    radius = robust_radius(*question, problem.norm, problem.domain)
    assert radius is None or bounds.radius[0] == 0 or Fraction(float(bounds.radius[0])) < radius


@pytest.mark.parametrize("norm", list(Norm), ids=str)
def test_the_radius_of_an_affine_network_is_exact(norm: Norm) -> None:
    network = Network.chain([Affine(np.array([[3.0, -4.0]]), np.array([2.0]))])
    queries = robustness(network, np.zeros((1, 2)), [1], norm=norm, radius=1.0)
    bounds = LipschitzBounder(network).bound(queries, NEVER)
    dual = {Norm.LINF: 7.0, Norm.L2: 5.0, Norm.L1: 4.0}[norm]
    assert bounds.radius[0] == pytest.approx(2 / dual, rel=1e-12)
    assert bounds.radius[0] < 2 / dual
    assert bounds.lower[0, 0] == pytest.approx(2 - dual, rel=1e-12)


@given(chains())
def test_the_exact_two_layer_constant_is_the_longest_gradient(network: Network) -> None:
    rows = np.eye(network.output_width)
    constants = two_layer_constants(network, rows)
    if len(network.nodes) != 3:
        assert constants is None
        return
    assert constants is not None
    first, last = (np.array(dense(network.nodes[i].op)[0], dtype=float) for i in (0, 2))  # type: ignore[arg-type]
    units = len(first)
    for output, constant in enumerate(constants):
        patterns = [np.array([(s >> j) & 1 for j in range(units)]) for s in range(2**units)]
        longest = max(np.linalg.norm((last[output] * pattern) @ first) for pattern in patterns)
        assert longest * (1 - 1e-14) <= constant <= longest + 1e-6


def test_units_of_opposite_sign_make_the_exact_constant_smaller_than_the_product() -> None:
    network = Network.chain(
        [Affine(np.array([[1.0], [1.0]]), np.array([0.0, 1.0])), ReLU(2), Affine(np.array([[1.0, -1.0]]), np.zeros(1))]
    )
    bounder = LipschitzBounder(network)
    assert bounder.constants(np.ones((1, 1)), Norm.L2)[0] == pytest.approx(1.0, abs=1e-6)
    assert bounder._product(np.ones((1, 1)), Norm.L2)[0] == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize("norm", list(Norm), ids=str)
@given(networks())
def test_no_two_points_have_a_steeper_slope_than_the_constant(norm: Norm, network: Network) -> None:
    row = np.eye(network.output_width)[:1]
    constant = LipschitzBounder(network).constants(row, norm)[0]
    assert sharpest_slope(network, norm) <= constant * (1 + 1e-9) + 1e-9


def test_a_constant_network_is_robust_everywhere() -> None:
    network = Network.chain([Affine(np.zeros((1, 3)), np.ones(1))])
    queries = robustness(network, np.zeros((1, 3)), [1], norm=Norm.L2, radius=1e100)
    bounds = LipschitzBounder(network).bound(queries, NEVER)
    assert bounds.radius[0] == 1e100
    assert bounds.lower[0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize("radius", [math.inf, 1.0])
def test_weights_that_overflow_prove_nothing(radius: float) -> None:
    huge = Affine(np.full((1, 1), 1e150), np.ones(1))
    network = Network.chain([huge, ReLU(1), huge, ReLU(1), huge])
    queries = robustness(network, np.ones((1, 1)), [1], norm=Norm.LINF, radius=radius)
    bounds = LipschitzBounder(network).bound(queries, NEVER)
    assert bounds.lower[0, 0] == -math.inf
    assert bounds.radius[0] == 0


def test_a_wrong_prediction_gets_no_radius_and_the_trust_is_rounded() -> None:
    network = Network.chain([Affine(np.ones((1, 1)), np.zeros(1))])
    queries = robustness(network, np.array([[-1.0], [0.0], [1.0]]), [1, 1, 1], norm=Norm.L2, radius=0.5)
    bounder = LipschitzBounder(network)
    assert bounder.trust is Trust.ROUNDED
    assert bounder.bound(queries, NEVER).radius.tolist() == [0.0, 0.0, 0.5]


def test_after_the_deadline_no_lipschitz_bound_is_claimed() -> None:
    network = Network.chain([Affine(np.ones((1, 1)), np.zeros(1))])
    queries = robustness(network, np.array([[1.0]]), [1], norm=Norm.L2, radius=0.5)
    bounds = LipschitzBounder(network).bound(queries, Deadline.after(0.0, lambda: 1.0))
    assert bounds.lower[0, 0] == -math.inf
    assert bounds.radius[0] == 0
