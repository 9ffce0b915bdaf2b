"""Every number that the theory states, reproduced."""

from fractions import Fraction
from itertools import pairwise
from math import log2

import pytest
from sympy import Integer, Rational

import bounds
from bounds.symbols import letters


def value(name: str, **letters: object) -> Fraction:
    answer = bounds.catalogue[name].evaluate(**letters)
    assert isinstance(answer, bounds.Exact), f"{name} is not exact"
    return answer.value


def between(name: str, **letters: object) -> tuple[float, float]:
    answer = bounds.catalogue[name].evaluate(**letters)
    assert not isinstance(answer, bounds.OrderOnly), f"{name} is only an order"
    return float(answer.lower), float(answer.upper)


def is_printed_as(printed: str, name: str, **letters: object) -> bool:
    """Whether the value, rounded to nearest at the printed number of decimals, is the printed one."""
    low, high = between(name, **letters)
    decimals = len(printed.partition(".")[2])
    return f"{low:.{decimals}f}" == printed.replace("-.", "-0.") == f"{high:.{decimals}f}"


@pytest.mark.parametrize(("N", "d", "l2", "linf"), [(1000, 20, 87, 37), (1000, 784, 607, 102), (60000, 784, 4825, 896)])
def test_smallest_sizes_for_robust_training(N: int, d: int, l2: int, linf: int) -> None:
    rho = 1 - Fraction(1, 4 * d)
    assert rho**2 >= 1 - Fraction(1, d), "rho must be at least sqrt(1 - 1/d)"
    assert value("robust-training.l2.lower", N=N, d=d, rho=rho) == l2
    assert value("robust-training.inf.lower", N=N, d=d, rho="1/2") == linf


def test_upper_bounds_for_mnist_are_47_and_141_million() -> None:
    assert 47.2e6 < value("robust-training.l2.upper", N=60000, d=784) < 47.4e6
    assert value("robust-training.inf.upper", N=60000, d=784) == 141180001


@pytest.mark.parametrize(
    ("w", "parameters", "closed", "solved"),
    [("2-4-1", 17, 244, 228), ("10-64-64-1", 4929, 150940, 122448), ("20-200-1", 4401, 124177, 96057)],
)
def test_vc_dimensions_of_sample_architectures(w: str, parameters: int, closed: int, solved: int) -> None:
    assert value("vc.bhlm.closed", w=w) == closed
    assert value("vc.bhlm.solved", w=w) == solved
    layers = [int(width) for width in w.split("-")]
    assert sum(after * (before + 1) for before, after in pairwise(layers)) == parameters


def test_vc_dimension_of_a_network_for_mnist() -> None:
    assert f"{float(value('vc.bhlm.closed', w='784-256-256-1')):.2e}" == "1.22e+07"
    assert f"{float(value('vc.bhlm.solved', w='784-256-256-1')):.2e}" == "1.02e+07"


def test_the_activation_state_bound_of_a_small_network_is_230() -> None:
    assert value("vc.state.solved", w="2-4-1") == 230


@pytest.mark.parametrize(
    ("eps", "d", "sharp", "printed"),
    [("1/4", 10, 6.5, 1.5), ("1/10", 10, 11.2, 3.5), ("1/10", 20, 24.1, 7.4), ("1/20", 20, 32.4, 10.5)],
)
def test_logarithms_of_the_size_that_the_hard_set_needs(eps: str, d: int, sharp: float, printed: float) -> None:
    assert round(log2(value("hard-set.lower", eps=eps, d=d, alpha="1/10")), 1) == sharp
    order = bounds.catalogue["thm-4.3.lower"].expression
    at = order.subs(letters["eps"].symbol, Rational(eps)).subs(letters["d"].symbol, Integer(d))
    assert round(log2(float(at)), 1) == printed


def test_the_hard_set_of_7776_points() -> None:
    at = {"eps": "1/10", "d": 6}
    assert value("hard-set.points", **at) == 7776
    assert value("hard-set.lower", **at, alpha="1/10") == 53
    assert value("hard-set.solver.direct.nnz", **at) == 23452
    assert value("hard-set.solver.lookup.nnz", **at, B=32) == 2870
    assert min(value("hard-set.solver.lookup.nnz", **at, B=bits) for bits in range(1, 200)) == 2622


@pytest.mark.parametrize(
    ("alpha", "printed"),
    [("0.01", ".334"), ("0.05", ".196"), ("0.1", ".1206"), ("0.2", ".0481"), ("0.3", ".0161"), ("0.4", ".003")],
)
def test_the_fraction_of_points_that_is_shattered(alpha: str, printed: str) -> None:
    assert is_printed_as(f"0{printed}", "hard-set.vc", alpha=alpha)


def test_without_errors_all_points_are_shattered_as_far_as_the_inverse_entropy_can_say() -> None:
    assert value("hard-set.vc", alpha=0) == Fraction(1, 2)


