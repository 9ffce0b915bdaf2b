"""Data sets: read right, in the network's order, and refused with reasons."""

import gzip
import io
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from certify.errors import InvalidInput
from certify.io.datasets import load_points
from certify.network import Network, ReLU

PIXELS = np.random.default_rng(0).integers(0, 256, size=(12, 3, 32, 32), dtype=np.uint8)
LABELS = np.arange(12) % 10


def _reads(*shape: int) -> Network:
    return Network.chain([ReLU(int(np.prod(shape)))], shape)


def _idx(array: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()
    )


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """Twelve images in MNIST's files, one gzipped."""
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(_idx(PIXELS[:, 0, :28, :28])))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(_idx(LABELS))
    return tmp_path


def test_digits_are_split_into_train_and_test() -> None:
    test, train = load_points("digits", None), load_points("digits:train", None)
    assert (len(test), len(train), test.shape) == (797, 1000, (8, 8))
    assert test.points.max() == 1.0
    assert test.digest == load_points("digits:test", None).digest
    assert test.digest != train.digest
    np.testing.assert_array_equal(test.indices, np.arange(797))


@pytest.mark.parametrize(("mark", "ones"), [("odd", {1, 3, 5, 7, 9}), ("even", {0, 2, 4, 6, 8}), ("0,7", {0, 7})])
def test_a_split_makes_two_classes_of_the_labels_it_names(mark: str, ones: set[int]) -> None:
    plain, found = load_points("digits", None), load_points(f"digits@{mark}", None)
    assert found.labels.tolist() == [int(label in ones) for label in plain.labels.tolist()]
    assert (found.points == plain.points).all()
    assert found.digest != plain.digest
    assert any("Two classes" in note for note in found.notes)


@pytest.mark.parametrize(("mark", "words"), [("11", "no point has label 11"), ("0,1,2,3,4,5,6,7,8,9", "one class")])
def test_a_split_without_two_classes_is_refused(mark: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        load_points(f"digits@{mark}", None)


def test_a_file_whose_name_looks_like_a_split_is_still_a_file(tmp_path: Path) -> None:
    path = tmp_path / "points.csv@1"
    path.write_text("1,0.5,0.25\n")
    with pytest.raises(InvalidInput, match="Unknown data set"):
        load_points(str(path), None)


def test_mnist_is_read_in_units_of_one(mnist: Path) -> None:
    found = load_points(f"mnist:{mnist}", _reads(784, 1), index="2:12:5")
    np.testing.assert_array_equal(found.points, PIXELS[[2, 7], 0, :28, :28].reshape(2, -1) / 255)
    np.testing.assert_array_equal(found.labels, [2, 7])
    np.testing.assert_array_equal(found.indices, [2, 7])
    assert found.shape == (784, 1)
    with pytest.raises(InvalidInput, match="train-images-idx3-ubyte"):
        load_points(f"mnist-train:{mnist}", None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x00\x00\x08\x01", "not an IDX file"),
        (_idx(LABELS)[:-2], "Is it truncated"),
        (_idx(LABELS[:-2]), "12 images but 10 labels"),
    ],
)
def test_damaged_idx_is_invalid_input(content: bytes, words: str, mnist: Path) -> None:
    (mnist / "t10k-labels-idx1-ubyte").write_bytes(content)
    with pytest.raises(InvalidInput, match=words):
        load_points(f"mnist:{mnist}", None)


def _cifar(folder: Path, kind: str) -> str:
    flat = PIXELS.reshape(12, -1)
    if kind == "bin":
        rows = np.concatenate([LABELS[:, None].astype(np.uint8), flat], axis=1)
        (folder / "test_batch.bin").write_bytes(rows.tobytes())
    elif kind == "python":
        (folder / "test_batch").write_bytes(pickle.dumps({b"data": flat, b"labels": LABELS.tolist()}, protocol=2))
    else:
        np.savez(folder / "test.npz", x=PIXELS.transpose(0, 2, 3, 1), y=LABELS[:, None])
    return f"cifar10:{folder}"


@pytest.mark.parametrize("kind", ["bin", "python", "npz"])
def test_cifar_comes_in_the_axes_that_the_network_reads(kind: str, tmp_path: Path) -> None:
    spec = _cifar(tmp_path, kind)
    channels_first = load_points(spec, _reads(3, 32, 32))
    channels_last = load_points(spec, _reads(32, 32, 3))
    np.testing.assert_array_equal(channels_first.points, PIXELS.reshape(12, -1) / 255)
    np.testing.assert_array_equal(channels_last.points, PIXELS.transpose(0, 2, 3, 1).reshape(12, -1) / 255)
    np.testing.assert_array_equal(channels_first.labels, LABELS)
    moved = channels_first if kind == "npz" else channels_last
    assert any("reordered" in note for note in moved.notes)


