"""Torch modules traced by torch.export, and its ``.pt2`` archives: the ATen graph turned into the four ops."""

import copy
import io
import operator
import warnings
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from certify.errors import CertifyError, InvalidInput, UnsupportedModel
from certify.io import crosscheck
from certify.io.archive_gate import cleaned
from certify.io.aten_arithmetic import ARITHMETIC
from certify.io.aten_call import Call, Rule
from certify.io.aten_shapes import SHAPES
from certify.io.aten_windows import WINDOWS
from certify.io.graph import Graph
from certify.io.torch_module import runner
from certify.io.views import View
from certify.network import Network

RULES: dict[str, Rule] = ARITHMETIC | WINDOWS | SHAPES
"""Every ATen op that may depend on the input."""

FOLDABLE = frozenset(RULES) | frozenset(
    ["sqrt", "rsqrt", "pow", "reciprocal", "exp", "mul", "sum", "norm", "linalg_vector_norm", "_weight_norm"]
)
"""ATen ops that are evaluated when they read constants only."""

CASTS = frozenset(("to", "_to_copy", "float"))

Read = tuple[Network, tuple[str, ...]]
"""A network and notes on what was rounded."""


def from_module(module: nn.Module, input_shape: tuple[int, ...], name: str) -> Read:
    """The network that ``module`` computes in evaluation mode, cross-checked in float64.

    Raises:
        InvalidInput: the module does not run on an input of that shape.
        UnsupportedModel: it cannot be traced, or uses an op without a rule.
    """
    copied = copy.deepcopy(module).to("cpu", torch.float64).eval()
    example = torch.zeros(1, *input_shape, dtype=torch.float64)
    try:
        with torch.no_grad():
            copied(example)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise InvalidInput(f"{name} does not run on one input of shape {input_shape}: {_first_line(error)}") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(copied, (example,)).run_decompositions({})
        except Exception as error:  # torch raises many kinds for programs it cannot trace
            raise UnsupportedModel(
                f"{name} cannot be traced by torch.export: {_first_line(error)} Its control flow must not depend "
                f"on the input."
            ) from error
    network, notes, noise = _converted(program, input_shape, name)
    crosscheck.compare(network, runner(copied, input_shape), tolerance=noise, name=name)
    return network, notes


def from_archive(data: bytes, name: str) -> Read:
    """The network of a ``.pt2`` file, cross-checked against the file's own graph; see ``from_module`` for errors."""
    program = _loaded(data, name)
    shape = _example_shape(program, name)
    network, notes, noise = _converted(program, shape, name)
    crosscheck.compare(network, runner(_in_double(program), shape), tolerance=noise, name=name)
    return network, notes


def archived_module(data: bytes, name: str) -> nn.Module:
    """The graph of a ``.pt2`` file as a module of one input, with its weights; see ``from_archive`` for errors."""
    return Archived(_loaded(data, name))


class Archived(nn.Module):
    """An exported graph run by torch's interpreter, so that no code of the file is compiled."""

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__()
        self.graph_module = program.graph_module
        self.program = program

    def forward(self, x: Tensor) -> Tensor:
        """The graph's first output."""
        constants = _constants(self.program)
        inputs = [constants.get(spec.arg.name, x) for spec in self.program.graph_signature.input_specs]
        return fx.Interpreter(self.graph_module).run(*inputs)[0]


