"""Real images: against integer arithmetic on the bytes, and against the published table."""

from pathlib import Path

import numpy as np
import pytest

from certify.io.idx import read_mnist
from certify.region import Norm
from constructions.separation import between, measure

COUNT = 1200


def images(folder: Path, *, train: bool) -> tuple[np.ndarray, np.ndarray]:
    raw = read_mnist(str(folder / "mnist"), train=train)
    return raw.points.reshape(len(raw.points), -1), raw.labels


@pytest.mark.parametrize("norm", list(Norm))
def test_distances_of_real_images_are_those_of_their_bytes(data_dir: Path, norm: Norm) -> None:
    pixels, labels = images(data_dir, train=False)
    pixels, labels = pixels[:COUNT].astype(np.int16), labels[:COUNT]
    table = np.full((COUNT, COUNT), np.iinfo(np.int64).max)
    for i in range(COUNT - 1):
        gaps = np.abs(pixels[i + 1 :] - pixels[i]).astype(np.int32)
        table[i, i + 1 :] = {Norm.L1: gaps.sum(1), Norm.L2: (gaps**2).sum(1), Norm.LINF: gaps.max(1)}[norm]
    alike = labels[:, None] == labels[None]
    unit = 255 ** (2 if norm is Norm.L2 else 1)
    answer = measure(pixels / 255, labels, norm)
    assert answer.same is not None
    for pair, counts in ((answer.cross, ~alike), (answer.same, alike)):
        assert round(pair.exact * unit) == table[counts].min() == table[pair.first, pair.second]


@pytest.mark.nightly
def test_the_published_separations_of_mnist_come_out(data_dir: Path) -> None:
    """Yang, Rashtchian, Zhang, Salakhutdinov, Chaudhuri: A closer look at accuracy vs. robustness, 2020, Table 1."""
    pixels, labels = images(data_dir, train=True)
    train = (pixels / 255, labels)
    others, names = images(data_dir, train=False)
    assert round(measure(*train, Norm.LINF, same_class=False).cross.upper, 3) == 0.737
    assert round(between(train, (others / 255, names), Norm.LINF).cross.upper, 3) == 0.812
