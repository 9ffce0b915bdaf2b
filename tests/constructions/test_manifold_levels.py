"""Level functions are 1-Lipschitz, their classes and samples are separated, and nets cover what they stand for."""

from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.manifold import fixed as fp
from constructions.manifold.embedded import Embedded, Points
from constructions.manifold.levels import LEVEL_ERROR, Level, Linear, TorusPolynomial, Waves
from constructions.manifold.naming import embedded_named, level_named
from constructions.manifold.separated import SeparatedClasses

CASES = (
    ("torus:k=2,radius=1/2", 0, "linear:0,1/2,0,1/2"),
    ("torus:k=2,radius=1/2", 0, "angles:3:1"),
    ("torus:k=2,radius=1/4", 8, "angles:3:1"),
    ("torus:k=1,radius=1/3", 5, "linear:1,0"),
    ("sphere:k=2,radius=1/2", 0, "linear:1,1,1"),
    ("sphere:k=2,radius=1/4", 6, "waves:4:2"),
    ("swiss-roll:pitch=1/30", 0, "linear:1,0,1"),
    ("revolution:large=3/10,small=1/10", 0, "waves:3:0"),
    ("patch:k=2,side=1/2", 10, "linear:1,-1"),
)


def make(text: str, width: int, level: str, norm: Norm) -> tuple[Embedded, Level]:
    embedded = embedded_named(text, width, 0)
    return embedded, level_named(level, embedded, norm)


def floats(points: Points) -> np.ndarray:
    return points.coordinates.astype(np.float64) / fp.ONE


@pytest.mark.parametrize(("text", "width", "level"), CASES)
@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_a_level_function_changes_no_faster_than_the_distance(text: str, width: int, level: str, norm: Norm) -> None:
    embedded, g = make(text, width, level, norm)
    rng = np.random.default_rng(0)
    parameters = embedded.manifold.draw(300, rng)
    near = np.clip(
        parameters + rng.normal(size=parameters.shape) * 10.0 ** rng.uniform(-6, -1, (300, 1)),
        [float(axis.lower) for axis in embedded.manifold.axes],
        [float(axis.upper) for axis in embedded.manifold.axes],
    )
    places = type(embedded.draw(1, rng).places).of
    sets = [embedded.at(places(where, embedded.manifold.axes)) for where in (parameters, near)]
    values = [g.values(points).astype(np.float64) / fp.ONE for points in sets]
    x, y = (floats(points) for points in sets)
    for a, b, u, v in ((x, y, *values), (x, x[::-1], values[0], values[0][::-1])):
        gaps = np.abs(a - b)
        distance = gaps.max(axis=1) if norm is Norm.LINF else np.sqrt((gaps * gaps).sum(axis=1))
        assert (np.abs(u - v) <= distance * (1 + 1e-12) + 1e-15).all()


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_a_level_function_is_not_much_flatter_than_allowed(norm: Norm) -> None:
    embedded, g = make("torus:k=2,radius=1/2", 0, "linear:0,1/2,0,1/2", norm)
    points = embedded.draw(2000, np.random.default_rng(0))
    top, largest = np.abs(g.values(points).astype(np.float64) / fp.ONE).max(), {Norm.LINF: 0.5, Norm.L2: 0.5**0.5}[norm]
    assert 0.97 * largest < top <= largest


def test_levels_are_within_the_stated_error_of_their_formulas() -> None:
    embedded, waves = make("sphere:k=2,radius=1/4", 6, "waves:4:2", Norm.LINF)
    assert isinstance(waves, Waves)
    points = embedded.draw(5, np.random.default_rng(0))
    with mpmath.workprec(300):
        for row, value in zip(points.coordinates, waves.values(points), strict=True):
            x = [mpmath.mpf(int(c)) / fp.ONE for c in row]
            true = mpmath.mpf(0)
            for j, (amplitude, phase) in enumerate(zip(waves.amplitudes, waves.phases, strict=True)):
                turns = sum(mpmath.mpf(w) * c for w, c in zip(waves.frequencies[j], x, strict=True)) + mpmath.mpf(phase)
                true += mpmath.mpf(amplitude) * mpmath.cos(2 * mpmath.pi * turns)
            true *= mpmath.mpf(waves.scale.numerator) / waves.scale.denominator
            bound = mpmath.mpf(LEVEL_ERROR.numerator) / LEVEL_ERROR.denominator
            assert abs(mpmath.mpf(int(value)) / fp.ONE - true) <= bound


@pytest.mark.parametrize(("text", "width", "level"), CASES)
def test_samples_of_the_two_classes_are_as_far_apart_as_promised(text: str, width: int, level: str) -> None:
    embedded, g = make(text, width, level, Norm.LINF)
    epsilon = Fraction(1, 50)
    sample = SeparatedClasses(embedded, g, epsilon).sample(300, seed=1)
    points, labels = sample.data.points, sample.data.labels
    assert points.shape == (300, embedded.width)
    assert (points >= 0).all()
    assert (points <= 1).all()
    first, second = points[labels == 1], points[labels == 0]
    if len(first) and len(second):
        nearest = np.abs(first[:, None] - second[None]).max(axis=2).min()
        assert Fraction(float(nearest)) + Fraction(1, 2**50) >= 2 * epsilon - 2 * sample.slack
    assert sample.slack < Fraction(1, 2**52)