@pytest.mark.parametrize(
    ("eps", "d", "nodes", "cells", "nnz"),
    [("1/8", 2, 169, 81, 559), ("1/8", 3, 2197, 729, 5941), ("1/10", 4, 65536, 14641, 146587)],
)
def test_classifiers_of_the_cube(eps: str, d: int, nodes: int, cells: int, nnz: int) -> None:
    at = {"eps": eps, "d": d, "c": "1/2"}
    assert value("kuhn.nodes.inf", **at) == nodes
    assert value("cover.cells.inf", **at) == cells
    assert value("whole-cube.inf.nnz", **at) == nnz


def test_the_shared_kuhn_network_on_given_meshes() -> None:
    assert value("kuhn.given-mesh.nnz", d=4, g=2) == 1294
    assert value("kuhn.given-mesh.nnz", d=2, g=3) == 196


def test_the_cover_of_the_flat_torus_has_9907_parameters() -> None:
    assert value("manifold.cover.nnz", K_A=381, d=4) == 9907
    assert value("manifold.cover.torus.size", R="1/2", r="1/20", k=2) == 32**2


RATIOS = {
    2: [".577", ".635", ".693", ".7071", ".667", ".6", ".5"],
    5: [".408", ".572", ".693", ".7071", ".667", ".6", ".5"],
    15: [".250", ".566", ".693", ".7071", ".667", ".6", ".5"],
}


@pytest.mark.parametrize("K_minus", RATIOS)
def test_the_radius_of_the_robust_network_by_its_bias(K_minus: int) -> None:
    for beta, printed in zip(["0", "0.1", "0.2", "0.25", "1/3", "0.4", "0.5"], RATIOS[K_minus], strict=True):
        assert is_printed_as(f"0{printed}", "f-robust.ratio", beta=beta, K_minus=K_minus), beta


def test_the_optimal_window_of_biases() -> None:
    assert is_printed_as("0.2247", "f-robust.window.lower")
    assert is_printed_as("0.2929", "f-robust.window.upper")


@pytest.mark.parametrize(("clusters", "printed"), [(5, ".500"), (20, ".295"), (50, ".194")])
def test_mixed_features_lose_radius(clusters: int, printed: str) -> None:
    assert is_printed_as(f"0{printed}", "prop-4.8.max.radius", a=1, K_plus=clusters, d=1)


@pytest.mark.parametrize(("K_minus", "printed"), [(2, ".665"), (5, ".608"), (20, ".519")])
def test_radii_of_networks_of_relu_to_the_power_of_three_halves(K_minus: int, printed: str) -> None:
    low, high = between("relu-power.radius", p="3/2", K_minus=K_minus)
    assert abs((low + high) / 2 - float(f"0{printed}")) < 6e-4  # .6074 is printed as .608


def test_radii_of_the_experiment() -> None:
    assert is_printed_as("17.53", "averaged.bias-free.radius", d=3072, k=10)
    assert is_printed_as("39.2", "decoupled.max.radius", d=3072)
    assert is_printed_as("22.6", "decoupled.sum.radius", d=3072, K_minus=5)
    assert is_printed_as("39.19", "f-robust.radius", d=3072, beta="1/4", K_minus=5)
    assert is_printed_as("0.9566", "f-robust.textbook.accuracy", d=3072, delta=26, sigma=1)


@pytest.mark.parametrize(("T", "printed"), [(10, "0.285"), (100, "1.695"), (1000, "4.07"), (10000, "6.41")])
def test_growth_of_the_coefficient(T: int, printed: str) -> None:
    assert is_printed_as(printed, "two-class.lambda", d=1000, m=5, k=10, eta="0.00307", T=T)


def test_growth_with_cluster_labels_and_kick_of_the_experiment() -> None:
    assert is_printed_as("5.43", "k-class.lambda", d=3072, h=1, k=10, eta="0.001", T=100)
    assert is_printed_as("39", "two-class.kick", d=3072, m=5, k=10, eta="0.001", sigma_w="1e-5")


def test_steps_until_a_coefficient_invert_the_coefficient_after_steps() -> None:
    low, high = between("two-class.lambda", d=1000, m=5, k=10, eta="0.00307", T=100)
    shape = {"d": 1000, "m": 5, "k": 10, "eta": "0.00307"}
    assert (
        between("two-class.steps", **shape, lam=Fraction(low))[0]
        <= 100
        <= between("two-class.steps", **shape, lam=Fraction(high))[1]
    )


def test_the_gradient_off_the_subspace_is_at_least_what_was_computed() -> None:
    # 400 inputs, 200 of them off the subspace, width 400, and about 0.36 m active neurons gave .301.
    assert is_printed_as("0.301", "related.melamed.gradient", k_act=145, ell=200, m=400, d=400)
