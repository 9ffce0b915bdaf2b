"""The solver of the hard set is right on every attacked point, and its claims are proved from its own weights."""

import csv
import dataclasses as dc
import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bounds
from benchmarks import hard_set
from certify import Norm, radii
from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Affine, Network
from certify.radius import Settings
from constructions.enclosure import Intervals
from constructions.hard import HardSetSolver, solver
from constructions.hard.sets import random_labels
from constructions.hard.sweep import sweep
from constructions.lookup.tables import words
from constructions.theorem import Evidence, Proved, Refuted, Undecided

SIXTH, TENTH = Fraction(1, 6), Fraction(1, 10)
families = st.builds(
    HardSetSolver,
    st.integers(2, 4),
    st.sampled_from([Fraction(1, 4), SIXTH, Fraction(3, 20), Fraction(1, 7)]),
    st.sampled_from([Fraction(1, 2), Fraction(9, 10), Fraction(999, 1000), Fraction(1, 100)]),
    st.sampled_from(["direct", "packed"]),
    seed=st.integers(0, 50),
).filter(lambda f: 0 < random_labels(f.hard_set().count, f.seed).sum() < f.hard_set().count)


def predicted(entry: str, **letters: object) -> Fraction:
    found = bounds.catalogue[entry].evaluate(**letters)
    assert isinstance(found, bounds.Exact)
    return found.value


def checked(family: HardSetSolver, network: Network) -> dict[str, Evidence]:
    return {claim.name: claim.check() for claim in family.claims(network, None)}


def changed(network: Network, node: int, row: int, amount: float) -> Network:
    """The network with ``amount`` added to one bias."""
    op = network.nodes[node].op
    assert isinstance(op, Affine)
    bias = op.bias.copy()
    bias[row] += amount
    nodes = list(network.nodes)
    nodes[node] = dc.replace(nodes[node], op=dc.replace(op, bias=bias))
    return Network(network.input_shape, tuple(nodes))


@given(families)
def test_every_claim_of_every_solver_is_proved(family: HardSetSolver) -> None:
    found = checked(family, family.build(None))
    assert all(isinstance(evidence, Proved) for evidence in found.values()), found


@given(families, st.integers(0, 2**32))
def test_corners_and_random_points_of_attacked_boxes_get_their_label_exactly(family: HardSetSolver, seed: int) -> None:
    hard, network = family.hard_set(), family.build(None)
    rng = np.random.default_rng(seed)
    points, labels = hard.points(), hard.labels()
    reach = float(solver.attack_reach(hard))
    corners = points + reach * rng.choice([-1.0, 1.0], points.shape)
    inner = points + reach * np.ldexp(rng.integers(-16, 17, points.shape), -4)
    for attacked in (corners, inner):
        assert np.array_equal(network.evaluate(attacked)[:, 0], 2.0 * labels - 1.0)
    exact = ExactNetwork(network)
    for i in rng.choice(len(points), min(8, len(points)), replace=False):
        assert exact.evaluate(corners[i]) == [2 * labels[i] - 1]


@given(families)
def test_the_box_of_a_float_point_contains_the_ball_of_its_exact_point(family: HardSetSolver) -> None:
    hard = family.hard_set()
    reach = solver.attack_reach(hard)
    for i, (point, label) in enumerate(zip(hard.points(), hard.labels(), strict=True)):
        for near, exact in zip(point, hard.exact_point(i, int(label)), strict=True):
            assert Fraction(float(near)) - reach <= exact - hard.radius
            assert exact + hard.radius <= Fraction(float(near)) + reach


@pytest.mark.parametrize(
    ("d", "eps"), [(6, TENTH), (4, SIXTH), (3, Fraction(1, 30)), (8, Fraction(1, 4)), (2, Fraction(1, 200))]
)
@pytest.mark.parametrize("word", [0, 9, 13])
def test_packed_solvers_have_exactly_the_size_that_bounds_predicts(d: int, eps: Fraction, word: int) -> None:
    family = HardSetSolver(d, eps, word=word, seed=5)
    counts, letters = family.build(None).count(), {"d": d, "eps": eps, "B": family.bits()}
    packed = words(family.hard_set().labels(), family.bits())
    repeated = int((np.diff(packed) == 0).sum())
    assert repeated == 0 or family.bits() < 10
    assert counts.nnz + repeated == predicted("hard-set.solver.packed.nnz", **letters)
    assert counts.units == predicted("hard-set.solver.packed.units", **letters)
    assert counts.depth == predicted("hard-set.solver.packed.depth", B=family.bits())
    assert counts.nnz < predicted("hard-set.solver.lookup.nnz", **letters)


