"""What all memorizers in l2 have in common: units of the data, files, real images."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from certify.io.datasets import load_points
from constructions.files import load, save
from constructions.memorizer.paraboloid import paraboloid
from constructions.memorizer.sample_squares import squares_per_sample
from constructions.memorizer.voronoi import voronoi
from constructions.memorizer.voronoi_scan import voronoi_scan
from constructions.theorem import Construction
from tests.constructions.euclidean_sets import Task, generic, unproved

FAMILIES = [voronoi, voronoi_scan, paraboloid, squares_per_sample]
Make = Callable[..., Construction]


@pytest.mark.parametrize("make", FAMILIES)
@pytest.mark.parametrize("exponent", [-300, -40, 40, 300])
def test_the_unit_of_the_data_does_not_matter(make: Make, exponent: int) -> None:
    task, unit = generic((4, 5), 3), Fraction(2) ** exponent
    plain = make(task.points, task.labels, delta=task.delta)
    scaled = make(np.ldexp(task.points, exponent), task.labels, delta=task.delta * unit)
    assert not unproved(scaled)
    assert scaled.network.count() == plain.network.count()


@pytest.mark.parametrize("make", FAMILIES)
def test_points_far_from_the_origin_are_memorised_too(make: Make) -> None:
    task = generic((4, 5), 3)
    assert not unproved(make(task.points + 100, task.labels, delta=task.delta))


@pytest.mark.parametrize("make", FAMILIES)
@pytest.mark.parametrize("suffix", ["onnx", "safetensors"])
def test_every_claim_is_proved_again_from_a_file(make: Make, suffix: str, tmp_path: Path) -> None:
    task = generic((6, 5), 3)
    made = make(task.points, task.labels, delta=task.delta)
    save(made, tmp_path / f"net.{suffix}")
    assert not unproved(load(tmp_path / f"net.{suffix}"))


@pytest.mark.parametrize("make", [voronoi, paraboloid])
@pytest.mark.parametrize("classes", [2, 10])
def test_handwritten_digits_are_memorised_and_proved(make: Make, classes: int, data_dir: Path) -> None:
    digits = load_points(f"mnist:{data_dir / 'mnist'}", None, index="0:1500")
    task = Task(digits.points.reshape(len(digits.points), -1), np.asarray(digits.labels) % classes, Fraction(1))
    made = make(task.points, task.labels, delta=task.delta)
    assert not unproved(made)
    scores = made.network.evaluate(task.points)
    decided = scores[:, 0] > 0 if classes == 2 else scores.argmax(axis=1)
    np.testing.assert_array_equal(decided, task.labels)
