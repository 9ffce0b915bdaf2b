"""Bumps after a projection: exact images, the certificate and its failure, the proofs, attacks on the manifold."""

import dataclasses as dc
from fractions import Fraction

import numpy as np
import pytest

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Affine, Network, Node
from constructions.manifold.naming import embedded_named
from constructions.manifold.projected_bumps import ProjectedBumps, projected_bumps
from constructions.manifold.projection import Projection, projection_named
from constructions.theorem import Proved

CIRCLE = {"eps": Fraction(1, 25), "width": 20}
CASES = (
    ("torus:k=1,radius=1/4", "linear:0,1", CIRCLE),
    ("torus:k=1,radius=1/4", "linear:0,1", CIRCLE | {"projection": "random:3:1"}),
    (
        "revolution:large=3/10,small=1/10",
        "linear:1,0,0",
        {"eps": Fraction(1, 10), "c": Fraction(1, 3), "projection": "rows:1,0,0"},
    ),
    ("sphere:k=2,radius=1/3", "linear:1,1,1", {"eps": Fraction(1, 8), "c": Fraction(1, 3), "projection": "pca:3"}),
)


def exact_image(projection: Projection, point: np.ndarray) -> list[Fraction]:
    return [
        sum((Fraction(float(w)) * Fraction(float(x)) for w, x in zip(row, point, strict=True)), Fraction(float(s)))
        for row, s in zip(projection.matrix, projection.shift, strict=True)
    ]


@pytest.mark.parametrize(("manifold", "level", "options"), CASES)
def test_every_claim_of_a_certified_projection_is_proved_by_intervals(manifold: str, level: str, options: dict) -> None:
    built = projected_bumps(manifold, level, **options)
    for claim in built.claims:
        evidence = claim.check()
        assert isinstance(evidence, Proved), (claim.name, evidence)
    method = built.claims[0].check()
    assert isinstance(method, Proved)
    assert method.method.startswith("exact interval bounds")
    assert "again" not in method.method


@pytest.mark.parametrize(("manifold", "level", "options"), CASES)
def test_no_attack_on_the_manifold_changes_a_label(manifold: str, level: str, options: dict) -> None:
    built = projected_bumps(manifold, level, **options)
    family = built.family
    assert isinstance(family, ProjectedBumps)
    sample = family.classes.sample(300, seed=1)
    others = family.classes.embedded.draw(4000, np.random.default_rng(2)).rounded(52)
    outputs = built.network.evaluate(others)[:, 0]
    gaps = np.abs(sample.data.points[:, None] - others[None]).max(axis=2)
    near = gaps <= float(family.attack) * (1 - 1e-9)
    assert near.any()
    signs = np.where(sample.data.labels == 1, 1.0, -1.0)
    assert (np.where(near, signs[:, None] * outputs[None], np.inf) >= 1).all()
    assert (signs * built.network.evaluate(sample.data.points)[:, 0] >= 1).all()


@pytest.mark.parametrize(("manifold", "level", "options"), CASES[:3])
def test_the_certificate_is_the_exact_least_gap_of_the_projected_nets(manifold: str, level: str, options: dict) -> None:
    family = projected_bumps(manifold, level, **options).family
    assert isinstance(family, ProjectedBumps)
    found = family.certificate()
    rng = np.random.default_rng(3)
    first = [exact_image(found.projection, p) for p in rng.permutation(found.positive.points)[:40]]
    second = [exact_image(found.projection, p) for p in rng.permutation(found.negative.points)[:40]]
    least = min(max(abs(u - v) for u, v in zip(a, b, strict=True)) for a in first for b in second)
    assert found.closest.exact <= least
    pair = found.positive.points[found.closest.first], found.negative.points[found.closest.second - len(found.positive)]
    ends = [exact_image(found.projection, p) for p in pair]
    assert found.closest.exact == max(abs(u - v) for u, v in zip(*ends, strict=True))
    assert found.ramp == found.closest.exact - 2 * found.projection.lipschitz * found.positive.radius
    assert found.ramp > 0


def test_images_are_exact_and_fill_the_unit_cube_at_most() -> None:
    projection = Projection.random(3, 11, seed=4)
    points = np.ldexp(np.random.default_rng(0).integers(0, 2**20 + 1, (20, 11)).astype(np.float64), -20)
    images = projection.image(points)
    for point, image in zip(points, images, strict=True):
        assert exact_image(projection, point) == [Fraction(float(z)) for z in image]
    corners = (projection.matrix > 0).astype(np.float64), (projection.matrix < 0).astype(np.float64)
    assert (projection.image(corners[1]) >= 0).all()
    assert (projection.image(corners[0]) <= 1).all()
    assert np.diag(projection.image(corners[1])).tolist() == [0.0, 0.0, 0.0]


