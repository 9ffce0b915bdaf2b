"""Points and labels by a short name or a file: the one door for data. Nothing here imports torch."""

import dataclasses as dc
import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.io.cifar import read_cifar
from certify.io.idx import read_mnist
from certify.io.rawdata import Layout, Raw
from certify.io.tables import read_arrays, read_csv, read_pair
from certify.network import Network

KNOWN = (
    "digits, digits:train, mnist:DIR, mnist-train:DIR, cifar10:DIR, cifar10-train:DIR, FILE.npz, X.npy,Y.npy, FILE.csv "
    "(and @odd or @1,3,5 after any of them for two classes)"
)


@dc.dataclass(frozen=True, slots=True, eq=False)
class PointSet:
    """Labelled points in the order a network reads them: flat, row-major over ``shape``.

    ``indices`` are positions in the data set as it came, ``digest`` is the SHA-256 of points, labels and indices, and
    ``notes`` say in a sentence each what was rescaled, reordered or assumed.
    """

    points: Float64[np.ndarray, "b n"]
    labels: Int64[np.ndarray, " b"]
    indices: Int64[np.ndarray, " b"]
    name: str
    digest: str
    shape: tuple[int, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.points)


def load_points(spec: str, network: Network | None, *, index: str | None = None) -> PointSet:
    """The data set ``spec`` names, its points in the order ``network`` reads them, cut to ``index``.

    ``spec`` is ``digits`` (scikit-learn's, last 797; ``digits:train`` the first 1000), ``mnist:DIR``, ``cifar10:DIR``,
    ``FILE.npz``, ``X.npy,Y.npy`` or ``FILE.csv``; ``@odd``, ``@even`` or ``@1,3,5`` after it makes two classes, label 1
    for the labels named and 0 for the rest. ``index`` is like ``0:100``, ``0:1000:10`` or ``3,5,9``. Pixels that
    are stored as bytes are divided by 255. Whether labels fit the network is checked elsewhere
    (``certify.query.label_indices``).

    Raises:
        InvalidInput: unknown name, missing or damaged file, points that do not fit the network or are not finite, an
            index that selects nothing.
    """
    place, positive = split(spec)
    raw = _source(place)
    if positive is not None:
        raw = _two_classes(raw, positive)
    if not len(raw.points):
        raise InvalidInput(f"{spec} holds no points.")
    raw = raw.fitted(network.input_shape) if network is not None else raw
    if network is not None and raw.width != network.input_width:
        raise InvalidInput(
            f"Data set {spec} does not fit the model: its points have shape {raw.shape} ({raw.width} numbers), "
            f"the model reads {network.input_shape} ({network.input_width} numbers)."
        )
    chosen, notes = select(index, len(raw.points)) if index is not None else (np.arange(len(raw.points)), ())
    points = raw.points[chosen].reshape(len(chosen), -1).astype(np.float64)
    points = points / 255.0 if raw.bytes else points
    bad = np.argwhere(~np.isfinite(points))
    if bad.size:
        i, j = (int(k) for k in bad[0])
        raise InvalidInput(
            f"{spec}: point {int(chosen[i])} has {points[i, j]} at coordinate {j} "
            f"(and {len(bad) - 1} more such numbers); points must be finite."
        )
    labels = raw.labels[chosen]
    digest = hashlib.sha256(repr(points.shape).encode())
    for part, kind in ((points, "<f8"), (labels, "<i8"), (chosen, "<i8")):
        digest.update(np.ascontiguousarray(part, dtype=kind).tobytes())
    shape = network.input_shape if network is not None else raw.shape
    return PointSet(points, labels, chosen, spec, digest.hexdigest(), shape, (*raw.notes, *notes))


