"""Robust memorizers of handwritten digits: proved on the images themselves, at radii close to the limit."""

import gzip
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from certify.region import Norm
from constructions import memorizer
from constructions.separation import measure
from constructions.theorem import Labelled, Proved

COUNT = 1000


@pytest.fixture(scope="module")
def images(data_dir: Path) -> Labelled:
    """The first training images of MNIST, odd against even, with pixels in [0, 1]."""
    pixels, labels = (
        np.frombuffer(gzip.decompress((data_dir / "mnist" / f"train-{name}-ubyte.gz").read_bytes()), np.uint8, offset=k)
        for name, k in (("images-idx3", 16), ("labels-idx1", 8))
    )
    return Labelled.of(pixels.reshape(-1, 784)[:COUNT] / 255, labels[:COUNT].astype(np.int64) % 2)


@pytest.mark.parametrize(
    ("build", "norm"),
    [
        (memorizer.hinge_bumps, Norm.LINF),
        (memorizer.hinge_bumps_scan, Norm.LINF),
        (memorizer.trapezoids, Norm.LINF),
        (memorizer.distance_bumps, Norm.L1),
    ],
)
def test_images_are_memorised_at_99_hundredths_of_epsilon(images: Labelled, build: object, norm: Norm) -> None:
    epsilon = measure(images.points, images.labels, norm, same_class=False).exact_epsilon
    made = build(images.points, images.labels, delta=epsilon * Fraction(99, 100))  # type: ignore[operator]
    assert all(isinstance(claim.check(), Proved) for claim in made.claims)
    scores = made.network.evaluate(images.points[:200])[:, 0]
    assert ((2 * images.labels[:200] - 1) * scores >= 1).all()


def test_the_separation_of_the_images_is_a_whole_number_of_grey_levels(images: Labelled) -> None:
    epsilon = measure(images.points, images.labels, Norm.LINF, same_class=False).epsilon
    assert 2 * 255 * epsilon == pytest.approx(round(2 * 255 * epsilon), abs=1e-6)
    assert epsilon >= 0.737 / 2  # the smallest distance between any two digits, Yang et al. 2020, Table 1


def test_digits_are_memorised_with_ten_scores_by_exact_intervals() -> None:
    digits = load_digits()
    made = memorizer.hinge_bumps(digits.data / 16, digits.target, delta="1/5")
    margin = next(claim.check() for claim in made.claims if claim.name == "margin")
    assert margin == Proved("exact bounds on every linf ball", "margin at least 1 on 1,797 balls")