def _loaded(data: bytes, name: str) -> ExportedProgram:
    safe = cleaned(data, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.export.load(io.BytesIO(safe)).run_decompositions({})
        except Exception as error:  # torch raises many kinds for damaged archives
            raise InvalidInput(f"{name} is no readable torch.export archive: {_first_line(error)}") from error


def _constants(program: ExportedProgram) -> dict[str, Tensor]:
    """The stored tensors by the name of the graph input that reads them."""
    kinds = (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)
    found = {}
    for spec in program.graph_signature.input_specs:
        if spec.kind in kinds and spec.target is not None:
            stored = program.state_dict.get(spec.target, program.constants.get(spec.target))
            found[spec.arg.name] = cast(Tensor, stored).detach()
    return found


def _user_input(program: ExportedProgram, name: str) -> fx.Node:
    names = [s.arg.name for s in program.graph_signature.input_specs if s.kind is InputKind.USER_INPUT]
    if len(names) != 1:
        raise UnsupportedModel(f"{name} has {len(names)} inputs ({', '.join(names)}); exactly one is needed.")
    return next(n for n in program.graph.nodes if n.name == names[0])


def _example_shape(program: ExportedProgram, name: str) -> tuple[int, ...]:
    shape = _user_input(program, name).meta["val"].shape
    if len(shape) < 2 or any(not isinstance(s, int) for s in shape) or shape[0] != 1:
        raise UnsupportedModel(
            f"{name} was exported for an input of shape {tuple(shape)}; export it with an example of batch "
            f"size 1 and no dynamic shapes."
        )
    return tuple(int(s) for s in shape[1:])


def _in_double(program: ExportedProgram) -> nn.Module:
    module = Archived(program)
    stored = {k: v.double() if v.is_floating_point() else v for k, v in _constants(program).items()}

    class _Double(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            inputs = [stored.get(spec.arg.name, x) for spec in program.graph_signature.input_specs]
            return fx.Interpreter(module.graph_module).run(*inputs)[0]

    return _Double()


def _converted(
    program: ExportedProgram, input_shape: tuple[int, ...], name: str
) -> tuple[Network, tuple[str, ...], float]:
    """The network, its notes, and how far the original may differ (casts inside round to float32)."""
    graph = Graph(input_shape)
    values: dict[str, Any] = dict(_constants(program))
    values[_user_input(program, name).name] = View.whole(0, (1, *input_shape))
    noise = 1e-9
    for node in program.graph.nodes:
        if node.op == "call_function":
            noise = 1e-4 if _op_name(node) in CASTS else noise
            values[node.name] = _result(node, values, graph, name)
    results = [values.get(str(a)) for a in cast("tuple[Any, ...]", program.graph.output_node().args[0])]
    if len(results) != 1 or not isinstance(results[0], View):
        raise UnsupportedModel(f"{name} has {len(results)} outputs; exactly one that depends on the input is needed.")
    return graph.network(results[0], "the output"), graph.notes, noise


def _op_name(node: fx.Node) -> str:
    """``conv2d`` for ``torch.ops.aten.conv2d.default``."""
    if node.target is operator.getitem:
        return "getitem"
    target = str(node.target)
    return target.removeprefix("aten.").rpartition(".")[0] if target.startswith("aten.") else target


def _result(node: fx.Node, values: dict[str, Any], graph: Graph, name: str) -> Any:
    """What one call of the graph makes."""
    op = _op_name(node)
    args = cast("tuple[Any, ...]", fx.map_arg(node.args, lambda n: values.get(n.name)))
    kwargs = cast("dict[str, Any]", fx.map_arg(node.kwargs, lambda n: values.get(n.name)))
    if op == "getitem":
        return args[0][args[1]] if len(args[0]) > args[1] else None
    depends = any(isinstance(value, View) for value in _leaves((args, kwargs)))
    if op not in (RULES if depends else FOLDABLE):
        raise UnsupportedModel(
            f"{name}: aten.{op} '{node.name}' is not supported: networks are made of affine maps, convolutions, "
            f"pooling and ReLU. From Python, AutoLirpaBounder of certify.bounders.auto_lirpa bounds sigmoid and tanh."
        )
    target: Any = node.target
    if not depends:
        return target(*_map(args, _double), **_map(kwargs, _double))
    named = {a.name: a.default_value for a in target._schema.arguments}
    named |= dict(zip(named, args, strict=False)) | kwargs
    try:
        return RULES[op](Call(op, node.name, named, graph))
    except CertifyError as error:
        raise type(error)(f"{name}: {error}") from error
    except (ValueError, IndexError, TypeError) as error:
        raise InvalidInput(f"{name}: aten.{op} '{node.name}' cannot be applied to its inputs: {error}") from error


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in _leaves(item)]
    return _leaves(list(value.values())) if isinstance(value, dict) else [value]


def _map(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_map(item, change) for item in value)
    return {k: _map(v, change) for k, v in value.items()} if isinstance(value, dict) else change(value)


def _double(value: Any) -> Any:
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return (text.splitlines()[0] if text else type(error).__name__)[:300]
