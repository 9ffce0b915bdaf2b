"""Broken, foreign and hostile data: what the command line says, and the exit code."""

import gzip
import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.hostile.conftest import Place
from tests.hostile.test_models import Evil

OUT = ("--out", "run")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["npz", "npy", "csv"])
def test_a_point_that_is_not_finite_is_named(place: Place, kind: str, value: float) -> None:
    points = np.full((3, 4), 0.5)
    points[1, 2] = value
    labels = np.zeros(3, int)
    match kind:
        case "npz":
            spec = place.data("bad.npz", x=points, y=labels)
        case "npy":
            np.save(place.folder / "x.npy", points)
            np.save(place.folder / "y.npy", labels)
            spec = "x.npy,y.npy"
        case _:
            spec = "bad.csv"
            rows = [",".join(map(str, [label, *row])) for label, row in zip(labels, points, strict=True)]
            (place.folder / spec).write_text("\n".join(rows) + "\n")
    ended = place.certify("net.safetensors", "--data", spec, *OUT)
    assert ended.refused(2, spec, "point 1", f"{value} at coordinate 2", "must be finite")
    assert place.nothing_was_made


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": np.zeros((3, 5)), "y": np.zeros(3, int)},
            "its points have shape (5,) (5 numbers), the model reads (4,)",
        ),
        ({"x": np.zeros(4), "y": np.zeros(1, int)}, "shape (4,); numbers, one point a row, needed"),
        ({"x": np.zeros((3, 4)), "y": np.zeros(2, int)}, "labels"),
        ({"x": np.zeros((0, 4)), "y": np.zeros(0, int)}, "no points"),
        ({"x": np.zeros((3, 4)), "y": np.array([0, 1, 3])}, "Label 3 of input 2"),
        ({"x": np.zeros((3, 4)), "y": np.array([0, -1, 1])}, "Label -1 of input 1"),
        ({"x": np.zeros((3, 4)), "y": np.array([0, 2**40, 1])}, f"Label {2**40} of input 1"),
        ({"x": np.zeros((3, 4)), "y": np.array([0, 0.5, 1])}, "0.5"),
        ({"x": np.zeros((3, 4)), "y": np.array([0, np.nan, 1])}, "nan"),
        ({"x": np.full((3, 4), "a"), "y": np.zeros(3, int)}, "points of type <U1"),
        ({"x": np.zeros((3, 4), complex), "y": np.zeros(3, int)}, "complex"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(place: Place, arrays: dict[str, np.ndarray], message: str) -> None:
    spec = place.data("bad.npz", **arrays)
    assert place.certify("net.safetensors", "--data", spec, *OUT).refused(2, message)
    assert place.nothing_was_made


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("digits", "Data set digits does not fit the model: its points have shape (8, 8)"),
        ("mnist:.", ". has no t10k-images-idx3-ubyte"),
        ("mnist:gone", "There is no folder gone"),
        ("cifar10:.", "data.npz holds points of shape (4,), CIFAR-10's images have 3 x 32 x 32"),
        ("cifar10-train:.", ". has no data_batch_1"),
        ("gone.npz", "There is no file gone.npz"),
        ("x.npy,gone.npy", "There is no file x.npy"),
        ("cats", "Unknown data set 'cats'"),
        ("net.onnx", "Unknown data set 'net.onnx'"),
        (".", "Unknown data set '.'"),
        ("", "Unknown data set ''"),
    ],
)
def test_a_data_set_that_does_not_fit_or_is_none_is_refused_by_name(place: Place, spec: str, message: str) -> None:
    assert place.certify("net.safetensors", "--data", spec, *OUT).refused(2, message)
    assert place.nothing_was_made


def idx(*sizes: int) -> bytes:
    """An IDX file of that many bytes per axis."""
    head = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
    return head + bytes(int(np.prod(sizes)))


