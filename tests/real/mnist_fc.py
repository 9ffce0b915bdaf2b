"""The 90 published robustness instances of mnist_fc (VNN-COMP 2022) and our brackets around their images."""

import csv
import dataclasses as dc
import functools
import time
from pathlib import Path

import numpy as np

from certify.io.idx import read_mnist
from certify.io.models import load
from certify.outcome import CertifiedRadius
from certify.radius import Certifier, Settings
from certify.region import Box, Norm
from tests.real.vnnlib_lite import read

NETS = ("256x2", "256x4", "256x6")


@dc.dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A box around a test image, and what the competition found out: ``sat`` (broken), ``unsat``, or ``unsolved``.

    The box is a linf ball cut by [0, 1], up to float32 rounding: it holds the cut ball of radius ``inner`` around the
    image and lies in that of radius ``outer``.
    """

    name: str
    net: str
    image: int
    label: int
    verdict: str
    nominal: float
    inner: float
    outer: float


@dc.dataclass(frozen=True, slots=True)
class Timed:
    """Answers by image number, and the seconds that they took together."""

    answers: dict[int, CertifiedRadius]
    seconds: float


@functools.cache
def images(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """MNIST's test images (10000, 784) as bytes, and their labels."""
    raw = read_mnist(str(folder / "mnist"), train=False)
    return raw.points.reshape(len(raw.points), -1), raw.labels


@functools.cache
def instances(folder: Path) -> tuple[Instance, ...]:
    """All of them, in the order of the table of verdicts.

    Raises:
        ValueError: a box that does not lie around an image of the MNIST test set.
    """
    with (folder / "vnncomp2022" / "verdicts.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["benchmark"] == "mnist_fc"]
    return tuple(_instance(folder, row) for row in rows)


def _instance(folder: Path, row: dict[str, str]) -> Instance:
    path = folder / "vnncomp2022" / "benchmarks" / "mnist_fc" / (row["vnnlib"] + ".gz")
    query, nominal = read(path), float(row["vnnlib"].removesuffix(".vnnlib").split("_")[-1])
    middle = np.where(query.upper < 1, query.upper - nominal, query.lower + nominal) * 255
    pixels, labels = images(folder)
    (found,) = np.flatnonzero((pixels == np.rint(middle)).all(axis=1))
    centre = pixels[found] / 255
    above, below = query.upper - centre, centre - query.lower
    cut_above, cut_below = query.upper == 1, query.lower == 0
    if query.label() != labels[found] or (cut_above & cut_below).any():
        raise ValueError(f"{path} has label {query.label()}, its image {labels[found]}")
    return Instance(
        name=Path(row["vnnlib"]).stem,
        net=Path(row["onnx"]).stem.removeprefix("mnist-net_"),
        image=int(found),
        label=query.label(),
        verdict=row["resolved"],
        nominal=nominal,
        inner=float(min(above[~cut_above].min(), below[~cut_below].min())),
        outer=float(max(above.max(), below.max())),
    )


@functools.cache
def brackets(folder: Path, net: str, method: str) -> Timed:
    """Our linf brackets, within valid images, of every image that the net's instances are about: one batch."""
    wanted = sorted({instance.image for instance in instances(folder) if instance.net == net})
    pixels, labels = images(folder)
    model = load(folder / "vnncomp2022" / "benchmarks" / "mnist_fc" / "onnx" / f"mnist-net_{net}.onnx.gz")
    settings = Settings(norm=Norm.LINF, method=method, domain=Box.uniform(0.0, 1.0, 784))
    begun = time.monotonic()
    engine = Certifier(model.network, settings, replay=model.replay)
    found = dict(engine.certify(pixels[wanted] / 255, labels[wanted], time.monotonic))
    return Timed({image: found[i] for i, image in enumerate(wanted)}, time.monotonic() - begun)
