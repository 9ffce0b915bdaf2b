"""Bumps around a net of one class: the worked numbers, the proofs, attacks in space, and what is refused."""

import dataclasses as dc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import certify
from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Affine, Network, Node
from constructions.enclosure import Intervals, enclose
from constructions.manifold.cover_bumps import ManifoldCover, cover_bumps
from constructions.theorem import Claim, Construction, Proved, Refuted

WORKED = {"eps": Fraction(3, 25), "radius": Fraction(1, 20)}
TORUS = ("torus:k=2,radius=1/2", "linear:0,1/2,0,1/2")
OTHERS = (
    ("torus:k=1,radius=1/4", "angles:2:1", {"eps": Fraction(1, 25), "width": 6}),
    ("sphere:k=2,radius=1/2", "linear:1,1,1", {"eps": Fraction(1, 8), "c": Fraction(1, 3)}),
    ("swiss-roll:pitch=1/30", "linear:1,0,1", {"eps": Fraction(1, 10)}),
    ("revolution:large=3/10,small=1/10", "linear:1,0,0", {"eps": Fraction(1, 10), "other": Fraction(1, 50)}),
    ("patch:k=2,side=1/2", "linear:1,-1", {"eps": Fraction(1, 20), "width": 7}),
)


def claim(construction: Construction, name: str) -> Claim:
    return next(claim for claim in construction.claims if claim.name == name)


def changed(network: Network, node: int, edit) -> Network:
    nodes = list(network.nodes)
    op = nodes[node].op
    assert isinstance(op, Affine)
    weight, bias = op.weight.copy(), op.bias.copy()
    edit(weight, bias)
    nodes[node] = Node(dc.replace(op, weight=weight, bias=bias), nodes[node].inputs)
    return Network(network.input_shape, tuple(nodes))


@pytest.fixture(scope="module")
def worked() -> Construction:
    return cover_bumps(*TORUS, **WORKED)


def test_the_worked_example_has_the_numbers_of_the_theory(worked: Construction) -> None:
    family = worked.family
    assert isinstance(family, ManifoldCover)
    assert family.classes.embedded.cells(Fraction(1, 20), family.classes.norm) == (32, 32)
    assert len(family.net()) == 381
    assert Fraction(1, 50) - Fraction(1, 2**22) < family.ramp <= Fraction(1, 50)
    assert claim(worked, "nnz-unshared").value == 9907
    assert claim(worked, "nnz").value == worked.network.count().nnz == 4051  # centres of a grid share their hinges
    assert claim(worked, "robust-radius").value == Fraction(3, 50)


def test_every_claim_of_the_worked_example_is_proved(worked: Construction) -> None:
    for found in worked.claims:
        evidence = found.check()
        assert isinstance(evidence, Proved), (found.name, evidence)
    assert "381 boxes" in claim(worked, "margin").check().method


@pytest.mark.parametrize(("manifold", "level", "options"), OTHERS)
def test_every_claim_on_other_manifolds_is_proved(manifold: str, level: str, options: dict) -> None:
    for found in cover_bumps(manifold, level, **options).claims:
        assert isinstance(found.check(), Proved), found.name


@pytest.mark.parametrize(("manifold", "level", "options"), [(*TORUS, WORKED), *OTHERS])
def test_no_corner_attack_in_space_changes_a_label(manifold: str, level: str, options: dict) -> None:
    built = cover_bumps(manifold, level, **options)
    family, rng = built.family, np.random.default_rng(5)
    assert isinstance(family, ManifoldCover)
    sample = family.classes.sample(2000, seed=3)
    signs = rng.choice([-1.0, 1.0], sample.data.points.shape)
    attacked = sample.data.points + signs * float(family.attack - 2 * sample.slack) * (1 - 2.0**-30)
    outputs = built.network.evaluate(attacked)[:, 0]
    assert (np.where(sample.data.labels == 1, outputs, -outputs) >= 1).all()