def split(spec: str) -> tuple[str, str | None]:
    """The data set and the two-class split that ``spec`` names: ``mnist:DIR@odd`` is ``mnist:DIR`` and ``odd``."""
    place, mark, positive = spec.rpartition("@")
    folder = place.partition(":")[2] or place
    named = bool(mark) and re.fullmatch(r"odd|even|\d+(,\d+)*", positive) is not None
    return (place, positive) if named and not Path(f"{folder}@{positive}").exists() else (spec, None)


def _two_classes(raw: Raw, positive: str) -> Raw:
    if positive in ("odd", "even"):
        chosen = raw.labels % 2 == (positive == "odd")
    else:
        wanted = [int(text) for text in positive.split(",")]
        if strange := sorted(set(wanted) - set(raw.labels.tolist())):
            raise InvalidInput(f"@{positive}: no point has label {strange[0]}; labels are {np.unique(raw.labels)}.")
        chosen = np.isin(raw.labels, wanted)
    if chosen.all() or not chosen.any():
        raise InvalidInput(f"@{positive} puts all points in one class; two classes are needed.")
    note = f"Two classes: label 1 for labels {positive.replace(',', ', ')}, label 0 for the rest."
    return dc.replace(raw, labels=chosen.astype(np.int64), notes=(*raw.notes, note))


def _source(spec: str) -> Raw:
    kind, colon, place = spec.partition(":")
    match kind:
        case "digits" if place in ("", "train", "test"):
            return _digits(train=place == "train")
        case "mnist" | "mnist-train" if colon and place:
            return read_mnist(place, train=kind != "mnist")
        case "cifar10" | "cifar10-train" if colon and place:
            return read_cifar(place, train=kind != "cifar10")
        case _:
            pass
    name = spec.lower().removesuffix(".gz")
    if name.endswith(".npz"):
        return read_arrays(spec)
    if name.endswith(".csv"):
        return read_csv(spec)
    if "," in spec:
        first, _, second = spec.partition(",")
        return read_pair(first, second)
    raise InvalidInput(f"Unknown data set {spec!r}. Use one of: {KNOWN}.")


def _digits(*, train: bool) -> Raw:
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    part = slice(None, 1000) if train else slice(1000, None)
    return Raw(found.images[part] / 16.0, found.target[part].astype(np.int64), Layout.PLANE)


def select(index: str, count: int) -> tuple[Int64[np.ndarray, " k"], tuple[str, ...]]:
    """The positions that ``index`` names among ``count``, in its order, and a note when it reaches past the end.

    Raises:
        InvalidInput: not of the form ``0:100``, ``0:1000:10`` or ``3,5,9``, out of range, repeated, or empty.
    """
    chosen: list[int] = []
    notes: list[str] = []
    for part in index.split(","):
        try:
            numbers = [int(text) if text.strip() else None for text in part.split(":")]
        except ValueError:
            numbers = []
        if not 1 <= len(numbers) <= 3 or any(n is not None and n < 0 for n in numbers) or numbers in ([None], []):
            raise InvalidInput(
                f"Cannot read index {index!r} at {part!r}. Use 0:100, 0:1000:10 or 3,5,9 (0 is the first)."
            )
        if len(numbers) == 1:
            position = numbers[0] or 0
            if position >= count:
                raise InvalidInput(
                    f"Index {position} is out of range: the data set has {count} points (0..{count - 1})."
                )
            chosen.append(position)
            continue
        if len(numbers) == 3 and numbers[2] == 0:
            raise InvalidInput(f"Index {index!r} has step 0.")
        chosen += range(count)[slice(*numbers)]
        if (numbers[1] or 0) > count:
            notes.append(f"Index {part} reaches past the end: the data set has {count} points.")
    if not chosen:
        raise InvalidInput(f"Index {index!r} selects nothing: the data set has {count} points (0..{count - 1}).")
    if len(set(chosen)) < len(chosen):
        twice = next(i for i in chosen if chosen.count(i) > 1)
        raise InvalidInput(f"Index {index!r} names point {twice} more than once.")
    return np.array(chosen, dtype=np.int64), tuple(notes)
