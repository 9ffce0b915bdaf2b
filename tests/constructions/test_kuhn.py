"""Kuhn interpolants: hats against simplex interpolation in rational arithmetic, sizes, and what is proved of them."""

import dataclasses as dc
import math
from fractions import Fraction
from itertools import product

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import bounds
from bounds.values import Exact
from certify.attacks.combined import StrongestAttack
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Affine, Network
from certify.query import robustness
from certify.region import Norm
from constructions.generalisation import Kuhn, KuhnTree, kuhn
from constructions.generalisation.hats import Hats
from constructions.generalisation.mesh import Mesh, cells_for_margin, cells_for_signs
from constructions.recipe import as_text, from_text
from constructions.theorem import Construction, Labelled, Proved, Refuted, Undecided
from tests.constructions.separated_sets import attacked, cube_points, grid_classes, scattered, tampered

HALF, EIGHTH = Fraction(1, 2), Fraction(1, 8)
Point = tuple[Fraction, ...]


def value(name: str, **letters: object) -> Fraction:
    answer = bounds.catalogue[f"robust-classifier.kuhn.{name}"].evaluate(**letters)
    assert isinstance(answer, Exact), name
    return answer.value


def simplex(x: Point, cells: int) -> list[tuple[tuple[int, ...], Fraction]]:
    """The vertices of the Kuhn simplex of a point of the cube, in cells, and their weights: straight from the text."""
    corner = [min(math.floor(t * cells), cells - 1) for t in x]
    rest = [t * cells - k for t, k in zip(x, corner, strict=True)]
    order = sorted(range(len(x)), key=lambda i: -rest[i])
    steps = [Fraction(1), *(rest[i] for i in order), Fraction(0)]
    vertices, here = [tuple(corner)], list(corner)
    for i in order:
        here[i] += 1
        vertices.append(tuple(here))
    return [(vertex, steps[k] - steps[k + 1]) for k, vertex in enumerate(vertices)]


def length(gap: list[Fraction], norm: Norm) -> Fraction | float:
    if norm is Norm.L2:
        return math.sqrt(sum(float(g) ** 2 for g in gap))
    return max(gap) if norm is Norm.LINF else sum(gap, Fraction(0))


def whole(cells: int, d: int, shared: bool, clipped: bool) -> Hats:
    return Hats(Mesh(cells, d, Norm.LINF).nodes(), cells, shared, clipped)


def unproved(made: Construction) -> list[str]:
    found = [(claim.name, claim.check()) for claim in made.claims]
    return [f"{name}: {evidence}" for name, evidence in found if not isinstance(evidence, Proved)]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_network_is_the_interpolation_on_simplices(data: st.DataObject) -> None:
    d, shared, clipped = data.draw(st.integers(1, 4)), data.draw(st.booleans()), data.draw(st.booleans())
    cells = data.draw(st.integers(1, 2 if d > 2 else 5))
    hats = whole(cells, d, shared, clipped)
    values = np.random.default_rng(data.draw(st.integers(0, 9))).integers(-64, 64, len(hats.nodes)) / 64
    x = data.draw(cube_points(d))
    (found,) = ExactNetwork(hats.network(values, 0.25)).evaluate(np.array([float(t) for t in x]))
    at = {tuple(node): Fraction(float(v)) for node, v in zip(hats.nodes.tolist(), values, strict=True)}
    assert found == Fraction(1, 4) + sum(weight * at[vertex] for vertex, weight in simplex(x, cells))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_all_hats_sum_to_1_on_the_cube(data: st.DataObject) -> None:
    d, shared = data.draw(st.integers(1, 4)), data.draw(st.booleans())
    hats = whole(data.draw(st.integers(1, 3)), d, shared, clipped=False)
    x = np.array([float(t) for t in data.draw(cube_points(d))])
    assert ExactNetwork(hats.network(np.ones(len(hats.nodes)))).evaluate(x) == [1]


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_some_hats_are_what_they_are_among_all(data: st.DataObject) -> None:
    d, cells = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 2))
    every = whole(cells, d, shared=True, clipped=False)
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=len(every.nodes), max_size=len(every.nodes))))
    kept[0] = True
    values = np.random.default_rng(1).integers(-64, 64, len(kept)) / 64
    x = np.array([float(t) for t in data.draw(cube_points(d))])
    some = dc.replace(every, nodes=every.nodes[kept], shared=data.draw(st.booleans()))
    assert ExactNetwork(some.network(values[kept])).evaluate(x) == ExactNetwork(every.network(values * kept)).evaluate(
        x
    )


