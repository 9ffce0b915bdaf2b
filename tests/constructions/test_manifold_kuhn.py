"""Kuhn interpolants behind linear layers: certificates by brute force, errors, margins, counts, and what is refused."""

import dataclasses as dc
from fractions import Fraction

import numpy as np
import pytest

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Affine, Network, Node
from certify.region import Norm
from constructions.manifold.fixed import ONE
from constructions.manifold.modulus import candidates, moduli
from constructions.manifold.projected_kuhn import ProjectedKuhn, projected_kuhn
from constructions.manifold.subspace_kuhn import SubspaceKuhn, subspace_kuhn
from constructions.theorem import Construction, Proved

CIRCLE = ("torus:k=1,radius=1/2", "angles:3:2", {"eps": Fraction(1, 12), "projection": "rows:1,0;0,1"})
PROJECTED = (
    CIRCLE,
    ("torus:k=1,radius=1/4", "linear:0,1", {"eps": Fraction(1, 20), "width": 12, "c": Fraction(1, 3)}),
    (
        "patch:k=1,side=1/2",
        "linear:1",
        {"eps": Fraction(1, 20), "width": 6, "projection": "pca:1", "c": Fraction(3, 4)},
    ),
    (
        "sphere:k=2,radius=1/2",
        "linear:1,1,1",
        {"eps": Fraction(1, 8), "c": Fraction(1, 8), "radius": Fraction(1, 40), "projection": "rows:1,0,0;0,1,0;0,0,1"},
    ),
)
PATCHES = (
    ("patch:k=2,side=1/2", "linear:1,0", {"eps": Fraction(1, 20), "width": 10, "c": Fraction(1, 4)}),
    ("patch:k=1,side=1", "linear:1", {"eps": Fraction(1, 20), "c": Fraction(9, 10)}),
    ("patch:k=2,side=1/2", "waves:2:1", {"eps": Fraction(1, 50), "width": 5}),
    ("patch:k=3,side=1/2", "linear:1,1,1", {"eps": Fraction(1, 10), "width": 4, "c": Fraction(1, 4)}),
)
Case = tuple[str, str, dict]


@pytest.fixture(scope="module")
def builts() -> list[Construction]:
    first = [projected_kuhn(manifold, level, **options) for manifold, level, options in PROJECTED]
    return first + [subspace_kuhn(manifold, level, **options) for manifold, level, options in PATCHES]


def test_every_claim_is_proved(builts: list[Construction]) -> None:
    for built in builts:
        for claim in built.claims:
            assert isinstance(claim.check(), Proved), (built.family, claim.name)


def family_of(built: Construction) -> ProjectedKuhn | SubspaceKuhn:
    assert isinstance(built.family, ProjectedKuhn | SubspaceKuhn)
    return built.family


def test_the_margin_holds_on_every_attacked_random_point_of_the_manifold(builts: list[Construction]) -> None:
    for built in builts:
        family = family_of(built)
        points = family.classes.embedded.draw(800, np.random.default_rng(0))
        levels = family.classes.level.values(points).astype(np.float64) / ONE
        attacked = np.abs(levels) >= float((1 - family.c) * family.eps) + 1e-12
        outputs = built.network.evaluate(points.rounded(52))[:, 0]
        assert attacked.sum() > 30
        assert (outputs * np.sign(levels))[attacked].min() >= float(family.margin)


def test_the_network_is_as_close_to_the_clipped_level_as_its_error_says(builts: list[Construction]) -> None:
    for built in builts:
        family = family_of(built)
        points = family.classes.embedded.draw(600, np.random.default_rng(1))
        levels = np.clip(family.classes.level.values(points).astype(np.float64) / ONE / float(family.eps), -1, 1)
        gap = np.abs(built.network.evaluate(points.rounded(52))[:, 0] - levels).max()
        assert gap <= 1 - float(family.c) - float(family.margin)
        assert gap > 1e-4 or isinstance(family, SubspaceKuhn)  # there it can be exact, with kinks at nodes


def test_moduli_are_the_exact_maxima_over_all_pairs() -> None:
    rng = np.random.default_rng(2)
    points = np.ldexp(rng.integers(0, 2**20, (25, 4)).astype(np.float64), -20)
    images = points @ np.array([[0.5, -0.25, 0, 0.25], [0, 0.125, 0.5, 0.25]]).T + 0.25
    rates = candidates()[:6]
    for found in moduli(points, images, rates):
        worst = Fraction(0)
        for i, j in np.ndindex(25, 25):
            far, near = (
                max(abs(Fraction(float(x)) - Fraction(float(y))) for x, y in zip(table[i], table[j], strict=True))
                for table in (points, images)
            )
            worst = max(worst, far - found.rate * near)
        assert found.offset == worst


def test_pairs_of_too_many_points_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"all pairs of 5,001 net points; at most 5,000"):
        moduli(np.zeros((5001, 1)), np.zeros((5001, 1)), candidates())


def test_the_certificate_holds_for_random_points_of_the_manifold(builts: list[Construction]) -> None:
    for built in builts[:4]:
        family = built.family
        assert isinstance(family, ProjectedKuhn)
        found = family.certificate()
        points = family.classes.embedded.draw(300, np.random.default_rng(3)).rounded(40)
        images = found.projection.image(points)
        far, near = (np.abs(x[:, None] - x[None]).max(axis=2) for x in (points, images))
        rate, lipschitz = float(found.modulus.rate), float(found.projection.lipschitz)
        slack = float(found.modulus.offset) + 2 * float(found.radius) * (1 + lipschitz * rate)
        assert (far <= rate * near + slack + 1e-9).all()


