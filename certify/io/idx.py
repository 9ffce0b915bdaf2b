"""MNIST's IDX files, gzipped or not."""

from pathlib import Path

import numpy as np

from certify.errors import InvalidInput
from certify.io import files
from certify.io.rawdata import Layout, Raw


def read_mnist(folder: str, *, train: bool) -> Raw:
    """The images and labels in ``folder``: the 10,000 of the test set, or the training set.

    Raises:
        InvalidInput: missing, truncated or mismatched files.
    """
    stem = "train" if train else "t10k"
    images = read_idx(_file(folder, stem, "images", 3), axes=3)
    labels = read_idx(_file(folder, stem, "labels", 1), axes=1)
    if len(images) != len(labels):
        raise InvalidInput(f"{folder}: {len(images)} images but {len(labels)} labels. Are the files from one data set?")
    return Raw(images[:, None], labels.astype(np.int64), Layout.CHW, bytes=True)


def _file(folder: str, stem: str, what: str, axes: int) -> Path:
    if not Path(folder).is_dir():
        raise InvalidInput(f"There is no folder {folder}. Give the folder that holds the IDX files: mnist:DIR.")
    names = [f"{stem}-{what}-idx{axes}-ubyte", f"{stem}-{what}.idx{axes}-ubyte"]
    for name in names:
        for path in (Path(folder, name), Path(folder, name + ".gz")):
            if path.is_file():
                return path
    raise InvalidInput(f"{folder} has no {names[0]} (nor {names[0]}.gz). Give the folder with MNIST's IDX files.")


def read_idx(path: Path, *, axes: int) -> np.ndarray:
    """The array of unsigned bytes in an IDX file with that many ``axes``.

    Raises:
        InvalidInput: another kind of file, or one that is too short or too long.
    """
    data = files.read(path).data
    if len(data) < 4 + 4 * axes or data[:4] != bytes([0, 0, 8, axes]):
        raise InvalidInput(f"{path} is not an IDX file of bytes with {axes} axes (it starts with {data[:4]!r}).")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", axes, 4))
    size = int(np.prod(shape, dtype=object))
    if len(data) != 4 + 4 * axes + size:
        raise InvalidInput(
            f"{path} promises {' x '.join(map(str, shape))} = {size} bytes and has "
            f"{len(data) - 4 - 4 * axes}. Is it truncated?"
        )
    return np.frombuffer(data, np.uint8, size, 4 + 4 * axes).reshape(shape)