def test_behind_a_clip_layer_an_input_counts_as_its_nearest_point_of_the_cube() -> None:
    hats = whole(3, 2, shared=True, clipped=True)
    values = np.arange(16) / 16
    network = ExactNetwork(hats.network(values))
    for x in product((-0.75, 0.25, 1.0, 1.5), repeat=2):
        assert network.evaluate(np.array(x)) == network.evaluate(np.clip(x, 0, 1))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_vertices_are_within_reach_and_within_deviation_on_average(data: st.DataObject) -> None:
    d, norm = data.draw(st.integers(1, 6)), data.draw(st.sampled_from(list(Norm)))
    mesh = Mesh(data.draw(st.integers(1, 4)), d, norm)
    x = data.draw(cube_points(d))
    far = [
        (length([abs(t - Fraction(k, mesh.cells)) for t, k in zip(x, vertex, strict=True)], norm), weight)
        for vertex, weight in simplex(x, mesh.cells)
    ]
    rounding = 1e-12 if norm is Norm.L2 else 0
    assert all(distance <= mesh.reach + rounding for distance, weight in far if weight > 0)
    assert sum(distance * weight for distance, weight in far) <= mesh.deviation + rounding


@pytest.mark.parametrize("d", [1, 3, 5])
def test_the_mean_distance_of_the_vertices_in_linf_attains_its_bound_in_odd_dimensions(d: int) -> None:
    x = tuple(Fraction(d - i, d + 1) for i in range(d))  # equal weights
    mean = sum(
        weight * max(abs(t - k) for t, k in zip(x, vertex, strict=True)) for vertex, weight in simplex(x, cells=1)
    )
    assert mean == Mesh(1, d, Norm.LINF).deviation == Fraction(3, 4) - Fraction(1, 2 * (d + 1))


def test_meshes_are_those_of_the_formulas() -> None:
    for d, eps, c in product((1, 2, 3, 7), (EIGHTH, Fraction(1, 10), Fraction(3, 17)), (HALF, Fraction(1, 3))):
        slack = (1 - c) * eps
        for norm, name in ((Norm.LINF, "inf"), (Norm.L2, "l2"), (Norm.L1, "l1")):
            letters = {"eps": eps, "c": c} | ({} if norm is Norm.LINF else {"d": d})
            assert cells_for_margin(d, norm, slack) == value(f"mesh.{name}", **letters)
            cells = cells_for_signs(d, norm, slack)
            assert Mesh(cells, d, norm).reach < slack <= Mesh(max(cells - 1, 1), d, norm).reach


@pytest.mark.parametrize(("eps", "d", "nodes"), [(EIGHTH, 2, 169), (EIGHTH, 3, 2197), (Fraction(1, 10), 4, 65536)])
def test_meshes_have_the_stated_numbers_of_nodes(eps: Fraction, d: int, nodes: int) -> None:
    assert Mesh(cells_for_margin(d, Norm.LINF, eps / 2), d, Norm.LINF).size == nodes


@pytest.mark.parametrize(("d", "cells"), [(2, 1), (2, 3), (2, 6), (4, 1), (4, 2), (4, 3), (8, 1)])
@pytest.mark.parametrize("clipped", [False, True])
def test_sizes_in_powers_of_two_are_the_formulas(d: int, cells: int, clipped: bool) -> None:
    for shared in (True, False):
        counts = whole(cells, d, shared, clipped).network(np.full((cells + 1) ** d, 0.5)).count()
        kind = "given-mesh." + ("" if shared else "tree.") + ("clipped." if clipped else "")
        assert counts.nnz == value(f"{kind}nnz", d=d, g=cells)
        assert counts.dense == value(f"{kind}dense", d=d, g=cells)
        assert counts.units == value(f"{kind}units", d=d, g=cells)
        assert counts.depth == value("clipped.depth" if clipped else "depth", d=d)
        assert counts.nnz - value(f"{kind.replace('clipped.', '')}nnz", d=d, g=cells) == 3 * d * clipped


