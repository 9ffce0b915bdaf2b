"""Points and labels in npz, npy and csv files. No pickles."""

import io
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from certify.errors import InvalidInput
from certify.io import files
from certify.io.rawdata import Layout, Raw

_NAMES = (("x", "y"), ("X", "Y"), ("points", "labels"), ("images", "labels"), ("X", "y"))


def read_arrays(path: str) -> Raw:
    """Points and labels of an npz file: arrays ``x, y``, ``X, Y``, ``points, labels`` or ``images, labels``.

    Raises:
        InvalidInput: missing, damaged, pickled or misnamed arrays.
    """
    arrays = _load(path)
    if not isinstance(arrays, dict):
        raise InvalidInput(f"{path} holds a single array, no npz archive. Give points and labels as X.npy,Y.npy.")
    for first, second in _NAMES:
        if first in arrays and second in arrays:
            return _raw(arrays[first], arrays[second], path)
    raise InvalidInput(f"{path} has arrays {', '.join(arrays) or 'none'}; x and y (or points and labels) are needed.")


def read_pair(points: str, labels: str) -> Raw:
    """Points and labels of two npy files; see ``read_arrays`` for errors."""
    pair = [_load(path) for path in (points, labels)]
    if not isinstance(pair[0], np.ndarray) or not isinstance(pair[1], np.ndarray):
        raise InvalidInput(f"{points},{labels}: two npy files with one array each are needed.")
    return _raw(pair[0], pair[1], f"{points},{labels}")


def _load(path: str) -> np.ndarray | dict[str, np.ndarray]:
    data = files.read(path).data
    try:
        found = np.load(io.BytesIO(data), allow_pickle=False)
        return found if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError, MemoryError) as error:
        hostile = "Object arrays" in str(error) or "pickle" in str(error)
        advice = "Pickled objects are never loaded; save plain number arrays." if hostile else "Is it truncated?"
        raise InvalidInput(f"{path} is no readable numpy file: {error}. {advice}") from error


def _raw(points: np.ndarray, labels: np.ndarray, name: str) -> Raw:
    if points.dtype.kind not in "uifb" or points.ndim < 2:
        raise InvalidInput(
            f"{name}: points of type {points.dtype} and shape {points.shape}; numbers, one point a row, needed."
        )
    notes: tuple[str, ...] = ()
    scale = points.dtype == np.uint8
    if scale:
        notes = ("Pixels are bytes and were divided by 255.",)
    elif points.dtype.kind in "ui":
        notes = (f"Points are integers ({points.dtype}) and were not rescaled.",)
    layout = Layout.FLAT
    if points.ndim == 4:
        layout = Layout.HWC if points.shape[3] in (1, 3) and points.shape[1] not in (1, 3) else Layout.CHW
    elif points.ndim == 3:
        layout = Layout.PLANE
    return Raw(points, _labels(labels, len(points), name), layout, bool(scale), notes)


def _labels(labels: np.ndarray, count: int, name: str) -> Int64[np.ndarray, " b"]:
    if labels.shape == (count, 1):
        labels = labels[:, 0]
    if labels.shape != (count,) or labels.dtype.kind not in "uifb":
        raise InvalidInput(
            f"{name}: {count} points but labels of shape {labels.shape}, type {labels.dtype}; one number each."
        )
    if labels.dtype.kind == "f" and not (np.isfinite(labels).all() and (labels == np.rint(labels)).all()):
        i = int(np.flatnonzero(~(labels == np.rint(labels)) | ~np.isfinite(labels))[0])
        raise InvalidInput(f"{name}: label {labels[i]} of point {i} is not a whole number.")
    return labels.astype(np.int64)


def read_csv(path: str) -> Raw:
    """Points and labels of a csv file: a label, then the numbers of one point, a line each.

    Whole numbers from 0 to 255 with one above 1 are taken for pixels and divided by 255; 3072 of them for a (height,
    width, channels) image, the order of the csv files that verification tools share.

    Raises:
        InvalidInput: missing, empty, ragged, or not numbers.
    """
    try:
        lines = [line for line in files.read(path).data.decode().splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not a text file: {error}.") from error
    notes: list[str] = []
    if lines and not _is_number(lines[0].split(",")[0]):
        notes.append("The first line is no row of numbers and was taken for a heading.")
        lines = lines[1:]
    if not lines:
        raise InvalidInput(f"{path} has no rows.")
    try:
        table = np.loadtxt(lines, delimiter=",", ndmin=2)
    except ValueError as error:
        raise InvalidInput(f"{path} is not a table of numbers, a label first: {error}") from error
    if table.shape[1] < 2:
        raise InvalidInput(f"{path} has {table.shape[1]} column(s); a label and at least one number are needed.")
    points, labels = table[:, 1:], _labels(table[:, 0], len(table), Path(path).name)
    pixels = bool(((points >= 0) & (points <= 255) & (points == np.rint(points))).all() and (points > 1).any())
    if pixels:
        notes.append("Values are whole numbers up to 255: taken for pixels and divided by 255.")
    if pixels and points.shape[1] == 3072:
        return Raw(points.reshape(-1, 32, 32, 3), labels, Layout.HWC, pixels, tuple(notes))
    return Raw(points, labels, Layout.FLAT, pixels, tuple(notes))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
