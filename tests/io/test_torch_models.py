"""Torch modules, state dicts and torch.export archives: read right, and nothing in a file is ever executed."""

import json
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from certify.errors import InvalidInput, UnsupportedModel
from certify.io.models import from_module, inspect, load, load_module, to_module


class Residual(nn.Module):
    """Convolutions, batch norm, a skip, pooling, concatenation, normalisation with buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1))
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding="same", bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.norm.running_mean.uniform_(-1, 1)
        self.norm.running_var.uniform_(0.5, 2)
        self.head = nn.Linear(4 * 4 * 4 + 4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first((x - self.mean) / 0.25), inplace=True)
        x = F.relu(self.norm(self.second(x)) + x)
        pooled = F.max_pool2d(x, 2) + F.avg_pool2d(x, 2)
        everything = torch.cat([pooled.view(x.size(0), -1), F.adaptive_avg_pool2d(x, 1).flatten(1)], dim=1)
        return F.dropout(self.head(everything), training=self.training)


class Odd(nn.Module):
    """One-dimensional layers, leaky and clipped activations, slices, and a ReLU that overwrites its input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(3, 4, 3, padding=1, stride=2), nn.BatchNorm1d(16)
        self.slope = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        z = torch.relu_(y)
        a = F.hardtanh(z + y - 1) + F.relu6(3 * y) - F.leaky_relu(y - 1, 0.125)
        b = self.slope(F.max_pool1d(a, 2) - F.avg_pool1d(a, 2))
        c, d = b.permute(0, 2, 1).reshape(x.shape[0], -1).chunk(2, dim=1)
        e = torch.stack([self.norm(torch.cat([c, d], 1))[:, :8], c.abs()], dim=1).flatten(1)
        return torch.maximum(e, -0.5 * e).clamp(max=2.0).unsqueeze(1).mean(1) * 2 - e[:, :1]


def _chain() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).eval()


@pytest.mark.parametrize(("kind", "shape"), [(Residual, (3, 8, 8)), (Odd, (3, 16))])
def test_module_and_network_agree(kind: type[nn.Module], shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    module = kind().eval()
    network = from_module(module, shape)
    points = torch.randn(10, *shape, dtype=torch.float64)
    with torch.no_grad():
        expected = module.double()(points).numpy()
        again = to_module(network)(points).numpy()
    np.testing.assert_allclose(network.evaluate(points.reshape(10, -1).numpy()), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(again, expected, rtol=1e-10, atol=1e-12)


def test_reading_a_module_leaves_it_unchanged() -> None:
    module = _chain().train()
    from_module(module, (6,))
    assert module.training
    assert module[0].weight.dtype == torch.float32


def test_weights_of_a_module_are_kept_exactly() -> None:
    module = _chain()
    network = from_module(module, (6,))
    assert [type(n.op).__name__ for n in network.nodes] == ["Affine", "ReLU", "Affine", "ReLU", "Affine"]
    np.testing.assert_array_equal(network.nodes[0].op.weight, module[0].weight.detach().double().numpy())
    np.testing.assert_array_equal(network.nodes[0].op.bias, module[0].bias.detach().double().numpy())


@pytest.mark.parametrize("activation", [nn.Sigmoid(), nn.Tanh(), nn.Softmax(dim=1)])
def test_other_activations_are_refused_by_name(activation: nn.Module) -> None:
    with pytest.raises(UnsupportedModel, match=f"aten.{type(activation).__name__.lower()} '.*AutoLirpaBounder"):
        from_module(nn.Sequential(nn.Linear(4, 3), activation), (4,))


def test_input_that_does_not_fit_the_module_is_invalid() -> None:
    with pytest.raises(InvalidInput, match=r"does not run on one input of shape \(7,\)"):
        from_module(_chain(), (7,))


@pytest.mark.parametrize("wrap", ["bare", "state_dict", "model_state_dict", "model", "net", "module."])
def test_plain_chain_is_recognised(wrap: str, tmp_path: Path) -> None:
    module, path = _chain(), tmp_path / "m.pt"
    state = module.state_dict()
    if wrap == "module.":
        state = {f"module.{key}": value for key, value in state.items()}
    torch.save(state if wrap in ("bare", "module.") else {"epoch": 3, wrap: state}, path)
    model = load(path)
    assert model.network.digest == from_module(module, (6,)).digest
    assert "ReLU between" in model.notes[0]
    assert model.replay is None
    assert model.format == "torch"


def test_named_layers_are_recognised(tmp_path: Path) -> None:
    tensors = {"fc1.weight": torch.ones(3, 4), "fc1.bias": torch.zeros(3), "out.weight": torch.ones(2, 3)}
    torch.save(tensors, tmp_path / "m.pth")
    assert load(tmp_path / "m.pth").network.widths == (4, 3, 3, 2)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"0.weight": torch.ones(4, 3, 3, 3), "0.bias": torch.zeros(4)}, "0.weight \\(4, 3, 3, 3\\)"),
        ({"0.weight": torch.ones(3, 4), "1.weight": torch.ones(3), "1.running_mean": torch.ones(3)}, "1.running_mean"),
        ({"0.weight": torch.ones(3, 4), "1.weight": torch.ones(2, 3)}, "without a gap"),
        ({"2.weight": torch.ones(3, 4), "0.weight": torch.ones(2, 3)}, "order"),
        ({"a.weight": torch.ones(3, 4), "b.weight": torch.ones(2, 5)}, "does not follow"),
        ({"a.weight": torch.ones(3, 4, dtype=torch.int64)}, "int64"),
    ],
)
def test_ambiguous_state_dict_is_refused(tensors: dict[str, Tensor], words: str, tmp_path: Path) -> None:
    torch.save(tensors, tmp_path / "m.pt")
    with pytest.raises(UnsupportedModel, match=words) as caught:
        load(tmp_path / "m.pt")
    assert "--arch" in str(caught.value) or "int64" in words


