"""The linear programs of the triangle: against cvxpy, what their duals prove, and what a lying solver can do."""

import dataclasses as dc
import math
from collections.abc import Callable
from fractions import Fraction

import cvxpy as cp
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from certify.bounders.alpha import Ascent
from certify.bounders.crown import CrownBounder, margin_form
from certify.bounders.enclosure import Enclosure
from certify.bounders.triangle import TriangleBounder
from certify.bounders.triangle_lp import Optimum, TriangleProgram, matrices
from certify.deadline import Deadline
from certify.network import Affine, Conv2d, Network, Op, ReLU
from certify.query import Queries
from certify.region import Norm
from tests.branch_and_bound.nets import convolutional, dense, questions, residual
from tests.oracles import dense as dense_map
from tests.oracles import evaluate, min_margin
from tests.strategies import Problem, problems

NEVER = Deadline.never()
NETS = {"dense": dense((4, 9, 9, 3), 0), "residual": residual(1), "convolutional": convolutional(2)}
RADII = {Norm.LINF: 0.2, Norm.L2: 0.5, Norm.L1: 0.9}

every_net = pytest.mark.parametrize("net", NETS.values(), ids=NETS)
every_norm = pytest.mark.parametrize("norm", list(Norm), ids=str)
whole_or_cut = pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])


def asked(net: Network, norm: Norm, cut: bool, count: int = 2) -> Queries:
    queries = questions(net, count, norm=norm, radius=RADII[norm])
    return queries if cut else dc.replace(queries, domain=None)


def enclosed(queries: Queries) -> Enclosure:
    return CrownBounder(queries.network, dtype=torch.float64, rounded=True).relax(queries, NEVER)[0]


def optimum(program: TriangleProgram, cost: np.ndarray) -> Optimum:
    """The program's answer once an l2 ball is described well enough."""
    while True:
        found = program.minimise(cost, NEVER)
        assert found is not None
        if not program.approach():
            return found


def reference(queries: Queries, enclosure: Enclosure, i: int, row: np.ndarray) -> float:
    """The least ``row @ outputs`` over ball, domain and triangles, written down anew and solved through cvxpy."""
    x = cp.Variable(queries.network.input_width)
    order = {Norm.L1: 1, Norm.L2: 2, Norm.LINF: "inf"}[queries.norm]
    constraints: list[cp.Constraint] = [cp.norm(x - queries.centres[i], order) <= queries.radii[i]]
    if queries.domain is not None:
        constraints += [x >= queries.domain.lower, x <= queries.domain.upper]
    values: list[cp.Expression] = [x]
    for node in queries.network.nodes:
        reads = [values[k] for k in node.inputs]
        match node.op:
            case Affine() | Conv2d() as op:
                weight, bias = (np.array(part, dtype=np.float64) for part in dense_map(op))
                values.append(weight @ reads[0] + bias)
            case ReLU(width):
                low, high = (side[node.inputs[0]][i].numpy() for side in (enclosure.lower, enclosure.upper))
                after = cp.Variable(width)
                on, off = np.flatnonzero(low >= 0), np.flatnonzero((low < 0) & (high <= 0))
                both = np.flatnonzero((low < 0) & (high > 0))
                chord = high[both] / (high - low)[both]
                constraints += [after[on] == reads[0][on]] if on.size else []
                constraints += [after[off] == 0] if off.size else []
                constraints += [after[both] >= 0, after[both] >= reads[0][both]] if both.size else []
                constraints += [after[both] <= cp.multiply(chord, reads[0][both] - low[both])] if both.size else []
                values.append(after)
            case _:
                values.append(reads[0] + reads[1])
    problem = cp.Problem(cp.Minimize(row @ values[-1]), constraints)
    problem.solve(solver=cp.HIGHS if queries.norm is not Norm.L2 else cp.CLARABEL)
    return float(problem.value)


@whole_or_cut
@every_norm
@every_net
def test_the_program_is_the_triangle_relaxation_that_cvxpy_solves(net: Network, norm: Norm, cut: bool) -> None:
    queries = asked(net, norm, cut)
    enclosure = enclosed(queries)
    assert any(bool(r.unstable.any()) for r in enclosure.relaxations.values())
    for i in range(len(queries)):
        program = TriangleProgram(enclosure.take(torch.tensor([i])), matrices(net), len(net.nodes))
        at_centre = queries.rows[i] @ net.evaluate(queries.centres[i : i + 1])[0]
        for row, most in zip(queries.rows[i], at_centre, strict=True):
            least = reference(queries, enclosure, i, row)
            looser = 5e-6 * (most - least) if norm is Norm.L2 else 0.0  # the least value is convex in the radius
            assert least - looser - 1e-6 <= optimum(program, row).value <= least + 1e-6


