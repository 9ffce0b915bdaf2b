"""The oracles agree with dense grids, with cvxpy's solvers and with answers known by hand."""

import itertools
import math
from fractions import Fraction

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from certify.network import Affine, Network, ReLU
from certify.region import Box, Norm
from tests.oracles import dense, evaluate, min_margin, pieces, robust_radius, robust_radius_squared
from tests.rational_lp import Halfspaces, minimise, project, rational, solve
from tests.strategies import Problem, dyadic, networks, points, problems

LINEAR = Network.chain([Affine(np.array([[3.0, -4.0]]), np.array([2.0]))])
BUMP = Network.chain(  # 1 - |x|
    [Affine(np.array([[1.0], [-1.0]]), np.zeros(2)), ReLU(2), Affine(np.array([[-1.0, -1.0]]), np.array([1.0]))]
)
ORIGIN = np.zeros(2)
ROW, ROWS, NONE = [1.0], [[1.0]], [0.0]


@st.composite
def programs(draw: st.DrawFn) -> tuple[list[Fraction], Halfspaces]:
    """A linear program over the box [-4, 4]^n with a few more inequalities; many are infeasible or degenerate."""
    width, count = draw(st.integers(1, 3)), draw(st.integers(0, 6))
    numbers = st.lists(dyadic(3, 2), min_size=width, max_size=width)
    region = Halfspaces(width)
    for i, sign in itertools.product(range(width), (1, -1)):
        region = region.with_row([Fraction(sign * (i == j)) for j in range(width)], Fraction(4))
    for _ in range(count):
        region = region.with_row(rational(draw(numbers)), Fraction(draw(dyadic(3, 2))))
    return rational(draw(numbers)), region


def floats(region: Halfspaces) -> tuple[np.ndarray, np.ndarray]:
    return np.array(region.rows, dtype=float), np.array(region.limits, dtype=float)


def ball_grid(problem: Problem, *, norm: Norm, radius: float) -> np.ndarray:
    """Lattice points of the ball and the domain; dyadic, so that membership is exact."""
    n = len(problem.point)
    steps = np.arange(-4, 5) / 4
    lattice = np.array(list(itertools.product(steps, repeat=n)))
    inside = lattice[np.linalg.norm(lattice, norm.value, axis=1) <= 1] * radius + problem.point
    return inside if problem.domain is None else inside[problem.domain.outside(inside) == 0]


def margins(problem: Problem, grid: np.ndarray) -> np.ndarray:
    """The least exact margin at each point."""
    queries = problem.queries()
    rows, offsets = queries.rows[0], queries.offsets[0]
    outputs = np.array([[float(v) for v in evaluate(problem.network, point)] for point in grid])
    return (outputs @ rows.T + offsets).min(axis=1)


def radius_of(problem: Problem) -> float:
    """The robust radius by the oracle of the problem's norm, as a float; inf when there is no counterexample."""
    queries = problem.queries()
    question = (problem.network, problem.point, queries.rows[0], queries.offsets[0])
    if problem.norm is Norm.L2:
        squared = robust_radius_squared(*question, problem.domain)
        return math.inf if squared is None else math.sqrt(squared)
    radius = robust_radius(*question, problem.norm, problem.domain)
    return math.inf if radius is None else float(radius)


@given(networks(), st.data())
def test_evaluation_over_fractions_agrees_with_float64(network: Network, data: st.DataObject) -> None:
    point = data.draw(points(network.input_width))
    exact = [float(value) for value in evaluate(network, point)]
    assert network.evaluate(point[None, :])[0].tolist() == pytest.approx(exact, abs=1e-12)


@given(programs())
def test_the_rational_simplex_agrees_with_highs(program: tuple[list[Fraction], Halfspaces]) -> None:
    objective, region = program
    x = cp.Variable(region.width)
    rows, limits = floats(region)
    reference = cp.Problem(cp.Minimize(np.array(objective, dtype=float) @ x), [rows @ x <= limits])
    reference.solve(solver=cp.HIGHS)
    answer = minimise(objective, region)
    if answer is None:
        assert reference.status == cp.INFEASIBLE
    else:
        assert float(answer[0]) == pytest.approx(reference.value, abs=1e-6)


@given(programs())
def test_the_rational_projection_agrees_with_clarabel(program: tuple[list[Fraction], Halfspaces]) -> None:
    centre, region = program
    answer = project(centre, region)
    assume(answer is not None)
    assert answer is not None
    x = cp.Variable(region.width)
    rows, limits = floats(region)
    reference = cp.Problem(cp.Minimize(cp.sum_squares(x - np.array(centre, dtype=float))), [rows @ x <= limits])
    reference.solve(solver=cp.CLARABEL)
    assert float(answer[0]) == pytest.approx(reference.value, abs=1e-5)


def test_an_empty_polyhedron_has_no_minimum_and_no_projection() -> None:
    empty = Halfspaces(1).with_row([Fraction(1)], Fraction(0)).with_row([Fraction(-1)], Fraction(-1))
    assert minimise([Fraction(1)], empty) is None
    assert project([Fraction(0)], empty) is None


def test_an_unbounded_objective_is_refused() -> None:
    with pytest.raises(ValueError, match="unbounded below"):
        minimise([Fraction(-1)], Halfspaces(1).with_row([Fraction(-1)], Fraction(0)))