def test_a_projection_moves_points_at_most_by_its_lipschitz_constant() -> None:
    projection, rng = Projection.random(4, 30, seed=0), np.random.default_rng(1)
    steps = np.where(projection.matrix >= 0, 1.0, -1.0) / 4
    moved = projection.image(np.full((4, 30), 0.5) + steps) - projection.image(np.full((4, 30), 0.5))
    assert Fraction(float(np.abs(moved).max())) == projection.lipschitz / 4
    assert projection.lipschitz <= 1
    first, second = rng.random((50, 30)), rng.random((50, 30))
    gaps = np.abs(projection.image(first) - projection.image(second)).max(axis=1)
    assert (gaps <= float(projection.lipschitz) * np.abs(first - second).max(axis=1) + 1e-14).all()


def test_the_principal_projection_of_a_flat_patch_keeps_its_two_directions() -> None:
    embedded = embedded_named("patch:k=2,side=1/2", 9, 1)
    projection = projection_named("pca:2", embedded)
    singular = np.linalg.svd(projection.matrix @ embedded.frame.matrix, compute_uv=False)
    assert singular.min() > 0.9 * np.linalg.norm(projection.matrix, axis=1).min()


def test_a_projection_that_merges_the_classes_is_refused_with_the_pair() -> None:
    with pytest.raises(InvalidInput, match=r"not certified: node \d+ of A and node \d+ of B .* smaller nets"):
        projected_bumps("torus:k=2,radius=1/2", "linear:0,1/2,0,1/2", eps=Fraction(3, 25), projection="rows:1,0,0,0")


def test_nets_too_coarse_for_the_certificate_are_refused_and_finer_ones_are_not() -> None:
    arguments = {"manifold": "torus:k=1,radius=1/4", "level": "linear:0,1", **CIRCLE}
    assert ProjectedBumps(**arguments, radius=Fraction(1, 80)).certificate().ramp <= 0
    assert ProjectedBumps(**arguments, radius=Fraction(1, 200)).certificate().ramp > 0


def test_changed_weights_are_noticed() -> None:
    built = projected_bumps(*CASES[0][:2], **CASES[0][2])
    for node, factor in ((0, -1.0), (2, 2.0), (6, -1.0)):
        nodes = list(built.network.nodes)
        op = nodes[node].op
        assert isinstance(op, Affine)
        nodes[node] = Node(dc.replace(op, weight=op.weight * factor), nodes[node].inputs)
        other = Network(built.network.input_shape, tuple(nodes))
        for claim in built.family.claims(other, None)[:2]:
            assert not isinstance(claim.check(), Proved), node


def test_the_float_network_is_the_exact_one_on_the_net() -> None:
    built = projected_bumps(*CASES[0][:2], **CASES[0][2])
    assert isinstance(built.family, ProjectedBumps)
    exact, points = ExactNetwork(built.network), built.family.certificate().positive.points[:5]
    for point, output in zip(points, built.network.evaluate(points)[:, 0], strict=True):
        assert exact.evaluate(point) == [Fraction(output)]


def test_counts_equal_the_formula_where_no_hinge_is_shared() -> None:
    for seed in (0, 1, 2, 3):
        options = CIRCLE | {"projection": f"random:4:{seed}", "radius": Fraction(1, 600)}
        built = projected_bumps(*CASES[0][:2], **options)
        shared, plain = built.claims[-2:]
        assert (shared.entry, plain.entry) == ("manifold.projected.shared.nnz", "manifold.projected.nnz")
        assert built.network.count().nnz == shared.value == plain.value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("svd:2", "There is no projection 'svd:2'. Use pca:M, random:M:SEED or rows:"),
        ("pca:9", "between 1 and 4 coordinates"),
        ("random:x", "between 1 and 4 coordinates"),
        ("rows:1,0;0,1,0,0", "needs 4 entries, got [2, 4]"),
        ("rows:0,0,0,0", "not zero"),
    ],
)
def test_a_projection_that_does_not_fit_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        projection_named(text, embedded_named("torus:k=2,radius=1/2", 0, 0))
    assert words in str(caught.value)


def test_a_matrix_off_the_grid_or_too_long_is_refused() -> None:
    with pytest.raises(InvalidInput, match="multiples of 2"):
        Projection(np.array([[1 / 3, 1 / 3]]))
    with pytest.raises(InvalidInput, match="at most 1"):
        Projection(np.array([[1.0, 0.5]]))