@whole_or_cut
@every_norm
@every_net
def test_the_slopes_of_the_program_prove_its_optimum_and_no_others_prove_more(
    net: Network, norm: Norm, cut: bool
) -> None:
    queries = asked(net, norm, cut)
    enclosure, rng = enclosed(queries), torch.Generator().manual_seed(0)
    for i in range(len(queries)):
        part, alone = enclosure.take(torch.tensor([i])), queries.take(np.array([i]))
        program = TriangleProgram(part, matrices(net), len(net.nodes))
        for j, row in enumerate(queries.rows[i]):
            found = optimum(program, row)
            slopes = {k: torch.as_tensor(np.nan_to_num(s))[None, None] for k, s in found.slopes.items()}
            proved = margin_form(part, alone, slopes).lower(part.ball)[0, j]
            above = 0.0 if norm is not Norm.L2 else 1e-5 * (1 + abs(found.value))  # the ball is described from outside
            assert found.value - 1e-7 <= proved <= found.value + above + 1e-9
            for _ in range(5):
                others = {k: torch.rand(s.shape, generator=rng, dtype=torch.float64) for k, s in slopes.items()}
                assert margin_form(part, alone, others).lower(part.ball)[0, j] <= found.value + above + 1e-9
            assert margin_form(part, alone).lower(part.ball)[0, j] <= found.value + above + 1e-9


@given(problem=problems(norms=(Norm.LINF, Norm.L1)))
def test_where_many_optima_tie_the_slopes_still_prove_the_optimum(problem: Problem) -> None:
    queries = problem.queries()
    enclosure = enclosed(queries)
    program = TriangleProgram(enclosure, matrices(problem.network), len(problem.network.nodes))
    for j, row in enumerate(queries.rows[0]):
        if program.proposes:
            found = optimum(program, row)
            slopes = {k: torch.as_tensor(np.nan_to_num(s))[None, None] for k, s in found.slopes.items()}
            proved = margin_form(enclosure, queries, slopes).lower(enclosure.ball)[0, j]
            assert found.value - 1e-6 * (1 + abs(found.value)) <= proved <= found.value + 1e-9


@every_norm
def test_a_cost_has_the_same_optimum_whichever_came_before(norm: Norm) -> None:
    net = NETS["dense"]
    enclosure = enclosed(asked(net, norm, cut=True, count=1))
    program = TriangleProgram(enclosure, matrices(net), len(net.nodes))
    costs = np.random.default_rng(0).normal(size=(6, 3))
    first = [optimum(program, cost).value for cost in costs]
    again = [optimum(program, cost).value for cost in costs[::-1]][::-1]
    fresh = [optimum(TriangleProgram(enclosure, matrices(net), len(net.nodes)), cost).value for cost in costs]
    assert first == pytest.approx(fresh, abs=1e-5)
    assert again == pytest.approx(fresh, abs=1e-5)


@pytest.mark.parametrize("scale", [1e-9, 1e-4, 1e6])
def test_the_scale_of_the_inputs_does_not_matter(scale: float) -> None:
    net = NETS["dense"]
    first = net.nodes[0].op
    assert isinstance(first, Affine)
    scaled = Network.chain([Affine(first.weight / scale, first.bias), *chain_of(net)[1:]])
    queries = asked(net, Norm.LINF, cut=False)
    other = dc.replace(queries, network=scaled, centres=queries.centres * scale, radii=queries.radii * scale)
    bounds = [TriangleBounder(q.network).bound(q, NEVER).lower for q in (queries, other)]
    assert bounds[1] == pytest.approx(bounds[0], rel=1e-5, abs=1e-5)


CONVOLUTIONS = [
    Conv2d(np.zeros((4, 2, 2, 3)), np.zeros(4), (2, 5, 6), (1, 1), (0, 0)),
    Conv2d(np.zeros((4, 1, 3, 2)), np.zeros(4), (2, 5, 6), (2, 1), (1, 2), (1, 2), groups=2),
    Conv2d(np.zeros((3, 1, 1, 1)), np.zeros(3), (3, 1, 2), (1, 3), (2, 2), groups=3),
]


@pytest.mark.parametrize("blank", CONVOLUTIONS, ids=["plain", "grouped and dilated", "mostly padding"])
def test_the_matrix_of_a_convolution_is_the_convolution(blank: Conv2d) -> None:
    rng = np.random.default_rng(0)
    convolution = dc.replace(blank, weight=rng.normal(size=blank.weight.shape))
    matrix = matrices(Network.chain([convolution], input_shape=convolution.image))[0]
    points = rng.normal(size=(7, convolution.input_width))
    np.testing.assert_allclose((matrix @ points.T).T, convolution.apply(points), rtol=1e-12, atol=1e-12)