def test_an_attack_towards_the_other_class_fails_at_the_radius_and_succeeds_somewhat_above_half_the_distance(
    worked: Construction,
) -> None:
    family = worked.family
    assert isinstance(family, ManifoldCover)
    sample = family.classes.sample(600, seed=4)
    points, labels = sample.data.points, sample.data.labels
    first, second = points[labels == 1], points[labels == 0]
    gaps = np.abs(first[:, None] - second[None]).max(axis=2)
    i, j = np.unravel_index(gaps.argmin(), gaps.shape)
    step = second[j] - first[i]
    length = np.abs(step).max()
    inside = first[i] + step * (float(family.attack) * (1 - 1e-9) / length)
    assert worked.network.evaluate(inside[None])[0, 0] >= 1
    assert ExactNetwork(worked.network).evaluate(inside)[0] >= 1
    outside = first[i] + step * (float(2 * family.eps) * 0.7 / length)
    assert worked.network.evaluate(outside[None])[0, 0] < 1


def test_the_float_network_is_the_exact_one(worked: Construction) -> None:
    assert isinstance(worked.family, ManifoldCover)
    exact = ExactNetwork(worked.network)
    points = worked.family.net().points[:4] + np.ldexp(1.0, -12)
    for point, output in zip(points, worked.network.evaluate(points)[:, 0], strict=True):
        assert exact.evaluate(point) == [Fraction(output)]


def test_bounds_on_the_boxes_of_the_net_have_no_slack(worked: Construction) -> None:
    family = worked.family
    assert isinstance(family, ManifoldCover)
    centre, reach = family.net().points[:50], float(family.plateau)
    bounds = enclose(worked.network, Intervals(centre - reach, centre + reach))
    assert (bounds.lower >= 1).all()
    further = enclose(worked.network, Intervals(centre - 2 * reach, centre + 2 * reach))
    assert (further.lower < 1).any()


def test_building_twice_gives_the_same_network(worked: Construction) -> None:
    assert worked.family.build(None).digest == worked.network.digest


@pytest.mark.parametrize(
    ("node", "edit"),
    [
        (0, lambda _, bias: bias.__setitem__(3, bias[3] + 0.25)),
        (2, lambda weight, _: weight.data.__setitem__(slice(None), weight.data / 2)),
        (4, lambda _, bias: bias.__setitem__(0, -4.0)),
        (4, lambda _, bias: bias.__setitem__(0, 1.0)),
        (4, lambda weight, _: weight.__setitem__(slice(None), -weight)),
    ],
    ids=["threshold", "slope", "bias", "sign-of-bias", "read-out"],
)
def test_a_changed_weight_is_noticed(worked: Construction, node: int, edit) -> None:
    other = changed(worked.network, node, edit)
    verdicts = [found.check() for found in worked.family.claims(other, None) if found.name == "robust-radius"]
    assert not isinstance(verdicts[0], Proved)


def test_a_constant_network_is_refuted_by_an_attacked_input(worked: Construction) -> None:
    other = changed(worked.network, 4, lambda weight, _: weight.__setitem__(slice(None), 0.0))
    verdict = worked.family.claims(other, None)[0].check()
    assert isinstance(verdict, Refuted)
    assert "which is an attacked input" in verdict.counterexample


def test_intervals_alone_prove_a_network_that_is_not_the_theorems() -> None:
    options = {"eps": Fraction(1, 10), "other": Fraction(1, 50)}
    built = cover_bumps("revolution:large=3/10,small=1/10", "linear:1,0,0", **options)
    scaled = changed(built.network, 4, lambda weight, bias: (weight.__imul__(2.0), bias.__imul__(2.0)))
    assert scaled.digest != built.network.digest
    assert isinstance(built.family.claims(scaled, None)[0].check(), Proved)


def test_the_network_of_a_smaller_radius_does_not_prove_a_larger_one(worked: Construction) -> None:
    larger = dc.replace(worked.family, c=Fraction(11, 20))
    assert not isinstance(larger.claims(worked.network, None)[0].check(), Proved)


@pytest.mark.parametrize("width", [2, 3, 5, 8])
@pytest.mark.parametrize("eps", ["1/20", "1/33", "1/50"])
def test_counts_equal_both_formulas_where_no_two_centres_agree_in_a_coordinate(width: int, eps: str) -> None:
    built = cover_bumps("sphere:k=1,radius=1/4", "linear:3,1", eps=Fraction(eps), width=width, seed=width)
    found = claim(built, "nnz-unshared")
    assert built.network.count().nnz == claim(built, "nnz").value == found.value
    assert isinstance(found.check(), Proved)
    assert claim(built, "nnz").statement.startswith("The network has exactly")


