"""Covers by boxes and balls: sizes, proofs without slack, infinite classes, and what is refused."""

import dataclasses as dc
from fractions import Fraction

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
from constructions.enclosure import Intervals, enclose
from constructions.generalisation import Cover, HalfSpace, LevelCover, LevelSet, Sphere, cover, level_cover
from constructions.generalisation.box_bumps import BoxBumps
from constructions.generalisation.cells import Cells, coarsest
from constructions.generalisation.centres import Centres
from constructions.generalisation.classes import Attack
from constructions.recipe import as_text, from_text
from constructions.theorem import Construction, Labelled, Proved, Refuted
from tests.constructions.separated_sets import attacked, grid_classes, scattered, tampered

EIGHTH, TENTH, HALF = Fraction(1, 8), Fraction(1, 10), Fraction(1, 2)
NORMS = (Norm.LINF, Norm.L2)
SPHERE = Sphere(np.array([0.5, 0.25]), 0.375, Norm.LINF)
SLAB = HalfSpace(np.array([0.625, -0.25]), 0.125, Norm.LINF)


def value(name: str, **letters: object) -> Fraction:
    answer = bounds.catalogue[name].evaluate(**letters)
    assert isinstance(answer, Exact), name
    return answer.value


def unproved(made: Construction) -> list[str]:
    found = [(claim.name, claim.check()) for claim in made.claims]
    return [f"{name}: {evidence}" for name, evidence in found if not isinstance(evidence, Proved)]


def everywhere(d: int) -> HalfSpace:
    """The function that is 1 on all of the cube."""
    return HalfSpace(np.zeros(d), -1.0, Norm.LINF)