@pytest.mark.parametrize(("d", "eps"), [(6, TENTH), (4, SIXTH), (3, Fraction(1, 30)), (2, Fraction(1, 200))])
def test_direct_solvers_have_the_units_and_depth_of_bounds_and_the_numbers_less_flat_places(
    d: int, eps: Fraction
) -> None:
    family = HardSetSolver(d, eps, table="direct", seed=5)
    counts, labels = family.build(None).count(), family.hard_set().labels()
    assert counts.units == predicted("hard-set.solver.direct.units", d=d, eps=eps)
    assert counts.depth == predicted("hard-set.solver.direct.depth")
    flat = int(((labels[1:-1] == labels[:-2]) & (labels[1:-1] == labels[2:])).sum()) + int(labels[0] == labels[1])
    assert counts.nnz == predicted("hard-set.solver.direct.nnz", d=d, eps=eps) - 1 - flat


def test_the_solvers_of_7776_points_have_2240_and_2096_numbers_against_the_lower_bound_of_53() -> None:
    sizes = [HardSetSolver(6, TENTH, word=word).build(None).count().nnz for word in (32, 0)]
    assert sizes == [2240, 2096]
    assert predicted("hard-set.lower", d=6, eps=TENTH, alpha=TENTH) == 53


@pytest.mark.parametrize("table", ["direct", "packed"])
def test_before_the_table_interval_arithmetic_knows_the_index_exactly(table: str) -> None:
    family = HardSetSolver(4, SIXTH, Fraction(9, 10), table)
    network, hard = family.build(None), family.hard_set()
    reach = float(solver.attack_reach(hard))
    prefix = Network.chain([node.op for node in network.nodes[:6]], network.input_shape)
    found = sweep(prefix, Intervals(hard.points() - reach, hard.points() + reach))
    assert found.lower.ravel().tolist() == found.upper.ravel().tolist() == list(range(64))


def test_the_slope_is_that_of_the_exact_set_rounded_up_by_less_than_a_thousandth() -> None:
    for family in (
        HardSetSolver(4, SIXTH),
        HardSetSolver(3, Fraction(1, 14), Fraction(9, 10)),
        HardSetSolver(2, TENTH),
    ):
        slope = solver.step_slope(family.hard_set())
        ideal = predicted("hard-set.solver.slope", c=family.c, eps=family.eps, d=family.d)
        assert ideal <= slope <= ideal * Fraction(1001, 1000)


@pytest.mark.parametrize("table", ["direct", "packed"])
@pytest.mark.parametrize(("node", "row", "amount"), [(0, 4, 0.5), (2, 3, -0.25), (4, 0, 1.0), (-1, 0, -1.0)])
def test_a_changed_bias_takes_the_robustness_claim_away(table: str, node: int, row: int, amount: float) -> None:
    family = HardSetSolver(4, SIXTH, table=table)
    found = checked(family, changed(family.build(None), node, row, amount))
    assert isinstance(found["robust-radius"], (Refuted, Undecided))
    assert not isinstance(found["margin"], Proved)


def test_labels_of_another_draw_refute_the_claims() -> None:
    family = HardSetSolver(4, SIXTH, seed=1)
    found = checked(family, HardSetSolver(4, SIXTH, seed=2).build(None))
    assert isinstance(found["robust-radius"], Refuted)


def test_a_larger_attack_than_the_network_was_built_for_is_not_proved() -> None:
    network = HardSetSolver(4, SIXTH, Fraction(1, 2)).build(None)
    found = checked(HardSetSolver(4, SIXTH, Fraction(9, 10)), network)
    assert not isinstance(found["robust-radius"], Proved)