def test_a_singular_system_has_no_solution() -> None:
    assert solve([rational([1.0, 2.0]), rational([2.0, 4.0])], rational([1.0, 1.0])) is None
    assert solve([rational([0.0, 2.0]), rational([1.0, 1.0])], rational([2.0, 3.0])) == [2, 1]


def test_radii_of_an_affine_network_are_value_over_dual_norm() -> None:
    # 3x - 4y + 2 vanishes nearest to 0 at linf distance 2/7, l1 distance 2/4, l2 distance 2/5.
    assert robust_radius(LINEAR, ORIGIN, ROWS, NONE, Norm.LINF) == Fraction(2, 7)
    assert robust_radius(LINEAR, ORIGIN, ROWS, NONE, Norm.L1) == Fraction(1, 2)
    assert robust_radius_squared(LINEAR, ORIGIN, ROWS, NONE) == Fraction(4, 25)


def test_margins_of_an_affine_network_fall_by_radius_times_dual_norm() -> None:
    assert min_margin(LINEAR, ORIGIN, 0.5, Norm.LINF, ROW, 0.25) == Fraction(2) + Fraction(1, 4) - Fraction(7, 2)
    assert min_margin(LINEAR, ORIGIN, 0.5, Norm.L1, ROW, 0.0) == 0


def test_a_domain_moves_the_nearest_counterexample_along() -> None:
    domain = Box(np.array([-0.125, -1.0]), np.ones(2))
    # x stops at -1/8, so y must make up 3/8 + 4y = 2.
    assert robust_radius(LINEAR, ORIGIN, ROWS, NONE, Norm.LINF, domain) == Fraction(13, 32)
    assert min_margin(LINEAR, ORIGIN, 0.25, Norm.LINF, ROW, 0.0, domain) == 2 - Fraction(3, 8) - 1


def test_a_network_that_is_right_on_the_whole_domain_has_no_radius() -> None:
    domain = Box.uniform(-0.5, 0.5, 1)
    assert robust_radius(BUMP, [0.0], ROWS, NONE, Norm.LINF, domain) is None
    assert robust_radius_squared(BUMP, [0.0], ROWS, NONE, domain) is None
    assert robust_radius(BUMP, [0.25], ROWS, NONE, Norm.LINF) == Fraction(3, 4)


def test_a_ball_outside_the_domain_is_refused() -> None:
    with pytest.raises(ValueError, match="no point in common"):
        min_margin(BUMP, [3.0], 0.5, Norm.LINF, ROW, 0.0, Box.uniform(-1.0, 1.0, 1))


def test_the_pieces_of_a_bump_are_its_two_sides_and_its_ridge() -> None:
    region = Halfspaces(1).with_row([Fraction(1)], Fraction(2)).with_row([Fraction(-1)], Fraction(2))
    slopes = sorted(piece.values[-1][0][0][0] for piece in pieces(BUMP, region))
    assert (slopes[0], slopes[-1]) == (-1, 1)


@given(networks())
def test_the_dense_matrix_of_a_layer_is_the_layer(network: Network) -> None:
    for node in network.nodes:
        if not isinstance(node.op, ReLU) and node.op.arity == 1:
            matrix, bias = dense(node.op)
            columns = node.op.apply(np.eye(node.op.input_width)).T - np.array(bias, dtype=float)[:, None]
            assert np.array_equal(np.array(matrix, dtype=float), columns)


@given(problems(norms=(Norm.LINF, Norm.L1)))
def test_no_grid_point_has_less_than_the_least_margin(problem: Problem) -> None:
    queries = problem.queries()
    least = min(
        min_margin(problem.network, problem.point, problem.radius, problem.norm, row, offset, problem.domain)
        for row, offset in zip(queries.rows[0], queries.offsets[0], strict=True)
    )
    found = margins(problem, ball_grid(problem, norm=problem.norm, radius=problem.radius))
    assert least <= found.min()


@given(problems())
def test_no_grid_point_within_the_radius_is_wrong(problem: Problem) -> None:
    radius = radius_of(problem)
    assume(0 < radius < math.inf)
    inside = ball_grid(problem, norm=problem.norm, radius=radius * (1 - 1e-9))
    assert (margins(problem, inside) > 0).all()


@given(problems(norms=(Norm.LINF, Norm.L1)))
def test_the_least_margin_is_zero_at_the_radius(problem: Problem) -> None:
    queries = problem.queries()
    question = (queries.rows[0], queries.offsets[0], problem.norm, problem.domain)
    radius = robust_radius(problem.network, problem.point, *question)
    assume(radius is not None)
    assert radius is not None
    least = min(
        min_margin(problem.network, problem.point, radius, problem.norm, row, offset, problem.domain)
        for row, offset in zip(queries.rows[0], queries.offsets[0], strict=True)
    )
    assert least <= 0
    assert radius == 0 or least == 0


@given(problems(norms=(Norm.L2,)))
def test_the_l2_radius_lies_between_those_of_linf_and_l1(problem: Problem) -> None:
    queries = problem.queries()
    question = (problem.network, problem.point, queries.rows[0], queries.offsets[0])
    squared = robust_radius_squared(*question, problem.domain)
    box = robust_radius(*question, Norm.LINF, problem.domain)
    cross = robust_radius(*question, Norm.L1, problem.domain)
    assert (squared is None) == (box is None) == (cross is None)
    if squared is not None and box is not None and cross is not None:
        assert box**2 <= squared <= min(cross**2, box**2 * len(problem.point))
