"""Images in ten classes that merge into two: digits and MNIST by parity, CIFAR-10 first five against last five."""

import dataclasses as dc
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64

from certify.errors import InvalidInput
from certify.io.datasets import load_points
from constructions.theorem import Labelled

BOX = (0.0, 1.0)
"""The range of a pixel."""

_ODD = np.arange(10) % 2 == 1
_FIRST = np.arange(10) < 5


@dc.dataclass(frozen=True, slots=True, eq=False)
class ImageTask:
    """Images (b, n) with labels 0..9, the classes that count as positive, and the shape of one image."""

    name: str
    train: Labelled
    test: Labelled
    positive: Bool[np.ndarray, " 10"]
    shape: tuple[int, ...]

    def binary(self, data: Labelled) -> Labelled:
        """The same images with the two merged classes as labels."""
        return Labelled(data.points, self.merged(data.labels))

    def merged(self, labels: Int64[np.ndarray, " b"]) -> Int64[np.ndarray, " b"]:
        """1 for the labels of the positive classes, else 0."""
        return self.positive[labels].astype(np.int64)


def image_tasks(data: str | None, *, train: int, test: int) -> list[ImageTask]:
    """What ``data`` holds, cut to the first images: the folder itself or its parts ``mnist`` and ``cifar10``.

    A zip file is CIFAR-10 as JPEG files.

    Raises:
        InvalidInput: the folder holds neither.
    """
    if data is None:
        return [_task("digits", "digits:train", "digits", _ODD, (train, test))]
    found: list[ImageTask] = []
    for name, positive in (("mnist", _ODD), ("cifar10", _FIRST)):
        for place in (Path(data), Path(data) / name):
            if _holds(place, name):
                found.append(_task(name, f"{name}-train:{place}", f"{name}:{place}", positive, (train, test)))
                break
    if not found:
        raise InvalidInput(
            f"{data} holds neither MNIST's IDX files nor CIFAR-10's batches, itself or in folders mnist and cifar10, "
            f"and is no zip of JPEG files. Name another folder, or leave --data out for scikit-learn's digits."
        )
    return found


def _holds(place: Path, name: str) -> bool:
    if place.is_file():
        return name == "cifar10" and place.suffix.lower() == ".zip"
    patterns = {"mnist": ("train-images*",), "cifar10": ("data_batch_*", "cifar-10-batches-*", "cifar10*.npz")}
    return any(True for pattern in patterns[name] for _ in place.glob(pattern))


def _task(name: str, train: str, test: str, positive: Bool[np.ndarray, " 10"], counts: tuple[int, int]) -> ImageTask:
    parts = [load_points(spec, None, index=f"0:{count}") for spec, count in zip((train, test), counts, strict=True)]
    seen, unseen = (Labelled(part.points, part.labels) for part in parts)
    for note in dict.fromkeys(note for part in parts for note in part.notes):
        print(f"{name}: {note}", flush=True)
    return ImageTask(name, seen, unseen, positive, parts[0].shape)
