"""Projections against brute force: a fine grid of levels, and cvxpy."""

import cvxpy as cp
import numpy as np
import pytest
import torch

from certify.attacks.geometry import dual_length, into_ball, length, steepest, to_halfspace
from certify.region import Norm
from tests.attacks.nets import exponent


def _case(seed: int, *, box: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    g = rng.normal(size=7) * (rng.uniform(size=7) > 0.2)
    low = -rng.uniform(size=7) * (rng.uniform(size=7) > 0.2) if box else np.full(7, -np.inf)
    high = rng.uniform(size=7) if box else np.full(7, np.inf)
    deepest = np.where(g > 0, low, high) @ g if box else -5.0
    return tuple(torch.as_tensor(part) for part in (g, -0.6 * deepest, low, high))  # type: ignore[return-value]


@pytest.mark.parametrize("norm", Norm)
@pytest.mark.parametrize("box", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_point_of_a_halfspace_in_a_box_is_the_convex_solvers(norm: Norm, box: bool, seed: int) -> None:
    g, offset, low, high = _case(seed, box=box)
    z = to_halfspace(g, offset, low, high, norm)
    assert float(g @ z + offset) == pytest.approx(0.0, abs=1e-6)
    assert bool(((z >= low) & (z <= high)).all())
    move = cp.Variable(7)
    inside = [move >= low.numpy(), move <= high.numpy()] if box else []
    problem = cp.Problem(cp.Minimize(cp.norm(move, exponent(norm))), [g.numpy() @ move + float(offset) <= 0, *inside])
    problem.solve(solver=cp.CLARABEL)
    assert float(length(z, norm)) == pytest.approx(problem.value, rel=1e-5)


@pytest.mark.parametrize("norm", Norm)
def test_an_infeasible_halfspace_gives_the_deepest_point_of_the_box(norm: Norm) -> None:
    g, _, low, high = _case(3, box=True)
    z = to_halfspace(g, torch.tensor(100.0, dtype=torch.float64), low, high, norm)
    assert float(g @ z) == pytest.approx(float(torch.where(g > 0, low * g, high * g).sum()))


@pytest.mark.parametrize("norm", Norm)
def test_a_point_pulled_into_a_ball_is_in_it_and_one_inside_stays(norm: Norm) -> None:
    z = torch.randn(20, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    inside = into_ball(z, torch.full((20,), 0.7, dtype=torch.float64), norm)
    assert bool((length(inside, norm) <= 0.7 + 1e-12).all())
    assert bool((inside.abs() <= z.abs() + 1e-12).all())
    assert torch.equal(into_ball(0.01 * z, torch.ones(20, dtype=torch.float64), norm), 0.01 * z)


def test_the_steepest_direction_reaches_the_dual_norm() -> None:
    g = torch.randn(20, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for norm in Norm:
        direction = steepest(g, norm, torch.zeros(20, dtype=torch.float64))
        torch.testing.assert_close((g * direction).sum(-1), dual_length(g, norm))
        torch.testing.assert_close(length(direction, norm), torch.ones(20, dtype=torch.float64))
