"""ONNX files that cannot be read are refused by name, with the right error, and never with a traceback of ours."""

import gzip
from pathlib import Path

import numpy as np
import onnx
import pytest

from certify.errors import CertifyError, InvalidInput, SelfCheckFailed, UnsupportedModel
from certify.io import models
from certify.io.models import inspect, load
from tests.io.onnx_models import Form, node, save, weights


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A small model that loads."""
    nodes = [node("Gemm", ["x", "w", "b"], ["h"]), node("Relu", ["h"], ["r"]), node("Gemm", ["r", "v", "c"], ["y"])]
    tensors = weights(w=(4, 3), b=(3,), v=(3, 2), c=(2,))
    return save(tmp_path / "good.onnx", nodes, tensors, shape=["n", 4])


@pytest.mark.parametrize(
    ("nodes", "tensors", "words"),
    [
        ([node("Sigmoid", ["x"], ["y"])], {}, ["Sigmoid 'n_y'", "not supported", "AutoLirpaBounder"]),
        ([node("Mul", ["x", "x"], ["y"])], {}, ["Mul 'n_y'", "not piecewise linear"]),
        ([node("MatMul", ["x", "t"], ["y"]), node("Transpose", ["x"], ["t"])][::-1], {}, ["MatMul 'n_y'"]),
        ([node("Div", ["a", "x"], ["y"])], weights(a=(4,)), ["Div 'n_y'", "divides by a tensor"]),
        ([node("Pad", ["x", "p"], ["y"], mode="reflect")], {"p": np.array([0, 1, 0, 1])}, ["Pad 'n_y'", "reflect"]),
        ([node("Cast", ["x"], ["y"], to=7)], {}, ["Cast 'n_y'", "not floating point"]),
        ([node("Reshape", ["x", "s"], ["y"])], {"s": np.array([3, 7])}, ["Reshape 'n_y'", "cannot become (3, 7)"]),
        ([node("MatMul", ["x", "w"], ["y"])], weights(w=(5, 2)), ["MatMul 'n_y'", "does not fit"]),
    ],
)
def test_unsupported_op_is_named_with_its_node(nodes: list, tensors: dict, words: list[str], tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", nodes, tensors, shape=[1, 4])
    with pytest.raises(UnsupportedModel) as caught:
        load(path)
    assert all(word in str(caught.value) for word in [*words, "m.onnx"])
    assert caught.value.exit_code == 3
    refused = inspect(path).refused
    assert len(refused) == 1
    assert words[0] in refused[0]


def test_inspection_names_every_refused_node(tmp_path: Path) -> None:
    nodes = [node("Sigmoid", ["x"], ["a"]), node("Tanh", ["a"], ["b"]), node("Relu", ["b"], ["y"])]
    found = inspect(save(tmp_path / "m.onnx", nodes, {}, shape=[1, 4]))
    assert [text.split(" ")[0] for text in found.refused] == ["Sigmoid", "Tanh"]
    assert found.ops == {"Sigmoid": 1, "Tanh": 1, "Relu": 1}
    assert found.counts is None


def test_inspection_of_a_good_model_says_what_it_is(good: Path) -> None:
    found = inspect(good)
    assert (found.format, found.opset, found.dtype, found.refused) == ("onnx", 13, "float32", ())
    assert (found.input_shape, found.output_shape) == ((4,), (2,))
    assert found.counts is not None
    assert found.counts.units == 3
    assert found.digest == load(good).network.digest


def test_several_outputs_are_refused_by_name(tmp_path: Path) -> None:
    nodes = [node("Relu", ["x"], ["y"]), node("Neg", ["x"], ["z"])]
    with pytest.raises(UnsupportedModel, match=r"2 outputs \('y', 'z'\)"):
        load(save(tmp_path / "m.onnx", nodes, {}, shape=[1, 4], form=Form(outputs=["y", "z"])))


def test_open_shape_is_asked_for_and_can_be_given(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Relu", ["x"], ["y"])], {}, shape=["n", "d"])
    with pytest.raises(UnsupportedModel, match="input_shape"):
        load(path)
    assert load(path, input_shape=(6,)).network.input_shape == (6,)


@pytest.mark.parametrize("keep", [0, 1, 10, 0.3, 0.6, 0.95, 0.999])
def test_truncated_file_is_invalid_input(keep: float, good: Path) -> None:
    data = good.read_bytes()
    good.write_bytes(data[: int(keep if keep >= 1 else keep * len(data))])
    with pytest.raises(CertifyError, match=r"good\.onnx"):
        load(good)


def test_truncated_gzip_is_invalid_input(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx.gz"
    path.write_bytes(gzip.compress(good.read_bytes())[:-20])
    with pytest.raises(InvalidInput, match=r"cut\.onnx\.gz is truncated"):
        load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello world, this is text", "no format"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5"),
        (b"\x93NUMPY" + bytes(50), "numpy array"),
        (b"version https://git-lfs.github.com/spec/v1", "LFS"),
        (b"\x08" + bytes(40), "ONNX"),
        (b"\x1f\x8b\x08garbage", "damaged"),
        (b"PK\x03\x04garbage", "damaged archive"),
    ],
)
def test_other_files_are_invalid_input(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=words) as caught:
        load(path)
    assert caught.value.exit_code == 2


def test_missing_file_is_invalid_input(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no file"):
        load(tmp_path / "absent.onnx")


def test_gzipped_neighbour_is_found_and_the_extension_means_nothing(good: Path, tmp_path: Path) -> None:
    (tmp_path / "a.onnx.gz").write_bytes(gzip.compress(good.read_bytes()))
    (tmp_path / "wrong.safetensors").write_bytes(good.read_bytes())
    digest = load(good).network.digest
    assert load(tmp_path / "a.onnx").network.digest == digest
    assert load(tmp_path / "wrong.safetensors").network.digest == digest


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_invalid_input(number: float, tmp_path: Path) -> None:
    tensors = weights(w=(4, 3))
    tensors["w"][1, 1] = number
    with pytest.raises(InvalidInput, match=r"m\.onnx.*NaN or infinite"):
        load(save(tmp_path / "m.onnx", [node("MatMul", ["x", "w"], ["y"])], tensors, shape=[1, 4]))


def test_huge_shapes_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Relu", ["x"], ["y"])], {}, shape=[1, 1 << 20, 1 << 20])
    with pytest.raises(InvalidInput, match="damaged"):
        load(path)
    nodes = [node("ConstantOfShape", ["s"], ["c"]), node("Add", ["x", "c"], ["y"])]
    with pytest.raises(UnsupportedModel, match="too large"):
        load(save(tmp_path / "m.onnx", nodes, {"s": np.array([1 << 20, 1 << 20])}, shape=[1, 4]))
    proto = onnx.load(save(tmp_path / "m.onnx", [node("MatMul", ["x", "w"], ["y"])], weights(w=(4, 3)), shape=[1, 4]))
    proto.graph.initializer[0].dims[0] = 1 << 40
    onnx.save(proto, path)
    with pytest.raises(InvalidInput, match="claims shape"):
        load(path)


def test_missing_external_weights_are_named(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("MatMul", ["x", "w"], ["y"])], weights(w=(400, 3)), shape=[1, 400])
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="w.bin", size_threshold=0)
    digest = load(path).network.digest
    assert digest
    (tmp_path / "w.bin").unlink()
    with pytest.raises(InvalidInput, match=r"w\.bin"):
        load(path)


def test_undefined_tensor_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'nowhere'"):
        load(save(tmp_path / "m.onnx", [node("MatMul", ["x", "nowhere"], ["y"])], {}, shape=[1, 4]))


def test_a_reader_that_is_wrong_is_caught(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = models.onnx_reader.convert

    def wrong(model: object) -> object:
        network, notes = right(model)
        op = network.nodes[0].op
        op.weight[0, 0] += 0.01
        return network, notes

    monkeypatch.setattr(models.onnx_reader, "convert", wrong)
    with pytest.raises(SelfCheckFailed, match="differ") as caught:
        load(good)
    assert caught.value.exit_code == 4


def test_normalisation_reads_raw_inputs(good: Path) -> None:
    plain, shifted = load(good), load(good, mean=[0.5], std=[0.25])
    points = np.random.default_rng(0).uniform(size=(5, 4))
    expected = plain.network.evaluate((points - 0.5) / 0.25)
    np.testing.assert_allclose(shifted.network.evaluate(points), expected, rtol=1e-12, atol=1e-14)
    assert shifted.replay is not None
    np.testing.assert_allclose(shifted.replay(points), expected, rtol=1e-5, atol=1e-6)
    assert any("normalised" in note for note in shifted.notes)
    assert len(shifted.network.nodes) == len(plain.network.nodes)


@pytest.mark.parametrize(
    ("mean", "std"), [([0.1, 0.2], None), (None, [0.0]), (None, [-1.0]), ([np.nan], None), ([], None)]
)
def test_normalisation_that_does_not_fit_is_invalid_input(mean: list, std: list, good: Path) -> None:
    with pytest.raises(InvalidInput, match=r"--mean|--std"):
        load(good, mean=mean, std=std)


@pytest.mark.parametrize("axis", [0, 2])
def test_channels_are_normalised_one_by_one(axis: int, tmp_path: Path) -> None:
    shape = [1, 3, 5, 4] if axis == 0 else [1, 5, 4, 3]
    nodes = [node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]), node("Flatten", ["c"], ["y"])]
    path = save(tmp_path / "m.onnx", nodes, weights(w=(2, shape[1], 3, 3)), shape=shape)
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.6, 0.7])
    points = np.random.default_rng(0).uniform(size=(4, *shape[1:]))
    spread = (-1, 1, 1) if axis == 0 else (1, 1, -1)
    wanted = (points - mean.reshape(spread)) / std.reshape(spread)
    network = load(path, mean=list(mean), std=list(std)).network
    expected = load(path).network.evaluate(wanted.reshape(4, -1))
    np.testing.assert_allclose(network.evaluate(points.reshape(4, -1)), expected, rtol=1e-12, atol=1e-12)