@pytest.mark.parametrize(
    ("eps", "d", "cells", "nnz"), [(EIGHTH, 2, 81, 559), (EIGHTH, 3, 729, 5941), (TENTH, 4, 14641, 146587)]
)
def test_covers_of_the_whole_cube_have_the_stated_sizes(eps: Fraction, d: int, cells: int, nnz: int) -> None:
    made = level_cover(everywhere(d), eps=eps)
    assert made.network.count().nnz == nnz == value("robust-classifier.cover.whole-cube.inf.nnz", eps=eps, c=HALF, d=d)
    assert value("robust-classifier.cover.cells.inf", eps=eps, c=HALF, d=d) == cells
    assert unproved(made) == []


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize(
    ("eps", "c"), [(EIGHTH, HALF), (Fraction(2, 7), Fraction(1, 3)), (Fraction(1, 6), Fraction(2, 5))]
)
def test_covers_of_the_whole_cube_have_the_sizes_of_the_formulas(d: int, eps: Fraction, c: Fraction) -> None:
    counts = level_cover(everywhere(d), eps=eps, c=c).network.count()
    side = coarsest(d, Norm.LINF, (1 - c) * eps).side
    assert counts.nnz == value("robust-classifier.cover.cells.nnz", K_A=side**d, d=d, g=side)
    assert counts.units == value("robust-classifier.cover.cells.units", K_A=side**d, d=d, g=side)
    assert counts.depth == 3


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_point_is_within_the_radius_of_the_centre_of_its_cell(data: st.DataObject) -> None:
    d, side, norm = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 49)), data.draw(st.sampled_from(list(Norm)))
    cells = Cells(side, d, norm)
    point = np.array(data.draw(st.lists(st.floats(0, 1), min_size=d, max_size=d)))
    point[0] = data.draw(st.sampled_from([point[0], data.draw(st.integers(0, side)) / side]))
    (cell,) = cells.containing(point[None])
    gaps = [abs(Fraction(float(x)) - Fraction(2 * int(k) + 1, 2 * side)) for x, k in zip(point, cell, strict=True)]
    if norm is Norm.L2:
        assert sum(g * g for g in gaps) <= cells.radius**2
    else:
        assert (max(gaps) if norm is Norm.LINF else sum(gaps)) <= cells.radius


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("centres", ["cells", "points"])
@pytest.mark.parametrize("c", ["1/2", "9/10", "1/100"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_every_claim_is_proved(norm: Norm, centres: str, c: str, d: int) -> None:
    data = scattered(d, norm, 0.1 + 0.02 * d, 14)
    made = cover(data.points, data.labels, c=c, norm=norm, centres=centres)
    assert unproved(made) == []
    assert all(not claim.entry or claim.entry in bounds.catalogue for claim in made.claims)


@pytest.mark.parametrize(("norm", "centres"), [(Norm.LINF, "points"), (Norm.L2, "points"), (Norm.L2, "cells")])
@pytest.mark.parametrize(("d", "count"), [(1, 3), (2, 9), (4, 30), (7, 16)])
def test_sizes_are_equal_to_the_formulas_for_points_in_general_position(
    norm: Norm, centres: str, d: int, count: int
) -> None:
    data = scattered(d, norm, 0.05, count, seed=d)
    made = cover(data.points, data.labels, norm=norm, centres=centres)
    counted = [claim for claim in made.claims if claim.name in ("nnz", "units", "depth")]
    assert len(counted) == 3
    assert all("exactly" in claim.statement for claim in counted)
    assert unproved(made) == []


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_attacked_inputs_of_tiny_sets_have_margin_1(data: st.DataObject) -> None:
    norm = data.draw(st.sampled_from(NORMS))
    sets = data.draw(grid_classes(data.draw(st.integers(1, 3)), parts=8))
    centres = data.draw(st.sampled_from(["cells", "points"]))
    c = data.draw(st.sampled_from([HALF, Fraction(1, 7), Fraction(19, 20)]))
    made = Cover(c=c, norm=norm, centres=centres).construct(sets)
    assert unproved(made) == []
    points, labels = attacked(sets, norm, float(made.claims[0].value))
    outputs = (2 * labels - 1) * made.network.evaluate(points)[:, 0]
    exact = ExactNetwork(made.network)
    for i in np.argsort(outputs)[:3]:
        assert (2 * int(labels[i]) - 1) * exact.evaluate(points[i])[0] >= 1


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_intervals_prove_boxes_without_slack(data: st.DataObject) -> None:
    sets = data.draw(grid_classes(data.draw(st.integers(1, 3)), parts=8))
    made = Cover(centres=data.draw(st.sampled_from(["cells", "points"]))).construct(sets)
    radius = float(made.claims[0].value)  # a short dyadic, as the points are
    found = enclose(made.network, Intervals(sets.points - radius, sets.points + radius))
    positive = sets.labels == 1
    assert found.lower[positive].min() >= 1
    assert (found.lower[~positive] == -1).all()
    assert (found.upper[~positive] == -1).all()


def test_no_bump_is_much_steeper_than_the_room_that_is_left() -> None:
    for side, c in ((9, HALF), (40, Fraction(1, 4)), (300, Fraction(9, 10))):
        cells = Cells(side, 2, Norm.LINF)
        centres = Centres.of_cells(cells, np.zeros((1, 2), dtype=np.int64))
        bumps = BoxBumps(centres, Attack(EIGHTH, c))
        assert 1 <= bumps.slope * centres.scale * centres.room(bumps.attack) <= Fraction(11, 10)


@pytest.mark.parametrize("norm", NORMS)
def test_strong_attacks_find_nothing_at_the_radius_and_something_beyond_eps(norm: Norm) -> None:
    data = scattered(3, norm, 0.15, 10)
    made = cover(data.points, data.labels, norm=norm)
    radius = float(made.claims[0].value)
    for factor, broken in ((1 - 1e-9, False), (2.1, True)):
        queries = robustness(made.network, data.points, data.labels, norm=norm, radius=factor * radius)
        witnesses = StrongestAttack(effort=1).search(queries, seed=0, deadline=Deadline.never())
        assert any(witness is not None for witness in witnesses) == broken


def test_just_above_half_the_distance_of_the_classes_the_network_is_wrong() -> None:
    made = cover([[0.25], [0.75]], [1, 0], centres="points")
    network = ExactNetwork(made.network)
    assert made.claims[0].value == EIGHTH
    assert network.evaluate(np.array([0.375])) == [1]
    assert network.evaluate(np.array([0.625])) == [-1]
    assert network.evaluate(np.array([0.5 - 2**-6]))[0] > -1 < network.evaluate(np.array([0.5 + 2**-6]))[0]
    assert network.evaluate(np.array([0.5 + 2**-7]))[0] < 0 or network.evaluate(np.array([0.5 - 2**-7]))[0] > 0


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("centres", ["cells", "points"])
def test_a_changed_weight_is_noticed(norm: Norm, centres: str) -> None:
    data = scattered(2, norm, 0.12, 12)
    family = Cover(norm=norm, centres=centres)
    for changed in tampered(family.build(data)):
        claims = {claim.name: claim.check() for claim in family.claims(changed.network, data)}
        assert not isinstance(claims["margin"], Proved), changed.place


def test_a_network_is_not_proved_at_a_larger_radius() -> None:
    for norm in NORMS:
        data = scattered(2, norm, 0.12, 12)
        network = Cover(norm=norm).build(data)
        assert not isinstance(Cover(norm=norm, c=Fraction(15, 16)).claims(network, data)[1].check(), Proved)


def test_a_network_that_errs_at_a_point_is_refuted_by_it() -> None:
    data = Labelled.of([[0.25, 0.5], [0.75, 0.5]], [1, 0])
    upside_down = Cover().build(Labelled.of(data.points, 1 - data.labels))
    evidence = Cover().claims(upside_down, data)[0].check()
    assert isinstance(evidence, Refuted)
    assert "point 0 of A has output -1" in evidence.counterexample


@pytest.mark.parametrize("interval", [False, True])
@pytest.mark.parametrize("level", [SPHERE, SLAB, everywhere(2)])
@pytest.mark.parametrize("c", [HALF, Fraction(3, 4)])
def test_all_of_two_infinite_classes_is_classified_with_margin_1(level: LevelSet, c: Fraction, interval: bool) -> None:
    made = level_cover(level, eps=EIGHTH, c=c, interval=interval)
    assert unproved(made) == []
    method = made.claims[0].check()
    assert isinstance(method, Proved)
    assert ("interval" in method.method) == interval
    points = np.random.default_rng(0).uniform(size=(400, level.dimension))
    labels = np.where(level.values(points) >= 0.125, 1, np.where(level.values(points) <= -0.125, 0, -1))
    data = Labelled.of(points[labels >= 0], labels[labels >= 0])
    inputs, truth = attacked(data, Norm.LINF, float(made.claims[0].value))
    assert ((2 * truth - 1) * made.network.evaluate(inputs)[:, 0]).min() >= 1 - 1e-9


def test_intervals_alone_prove_a_network_that_is_not_the_one_that_is_built() -> None:
    family = LevelCover(SPHERE, EIGHTH, interval=True)
    network = family.build(None)
    last = network.nodes[-1]
    assert isinstance(last.op, Affine)
    wider = Affine(1.5 * last.op.weight, last.op.bias)  # outputs 2 and -1 instead of 1 and -1
    other = Network(network.input_shape, (*network.nodes[:-1], dc.replace(last, op=wider)))
    assert all(isinstance(claim.check(), Proved) for claim in family.claims(other, None)[:2])
    plain = LevelCover(SPHERE, EIGHTH)
    assert not isinstance(plain.claims(other, None)[0].check(), Proved)


@pytest.mark.parametrize("interval", [False, True])
def test_a_changed_cover_of_an_infinite_class_is_noticed(interval: bool) -> None:
    family = LevelCover(SPHERE, EIGHTH, interval=interval)
    for changed in tampered(family.build(None)):
        claims = {claim.name: claim.check() for claim in family.claims(changed.network, None)}
        assert not isinstance(claims["margin"], Proved), changed.place
    swapped = LevelCover(HalfSpace(np.array([1.0, 0.0]), 0.5, Norm.LINF), EIGHTH).build(None)
    mirrored = LevelCover(HalfSpace(np.array([-1.0, 0.0]), -0.5, Norm.LINF), EIGHTH, interval=interval)
    evidence = mirrored.claims(swapped, None)[0].check()
    assert isinstance(evidence, Refuted)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_level_sets_are_1_lipschitz_and_evaluated_within_their_error(data: st.DataObject) -> None:
    norm = data.draw(st.sampled_from([Norm.LINF, Norm.L1]))
    level = data.draw(
        st.sampled_from([Sphere(np.array([0.3, 0.6]), 0.25, norm), HalfSpace(np.array([0.3, -0.7]), 0.1, norm)])
    )
    x, y = (data.draw(st.tuples(*[st.integers(0, 7).map(lambda k: Fraction(k, 7))] * 2)) for _ in range(2))
    gaps = [abs(a - b) for a, b in zip(x, y, strict=True)]
    first, second = level.values(np.array([[float(t) for t in z] for z in (x, y)]))
    apart = abs(Fraction(float(first)) - Fraction(float(second)))
    assert apart <= (max(gaps) if norm is Norm.LINF else sum(gaps)) + 2 * level.error
    assert level.error < Fraction(1, 2**44)


def test_building_twice_gives_the_same_network_and_a_file_finds_the_family_again() -> None:
    data = scattered(3, Norm.L2, 0.2, 8)
    family = Cover(eps=Fraction(1, 5), norm=Norm.L2, centres="points")
    again = from_text(Cover, as_text(family))
    assert again == family
    assert again.build(data).digest == family.build(data).digest


@pytest.mark.parametrize(
    ("points", "labels", "options", "message"),
    [
        ([[0.0], [0.5]], [0, 0], {}, "All 2 labels are 0"),
        ([[0.0], [0.5]], [0, 1], {"norm": "1"}, "for l1 take kuhn"),
        ([[0.0], [0.5]], [0, 1], {"centres": "means"}, "cells or points, got 'means'"),
        ([[0.0], [0.5]], [0, 1], {"eps": "1/2"}, "largest eps is 0.25"),
        ([[0.0], [0.5]], [0, 1], {"c": "0"}, "strictly between 0 and 1"),
        ([[0.0], [2.0**-40]], [0, 1], {}, "are too small; take a larger eps"),
        ([[0.0], [2.0**-40]], [0, 1], {"centres": "points"}, "(too fine for exact float64|leaves no room)"),
        ([[0.1], [0.1 + 2.0**-22]], [0, 1], {"centres": "points", "norm": "2"}, "leaves no room for bumps"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(points: list, labels: list, options: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        cover(points, labels, **options)


def test_impossible_covers_of_infinite_classes_are_refused_before_anything_is_allocated() -> None:
    with pytest.raises(
        InvalidInput, match=r"9 cells a side in 12 dimensions are 282,429,536,481 cells; at most 4,000,000"
    ):
        level_cover(everywhere(12), eps=EIGHTH)
    with pytest.raises(InvalidInput, match="are about 10\\^19 cells"):
        level_cover(everywhere(20), eps=EIGHTH)
    with pytest.raises(InvalidInput, match="No cell meets the class"):
        level_cover(HalfSpace(np.array([1.0]), 1.0, Norm.LINF), eps=EIGHTH)
    with pytest.raises(InvalidInput, match="linf, not l2"):
        level_cover(Sphere(np.array([0.5]), 0.25, Norm.L2), eps=EIGHTH)
    with pytest.raises(InvalidInput, match="norm above 1"):
        HalfSpace(np.array([0.75, 0.5]), 0.0, Norm.LINF)
    with pytest.raises(InvalidInput, match="radius in"):
        Sphere(np.array([0.5]), -0.25, Norm.LINF)
