"""The auto_LiRPA adapter: sound on samples, equal to our CROWN, and no trace left in the process."""

import logging
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from certify.bounders import auto_lirpa
from certify.bounders.auto_lirpa import METHODS, AutoLirpaBounder
from certify.bounders.crown import CrownBounder
from certify.deadline import Deadline
from certify.errors import InvalidInput, UnsupportedModel
from certify.network import Add, Affine, Conv2d, Network, Node, Op, ReLU
from certify.outcome import Trust
from certify.query import Queries, predictions, robustness
from certify.region import Box, Norm

pytest.importorskip("appdirs", reason="needs the extra auto-lirpa")

NEVER = Deadline.never()


def affine(rng: np.random.Generator, inputs: int, outputs: int) -> Affine:
    return Affine(rng.normal(size=(outputs, inputs)) / np.sqrt(inputs), rng.normal(size=outputs) / 10)


def network(kind: str) -> Network:
    rng = np.random.default_rng(0)
    if kind == "residual":
        ops: list[Op] = [affine(rng, 6, 6), ReLU(6), affine(rng, 6, 6), Add(6), ReLU(6), affine(rng, 6, 3)]
        return Network((6,), tuple(Node(op, (0, 3) if i == 3 else (i,)) for i, op in enumerate(ops)))
    if kind == "convolution":
        first = Conv2d(rng.normal(size=(2, 1, 3, 3)), rng.normal(size=2), (1, 4, 4), padding=(1, 1))
        second = Conv2d(rng.normal(size=(2, 2, 2, 2)), rng.normal(size=2), (2, 4, 4), stride=(2, 2))
        return Network.chain([first, ReLU(32), second, ReLU(8), affine(rng, 8, 3)], input_shape=(1, 4, 4))
    if kind == "one hidden layer":
        return Network.chain([affine(rng, 8, 16), ReLU(16), affine(rng, 16, 3)])
    if kind == "one convolution":
        first = Conv2d(rng.normal(size=(2, 1, 3, 3)), rng.normal(size=2), (1, 4, 4), padding=(1, 1), stride=(2, 2))
        return Network.chain([first, ReLU(8), affine(rng, 8, 3)], input_shape=(1, 4, 4))
    if kind == "relu first":
        return Network.chain([ReLU(6), affine(rng, 6, 3)])
    return Network.chain([affine(rng, 8, 10), ReLU(10), affine(rng, 10, 10), ReLU(10), affine(rng, 10, 3)])


KINDS = ("chain", "residual", "convolution", "relu first")


def questions(net: Network, norm: Norm, domain: Box | None = None) -> Queries:
    """As many questions as inputs have numbers (the shape that confuses radii with coordinates), radii 0 to 0.3."""
    points = np.random.default_rng(1).normal(size=(net.input_width, net.input_width))
    if domain is not None:
        points = np.clip(points, domain.lower, domain.upper)
    queries = robustness(net, points, predictions(net, points), norm=norm, radius=0.0, domain=domain)
    return queries.within(np.linspace(0.0, 0.3, len(points)))


def sampled_margins(queries: Queries, count: int = 500) -> np.ndarray:
    """(B, R): the least margin at random points of each region."""
    steps = np.random.default_rng(2).normal(size=(len(queries), count, queries.network.input_width))
    steps *= queries.radii[:, None, None] / np.linalg.norm(steps, queries.norm.value, axis=2, keepdims=True)
    x = queries.centres[:, None] + steps
    if queries.domain is not None:
        x = np.clip(x, queries.domain.lower, queries.domain.upper)  # keeps a ball around a point of the box
    outputs = queries.network.evaluate(x.reshape(-1, x.shape[2])).reshape(*x.shape[:2], -1)
    return np.einsum("brm,bsm->bsr", queries.rows, outputs).min(axis=1) + queries.offsets


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("norm", list(Norm), ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_no_sampled_margin_lies_below_the_bound(method: str, norm: Norm, kind: str) -> None:
    net = network(kind)
    bounder = AutoLirpaBounder(net, net.input_shape, method=method, dtype=torch.float64, iterations=5)
    queries = questions(net, norm)
    bounds = bounder.bound(queries, NEVER)
    assert (bounds.lower <= sampled_margins(queries) + 1e-9).all()
    assert np.array_equal(bounds.radius, np.where((bounds.lower > 0).all(axis=1), queries.radii, 0))
    assert bounder.trust is Trust.FLOAT


@pytest.mark.parametrize("kind", ["one hidden layer", "one convolution", "relu first"])
@pytest.mark.parametrize("norm", list(Norm), ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)], ids=["32", "64"])
def test_its_crown_is_ours_on_one_hidden_layer(dtype: torch.dtype, tolerance: float, norm: Norm, kind: str) -> None:
    # Deeper, ours also cuts hidden bounds with interval arithmetic: other slopes, better or worse by a little.
    net = network(kind)
    queries = questions(net, norm)
    theirs = AutoLirpaBounder(net, net.input_shape, dtype=dtype).bound(queries, NEVER)
    ours = CrownBounder(net, dtype=dtype).bound(queries, NEVER)
    assert theirs.lower == pytest.approx(ours.lower, abs=tolerance, rel=tolerance)


@pytest.mark.parametrize("method", METHODS)
def test_one_bounder_answers_question_after_question_alike(method: str) -> None:
    net = network("convolution")
    queries = questions(net, Norm.L2)
    bounder = AutoLirpaBounder(net, net.input_shape, method=method, dtype=torch.float64, iterations=3)
    first = bounder.bound(queries, NEVER).lower
    bounder.bound(queries.within(queries.radii * 2).take(np.array([3, 5])), NEVER)
    assert bounder.bound(queries, NEVER).lower == pytest.approx(first, abs=1e-9)