@pytest.mark.parametrize(("text", "width", "level"), CASES[:6])
@pytest.mark.parametrize("label", [0, 1])
def test_a_net_covers_its_part_and_stays_away_from_the_other_class(
    text: str, width: int, level: str, label: int
) -> None:
    embedded, g = make(text, width, level, Norm.LINF)
    epsilon, radius = Fraction(1, 50), Fraction(1, 30)
    classes = SeparatedClasses(embedded, g, epsilon)
    net = classes.net(label, epsilon, radius, 24)
    assert (np.ldexp(net.points, 24) == np.rint(np.ldexp(net.points, 24))).all()
    sample = classes.sample(400, seed=2)
    own, other = (sample.data.points[sample.data.labels == mark] for mark in (label, 1 - label))
    gaps = np.abs(own[:, None] - net.points[None]).max(axis=2).min(axis=1)
    assert Fraction(float(gaps.max())) <= radius + sample.slack + Fraction(1, 2**50)
    away = np.abs(other[:, None] - net.points[None]).max(axis=2).min()
    assert Fraction(float(away)) >= 2 * epsilon - radius - sample.slack - Fraction(1, 2**50)


def test_samples_are_a_function_of_the_seed() -> None:
    embedded, g = make(*CASES[0], Norm.LINF)
    classes = SeparatedClasses(embedded, g, Fraction(1, 10))
    first, again, other = (classes.sample(50, seed=seed).data for seed in (0, 0, 1))
    assert np.array_equal(first.points, again.points)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.points, other.points)


def test_a_saved_sample_has_the_points_and_labels_that_were_drawn(tmp_path: Path) -> None:
    embedded, g = make(*CASES[0], Norm.LINF)
    sample = SeparatedClasses(embedded, g, Fraction(1, 10)).sample(20, seed=0)
    sample.save(tmp_path / "torus.npz")
    with np.load(tmp_path / "torus.npz") as saved:
        assert np.array_equal(saved["x"], sample.data.points)
        assert np.array_equal(saved["y"], sample.data.labels)


def test_classes_that_chance_does_not_meet_are_refused_with_the_largest_level() -> None:
    embedded, g = make(*CASES[0], Norm.LINF)
    with pytest.raises(InvalidInput, match=r"Only 0 of \d+ random points .* >= 0\.6; the largest \|g\| met is 0\.4"):
        SeparatedClasses(embedded, g, Fraction(3, 5)).sample(10, seed=0)
    with pytest.raises(InvalidInput, match=r"lies in the class g >= 0\.6: the level reaches 0\.5 there"):
        SeparatedClasses(embedded, g, Fraction(3, 5)).net(1, Fraction(3, 5), Fraction(1, 20), 24)


def test_a_net_finer_than_its_grid_is_refused() -> None:
    embedded, g = make(*CASES[0], Norm.LINF)
    with pytest.raises(InvalidInput, match="finer than its points' grid"):
        SeparatedClasses(embedded, g, Fraction(1, 10)).net(1, Fraction(1, 10), Fraction(1, 2**20), 20)


def test_a_separation_that_is_not_positive_is_refused() -> None:
    embedded, g = make(*CASES[0], Norm.LINF)
    with pytest.raises(InvalidInput, match="epsilon > 0, got 0"):
        SeparatedClasses(embedded, g, Fraction(0))


def test_level_functions_that_are_too_steep_or_off_the_grid_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"must be 1-Lipschitz in linf, this one is 1\.5-Lipschitz"):
        Linear(np.array([1.0, 0.5]), Norm.LINF)
    assert Linear(np.array([0.75, 0.5]), Norm.L2).norm is Norm.L2
    with pytest.raises(InvalidInput, match="multiples of 2"):
        Linear(np.array([1 / 3]), Norm.LINF)
    torus = embedded_named("torus:k=2,radius=1/2", 0, 0)
    with pytest.raises(InvalidInput, match="whole orders"):
        TorusPolynomial(torus, np.array([[0.5, 1.0]]), np.ones(1), np.zeros(1), Norm.LINF)
    with pytest.raises(InvalidInput, match="not all zero"):
        Waves(np.zeros((1, 4)), np.ones(1), np.zeros(1), Norm.LINF)


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("linear:1,1", "takes 3 weights, not all zero; got"),
        ("linear:0,0,0", "not all zero"),
        ("linear:a,0,0", "must be a number"),
        ("angles:2:0", "needs a flat torus of as many circles, got a sphere"),
        ("waves:0:1", "a count of at least 1"),
        ("bumps", "There is no level function 'bumps'"),
    ],
)
def test_a_level_function_that_does_not_fit_is_refused(level: str, words: str) -> None:
    embedded = embedded_named("sphere:k=2,radius=1/2", 0, 0)
    with pytest.raises(InvalidInput) as caught:
        level_named(level, embedded, Norm.LINF)
    assert words in str(caught.value)
