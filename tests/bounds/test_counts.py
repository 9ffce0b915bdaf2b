"""Formulas against networks written out unit by unit."""

from fractions import Fraction
from itertools import product

import pytest

import bounds
from tests.bounds import layered

SHAPES = [(1, 1), (1, 4), (2, 3), (3, 2), (5, 4), (6, 1)]


def value(name: str, **letters: object) -> Fraction:
    answer = bounds.catalogue[name].evaluate(**letters)
    assert isinstance(answer, bounds.Exact), f"{name} is not exact"
    return answer.value


def agree(construction: str, net: layered.Layered, quantities: str, **letters: object) -> None:
    for quantity in quantities.split():
        found = {"nnz": net.nnz, "dense": net.dense, "units": net.units, "depth": net.depth}[quantity]
        assert value(f"{construction}.{quantity}", **_own(construction, quantity, letters)) == found, quantity


def _own(construction: str, quantity: str, letters: dict[str, object]) -> dict[str, object]:
    own = {str(letter) for letter in bounds.catalogue[f"{construction}.{quantity}"].letters}
    return {name: number for name, number in letters.items() if name in own}


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_hinge_bumps_count_as_built(n: int, d: int) -> None:
    agree("robust-memorizer.hinge-bumps", layered.hinge_bumps(n, d), "nnz dense units depth", n=n, d=d)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_two_sided_hinge_bumps_count_as_built(n: int, d: int) -> None:
    net = layered.hinge_bumps(n, d, output_bias=False)
    agree("robust-memorizer.hinge-bumps-two-sided", net, "nnz dense units depth", N=n, d=d)


@pytest.mark.parametrize(("n", "d", "stages"), [(2, 1, 2), (4, 3, 2), (6, 2, 3), (5, 4, 5), (7, 2, 3)])
def test_scanned_hinge_bumps_count_as_built(n: int, d: int, stages: int) -> None:
    agree("hinge-bumps-scan", layered.hinge_bumps_scan(n, d, stages), "nnz units depth", n=n, d=d, S=stages)


@pytest.mark.parametrize(
    ("n", "d", "stages"), [(3, 1, 3), (3, 4, 3), (5, 2, 5), (8, 3, 2), (8, 3, 4), (9, 2, 3), (2, 2, 2)]
)
def test_a_scan_of_equal_stages_has_the_dense_count_as_built(n: int, d: int, stages: int) -> None:
    agree("hinge-bumps-scan", layered.hinge_bumps_scan(n, d, stages), "dense", n=n, d=d, S=stages)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_distance_bumps_count_as_built(n: int, d: int) -> None:
    agree("distance-bumps", layered.distance_bumps(n, d), "nnz dense units depth", n=n, d=d)


@pytest.mark.parametrize(("n", "d"), [(1, 1), (2, 2), (3, 4), (2, 8)])
def test_trapezoids_count_as_built(n: int, d: int) -> None:
    agree("trapezoids", layered.trapezoids(n, d), "nnz dense units depth", n=n, d=d)


@pytest.mark.parametrize(("q", "d"), [(1, 1), (1, 3), (2, 2), (3, 3), (4, 5)])
def test_balanced_voronoi_counts_as_built(q: int, d: int) -> None:
    net = layered.voronoi(2**q, 2**q, d)
    N = 2 ** (q + 1)
    agree("voronoi", net, "dense units", N=N, d=d)
    assert value("voronoi.nnz-balanced", N=N, d=d) == net.nnz


def test_voronoi_of_16_points_in_3_dimensions_has_241_dense_parameters() -> None:
    assert value("voronoi.dense", N=16, d=3) == 241


def test_voronoi_counts_are_exact_for_all_class_sizes_up_to_17() -> None:
    for a, b in product(range(1, 18), repeat=2):
        net, letters = layered.voronoi(a, b, 2), {"N": a + b, "n": min(a, b), "d": 2}
        for quantity in ("nnz", "dense", "units", "depth"):
            name = f"{quantity}-two-classes"
            found = value(f"voronoi.{name}", **_own("voronoi", name, dict(letters)))
            assert found == getattr(net, quantity), (a, b, quantity)