class Evil:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


def test_hostile_cifar_batch_is_not_executed(tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    (tmp_path / "test_batch").write_bytes(pickle.dumps({b"data": Evil(trace), b"labels": []}, protocol=2))
    with pytest.raises(InvalidInput, match="Nothing in it was executed"):
        load_points(f"cifar10:{tmp_path}", None)
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x02", b"\x80\x02}.", b"no pickle at all"])
def test_damaged_cifar_batch_is_invalid_input(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(InvalidInput, match="test_batch"):
        load_points(f"cifar10:{tmp_path}", None)


def test_truncated_cifar_binary_is_invalid_input(tmp_path: Path) -> None:
    (tmp_path / "test_batch.bin").write_bytes(bytes(3000))
    with pytest.raises(InvalidInput, match="multiple of 3073"):
        load_points(f"cifar10:{tmp_path}", None)


@pytest.mark.parametrize(("x", "y"), [("x", "y"), ("X", "Y"), ("points", "labels")])
def test_npz_names(x: str, y: str, tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(5, 4))
    np.savez(tmp_path / "d.npz", **{x: points, y: np.array([1.0, -1.0, 1.0, 1.0, -1.0])})
    found = load_points(str(tmp_path / "d.npz"), _reads(4))
    np.testing.assert_array_equal(found.points, points)
    np.testing.assert_array_equal(found.labels, [1, -1, 1, 1, -1])
    assert found.notes == ()


def test_pair_of_npy_files(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.ones((3, 2), dtype=np.float32))
    np.save(tmp_path / "Y.npy", np.arange(3))
    assert load_points(f"{tmp_path}/X.npy,{tmp_path}/Y.npy", None).points.shape == (3, 2)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    np.savez(tmp_path / "d.npz", x=np.array([Evil(trace)], dtype=object), y=np.zeros(1))
    with pytest.raises(InvalidInput, match="never loaded"):
        load_points(str(tmp_path / "d.npz"), None)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": np.ones(3)}, "arrays a; x and y"),
        ({"x": np.ones((3, 2)), "y": np.ones(2)}, "3 points but labels of shape"),
        ({"x": np.ones(3), "y": np.ones(3)}, "one point a row"),
        ({"x": np.ones((1, 2)), "y": np.array([0.5])}, "not a whole number"),
        ({"x": np.ones((0, 2)), "y": np.ones(0)}, "no points"),
        ({"x": np.array([["a"]]), "y": np.ones(1)}, "type <U1"),
    ],
)
def test_npz_that_does_not_fit_is_invalid_input(arrays: dict, words: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(InvalidInput, match=words):
        load_points(str(tmp_path / "d.npz"), None)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_points_that_are_not_finite_are_named(number: float, tmp_path: Path) -> None:
    points = np.zeros((5, 4))
    points[3, 2] = number
    np.savez(tmp_path / "d.npz", x=points, y=np.zeros(5))
    with pytest.raises(InvalidInput, match=f"point 3 has {number} at coordinate 2"):
        load_points(str(tmp_path / "d.npz"), None, index="1:5")
    assert len(load_points(str(tmp_path / "d.npz"), None, index="0:3")) == 3


def test_data_that_does_not_fit_the_model_names_both_sizes(mnist: Path) -> None:
    with pytest.raises(InvalidInput, match=r"\(1, 28, 28\) \(784 numbers\).*\(3, 32, 32\) \(3072 numbers\)"):
        load_points(f"mnist:{mnist}", _reads(3, 32, 32))


def test_csv_of_pixels_is_rescaled_and_says_so(tmp_path: Path) -> None:
    rows = np.concatenate([LABELS[:, None], PIXELS[:, 0, :28, :28].reshape(12, -1)], axis=1)
    np.savetxt(tmp_path / "d.csv", rows, fmt="%d", delimiter=",")
    found = load_points(str(tmp_path / "d.csv"), _reads(784))
    np.testing.assert_array_equal(found.points, PIXELS[:, 0, :28, :28].reshape(12, -1) / 255)
    assert any("divided by 255" in note for note in found.notes)


def test_csv_of_colour_images_is_height_width_channels(tmp_path: Path) -> None:
    rows = np.concatenate([LABELS[:, None], PIXELS.transpose(0, 2, 3, 1).reshape(12, -1)], axis=1)
    np.savetxt(tmp_path / "d.csv", rows, fmt="%d", delimiter=",")
    np.testing.assert_array_equal(
        load_points(str(tmp_path / "d.csv"), _reads(3, 32, 32)).points, PIXELS.reshape(12, -1) / 255
    )


def test_csv_of_other_numbers_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("label,a,b\n1,0.25,1.5\n-1,2,3\n")
    found = load_points(str(tmp_path / "d.csv"), _reads(2))
    np.testing.assert_array_equal(found.points, [[0.25, 1.5], [2, 3]])
    assert "heading" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("label,a\n", "no rows"),
        ("1,2,3\n1,2\n", "table of numbers"),
        ("1\n2\n", "1 column"),
        ("1,x\n", "table"),
    ],
)
def test_damaged_csv_is_invalid_input(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(InvalidInput, match=words):
        load_points(str(tmp_path / "d.csv"), None)


def test_truncated_npz_is_invalid_input(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.ones((50, 4)), y=np.ones(50))
    (tmp_path / "d.npz").write_bytes((tmp_path / "d.npz").read_bytes()[:600])
    with pytest.raises(InvalidInput, match=r"d\.npz"):
        load_points(str(tmp_path / "d.npz"), None)


@pytest.mark.parametrize(
    ("index", "expected"),
    [("0:3", [0, 1, 2]), ("3,5,9", [3, 5, 9]), ("0:10:4", [0, 4, 8]), ("9,0:2", [9, 0, 1]), ("795:", [795, 796])],
)
def test_index_selects_in_its_own_order(index: str, expected: list[int]) -> None:
    np.testing.assert_array_equal(load_points("digits", None, index=index).indices, expected)


def test_index_past_the_end_is_said() -> None:
    found = load_points("digits", None, index="790:900")
    assert len(found) == 7
    assert "797 points" in found.notes[0]


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ("5:5", "selects nothing"),
        ("900:", "selects nothing"),
        ("797", "out of range"),
        ("-1", "Cannot read"),
        ("a:b", "Cannot read"),
        ("", "Cannot read"),
        ("1:2:3:4", "Cannot read"),
        ("0:5:0", "step 0"),
        ("1,1", "more than once"),
    ],
)
def test_bad_index_is_invalid_input(index: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        load_points("digits", None, index=index)


@pytest.mark.parametrize(
    "spec", ["mnist", "mnist:", "imagenet", "digits:all", "cifar10:/nowhere", "a.npz", "a.npy,b.npy"]
)
def test_unknown_or_missing_data_is_invalid_input(spec: str) -> None:
    with pytest.raises(InvalidInput, match=r"Unknown data set|no folder|no file"):
        load_points(spec, None)


def test_reading_data_does_not_import_torch() -> None:
    code = "import sys, certify.io.datasets as d; d.load_points('digits', None); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _jpegs(folder: Path, entries: dict[str, bytes]) -> str:
    path = folder / "cifar.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return f"cifar10:{path}"


def _jpeg(value: int, size: tuple[int, int] = (32, 32), kind: str = "JPEG") -> bytes:
    stored = io.BytesIO()
    Image.new("RGB", size, (value, 0, 255 - value)).save(stored, kind)
    return stored.getvalue()


def test_jpeg_files_of_cifar_are_read_class_by_class_and_called_lossy(tmp_path: Path) -> None:
    names = {"test/truck/0000.jpg": 250, "test/airplane/0001.jpg": 100, "test/cat/0000.jpg": 50, "test/cat/0001.jpg": 7}
    others = {"train/dog/0003.jpg": _jpeg(1), "test/readme.txt": b"no image", "test/moon/0000.jpg": b"no class"}
    spec = _jpegs(tmp_path, {name: _jpeg(value) for name, value in names.items()} | others)
    found = load_points(spec, None)
    np.testing.assert_array_equal(found.labels, [3, 9, 0, 3])
    reds = found.points.reshape(4, 32, 32, 3)[:, :, :, 0]
    np.testing.assert_allclose(reds.mean(axis=(1, 2)), np.array([50, 250, 100, 7]) / 255, atol=0.02)
    assert any("lossy" in note for note in found.notes)
    assert load_points(spec.replace("cifar10:", "cifar10-train:"), None).labels.tolist() == [5]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no image", "is no readable JPEG"),
        (_jpeg(1)[:200], "is no readable JPEG"),
        (_jpeg(1, (64, 32)), "is 64 x 32, not 32 x 32"),
        (_jpeg(1, kind="PNG"), "is no readable JPEG"),
        (bytes(2**17), "unpacks to more than"),
    ],
)
def test_a_damaged_jpeg_is_invalid_input(content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=words):
        load_points(_jpegs(tmp_path, {"test/cat/0000.jpg": content}), None)


def test_a_zip_without_images_of_cifar_is_invalid_input(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has no test/CLASS/NUMBER"):
        load_points(_jpegs(tmp_path, {"train/cat/0000.jpg": _jpeg(1)}), None)
    (tmp_path / "broken.zip").write_bytes(b"PK no zip")
    with pytest.raises(InvalidInput, match="no readable zip"):
        load_points(f"cifar10:{tmp_path / 'broken.zip'}", None)