@pytest.mark.parametrize("manifold", ["torus:k=2,radius=1/2", "patch:k=2,side=1", "torus:k=1,radius=1/3"])
@pytest.mark.parametrize("eps", ["1/7", "1/9", "1/12"])
def test_counts_with_shared_hinges_are_exact_on_grids(manifold: str, eps: str) -> None:
    weights = {"torus:k=2,radius=1/2": "0,1,0,1", "patch:k=2,side=1": "1,1", "torus:k=1,radius=1/3": "1,1"}[manifold]
    built = cover_bumps(manifold, f"linear:{weights}", eps=Fraction(eps), c=Fraction(1, 3))
    assert built.network.count().nnz == claim(built, "nnz").value < claim(built, "nnz-unshared").value


def test_the_engine_certifies_every_claimed_radius_and_breaks_some_point_before_eps(worked: Construction) -> None:
    family = worked.family
    assert isinstance(family, ManifoldCover)
    sample = family.classes.sample(5, seed=7)
    answers = certify.radii(worked.network, sample.data.points, sample.data.labels, norm="inf")
    claimed = float(family.attack - 2 * sample.slack)
    assert min(answer.lower for answer in answers) >= claimed
    assert min(answer.upper for answer in answers) < float(family.eps)


FRACTIONS = st.fractions(Fraction(1, 30), Fraction(1, 6), max_denominator=60)


@settings(max_examples=25, deadline=None)
@given(eps=FRACTIONS, c=st.sampled_from(["1/5", "1/2", "4/5"]), share=st.sampled_from(["1/4", "1/2", "9/10"]))
def test_every_admissible_choice_of_parameters_is_proved_and_survives_corners(
    eps: Fraction, c: str, share: str
) -> None:
    radius = Fraction(share) * (1 - Fraction(c)) * eps
    built = cover_bumps("torus:k=1,radius=1/3", "linear:1,1", eps=eps, c=Fraction(c), radius=radius)
    family = built.family
    assert isinstance(family, ManifoldCover)
    assert all(isinstance(found.check(), Proved) for found in built.claims)
    sample = family.classes.sample(200, seed=0)
    corners = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) * float(family.attack) * (1 - 2.0**-30)
    outputs = built.network.evaluate((sample.data.points[:, None] + corners).reshape(-1, 2)).reshape(-1, 4)
    assert (np.where(sample.data.labels == 1, 1, -1)[:, None] * outputs >= 1).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"radius": Fraction(6, 100)},
            "the radius must be positive and, up to rounding, below (1 - c) eps - other = 3/50",
        ),
        ({"radius": Fraction(-1, 10)}, "must be positive"),
        ({"other": Fraction(1, 20)}, "and other = 1/20"),
        ({"c": Fraction(1)}, "c must lie strictly between 0 and 1, got 1"),
        ({"eps": Fraction(3, 5)}, "lies in the class g <= -0.6: the level reaches 0.49"),
        ({"eps": Fraction(0)}, "eps must be positive, got 0"),
        ({"radius": Fraction(1, 2000)}, "needs 9,872,164 nodes (3142 x 3142), more than the limit of 1,000,000"),
        ({"width": 3}, "A torus needs 4 dimensions, got 3"),
        ({"width": 9}, "more than 1/2; make it smaller"),
    ],
)
def test_parameters_outside_the_theorem_are_refused(options: dict, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        cover_bumps(*TORUS, **({"eps": Fraction(3, 25)} | options))
    assert words in str(caught.value)


def test_a_network_of_other_inputs_is_refused(worked: Construction) -> None:
    other = cover_bumps("sphere:k=1,radius=1/4", "linear:1,1", eps=Fraction(1, 10))
    with pytest.raises(InvalidInput, match="A network of 2 inputs and 1 outputs is none for two classes in 4"):
        worked.family.claims(other.network, None)