def test_scanned_voronoi_counts_are_exact_for_all_class_sizes() -> None:
    for a, b, d in product(range(1, 8), range(2, 8), (1, 3)):
        agree("voronoi-scan", layered.voronoi_scan(a, max(a, b), d), "nnz units depth", N=a + max(a, b), n=a, d=d)


@pytest.mark.parametrize(("n", "d"), [(3, 1), (3, 4), (7, 2)])
def test_a_balanced_scan_has_the_dense_count_as_built(n: int, d: int) -> None:
    agree("voronoi-scan", layered.voronoi_scan(n, n, d), "dense", N=2 * n, n=n, d=d)


def test_voronoi_counts_are_bounded_for_all_class_sizes_up_to_19() -> None:
    for a, b in product(range(1, 20), repeat=2):
        net = layered.voronoi(a, b, 2)
        assert net.nnz <= value("voronoi.nnz", N=a + b, d=2), (a, b)
        assert net.depth <= value("voronoi.depth", N=a + b), (a, b)


@pytest.mark.parametrize(("n", "d", "s"), [(1, 1, 1), (3, 2, 1), (2, 3, 2), (4, 1, 3), (2, 4, 5)])
def test_paraboloid_counts_as_built(n: int, d: int, s: int) -> None:
    agree("robust-memorizer.paraboloid", layered.paraboloid(n, d, s), "nnz dense units depth", n=n, d=d, s=s)


@pytest.mark.parametrize(("n", "d", "s"), [(1, 1, 2), (3, 2, 2), (2, 3, 4), (4, 1, 3)])
def test_squares_per_sample_count_as_built(n: int, d: int, s: int) -> None:
    agree(
        "robust-memorizer.squares-per-sample",
        layered.squares_per_sample(n, d, s),
        "nnz dense units depth",
        n=n,
        d=d,
        s=s,
    )


@pytest.mark.parametrize(("d", "mesh"), [(2, 1), (2, 3), (4, 1), (4, 2)])
def test_the_shared_kuhn_network_counts_as_built(d: int, mesh: int) -> None:
    net = layered.kuhn(d, mesh, shared=True)
    assert value("kuhn.given-mesh.nnz", d=d, g=mesh) == net.nnz
    assert value("kuhn.depth", d=d) == net.depth


def test_the_kuhn_network_with_a_tree_per_node_counts_as_built() -> None:
    # eps = 3/4 and c = 1/2 give a mesh of 2 cells, eps = 3/8 one of 4.
    assert value("kuhn.tree.nnz", d=4, eps="3/4", c="1/2") == layered.kuhn(4, 2, shared=False).nnz
    assert value("kuhn.tree.nnz", d=2, eps="3/8", c="1/2") == layered.kuhn(2, 4, shared=False).nnz


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_cover_of_the_cube_by_all_cells_counts_as_built(d: int) -> None:
    # eps = 1/5 and c = 1/2 give 6 cells per side.
    assert value("whole-cube.inf.nnz", d=d, eps="1/5", c="1/2") == layered.cover_of_cube(d, 6).nnz


@pytest.mark.parametrize(("d", "eps", "steps"), [(2, "1/4", 2), (3, "1/6", 3), (4, "1/4", 2)])
def test_the_hard_set_solver_counts_as_built(d: int, eps: str, steps: int) -> None:
    net = layered.hard_solver(d, steps)
    assert value("hard-set.solver.direct.nnz", d=d, eps=eps) == net.nnz + 1  # the first look-up unit needs no bias
    assert value("hard-set.solver.direct.units", d=d, eps=eps) == net.units
    assert value("hard-set.solver.direct.depth", d=d, eps=eps) == net.depth


def test_the_packed_look_up_of_300_labels_has_543_parameters_and_stays_below_its_bound() -> None:
    assert layered.block_lookup(300, 16).nnz == 543
    for points, bits in ((300, 16), (64, 8), (1000, 32), (17, 4)):
        assert layered.block_lookup(points, bits).nnz <= 8 * -(-points // bits) + 25 * bits
