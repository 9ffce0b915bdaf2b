"""Fixed-point sines, charts, frames and covers: mpmath is the oracle of the maps, random points that of the covers."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import bounds
from bounds.values import Exact
from certify.errors import InvalidInput
from certify.region import Norm
from constructions.manifold import fixed as fp
from constructions.manifold.chart import COORDINATE_ERROR, Manifold, Places, nodes
from constructions.manifold.embedded import Embedded
from constructions.manifold.frame import Frame
from constructions.manifold.naming import manifold_named

MANIFOLDS = (
    "torus:k=1,radius=1/3",
    "torus:k=2,radius=1/2",
    "torus:k=3,radius=1/4",
    "sphere:k=1,radius=1/2",
    "sphere:k=2,radius=1/2",
    "sphere:k=4,radius=1/3",
    "patch:k=3,side=1/2",
    "swiss-roll:pitch=1/36",
    "revolution:large=3/10,small=1/10",
)


def rationals(numbers: np.ndarray) -> list[Fraction]:
    return [Fraction(int(number), fp.ONE) for number in np.ravel(numbers)]


def exact_map(manifold: Manifold, parameters: list[Fraction]) -> list[mpmath.mpf]:
    """The chart maps as the docstrings state them, in 300 bits."""
    p = [mpmath.mpf(t.numerator) / t.denominator for t in parameters]
    cos, sin = (lambda t: mpmath.cos(2 * mpmath.pi * t)), (lambda t: mpmath.sin(2 * mpmath.pi * t))
    length = {name: mpmath.mpf(v.numerator) / v.denominator for name, v in vars_of(manifold).items()}
    match manifold.kind:
        case "torus":
            return [length["radius"] * f(t) for t in p for f in (cos, sin)]
        case "sphere":
            found, rest = [], length["radius"]
            for t in p:
                found.append(rest * cos(t))
                rest *= sin(t)
            return [*found, rest]
        case "patch":
            return p
        case "swiss-roll":
            turns = mpmath.sqrt(p[0])
            distance = length["pitch"] * 2 * mpmath.pi * turns
            return [distance * cos(turns), p[1], distance * sin(turns)]
        case _:
            ring = length["large"] + length["small"] * cos(p[0])
            return [ring * cos(p[1]), ring * sin(p[1]), length["small"] * sin(p[0])]


def vars_of(manifold: Manifold) -> dict[str, Fraction]:
    names = [name for name in type(manifold).__slots__ if isinstance(getattr(manifold, name), Fraction)]
    return {name: getattr(manifold, name) for name in names}


@pytest.fixture(autouse=True)
def precise() -> object:
    with mpmath.workprec(300):
        yield


def test_cosines_and_sines_are_as_close_as_stated() -> None:
    rng = np.random.default_rng(0)
    turns = fp.of_floats(np.concatenate([rng.uniform(-3, 3, 200), np.arange(-16, 17) / 16, [1e-9, 2.0**-60]]))
    for computed, true in ((fp.cosines(turns), mpmath.cos), (fp.sines(turns), mpmath.sin)):
        for number, t in zip(rationals(computed), rationals(turns), strict=True):
            gap = mpmath.mpf(number.numerator) / number.denominator - true(2 * mpmath.pi * t.numerator / t.denominator)
            assert abs(gap) <= mpmath.mpf(fp.TRIGONOMETRIC_ERROR.numerator) / fp.TRIGONOMETRIC_ERROR.denominator


def test_two_pi_is_enclosed() -> None:
    below, above = fp.TWO_PI_UP - Fraction(1, fp.ONE), fp.TWO_PI_UP
    assert mpmath.mpf(below.numerator) / below.denominator < 2 * mpmath.pi
    assert 2 * mpmath.pi < mpmath.mpf(above.numerator) / above.denominator


def test_floats_round_to_the_nearest_multiple() -> None:
    numbers = np.array([0.0, 0.3, -0.7, 0.5 + 2.0**-40, -(2.0**-30)])
    assert (np.abs(fp.to_floats(fp.of_floats(numbers), 24) - numbers) <= 2.0**-25).all()
    assert (fp.to_floats(fp.of_floats(np.round(numbers * 8) / 8), 3) == np.round(numbers * 8) / 8).all()


@pytest.mark.parametrize("text", MANIFOLDS)
def test_coordinates_are_within_the_stated_error_of_the_chart(text: str) -> None:
    manifold = manifold_named(text)
    places = Places.of(manifold.draw(12, np.random.default_rng(1)), manifold.axes)
    points = manifold.coordinates(places)
    bound = mpmath.mpf(COORDINATE_ERROR.numerator) / COORDINATE_ERROR.denominator
    for i in range(len(places)):
        parameters = [rationals(places.spread(j, ticks))[i] for j, ticks in enumerate(places.ticks)]
        for number, true in zip(rationals(points[i]), exact_map(manifold, parameters), strict=True):
            assert abs(mpmath.mpf(number.numerator) / number.denominator - true) <= bound
            assert abs(number) <= manifold.width + COORDINATE_ERROR
        assert sum(x * x for x in rationals(points[i])) <= (manifold.extent + COORDINATE_ERROR * 8) ** 2


@pytest.mark.parametrize("text", MANIFOLDS)
@pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])
def test_no_step_along_the_axes_moves_a_point_further_than_the_speeds_say(text: str, norm: Norm) -> None:
    manifold, rng = manifold_named(text), np.random.default_rng(2)
    start = manifold.draw(300, rng)
    steps = rng.normal(size=start.shape) * 10.0 ** rng.uniform(-4, -0.5, (300, 1))
    axes = manifold.axes
    closed = np.array([axis.closed for axis in axes])
    low, high = np.array([[float(axis.lower), float(axis.upper)] for axis in axes]).T
    stop = np.where(closed, start + steps, np.clip(start + steps, low, high))
    gaps = np.abs(stop - start) * [float(axis.speed) for axis in axes]
    ends = (start, np.where(closed, stop % 1.0, stop))
    first, second = (manifold.coordinates(Places.of(end, axes)).astype(np.float64) / fp.ONE for end in ends)
    moved = np.abs(first - second)
    if norm is Norm.LINF and manifold.independent:
        assert (moved.max(axis=1) <= gaps.max(axis=1) * (1 + 1e-12) + 1e-15).all()
    assert (np.linalg.norm(moved, axis=1) <= np.linalg.norm(gaps, axis=1) * (1 + 1e-12) + 1e-15).all()


@pytest.mark.parametrize("text", MANIFOLDS)
@pytest.mark.parametrize(("norm", "width"), [(Norm.LINF, 0), (Norm.L2, 0), (Norm.LINF, 12), (Norm.L2, 7)])
def test_no_random_point_is_further_from_a_cover_than_its_radius(text: str, norm: Norm, width: int) -> None:
    manifold = manifold_named(text.replace("1/2", "1/4") if width else text)
    embedded = Embedded.rotated(manifold, width, 3) if width else Embedded.plain(manifold)
    k = manifold.dimension
    cover = embedded.cover(Fraction(1, 20) if k < 3 else Fraction(1, 8), norm)
    centres, floats = cover.points.rounded(40), embedded.draw(400, np.random.default_rng(4)).rounded(40)
    blocks = np.array_split(centres, len(centres) // 500 + 1)
    nearest = np.min([lengths(np.abs(floats[:, None] - block), norm).min(axis=1) for block in blocks], axis=0)
    moved = 2 * embedded.rounding(40, norm)  # in linf the differences of these floats are exact
    rounding = 0 if norm is Norm.LINF else Fraction(1, 10**14)
    assert Fraction(nearest.max()) <= cover.radius + moved + rounding
    assert cover.radius <= (Fraction(1, 20) if k < 3 else Fraction(1, 8))


def lengths(gaps: np.ndarray, norm: Norm) -> np.ndarray:
    return gaps.max(axis=2) if norm is Norm.LINF else np.sqrt((gaps * gaps).sum(axis=2))


def test_the_cover_of_a_torus_has_the_size_of_the_theory() -> None:
    torus = Embedded.plain(manifold_named("torus:k=2,radius=1/2"))
    assert torus.cells(Fraction(1, 20), Norm.LINF) == (32, 32)
    assert torus.cover(Fraction(1, 20), Norm.LINF).radius == pytest.approx(np.pi / 64)


@pytest.mark.parametrize(
    ("k", "radius", "r"), [(1, "1/2", "1/20"), (2, "1/3", "1/50"), (2, "1/5", "3/100"), (3, "1/4", "1/9")]
)
def test_the_cells_of_a_torus_are_as_many_as_the_entry_says(k: int, radius: str, r: str) -> None:
    torus = Embedded.plain(manifold_named(f"torus:k={k},radius={radius}"))
    predicted = bounds.catalogue["manifold.cover.torus.size"].evaluate(k=k, R=radius, r=r)
    assert isinstance(predicted, Exact)
    assert math.prod(torus.cells(Fraction(r), Norm.LINF)) == predicted.value


def test_nodes_of_an_open_axis_are_middles_and_those_of_a_closed_one_start_at_its_end() -> None:
    patch, torus = manifold_named("patch:k=1,side=1").axes[0], manifold_named("torus:k=1,radius=1/2").axes[0]
    assert rationals(nodes(patch, 4)) == [Fraction(-3, 8), Fraction(-1, 8), Fraction(1, 8), Fraction(3, 8)]
    assert rationals(nodes(torus, 4)) == [Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]


def test_a_random_frame_is_as_close_to_an_isometry_as_it_says() -> None:
    frame, rng = Frame.random(3, 9, seed=5), np.random.default_rng(6)
    assert 0 < frame.defect < Fraction(1, 10**7)
    for _ in range(20):
        v = [Fraction(float(x)) for x in rng.standard_normal(3)]
        image = [sum(Fraction(float(q)) * x for q, x in zip(row, v, strict=True)) for row in frame.matrix]
        inner, outer = sum(x * x for x in v), sum(x * x for x in image)
        assert (1 - frame.defect) * inner <= outer <= (1 + frame.defect) * inner
        assert max(map(abs, image)) ** 2 <= frame.stretch(Norm.LINF) ** 2 * inner
        assert inner <= frame.contraction(Norm.LINF) ** 2 * max(map(abs, image)) ** 2
        assert inner <= frame.contraction(Norm.L2) ** 2 * outer


def test_placing_points_by_a_frame_loses_less_than_the_stated_error() -> None:
    embedded = Embedded.rotated(manifold_named("sphere:k=2,radius=1/3"), 6, 0)
    places = Places.of(embedded.manifold.draw(5, np.random.default_rng(0)), embedded.manifold.axes)
    inner, outer = embedded.manifold.coordinates(places), embedded.at(places).coordinates
    for i in range(5):
        for j in range(6):
            true = Fraction(1, 2) + sum(
                Fraction(float(q)) * x for q, x in zip(embedded.frame.matrix[j], rationals(inner[i]), strict=True)
            )
            assert abs(rationals(outer[i])[j] - true) <= COORDINATE_ERROR / 2


def test_facts_say_to_which_manifolds_the_printed_lower_bound_speaks() -> None:
    applies = {text.split(":")[0]: manifold_named(text).facts.lower_bound_applies for text in MANIFOLDS}
    assert applies == {"torus": True, "sphere": True, "patch": False, "swiss-roll": False, "revolution": False}


@pytest.mark.parametrize(
    ("text", "volume", "reach"),
    [
        ("torus:k=2,radius=1/2", np.pi**2, 0.5),
        ("sphere:k=2,radius=1/2", np.pi, 0.5),
        ("patch:k=3,side=1/2", 1 / 8, np.inf),
        ("revolution:large=3/10,small=1/10", 4 * np.pi**2 * 0.03, 0.1),
    ],
)
def test_volume_and_reach_are_those_of_geometry(text: str, volume: float, reach: float) -> None:
    facts = manifold_named(text).facts
    assert facts.volume == pytest.approx(volume, rel=1e-12)
    assert facts.reach == reach


def test_random_points_of_a_sphere_and_of_a_torus_of_revolution_are_uniform_by_volume() -> None:
    rng = np.random.default_rng(0)
    sphere = Embedded.plain(manifold_named("sphere:k=2,radius=1/2")).draw(4000, rng).rounded(40) - 0.5
    assert np.abs(np.mean(sphere[:, 0] < -0.25) - 0.25) < 0.03  # Archimedes: height is uniform
    ring = Embedded.plain(manifold_named("revolution:large=3/10,small=1/10")).draw(4000, rng).rounded(40) - 0.5
    assert np.abs(np.mean(np.hypot(ring[:, 0], ring[:, 1]) > 0.3) - (0.5 + 1 / (3 * np.pi))) < 0.03


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("klein:k=2", "There is no manifold 'klein'. Use one of: torus, sphere, patch"),
        ("torus:k=2", "A torus takes k, radius, as in torus:k=2,radius=1/2"),
        ("torus:k=2,radius=1/2,hole=1", "A torus takes k, radius"),
        ("torus:k=3/2,radius=1/2", "k must be a whole number, got 3/2"),
        ("torus:k=2,radius=two", "radius must be a number"),
        ("torus:k=0,radius=1/2", "needs k >= 1 circles"),
        ("sphere:k=2,radius=0", "radius in (0, 1]"),
        ("patch:k=0,side=1", "dimension k >= 1"),
        ("swiss-roll:pitch=1", "more than 1; take a pitch of at most 0.0707"),
        ("swiss-roll:pitch=1/30,inner=2,outer=1", "inner < outer"),
        ("revolution:large=1/10,small=2/10", "0 < small < large"),
    ],
)
def test_a_manifold_that_is_none_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        manifold_named(text)
    assert words in str(caught.value)


def test_a_manifold_larger_than_the_cube_is_refused_with_the_factor_that_fits() -> None:
    with pytest.raises(InvalidInput, match=r"more than 1/2; make it smaller by the factor 0\.8333"):
        Embedded.plain(manifold_named("torus:k=2,radius=3/5"))


def test_too_few_dimensions_are_refused() -> None:
    with pytest.raises(InvalidInput, match="A sphere needs 3 dimensions, got 2"):
        Embedded.rotated(manifold_named("sphere:k=2,radius=1/4"), 2, 0)


def test_a_frame_that_is_no_isometry_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not orthonormal"):
        Frame(np.array([[1.0], [1.0]]))
    with pytest.raises(InvalidInput, match="multiples of 2"):
        Frame(np.array([[1 / 3], [0.9]]))


def test_the_nodes_of_a_cover_are_counted_before_they_are_made() -> None:
    torus = Embedded.plain(manifold_named("torus:k=3,radius=1/2"))
    with pytest.raises(InvalidInput, match=r"needs 3,877,292,411 nodes \(1571 x 1571 x 1571\), more than"):
        torus.cover(Fraction(1, 1000), Norm.LINF)
    with pytest.raises(InvalidInput, match="l2 or linf"):
        torus.cover(Fraction(1, 10), Norm.L1)
    with pytest.raises(InvalidInput, match="positive radius"):
        torus.cover(Fraction(0), Norm.LINF)