def test_the_nodes_kept_are_all_that_the_manifold_feels(builts: list[Construction]) -> None:
    for built in builts[:4]:
        family = built.family
        assert isinstance(family, ProjectedKuhn)
        found = family.certificate()
        kept = {tuple(node) for node in found.nodes().tolist()}
        images = found.projection.image(family.classes.embedded.draw(400, np.random.default_rng(4)).rounded(40))
        scaled = images * found.cells
        corners = np.stack(np.unravel_index(np.arange(2 ** images.shape[1]), (2,) * images.shape[1]), axis=1)
        felt = np.clip(np.floor(scaled)[:, None] + corners, 0, found.cells).astype(int).reshape(-1, images.shape[1])
        assert {tuple(node) for node in felt.tolist()} <= kept


def test_places_on_the_subspace_are_found_within_the_stated_error(builts: list[Construction]) -> None:
    for built in builts[4:]:
        family = built.family
        assert isinstance(family, SubspaceKuhn)
        inverse, embedded = family.inverse, family.classes.embedded
        z = embedded.manifold.draw(50, np.random.default_rng(5))
        x = 0.5 + z @ embedded.frame.matrix.T
        w = x @ inverse.matrix.T + inverse.shift
        assert np.abs(w - z / float(inverse.side) - 0.5).max() <= float(inverse.error) + 1e-12
        assert w.min() > 0
        assert w.max() < 1


def test_the_mesh_of_a_subspace_is_no_finer_than_the_theory_allows() -> None:
    for k, width in ((1, 5), (2, 10), (2, 40)):
        patch, level = f"patch:k={k},side=1/2", "linear:" + ",".join("1" * k)
        family = SubspaceKuhn(manifold=patch, level=level, eps=Fraction(1, 25), width=width)
        bound = (np.ceil(np.sqrt(width * k) / (2 * (1 - 0.5) * 0.04)) + 1) ** k
        assert family.mesh.size <= bound


def test_changed_weights_are_not_proved(builts: list[Construction]) -> None:
    for built in (builts[0], builts[4]):
        for node in (0, len(built.network.nodes) - 1):
            nodes = list(built.network.nodes)
            op = nodes[node].op
            assert isinstance(op, Affine)
            nodes[node] = Node(dc.replace(op, weight=op.weight * -1.0), nodes[node].inputs)
            other = Network(built.network.input_shape, tuple(nodes))
            for claim in built.family.claims(other, None)[:2]:
                assert not isinstance(claim.check(), Proved)


def test_building_twice_gives_the_same_network(builts: list[Construction]) -> None:
    for built in builts:
        assert built.family.build(None).digest == built.network.digest


def test_the_float_network_is_close_to_the_exact_one(builts: list[Construction]) -> None:
    built = builts[0]
    points = family_of(built).classes.embedded.draw(3, np.random.default_rng(6)).rounded(30)
    exact = ExactNetwork(built.network)
    for point, output in zip(points, built.network.evaluate(points)[:, 0], strict=True):
        assert abs(exact.evaluate(point)[0] - Fraction(output)) < Fraction(1, 2**40)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"projection": "rows:1,0"}, "The projection rows:1,0 is not certified: with a net of radius"),
        ({"c": Fraction(999, 1000)}, "all pairs of 253,400 net points"),
        ({"c": Fraction(99, 100), "radius": Fraction(1, 400)}, "above 1 - c = 1/100 at every rate"),
        ({"radius": Fraction(1, 10**5)}, "all pairs of"),
        ({"radius": Fraction(1, 10**8)}, "is finer than its points' grid"),
    ],
)
def test_a_projection_that_is_not_certified_is_refused(options: dict, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        projected_kuhn(*CIRCLE[:2], **(CIRCLE[2] | options))
    assert words in str(caught.value)


def test_subspaces_need_a_patch_and_room_for_rounding() -> None:
    with pytest.raises(InvalidInput, match="is for an affine patch, such as patch:k=2,side=1/2; this is a torus"):
        subspace_kuhn("torus:k=1,radius=1/4", "linear:0,1", eps=Fraction(1, 25))
    with pytest.raises(InvalidInput, match="is too near 1"):
        subspace_kuhn("patch:k=1,side=1/2", "linear:1", eps=Fraction(1, 25), c=Fraction(9999, 10000))
    with pytest.raises(InvalidInput, match="nodes"):
        subspace_kuhn("patch:k=4,side=1/2", "linear:1,1,1,1", eps=Fraction(1, 100))


def test_the_norm_of_the_classes_is_that_of_the_attack() -> None:
    assert SubspaceKuhn(manifold="patch:k=1,side=1/2", level="linear:1", eps=Fraction(1, 25)).classes.norm is Norm.LINF


def test_a_problem_without_one_of_its_classes_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"No node lies in the class g >= eps for eps = 0\.3"):
        subspace_kuhn("patch:k=1,side=1/2", "linear:1", eps=Fraction(3, 10))
    with pytest.raises(InvalidInput, match=r"No node lies in the class g >= eps for eps = 0\.7"):
        projected_kuhn(*CIRCLE[:2], **(CIRCLE[2] | {"eps": Fraction(7, 10)}))
