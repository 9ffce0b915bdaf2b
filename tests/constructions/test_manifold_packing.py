"""Packings: separated by brute force, as many points as the theory says, and the size that they force."""

from fractions import Fraction

import numpy as np
import pytest

import bounds
from bounds.values import Exact
from certify.errors import InvalidInput
from constructions.manifold.embedded import Embedded
from constructions.manifold.naming import embedded_named
from constructions.manifold.packing import Packing, greedy_packing, patch_packing, torus_packing


def least_distance(packing: Packing) -> float:
    gaps = np.abs(packing.points[:, None] - packing.points[None]).max(axis=2)
    return float(gaps[~np.eye(len(packing), dtype=bool)].min())


def plain(text: str) -> Embedded:
    return embedded_named(text, 0, 0)


@pytest.mark.parametrize(
    ("k", "radius", "eps"), [(1, "1/2", "3/100"), (2, "1/2", "3/25"), (2, "1/4", "1/20"), (3, "1/2", "1/5")]
)
def test_a_torus_has_at_least_as_many_points_as_the_theory_says(k: int, radius: str, eps: str) -> None:
    packing = torus_packing(plain(f"torus:k={k},radius={radius}"), Fraction(eps))
    predicted = bounds.catalogue["manifold.packing.torus.points"].evaluate(k=k, R=radius, eps=eps)
    assert isinstance(predicted, Exact)
    assert len(packing) >= predicted.value
    assert packing.separation >= 2 * Fraction(eps)
    assert abs(least_distance(packing) - float(packing.separation)) < 2**-38


@pytest.mark.parametrize(("k", "side", "eps", "count"), [(1, "1", "1/8", 5), (2, "1/2", "1/8", 9), (3, "1", "1/5", 27)])
def test_a_patch_has_the_points_of_its_grid(k: int, side: str, eps: str, count: int) -> None:
    packing = patch_packing(plain(f"patch:k={k},side={side}"), Fraction(eps))
    assert len(packing) == count
    assert packing.separation >= 2 * Fraction(eps)
    assert abs(least_distance(packing) - float(packing.separation)) < 2**-38


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("sphere:k=2,radius=1/2", 0),
        ("swiss-roll:pitch=1/30", 0),
        ("torus:k=2,radius=1/4", 8),
        ("patch:k=2,side=1/2", 5),
    ],
)
def test_greedy_packings_are_separated_and_maximal_among_the_nodes(text: str, width: int) -> None:
    embedded, eps, radius = embedded_named(text, width, 0), Fraction(1, 20), Fraction(1, 40)
    packing = greedy_packing(embedded, eps, radius=radius)
    assert len(packing) > 5
    assert 2 * eps <= packing.separation <= Fraction(least_distance(packing))
    others = embedded.draw(500, np.random.default_rng(0)).rounded(40)
    nearest = np.abs(others[:, None] - packing.points[None]).max(axis=2).min(axis=1)
    assert nearest.max() <= float(2 * eps + radius) + 1e-5


def test_the_size_that_a_packing_forces_is_that_of_the_entry_and_grows_with_the_points() -> None:
    few, many = (torus_packing(plain("torus:k=2,radius=1/2"), eps) for eps in (Fraction(1, 10), Fraction(1, 40)))
    sizes = []
    for packing in (few, many):
        size = packing.smallest_size(Fraction(1, 10))
        union = bounds.catalogue["vc.union.size"].evaluate(M=len(packing), alpha="1/10", d=4)
        assert isinstance(size, Exact)
        assert isinstance(union, Exact)
        assert size.value == union.value
        sizes.append(size.value)
    assert sizes[0] < sizes[1]


def test_packings_that_cannot_be_are_refused() -> None:
    torus, patch = plain("torus:k=2,radius=1/2"), plain("patch:k=2,side=1/2")
    with pytest.raises(InvalidInput, match="No two points of a circle of radius 1/2 are proved to be 2 eps = 2 apart"):
        torus_packing(torus, Fraction(1))
    with pytest.raises(InvalidInput, match="use greedy_packing"):
        torus_packing(embedded_named("torus:k=2,radius=1/4", 8, 0), Fraction(1, 10))
    with pytest.raises(InvalidInput, match="flat torus in its own"):
        torus_packing(patch, Fraction(1, 10))
    with pytest.raises(InvalidInput, match=r"1571\^2 = 2,468,041 points, more than 1,000,000"):
        torus_packing(torus, Fraction(1, 1414))
    with pytest.raises(InvalidInput, match="has no two points"):
        patch_packing(patch, Fraction(1, 3))
    with pytest.raises(InvalidInput, match="affine patch in its own"):
        patch_packing(torus, Fraction(1, 10))
    with pytest.raises(InvalidInput, match="No two of"):
        greedy_packing(torus, Fraction(3, 5), radius=Fraction(1, 10))