ARCH = """
from torch import nn
def net():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2)), (1, 5, 5)
def bare():
    return net()[0]
def smooth():
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh())
def broken():
    return 1 / 0
number = 3
def nothing():
    return None
"""


def test_architecture_file_gives_the_module(tmp_path: Path) -> None:
    arch = tmp_path / "arch.py"
    arch.write_text(ARCH)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2))
    torch.save(module.state_dict(), tmp_path / "m.pt")
    digest = from_module(module, (1, 5, 5)).digest
    assert load(tmp_path / "m.pt", arch=f"{arch}:net").network.digest == digest
    assert load(tmp_path / "m.pt", arch=f"{arch}:bare", input_shape=(1, 5, 5)).network.digest == digest
    with pytest.raises(InvalidInput, match="shape of one input"):
        load(tmp_path / "m.pt", arch=f"{arch}:bare")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("broken", "ZeroDivisionError"),
        ("absent", "no function"),
        ("number", "no function"),
        ("nothing", "NoneType"),
        ("smooth", "do not fit"),
    ],
)
def test_architecture_that_does_not_work_is_invalid_input(function: str, words: str, tmp_path: Path) -> None:
    arch = tmp_path / "arch.py"
    arch.write_text(ARCH)
    torch.save(_chain().state_dict(), tmp_path / "m.pt")
    with pytest.raises(InvalidInput, match=words):
        load(tmp_path / "m.pt", arch=f"{arch}:{function}")
    with pytest.raises(InvalidInput, match="must exist"):
        load(tmp_path / "m.pt", arch="nowhere.py:net")


def test_module_with_other_activations_is_available_as_a_module(tmp_path: Path) -> None:
    arch = tmp_path / "arch.py"
    arch.write_text(ARCH)
    module = nn.Sequential(nn.Linear(4, 3), nn.Tanh())
    torch.save(module.state_dict(), tmp_path / "m.pt")
    point = torch.randn(1, 4)
    assert torch.equal(load_module(tmp_path / "m.pt", arch=f"{arch}:smooth")(point), module(point))
    assert "aten.tanh" in inspect(tmp_path / "m.pt", arch=f"{arch}:smooth").refused[0]


class Evil:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("how", ["torch.save", "pickle"])
def test_pickle_that_carries_code_is_not_executed(how: str, tmp_path: Path) -> None:
    trace, path = tmp_path / "executed", tmp_path / "m.pt"
    if how == "pickle":
        path.write_bytes(pickle.dumps({"a": Evil(trace)}))
    else:
        torch.save({"state_dict": {"a": Evil(trace)}}, path)
    with pytest.raises(InvalidInput, match="never executed"):
        load(path)
    assert not trace.exists()