@whole_or_cut
@every_norm
@every_net
def test_the_bounder_is_no_looser_than_alpha_on_the_same_intermediate_bounds(
    net: Network, norm: Norm, cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = asked(net, norm, cut, count=4)
    full = TriangleBounder(net).bound(queries, NEVER)
    monkeypatch.setattr(TriangleProgram, "minimise", lambda *_: None)
    without = TriangleBounder(net).bound(queries, NEVER)
    assert (full.lower >= without.lower - 1e-9).all()
    assert (full.radius >= without.radius * (1 - 1e-6)).all()
    assert np.isfinite(without.lower).all()


@pytest.mark.parametrize(("norm", "radius"), [(Norm.LINF, 0.3), (Norm.L1, 1.5)], ids=["linf", "l1"])
def test_programs_tighten_what_a_short_ascent_leaves(norm: Norm, radius: float) -> None:
    net, short = dense((6, 16, 16, 16, 3), 5), Ascent(margin_steps=2, hidden_steps=1)
    queries = questions(net, 4, norm=norm, radius=radius)
    full = TriangleBounder(net, ascent=short).bound(queries, NEVER).lower
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TriangleProgram, "minimise", lambda *_: None)
        without = TriangleBounder(net, ascent=short).bound(queries, NEVER).lower
    assert full.mean() > without.mean() + 3e-3


fewer = settings(max_examples=max(8, settings.default.max_examples // 3))
"""Each example is bounded twice."""

LIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "NaN": lambda s: np.full(len(s), np.nan),
    "infinite": lambda s: np.full(len(s), np.inf),
    "huge": lambda s: np.full(len(s), 1e300),
    "negative": lambda s: np.full(len(s), -7.0),
    "mixed": lambda s: np.resize([np.nan, -np.inf, 0.3, 1e308, -0.0, 1.5], len(s)),
    "turned round": lambda s: 1 - np.nan_to_num(s),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
@fewer
@given(problem=problems(norms=(Norm.LINF, Norm.L1)))
def test_a_lying_solver_proves_nothing_false(lie: Callable[[np.ndarray], np.ndarray], problem: Problem) -> None:
    honest = TriangleProgram.minimise

    def lying(program: TriangleProgram, cost: np.ndarray, deadline: Deadline) -> Optimum | None:
        found = honest(program, cost, deadline)
        return found and Optimum(1e9, {i: lie(s) for i, s in found.slopes.items()})

    queries = problem.queries()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TriangleProgram, "minimise", lying)
        lower = TriangleBounder(problem.network).bound(queries, NEVER).lower[0]
        patch.setattr(TriangleProgram, "minimise", lambda *_: None)
        without = TriangleBounder(problem.network).bound(queries, NEVER).lower[0]
    assert (lower >= without - 1e-9 * (1 + np.abs(without))).all()
    for row, claimed in zip(queries.rows[0], lower, strict=True):
        exact = min_margin(problem.network, problem.point, problem.radius, problem.norm, row, 0.0, problem.domain)
        assert Fraction(float(claimed)) <= exact


def test_a_time_limit_is_kept_by_the_solver_too() -> None:
    net = dense((60, 80, 80, 80, 3), 0)
    queries = questions(net, 1, norm=Norm.LINF, radius=0.2)
    program = TriangleProgram(enclosed(queries), matrices(net), len(net.nodes))
    assert program.minimise(queries.rows[0, 0], Deadline(lambda: 0.0, 1e-6)) is None  # HiGHS gets a millionth
    assert program.minimise(queries.rows[0, 0], Deadline(lambda: 1.0, 0.0)) is None
    assert program.minimise(queries.rows[0, 0], NEVER) is not None


def test_when_every_program_runs_out_of_time_the_bound_is_that_of_alpha() -> None:
    net = NETS["dense"]
    queries = asked(net, Norm.L1, cut=True)
    short = TriangleBounder(net).bound(queries, Deadline(lambda: 0.0, 1e-9)).lower
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TriangleProgram, "minimise", lambda *_: None)
        assert (short >= TriangleBounder(net).bound(queries, NEVER).lower - 1e-9).all()


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1e30, 1e90])
@pytest.mark.parametrize("radius", [0.3, 1e-300, 1e300, math.inf])
@every_norm
def test_numbers_that_no_solver_bears_cost_tightness_only(norm: Norm, radius: float, size: float) -> None:
    small = dense((3, 4, 4, 2), 0)
    ops = [dc.replace(op, weight=op.weight * size) if isinstance(op, Affine) else op for op in chain_of(small)]
    queries = dc.replace(questions(Network.chain(ops), 2, norm=norm, radius=radius), domain=None)
    lower = TriangleBounder(queries.network).bound(queries, NEVER).lower
    for centre, row, claimed in zip(queries.centres, queries.rows[:, 0], lower[:, 0], strict=True):
        outputs = evaluate(queries.network, centre)
        exact = sum(Fraction(float(c)) * y for c, y in zip(row, outputs, strict=True))
        assert claimed == -math.inf or Fraction(float(claimed)) <= exact


def chain_of(net: Network) -> list[Op]:
    """The ops of a network without branches."""
    return [node.op for node in net.nodes]
