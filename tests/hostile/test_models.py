"""Broken, foreign and hostile model files: what the command line says, and the exit code."""

import gzip
import json
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from certify.io.writers import save
from tests.hostile.conftest import Place, network
from tests.io.onnx_models import node
from tests.io.onnx_models import save as save_onnx

DATA = ("--data", "data.npz", "--out", "run")
LAYERS = [node("Gemm", ["x", "w", "b"], ["h"]), node("Relu", ["h"], ["r"]), node("MatMul", ["r", "v"], ["y"])]


def onnx_weights() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shapes = {"w": (4, 6), "b": (6,), "v": (6, 3)}
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["onnx", "safetensors", "pt"])
def test_a_weight_that_is_not_finite_is_named(place: Place, kind: str, value: float) -> None:
    tensors = onnx_weights()
    tensors["w"][1, 2] = value
    path = place.folder / f"bad.{kind}"
    state = {"0.weight": tensors["w"].T.copy(), "0.bias": tensors["b"], "2.weight": tensors["v"].T.copy()}
    match kind:
        case "onnx":
            save_onnx(path, LAYERS, tensors, shape=[1, 4])
        case "safetensors":
            path.write_bytes(safetensors.numpy.save(state))
        case _:
            torch.save({name: torch.from_numpy(array) for name, array in state.items()}, path)
    ended = place.certify(path.name, *DATA)
    assert ended.refused(2, path.name, "Node 0 (Affine)", f"the first {value}")
    assert place.nothing_was_made


def test_an_unknown_op_is_named_with_its_node_and_the_way_out(place: Place) -> None:
    save_onnx(place.folder / "bad.onnx", [node("Sigmoid", ["x"], ["y"])], {}, shape=[1, 4])
    assert place.certify("bad.onnx", *DATA).refused(3, "bad.onnx", "Sigmoid", "'n_y'", "not supported")
    seen = place.certify("inspect", "bad.onnx")
    assert (seen.code, seen.err) == (3, "")
    assert "REFUSED  Sigmoid 'n_y'" in seen.out
    assert place.nothing_was_made


def test_an_unknown_module_of_torch_is_named(place: Place) -> None:
    (place.folder / "arch.py").write_text(
        "import torch\ndef build(): return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh())\n"
    )
    state = {"0.weight": torch.ones(3, 4), "0.bias": torch.ones(3)}
    torch.save(state, place.folder / "net.pt")
    assert place.certify("net.pt", "--arch", "arch.py:build", *DATA).refused(3, "net.pt", "tanh")


def test_weights_whose_shapes_do_not_fit_are_refused(place: Place) -> None:
    tensors = onnx_weights() | {"v": np.ones((5, 3), np.float32)}
    save_onnx(place.folder / "bad.onnx", LAYERS, tensors, shape=[1, 4])
    assert place.certify("bad.onnx", *DATA).refused(3, "bad.onnx", "MatMul 'n_y'", "(5, 3)")
    torch.save({"0.weight": torch.ones(6, 4), "2.weight": torch.ones(3, 5)}, place.folder / "bad.pt")
    assert place.certify("bad.pt", *DATA).refused(3, "bad.pt", "layer 2", "(3, 5)", "--arch")