@pytest.mark.parametrize(("d", "cells", "nnz"), [(4, 2, 1294), (2, 3, 196)])
def test_shared_maxima_have_the_stated_sizes(d: int, cells: int, nnz: int) -> None:
    hats = whole(cells, d, shared=True, clipped=False)
    assert hats.network(np.ones(len(hats.nodes))).count().nnz == nnz


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize(
    ("d", "cells"), [(1, 1), (1, 5), (3, 1), (3, 4), (5, 1), (5, 2), (6, 1), (7, 1), (9, 1), (11, 1)]
)
def test_sizes_in_other_dimensions_are_within_the_formulas(d: int, cells: int, clipped: bool) -> None:
    for shared in (True, False):
        counts = whole(cells, d, shared, clipped).network(np.full((cells + 1) ** d, 0.5)).count()
        kind = "given-mesh." + ("" if shared else "tree.") + ("clipped." if clipped else "")
        assert counts.nnz <= value(f"{kind}any-d.nnz", d=d, g=cells)
        assert counts.depth == value("clipped.depth" if clipped else "depth", d=d)


@pytest.mark.parametrize(("d", "cells", "shared"), [(3, 30, True), (7, 2, True), (3, 8, False), (5, 2, False)])
def test_the_formulas_for_any_dimension_are_attained_or_not_far_above_the_sizes(
    d: int, cells: int, shared: bool
) -> None:
    nnz = whole(cells, d, shared, clipped=False).network(np.full((cells + 1) ** d, 0.5)).count().nnz
    bound = value("given-mesh.any-d.nnz" if shared else "given-mesh.tree.any-d.nnz", d=d, g=cells)
    assert nnz <= bound <= (1.3 if shared else 1) * nnz


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize(("values", "active"), [("margin", False), ("margin", True), ("signs", False)])
@pytest.mark.parametrize("clip", [True, False])
def test_every_claim_is_proved(norm: Norm, values: str, active: bool, clip: bool) -> None:
    data = scattered(2, norm, 0.15, 12)
    for shared in (True, False):
        made = kuhn(data.points, data.labels, norm=norm, values=values, active=active, clip=clip, shared=shared)
        assert unproved(made) == []
        names = [claim.name for claim in made.claims]
        assert names[:3] == ["robust-radius", "margin", "interpolation"]
        assert ("uniform-error" in names) == (values == "margin" and not active)
        for claim in made.claims:
            assert not claim.entry or claim.entry in bounds.catalogue


@pytest.mark.parametrize("d", [1, 3, 4])
def test_every_claim_is_proved_in_other_dimensions(d: int) -> None:
    data = scattered(d, Norm.LINF, 0.2, 10)
    assert unproved(kuhn(data.points, data.labels, eps="1/5")) == []
    assert unproved(kuhn(data.points, data.labels, eps="1/5", values="signs")) == []


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_claims_hold_on_tiny_sets_and_attacked_inputs(data: st.DataObject) -> None:
    norm = data.draw(st.sampled_from(list(Norm)))
    sets = data.draw(grid_classes(data.draw(st.integers(1, 2))))
    made = Kuhn(norm=norm, values=data.draw(st.sampled_from(["margin", "signs"]))).construct(sets)
    assert unproved(made) == []
    margin = {claim.name: claim.value for claim in made.claims}
    points, labels = attacked(sets, norm, float(margin["robust-radius"]))
    outputs = (2 * labels - 1) * made.network.evaluate(points)[:, 0]
    assert outputs.min() >= float(margin["margin"]) - 1e-9
    exact = ExactNetwork(made.network)
    for i in np.argsort(outputs)[:3]:
        assert (2 * int(labels[i]) - 1) * exact.evaluate(points[i])[0] > 0