def test_truncated_and_foreign_archives_are_invalid_input(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    torch.save(_chain().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InvalidInput, match=r"m\.pt"):
        load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InvalidInput, match="no model"):
        load(path)
    torch.save({"epoch": 3, "note": "hello"}, path)
    with pytest.raises(InvalidInput, match="no state dict"):
        load(path)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A torch.export archive of a small chain."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(_chain(), (torch.zeros(1, 6),)), tmp_path / "m.pt2")
    return tmp_path / "m.pt2"


def test_exported_program_is_read(exported: Path) -> None:
    model = load(exported)
    assert model.network.digest == from_module(_chain(), (6,)).digest
    assert model.format == "torch.export"
    point = torch.randn(1, 6)
    assert torch.allclose(load_module(exported)(point), _chain()(point))


def _altered(path: Path, ending: str, change: object) -> Path:
    """The archive with the entry that ends so replaced."""
    with zipfile.ZipFile(path) as source:
        entries = {name: source.read(name) for name in source.namelist()}
    name = next(n for n in entries if n.endswith(ending))
    entries[name] = change(entries[name])
    with zipfile.ZipFile(path, "w") as target:
        for entry, content in entries.items():
            target.writestr(entry, content)
    return path


def test_exported_program_cannot_run_code(exported: Path, tmp_path: Path) -> None:
    trace, original = tmp_path / "executed", exported.read_bytes()

    def foreign_op(content: bytes) -> bytes:
        return content.replace(b"torch.ops.aten.relu.default", b"torch.ops.os.system.default")

    def expression(content: bytes) -> bytes:
        value = json.loads(content)
        value["range_constraints"] = {}
        value["extra"] = {"as_expr": {"expr_str": f"__import__('pathlib').Path('{trace}').touch()"}}
        return json.dumps(value).encode()

    def constraint(content: bytes) -> bytes:
        return json.dumps(json.loads(content) | {"range_constraints": {"print(1)": {}}}).encode()

    def pickled(content: bytes) -> bytes:
        value = json.loads(content)
        next(iter(value["config"].values()))["use_pickle"] = True
        return json.dumps(value).encode()

    def custom(_: bytes) -> bytes:
        return json.dumps({"config": {"a": {"path_name": "opaque_obj_0", "use_pickle": False}}}).encode()

    cases = [
        ("models/model.json", foreign_op, "only torch.ops.aten"),
        ("models/model.json", expression, "not evaluated"),
        ("weights_config.json", pickled, "not plain tensors"),
        ("constants_config.json", custom, "not plain tensors"),
        ("sample_inputs/model.pt", lambda _: pickle.dumps(Evil(trace)), "never executed"),
        ("models/model.json", lambda c: c[:100], "damaged"),
        ("models/model.json", constraint, "not evaluated"),
    ]
    for ending, change, words in cases:
        exported.write_bytes(original)
        with pytest.raises(InvalidInput, match=words):
            load(_altered(exported, ending, change))
        assert not trace.exists()
    for entry in ("m/models/evil", "m/data/aotinductor/model/a.so", "m/data/constants/opaque_obj_0"):
        exported.write_bytes(original)
        with zipfile.ZipFile(exported, "a") as archive:
            archive.writestr(entry, "{}")
        with pytest.raises(InvalidInput, match="no plain weights or graph"):
            load(exported)


@pytest.mark.parametrize("opset", [13, 18])
def test_torch_exporter_and_torch_reader_agree(opset: int, tmp_path: Path) -> None:
    torch.manual_seed(1)
    module = Residual().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (torch.zeros(1, 3, 8, 8),), tmp_path / "m.onnx", opset_version=opset, dynamo=False)
    points = np.random.default_rng(0).normal(size=(5, 192))
    network = load(tmp_path / "m.onnx").network
    np.testing.assert_allclose(
        network.evaluate(points), from_module(module, (3, 8, 8)).evaluate(points), rtol=1e-5, atol=1e-5
    )