def exported(path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(module, (torch.zeros(1, 4),)), path)


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A whole file of every format."""
    folder = tmp_path_factory.mktemp("good")
    for kind in ("safetensors", "onnx", "pt"):
        save(network(), folder / f"m.{kind}")
    exported(folder / "m.pt2")
    found = {path.suffix[1:]: path.read_bytes() for path in folder.iterdir()}
    return found | {"onnx.gz": gzip.compress(found["onnx"])}


@pytest.mark.parametrize("kind", ["safetensors", "onnx", "onnx.gz", "pt", "pt2"])
def test_a_file_that_is_empty_or_cut_off_is_refused_by_name(place: Place, good: dict[str, bytes], kind: str) -> None:
    path = place.folder / f"cut.{kind}"
    for keep in (0, 7, len(good[kind]) // 2, len(good[kind]) - 20):
        path.write_bytes(good[kind][:keep])
        ended = place.certify(path.name, *DATA)
        assert ended.refused(2, path.name, "empty" if keep == 0 else ""), keep
    path.write_bytes(good[kind])
    assert place.certify("inspect", path.name).code == 0
    assert place.nothing_was_made


class Evil:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("how", ["pickle", "torch.save", "old torch.save", "torch.export"])
@pytest.mark.parametrize("command", [(), ("inspect",)])
def test_a_model_that_carries_code_is_refused_and_the_code_does_not_run(
    place: Place, good: dict[str, bytes], how: str, command: tuple[str, ...]
) -> None:
    trace, path = place.folder / "executed", place.folder / "evil.pt"
    match how:
        case "pickle":
            path.write_bytes(pickle.dumps({"0.weight": Evil(trace)}))
        case "torch.save":
            torch.save({"0.weight": torch.ones(3, 4), "epoch": Evil(trace)}, path)
        case "old torch.save":
            torch.save({"0.weight": Evil(trace)}, path, _use_new_zipfile_serialization=False)
        case _:
            path.write_bytes(good["pt2"])
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr("m/data/constants/evil.pt", pickle.dumps(Evil(trace)))
    ended = place.certify(*command, path.name, *(() if command else DATA))
    assert ended.refused(2, "evil.pt", "never executed")
    assert not trace.exists()
    assert place.nothing_was_made


def test_a_network_that_is_not_what_its_file_promises_fails_the_self_check(place: Place) -> None:
    path = place.folder / "net.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 64
    path.write_bytes(content)
    assert place.certify(path.name, *DATA).refused(4, path.name, "digest", "header promises", "save the network again")
    assert place.nothing_was_made


def test_a_network_that_the_original_does_not_agree_with_fails_the_self_check(place: Place) -> None:
    tensors = {
        "w": np.array([[1e8, 1e8], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]], np.float32),
        "b": np.array([1e8, 1e8], np.float32),
        "u": np.array([[1.0, -1.0], [-1.0, 1.0]], np.float32),
        "v": np.ones((2, 3), np.float32) * np.array([1, 2, 3], np.float32),
    }
    cancelling = [  # float32 loses the second input beside the first, the real numbers do not
        node("Gemm", ["x", "w", "b"], ["h"]),
        node("MatMul", ["h", "u"], ["d"]),
        node("Relu", ["d"], ["r"]),
        node("MatMul", ["r", "v"], ["y"]),
    ]
    save_onnx(place.folder / "bad.onnx", cancelling, tensors, shape=[1, 4])
    assert place.certify("bad.onnx", *DATA).refused(4, "bad.onnx", "differ by", "is allowed", "Please report")
    assert place.nothing_was_made


def test_an_architecture_that_does_not_work_is_refused(place: Place) -> None:
    save(network(), place.folder / "net.pt")
    (place.folder / "arch.py").write_text("def build(): raise RuntimeError('no such thing')\n")
    assert place.certify("net.pt", "--arch", "arch.py:build", *DATA).refused(2, "arch.py", "no such thing")
    assert place.certify("net.pt", "--arch", "arch.py:other", *DATA).refused(2, "arch.py", "other")
    assert place.certify("net.pt", "--arch", "gone.py:build", *DATA).refused(2, "gone.py")
    assert place.certify("net.onnx", "--arch", "arch.py:build", *DATA).refused(2, "leave out --arch")


@pytest.mark.parametrize("name", ["gone.onnx", ".", "data.npz", "a\nb.onnx", "x" * 300])
def test_what_is_no_model_is_refused(place: Place, name: str) -> None:
    ended = place.certify(name, *DATA)
    assert (ended.code, "Traceback" in ended.err) == (2, False), ended
    assert ended.err.startswith("error: ")
    assert place.nothing_was_made


def test_a_header_that_claims_the_moon_is_refused_before_memory_is_taken(place: Place) -> None:
    header = json.dumps({"w": {"dtype": "F64", "shape": [10**6, 10**6], "data_offsets": [0, 8 * 10**12]}}).encode()
    (place.folder / "moon.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    assert place.certify("moon.safetensors", *DATA).refused(2, "moon.safetensors")