@pytest.mark.parametrize("kind", ["npz", "npy", "csv", "idx", "idx.gz"])
def test_a_data_file_that_is_empty_or_cut_off_is_refused_by_name(place: Place, kind: str) -> None:
    name, spec, content = {
        "npz": ("bad.npz", "bad.npz", (place.folder / "data.npz").read_bytes()),
        "npy": ("x.npy", "x.npy,y.npy", npy(np.zeros((3, 4)))),
        "csv": ("bad.csv", "bad.csv", b"0,0.1,0.2,0.3,0.4\n1,0.1,0.2,0.3,0.4\n"),
        "idx": ("t10k-images-idx3-ubyte", "mnist:.", idx(5, 2, 2)),
        "idx.gz": ("t10k-images-idx3-ubyte.gz", "mnist:.", gzip.compress(idx(5, 2, 2), mtime=0)),
    }[kind]
    (place.folder / "y.npy").write_bytes(npy(np.zeros(3, int)))
    (place.folder / "t10k-labels-idx1-ubyte").write_bytes(idx(5))
    for keep in (0, 9, len(content) - 6):
        (place.folder / name).write_bytes(content[:keep])
        assert place.certify("net.safetensors", "--data", spec, *OUT).refused(2, name), keep
    (place.folder / name).write_bytes(content)
    assert place.nothing_was_made
    assert place.certify("net.safetensors", "--data", spec, *OUT, "--method", "lipschitz").code == 0


def npy(array: np.ndarray) -> bytes:
    """The array as a file."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["npz", "npy", "cifar10"])
def test_data_that_carry_code_are_refused_and_the_code_does_not_run(place: Place, kind: str) -> None:
    trace = place.folder / "executed"
    evil = np.array([Evil(trace)] * 3, dtype=object)
    match kind:
        case "npz":
            spec = place.data("bad.npz", x=np.zeros((3, 4)), y=evil)
        case "npy":
            (place.folder / "x.npy").write_bytes(npy(evil))
            (place.folder / "y.npy").write_bytes(npy(np.zeros(3, int)))
            spec = "x.npy,y.npy"
        case _:
            spec = "cifar10:."
            batch = pickle.dumps({b"data": Evil(trace), b"labels": [0]})
            (place.folder / "test_batch").write_bytes(batch)
            with tarfile.open(place.folder / "cifar-10-python.tar.gz", "w:gz") as archive:
                archive.add(place.folder / "test_batch", "cifar-10-batches-py/test_batch")
    ended = place.certify("net.safetensors", "--data", spec, *OUT)
    assert ended.refused(2)
    assert not trace.exists()
    assert place.nothing_was_made


def test_an_array_that_claims_the_moon_is_refused_before_memory_is_taken(place: Place) -> None:
    content = npy(np.zeros((3, 4)))
    claim = content.replace(b"(3, 4), }" + b" " * 13, b"(3000000000000, 4), } ")
    assert claim != content
    (place.folder / "x.npy").write_bytes(claim)
    (place.folder / "y.npy").write_bytes(npy(np.zeros(3, int)))
    assert place.certify("net.safetensors", "--data", "x.npy,y.npy", *OUT).refused(2, "x.npy")


@pytest.mark.parametrize("scale", [1e300, 1e30, 1e-310])
def test_points_of_any_finite_size_get_an_ordered_bracket(place: Place, scale: float) -> None:
    with np.load(place.folder / "data.npz") as good:
        spec = place.data("far.npz", x=good["x"] * scale)
    ended = place.certify("net.safetensors", "--data", spec, *OUT, "--method", "crown")
    assert ended.code in (0, 1), ended
    assert "Traceback" not in ended.out + ended.err
    lines = (place.folder / "run" / "radii.tsv").read_text().splitlines()[1:]
    assert len(lines) == 6
    for line in lines:
        fields = line.split("\t")
        assert 0 <= float(fields[3]) <= float(fields[6])


def test_a_name_with_blanks_and_letters_of_any_script_is_no_obstacle(place: Place) -> None:
    name = "модель mit Leerzeichen.onnx"
    Path(place.folder / "net.onnx").rename(place.folder / name)
    ended = place.certify(name, "--data", "data.npz", "--method", "lipschitz")
    assert ended.code == 0, ended
    assert (place.folder / "runs" / "модель mit Leerzeichen-data-l2" / "summary.md").exists()