@pytest.mark.parametrize("norm", list(Norm))
def test_the_network_is_within_the_stated_error_of_the_margin_function(norm: Norm) -> None:
    data = scattered(2, norm, 0.15, 12)
    made = kuhn(data.points, data.labels, norm=norm)
    (error,) = [claim.value for claim in made.claims if claim.name == "uniform-error"]
    points = np.random.default_rng(3).uniform(size=(4000, 2))
    near, far = (
        np.linalg.norm(points[:, None] - data.points[data.labels == label], ord=norm.value, axis=2).min(axis=1)
        for label in (1, 0)
    )
    gap = np.abs(made.network.evaluate(points)[:, 0] - (far - near) / (far + near)).max()
    assert float(error) / 20 < gap <= float(error)


def test_sign_interpolants_are_exactly_plus_or_minus_1_under_attack() -> None:
    data = scattered(2, Norm.LINF, 0.1, 20)
    made = kuhn(data.points, data.labels, eps="1/10", values="signs")
    points, labels = attacked(data, Norm.LINF, 1 / 20)
    exact = ExactNetwork(made.network)
    assert all(exact.evaluate(x) == [2 * int(y) - 1] for x, y in zip(points[::7], labels[::7], strict=True))


def test_inactive_nodes_change_nothing_under_attack() -> None:
    data = scattered(3, Norm.L2, 0.2, 8)
    every, some = (kuhn(data.points, data.labels, norm="2", active=active) for active in (False, True))
    points, _ = attacked(data, Norm.L2, float(every.claims[0].value))
    assert some.network.count().nnz < 0.8 * every.network.count().nnz
    assert np.abs(every.network.evaluate(points) - some.network.evaluate(points)).max() < 1e-12


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_strong_attacks_find_nothing_at_the_radius_and_something_beyond_eps(norm: Norm) -> None:
    data = scattered(2, norm, 0.15, 8)
    made = kuhn(data.points, data.labels, norm=norm)
    radius = float(made.claims[0].value)
    for factor, broken in ((1 - 1e-9, False), (2.02, True)):
        queries = robustness(made.network, data.points, data.labels, norm=norm, radius=factor * radius)
        witnesses = StrongestAttack(effort=1).search(queries, seed=0, deadline=Deadline.never())
        assert any(witness is not None for witness in witnesses) == broken


def test_a_mesh_coarser_than_the_proof_allows_can_be_wrong_at_a_point_of_a_class() -> None:
    hats = whole(2, 1, shared=True, clipped=True)
    at_nodes = np.array([1 / 3, -1.0, -0.5])  # of A = {1/4} and B = {1/2, 1}: near enough
    assert ExactNetwork(hats.network(at_nodes)).evaluate(np.array([0.25]))[0] < 0
    with pytest.raises(InvalidInput, match="too coarse here; take 12 or more"):
        kuhn([[0.25], [0.5], [1.0]], [1, 0, 0], cells=2)


@pytest.mark.parametrize("values", ["margin", "signs"])
def test_a_changed_weight_is_noticed(values: str) -> None:
    data = scattered(2, Norm.LINF, 0.15, 12)
    family = Kuhn(values=values)
    made = family.construct(data)
    found = list(tampered(made.network))
    assert len(found) == 6
    for changed in found:
        claims = {claim.name: claim.check() for claim in family.claims(changed.network, data)}
        assert not isinstance(claims["robust-radius"], Proved), changed.place
        assert not isinstance(claims["margin"], Proved), changed.place


def test_weights_beyond_reason_leave_claims_open() -> None:
    data = scattered(2, Norm.LINF, 0.15, 6)
    family = Kuhn()
    network = family.build(data)
    last = network.nodes[-1]
    assert isinstance(last.op, Affine)
    huge = Affine(last.op.weight * 1e308, np.array([1e308]))
    other = Network(network.input_shape, (*network.nodes[:-1], dc.replace(last, op=huge)))
    evidence = family.claims(other, data)[0].check()
    assert isinstance(evidence, Undecided)
    assert "above 1e+06" in evidence.reason


def test_a_network_that_errs_at_a_point_is_refuted_by_it() -> None:
    data = Labelled.of([[0.25, 0.5], [0.75, 0.5]], [1, 0])
    family = Kuhn()
    network = family.build(data)
    upside_down = family.build(Labelled.of(data.points, 1 - data.labels))
    assert all(isinstance(claim.check(), Proved) for claim in family.claims(network, data))
    evidence = family.claims(upside_down, data)[0].check()
    assert isinstance(evidence, Refuted)
    assert "point 0 of A has output -0.7" in evidence.counterexample