@given(families)
def test_half_way_between_neighbours_of_different_labels_one_of_them_breaks(family: HardSetSolver) -> None:
    """At radius 1/(2K), the supremum of what can be claimed, no network is robust at both."""
    hard = family.hard_set()
    labels, base = hard.labels(), hard.grid.steps + 1
    exact = ExactNetwork(family.build(None))
    pairs = [i for i in range(hard.count - 1) if (i + 1) % base and labels[i] != labels[i + 1]]
    for i in pairs[:5]:
        (value,) = exact.evaluate((hard.points()[i] + hard.points()[i + 1]) / 2)
        margins = [value if labels[k] else -value for k in (i, i + 1)]
        assert min(margins) <= 0


@pytest.mark.parametrize(("norm", "table"), [(Norm.LINF, "packed"), (Norm.L2, "direct")])
def test_attacks_find_nothing_within_the_claimed_radius_and_something_soon_after(norm: Norm, table: str) -> None:
    family = HardSetSolver(2, Fraction(1, 8), Fraction(9, 10), table, seed=4)
    hard = family.hard_set()
    answers = radii(family.build(None), hard.points(), hard.labels(), settings=Settings(norm=norm, seed=1))
    assert all(answer.upper > float(hard.radius) for answer in answers)
    assert min(answer.upper for answer in answers) <= 1 / (2 * hard.grid.steps)


def test_beyond_the_affordable_the_network_is_compared_with_the_theorem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "MOST_WORK", 100)
    family = HardSetSolver(4, SIXTH)
    network = family.build(None)
    found = checked(family, network)["robust-radius"]
    assert isinstance(found, Proved)
    assert "compared" in found.method
    other = checked(family, changed(network, 2, 3, 0.25))["robust-radius"]
    assert isinstance(other, Undecided)
    assert "node 2" in other.reason


def test_an_attack_that_leaves_no_room_is_refused_with_the_largest_one_that_is_not() -> None:
    tight = 1 - Fraction(1, 2**40)
    with pytest.raises(InvalidInput, match=r"take c at most (0\.\d+)") as caught:
        HardSetSolver(3, Fraction(1, 4), tight).build(None)
    largest = Fraction(str(caught.value).split("at most ")[1].rstrip("."))
    family = HardSetSolver(3, Fraction(1, 4), largest)
    assert isinstance(checked(family, family.build(None))["robust-radius"], Proved)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"table": "hash"}, "direct or packed, got 'hash'"),
        ({"table": "direct", "word": 8}, "has no words"),
        ({"word": 60}, r"words of 60 bits.*take 2 to"),
        ({"d": 40}, r"6\^39"),
        ({"d": 1}, "needs d >= 2"),
    ],
)
def test_impossible_solvers_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        HardSetSolver(**({"d": 4, "eps": TENTH} | arguments)).build(None)  # type: ignore[arg-type]


def test_all_corners_of_all_boxes_of_a_small_set_are_right() -> None:
    family = HardSetSolver(3, Fraction(1, 4), Fraction(9, 10), seed=3)
    hard, network = family.hard_set(), family.build(None)
    reach = float(solver.attack_reach(hard))
    for signs in itertools.product((-1.0, 0.0, 1.0), repeat=3):
        outputs = network.evaluate(hard.points() + reach * np.array(signs))[:, 0]
        assert np.array_equal(outputs, 2.0 * hard.labels() - 1.0)


def test_the_benchmark_puts_every_solver_above_the_lower_bound_and_writes_all_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(hard_set._DIMENSIONS, "small", range(2, 6))
    hard_set.run(tmp_path, data=None, size="small")
    rows = list(csv.reader((tmp_path / "hard-set.csv").read_text().splitlines()))[1:]
    assert len(rows) == 8
    for row in rows:
        lower, packed, unlimited, direct = (int(row[i]) for i in (3, 5, 7, 8))
        assert lower <= min(packed, unlimited, direct)
        assert row[6] == row[9] == ("proved" if int(row[2]) <= 1024 else "built")
    written = {path.suffix for path in tmp_path.iterdir()}
    assert written == {".csv", ".md", ".tex", ".svg", ".pdf"}
    with pytest.raises(InvalidInput, match="drawn and not read"):
        hard_set.run(tmp_path, data="digits", size="small")
