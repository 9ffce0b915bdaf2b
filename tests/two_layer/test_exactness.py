"""Both sides of a radius against oracles that share no code with the solver."""

import math
from fractions import Fraction

import cvxpy as cp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

from certify.network import Network, ReLU
from certify.query import predictions, robustness
from certify.region import Norm
from tests.oracles import robust_radius_squared
from tests.strategies import affines, arrays
from tests.two_layer.nets import asked, net, solved


@st.composite
def questions(draw: st.DrawFn) -> tuple[Network, np.ndarray]:
    """Small dyadic networks and points: fewer inputs than neurons, equal and dead neurons and plateaus abound."""
    inputs, hidden, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.integers(1, 3))
    network = Network.chain([draw(affines(inputs, hidden)), ReLU(hidden), draw(affines(hidden, outputs))])
    return network, draw(arrays(inputs))


fewer = settings(max_examples=settings.default.max_examples if settings.default.max_examples > 1000 else 8)
"""Branch and bound makes this slow under run-time shape checks; a nightly run takes all examples of its profile."""


@fewer
@given(question=questions())
def test_the_exact_radius_lies_between_two_sides_that_meet(question: tuple[Network, np.ndarray]) -> None:
    network, point = question
    queries = robustness(network, point[None, :], predictions(network, point[None, :]), norm=Norm.L2, radius=math.inf)
    exact = robust_radius_squared(network, point, queries.rows[0], queries.offsets[0], None)
    assume(exact is None or exact > 0)
    (answer,) = solved(queries)
    if exact is None:
        assert answer.upper == math.inf
        assert answer.settled
        return
    assert Fraction(answer.lower) ** 2 <= exact
    assert answer.lower >= (1 - 1e-6) * math.sqrt(exact)
    if answer.upper < math.inf:  # f may touch 0 at a point that is no float
        assert exact <= Fraction(answer.upper) ** 2
        assert answer.upper - answer.lower <= 1e-6 * answer.upper


def brute_force(weight: np.ndarray, start: np.ndarray, readout: np.ndarray, offset: float) -> float:
    """The least distance to ``{f <= 0}``, one convex program for each set of active concave-side neurons."""
    concave = np.flatnonzero(readout < 0)
    z = cp.Variable(weight.shape[1])
    active = cp.Parameter(len(readout), nonneg=True)
    t = start + weight @ z
    f = offset + np.maximum(readout, 0) @ cp.pos(t) - cp.multiply(active, np.maximum(-readout, 0)) @ t
    program = cp.Problem(cp.Minimize(cp.sum_squares(z)), [f <= 0])
    best = math.inf
    for pattern in range(2 ** len(concave)):
        active.value = np.isin(np.arange(len(readout)), concave[(pattern >> np.arange(len(concave))) % 2 == 1]) + 0.0
        value = program.solve(solver=cp.CLARABEL, tol_gap_abs=1e-13, tol_gap_rel=1e-13, tol_feas=1e-13)
        if program.status == cp.OPTIMAL:
            best = min(best, math.sqrt(max(float(value), 0.0)))
    return best


@pytest.mark.parametrize("seed", range(3))
def test_a_convex_program_for_every_set_of_neurons_finds_the_same_radius(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, m = int(rng.integers(2, 12)), int(rng.integers(4, 9))
    weight, bias, readout = rng.normal(size=(m, d)), rng.normal(size=m), rng.normal(size=m)
    point, offset = rng.normal(size=d), float(rng.uniform(0.1, 0.5))
    value = readout @ np.maximum(weight @ point + bias, 0) + offset
    network = net(weight, bias, readout, offset)
    (answer,) = solved(asked(network, point, [int(value > 0)]), tolerance=1e-9)
    sign = math.copysign(1.0, value)
    reference = brute_force(weight, weight @ point + bias, sign * readout, sign * offset)
    assert answer.lower <= reference * (1 + 1e-7)
    assert answer.lower == pytest.approx(reference, rel=1e-6)
    assert answer.upper - answer.lower <= 1e-8 * answer.upper


@pytest.mark.parametrize(
    ("side", "seed"), [(8, 0), *(pytest.param(10, seed, marks=pytest.mark.nightly) for seed in range(3))]
)
def test_medium_networks_have_the_radius_that_a_convex_program_for_every_set_finds(side: int, seed: int) -> None:
    """``side`` neurons of each sign, so 2^side programs."""
    rng = np.random.default_rng([side, seed])
    weight, bias = rng.normal(size=(2 * side, 12)), rng.normal(size=2 * side)
    readout = np.concatenate([rng.uniform(0.5, 1.5, side), -rng.uniform(0.5, 1.5, side)])
    point = rng.normal(size=12)
    start = weight @ point + bias
    offset = 0.5 - readout @ np.maximum(start, 0)  # f = 1/2 at the point
    (answer,) = solved(asked(net(weight, bias, readout, offset), point, [1]), tolerance=1e-8)
    reference = brute_force(weight, start, readout, offset)
    assert answer.lower <= reference * (1 + 1e-7)
    assert answer.lower == pytest.approx(reference, rel=1e-6)
    assert answer.upper - answer.lower <= 1e-7 * answer.upper