def test_a_network_is_not_proved_at_a_larger_radius_or_on_another_mesh() -> None:
    data = scattered(2, Norm.LINF, 0.15, 12)
    network = Kuhn(eps=EIGHTH, cells=15).build(data)
    for other in (Kuhn(eps=EIGHTH, cells=16), KuhnTree(eps=EIGHTH, cells=15), Kuhn(eps=EIGHTH, cells=15, clip=False)):
        assert not isinstance(other.claims(network, data)[0].check(), Proved)
    assert isinstance(Kuhn(eps=EIGHTH, cells=15).claims(network, data)[0].check(), Proved)
    with pytest.raises(InvalidInput, match="15 cells a side is too coarse"):
        Kuhn(eps=EIGHTH, c=Fraction(3, 4), cells=15).claims(network, data)


def test_building_twice_gives_the_same_network_and_a_file_finds_the_family_again() -> None:
    data = scattered(3, Norm.L2, 0.2, 8)
    family = KuhnTree(eps=Fraction(1, 5), norm=Norm.L2, values="signs", clip=False)
    again = from_text(KuhnTree, as_text(family))
    assert again == family
    assert again.build(data).digest == family.build(data).digest


@pytest.mark.parametrize(
    ("points", "labels", "options", "message"),
    [
        ([[0.0], [0.5]], [1, 1], {}, "All 2 labels are 1"),
        ([[0.0], [0.5], [1.0]], [0, 1, 2], {}, "got 3 classes"),
        ([[0.0], [0.0]], [0, 1], {}, "equal and have different labels"),
        ([[0.0], [1.5]], [0, 1], {}, "Point 1 has 1.5 at coordinate 0, outside the unit cube"),
        ([[0.0], [float("nan")]], [0, 1], {}, "nan"),
        ([[0.0], [0.5]], [0, 1], {"eps": "0.3"}, r"0 and 1 of different classes are 0.5 apart .* largest eps is 0.25"),
        ([[0.0], [0.5]], [0, 1], {"eps": -1}, "eps must be positive"),
        ([[0.0], [0.5]], [0, 1], {"c": 1}, "strictly between 0 and 1"),
        ([[0.0], [0.5]], [0, 1], {"c": 1 - Fraction(1, 2**30)}, "too near 1"),
        ([[0.0], [0.5]], [0, 1], {"values": "both"}, "margin or signs, got 'both'"),
        ([[0.0], [0.5]], [0, 1], {"cells": -2}, "cells must be positive"),
        ([[0.0] * 40, [0.5] * 40], [0, 1], {}, "6 cells a side in 40 dimensions has about 10"),
        ([[0.0] * 8, [0.5] * 8], [0, 1], {}, "6 cells a side in 8 dimensions has 5,764,801 nodes; at most 2,000,000"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(points: list, labels: list, options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        kuhn(points, labels, **options)


def test_a_survey_that_takes_too_long_is_refused() -> None:
    points = np.random.default_rng(0).uniform(0, 0.2, (10_000, 3))
    labels = [0] * len(points) + [1]
    with pytest.raises(
        InvalidInput, match=r"1,331,000 nodes has 13,311,331,000 distances to these points, which takes too"
    ):
        kuhn(np.concatenate([points, [[1.0, 1.0, 1.0]]]), labels, eps="3/200", cells=109)


def test_hats_of_a_mesh_that_64_bits_cannot_number_are_refused() -> None:
    assert len(Hats(np.zeros((1, 9), dtype=np.int64), 100, shared=True, clipped=False).nodes) == 1
    with pytest.raises(InvalidInput, match="101 to the power 10 nodes"):
        Hats(np.zeros((1, 10), dtype=np.int64), 100, shared=True, clipped=False)


def test_a_network_of_another_shape_is_refused() -> None:
    data = scattered(2, Norm.LINF, 0.15, 4)
    with pytest.raises(InvalidInput, match="1 inputs and 1 outputs is no classifier of two classes in 2 dimensions"):
        Kuhn().claims(Kuhn().build(Labelled.of([[0.0], [1.0]], [0, 1])), data)
