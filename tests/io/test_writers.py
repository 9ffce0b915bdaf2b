"""Networks written and read back: nothing is lost, and a failure leaves the old file."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from certify.errors import InvalidInput, SelfCheckFailed, UnsupportedModel
from certify.io import files, onnx_writer, safetensors_format
from certify.io.models import load, to_module
from certify.io.writers import read_metadata, save
from certify.network import Add, Affine, Conv2d, Network, Node, ReLU


def _everything() -> Network:
    """Every op: a convolution, a residual branch, a sparse and a dense map."""
    random = np.random.default_rng(0)
    conv = Conv2d(random.normal(size=(4, 1, 3, 3)), random.normal(size=4), (2, 5, 4), (2, 1), (1, 1), (1, 1), 2)
    width = conv.output_width
    sparse = sp.csr_array(sp.random(width, width, 0.1, rng=random, format="csr"))
    nodes = (
        Node(conv, (0,)),
        Node(ReLU(width), (1,)),
        Node(Affine(sparse, random.normal(size=width)), (2,)),
        Node(Add(width), (2, 3)),
        Node(Affine(random.normal(size=(3, width)), random.normal(size=3)), (4,)),
    )
    return Network((2, 5, 4), nodes)


def _chain(dtype: type = np.float32) -> Network:
    random = np.random.default_rng(1)
    numbers = [random.normal(size=s).astype(dtype).astype(float) for s in ((5, 4), (5,), (2, 5), (2,))]
    return Network.chain([Affine(numbers[0], numbers[1]), ReLU(5), Affine(numbers[2], numbers[3])])


def test_safetensors_keeps_everything(tmp_path: Path) -> None:
    network = _everything()
    save(network, tmp_path / "n.safetensors", metadata={"theorem": "1", "δ": "0.1"})
    loaded = load(tmp_path / "n.safetensors")
    assert loaded.network.digest == network.digest
    assert loaded.network.input_shape == (2, 5, 4)
    assert isinstance(loaded.network.nodes[2].op.weight, sp.csr_array)
    assert read_metadata(tmp_path / "n.safetensors") == {"theorem": "1", "δ": "0.1"}
    assert loaded.notes == ()


@pytest.mark.parametrize("extension", [".onnx", ".onnx.gz", ".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plain_chain_survives_every_format(extension: str, dtype: type, tmp_path: Path) -> None:
    network, path = _chain(dtype), tmp_path / f"n{extension}"
    save(network, path, metadata={"a": "b"})
    assert load(path).network.digest == network.digest
    assert read_metadata(path) == {"a": "b"}
    save(network, path)
    assert load(path).network.digest == network.digest
    assert read_metadata(path) == {}


def test_onnx_keeps_convolutions_and_branches_but_writes_sparse_maps_dense(tmp_path: Path) -> None:
    network = _everything()
    save(network, tmp_path / "n.onnx")
    loaded = load(tmp_path / "n.onnx").network
    assert [type(n.op) for n in loaded.nodes] == [type(n.op) for n in network.nodes]
    points = np.random.default_rng(2).normal(size=(5, 40))
    np.testing.assert_allclose(loaded.evaluate(points), network.evaluate(points), rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(loaded.nodes[2].op.weight, network.nodes[2].op.weight.toarray())


def test_module_of_a_network_takes_images_and_flat_points() -> None:
    import torch

    network = _everything()
    points = np.random.default_rng(2).normal(size=(5, 40))
    module, flat = to_module(network), torch.as_tensor(points)
    for batch in (flat, flat.reshape(5, 2, 5, 4)):
        np.testing.assert_allclose(module(batch).detach().numpy(), network.evaluate(points), rtol=1e-12, atol=1e-13)


def test_large_sparse_maps_stay_sparse_in_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from certify.io import torch_module

    monkeypatch.setattr(torch_module, "LARGEST_DENSE", 10)
    network = _everything()
    module = to_module(network)
    assert any(isinstance(m, torch_module.SparseLinear) for m in module.modules())
    points = torch.randn(5, 40, dtype=torch.float64, requires_grad=True)
    output = module(points)
    np.testing.assert_allclose(
        output.detach().numpy(), network.evaluate(points.detach().numpy()), rtol=1e-12, atol=1e-13
    )
    output.sum().backward()
    assert points.grad is not None


def test_sparse_layer_too_large_for_onnx_is_refused_with_the_alternative(tmp_path: Path) -> None:
    wide = Affine(sp.csr_array((20000, 20000)), np.zeros(20000))
    with pytest.raises(InvalidInput, match=r"1\.6 GB.*safetensors"):
        save(Network.chain([wide, ReLU(20000), wide]), tmp_path / "n.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("build", [_everything, lambda: Network.chain([ReLU(3)])])
def test_state_dict_of_other_networks_is_refused_with_the_alternative(build: object, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"state dict describes only.*\.safetensors"):
        save(build(), tmp_path / "n.pt")


def test_unknown_extension_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"\.safetensors, \.onnx"):
        save(_chain(), tmp_path / "n.h5")


def test_changed_weights_do_not_pass_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "n.safetensors"
    save(_chain(), path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(SelfCheckFailed, match="digest"):
        load(path)


@pytest.mark.parametrize("keep", [9, 0.2, 0.5, 0.9, 0.99])
def test_truncated_safetensors_is_invalid_input(keep: float, tmp_path: Path) -> None:
    path = tmp_path / "n.safetensors"
    save(_everything(), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep if keep > 1 else keep * len(data))])
    with pytest.raises(InvalidInput, match=r"n\.safetensors"):
        load(path)


def test_newer_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safetensors_format, "FORMAT", "relucert-network-9")
    save(_chain(), tmp_path / "n.safetensors")
    monkeypatch.undo()
    with pytest.raises(UnsupportedModel, match="relucert-network-9"):
        load(tmp_path / "n.safetensors")


def test_safetensors_of_other_tools_are_state_dicts(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file(
        {"0.weight": torch.ones(3, 4, dtype=torch.bfloat16), "2.weight": torch.ones(2, 3)}, tmp_path / "m.safetensors"
    )
    assert load(tmp_path / "m.safetensors").network.widths == (4, 3, 3, 2)


def test_missing_folder_is_invalid_input(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="Cannot write"):
        save(_chain(), tmp_path / "absent" / "n.onnx")


def test_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "n.onnx"
    save(_chain(), path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InvalidInput, match="No space left on device"):
        save(_chain(np.float64), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["n.onnx"]


def test_float32_weights_are_written_as_float32(tmp_path: Path) -> None:
    for dtype in (np.float32, np.float64):
        save(_chain(dtype), tmp_path / f"{dtype.__name__}.onnx")
    assert onnx_writer.is_single(np.array([0.5, 2.0**100]))
    assert not onnx_writer.is_single(np.array([0.1]))
    assert not onnx_writer.is_single(np.array([1e300]))
    assert (tmp_path / "float32.onnx").stat().st_size < (tmp_path / "float64.onnx").stat().st_size


def test_a_state_dict_holds_a_sparse_layer_dense(tmp_path: Path) -> None:
    weight = sp.csr_array(np.diag([1.0, 2.0, 0.1]))
    network = Network.chain([Affine(weight, np.ones(3)), ReLU(3), Affine(np.ones((1, 3)), np.zeros(1))])
    save(network, tmp_path / "n.pt")
    back = load(tmp_path / "n.pt").network
    points = np.random.default_rng(0).normal(size=(5, 3))
    assert (back.evaluate(points) == network.evaluate(points)).all()


def test_a_sparse_layer_too_large_to_be_dense_is_refused_with_its_size(tmp_path: Path) -> None:
    wide = sp.csr_array((30_000, 30_000))
    network = Network.chain([Affine(wide, np.zeros(30_000))])
    with pytest.raises(InvalidInput, match=r"takes 7\.2 GB here .*\.safetensors"):
        save(network, tmp_path / "n.pt")
    assert not (tmp_path / "n.pt").exists()