@pytest.mark.parametrize("method", ["CROWN", "CROWN-Optimized"])
def test_the_domain_cuts_a_linf_ball(method: str) -> None:
    net = network("chain")
    domain = Box.uniform(-0.5, 0.5, 8)
    cut = questions(net, Norm.LINF, domain)
    bounder = AutoLirpaBounder(net, net.input_shape, method=method, dtype=torch.float64)
    tight = bounder.bound(cut, NEVER).lower
    loose = bounder.bound(Queries(net, cut.centres, cut.radii, cut.norm, cut.rows, cut.offsets), NEVER).lower
    assert (tight <= sampled_margins(cut) + 1e-9).all()
    assert tight.sum() > loose.sum() + 0.1


@pytest.mark.parametrize("method", ["CROWN", "IBP"])
@pytest.mark.parametrize("activation", [nn.Sigmoid(), nn.Tanh()], ids=["sigmoid", "tanh"])
def test_a_network_of_smooth_activations_is_bounded(activation: nn.Module, method: str) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), activation, nn.Dropout(0.5), nn.Linear(8, 3)).double()
    shapes = Network.chain([Affine(np.zeros((3, 4)), np.zeros(3))])
    points = np.random.default_rng(0).normal(size=(5, 4))
    labels = module.eval()(torch.as_tensor(points)).argmax(1).numpy()
    queries = robustness(shapes, points, labels, norm=Norm.LINF, radius=0.05)
    lower = AutoLirpaBounder(module, (4,), method=method, dtype=torch.float64).bound(queries, NEVER).lower
    x = points[:, None] + np.random.default_rng(1).uniform(-0.05, 0.05, size=(5, 500, 4))
    outputs = module(torch.as_tensor(x)).detach().numpy()
    margins = np.einsum("brm,bsm->bsr", queries.rows, outputs).min(axis=1)
    assert (lower <= margins).all()
    assert (lower >= margins - 1.0).all()


def test_the_module_that_was_given_stays_as_it_was() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.Dropout(), nn.ReLU(), nn.Linear(3, 2)).train()
    AutoLirpaBounder(module, (2,), dtype=torch.float64)
    assert module.training
    assert isinstance(module[1], nn.Dropout)
    assert module[0].weight.dtype == torch.float32


def test_the_process_is_left_as_it_was_found() -> None:
    import torch.onnx.symbolic_helper as symbolic
    from torch.onnx._internal.torchscript_exporter._globals import GLOBALS

    def state() -> list[object]:
        return [
            torch.get_default_dtype(),
            GLOBALS.export_onnx_opset_version,
            "numpy.lib.arraysetops" in sys.modules,
            "_set_opset_version" in vars(symbolic),
            "__getitem__" in vars(torch._C.Node),
            list(logging.root.handlers),
            list(warnings.filters),
            sys.stdout,
            torch.is_grad_enabled(),
        ]

    before = state()
    net = network("chain")
    AutoLirpaBounder(net, net.input_shape, method="CROWN-Optimized", dtype=torch.float64).bound(
        questions(net, Norm.LINF), NEVER
    )
    import auto_LiRPA

    assert state() == before
    assert auto_LiRPA.BoundedModule._named_members.__name__ == "_named_members"


def test_importing_the_library_leaves_no_handler_and_says_nothing() -> None:
    code = (
        "import logging, warnings; from certify.bounders.auto_lirpa import _load; before = list(warnings.filters); "
        "_load(); assert logging.root.handlers == []; assert warnings.filters == before"
    )
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_missing_package_is_refused_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "auto_LiRPA"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "auto_LiRPA", None)
    with pytest.raises(InvalidInput, match=r"pip install --no-deps auto_LiRPA==0\.3"):
        AutoLirpaBounder(network("chain"), (8,))


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"Unknown auto_LiRPA method 'DeepPoly'.*CROWN-IBP"):
        AutoLirpaBounder(network("chain"), (8,), method="DeepPoly")


def test_a_module_that_cannot_be_traced_is_refused_by_name() -> None:
    class Sorting(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sort(dim=1).values

    with pytest.raises(UnsupportedModel, match="cannot trace this Sorting"):
        AutoLirpaBounder(Sorting(), (3,))


def test_after_the_deadline_nothing_is_claimed() -> None:
    net = network("chain")
    queries = questions(net, Norm.LINF)
    bounds = AutoLirpaBounder(net, (8,)).bound(queries, Deadline.after(0.0, lambda: 1.0))
    assert (bounds.lower == -np.inf).all()
    assert (bounds.radius == 0).all()


def test_where_alpha_crown_gives_up_the_answer_is_crown(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network("chain")
    queries = questions(net, Norm.L2)
    library = auto_lirpa._load()
    bounder = AutoLirpaBounder(net, net.input_shape, method="CROWN-Optimized", dtype=torch.float64)

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("lower > upper")

    monkeypatch.setattr(library.BoundedModule, "get_optimized_bounds", fail)
    expected = AutoLirpaBounder(net, net.input_shape, dtype=torch.float64).bound(queries, NEVER)
    assert np.array_equal(bounder.bound(queries, NEVER).lower, expected.lower)


def test_the_first_import_leaves_the_recursion_limit_as_it_was() -> None:
    code = (
        "import sys; limit = sys.getrecursionlimit()\n"
        "import numpy as np; from certify.network import Affine, Network\n"
        "from certify.bounders.auto_lirpa import AutoLirpaBounder\n"
        "AutoLirpaBounder(Network.chain([Affine(np.eye(2), np.zeros(2))]), (2,))\n"
        "assert 'auto_LiRPA' in sys.modules and sys.getrecursionlimit() == limit, sys.getrecursionlimit()\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
