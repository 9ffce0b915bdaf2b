"""Bounds from the library auto_LiRPA, a cross-check of our own and the way to ops that our graph lacks (sigmoid, tanh).

The only file that imports auto_LiRPA. Version 0.3, the newest on PyPI, was written for torch 1 and numpy 1; what it
misses is lent to it while it is imported, traces or bounds, and taken back afterwards. Newer versions need none of it
and are not disturbed. (xu2020)
"""

import contextlib
import copy
import importlib
import logging
import sys
import types
import warnings
from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from certify.bounders.base import AbstractBounder, MarginBounds
from certify.deadline import Deadline
from certify.errors import InvalidInput, UnsupportedModel
from certify.io.torch_module import build
from certify.network import Network
from certify.outcome import Trust
from certify.query import Queries
from certify.region import Norm

METHODS = ("IBP", "CROWN-IBP", "CROWN", "CROWN-Optimized")
"""The library's names of the methods offered here; CROWN-Optimized is alpha-CROWN."""

_OPTIONS = {
    "conv_mode": "matrix",  # patches mishandle one radius an input
    "sparse_intermediate_bounds_with_ibp": False,  # tight hidden bounds, and interval arithmetic stays out of l1 and l2
    "sparse_spec_alpha": False,  # its bookkeeping of slopes fails its own assertions
    "sparse_features_alpha": False,
}
_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


class AutoLirpaBounder(AbstractBounder):
    """auto_LiRPA's bounds of a torch module, or of a network; of a query's network only the shapes are used.

    A linf ball is cut by the domain; an l1 or l2 ball is not, which is sound, for the cut region is smaller. IBP bounds
    an l1 or l2 ball by the linf ball around it. ``radius`` is the question's own where every lower bound is positive,
    else 0: the library has no closed form. Where its alpha-CROWN gives up, as it does on some float64 networks, the
    answer is its CROWN.

    **Trusts:** the library, and floating point: nothing accounts for rounding.
    """

    def __init__(
        self,
        module: nn.Module | Network,
        input_shape: tuple[int, ...],
        *,
        method: str = "CROWN",
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        iterations: int = 20,
    ) -> None:
        """Traces a copy of ``module``, which maps (b, *input_shape) to (b, m), in evaluation mode.

        Raises:
            InvalidInput: the library is not installed, or it has no such method.
            UnsupportedModel: the library cannot trace the module.
        """
        if method not in METHODS:
            raise InvalidInput(f"Unknown auto_LiRPA method {method!r}. Use one of: {', '.join(METHODS)}.")
        self.name = f"auto-lirpa {method}"
        self.trust = Trust.FLOAT
        self._method, self._dtype, self._device = method, dtype, torch.device(device)
        self._shape = tuple(input_shape)
        self._library = _load()
        plain = build(module) if isinstance(module, Network) else module
        self._module = _prepared(plain, dtype, self._device)
        self._options = {**_OPTIONS, "optimize_bound_args": {"iteration": iterations}}
        self._bounded = self._trace()

    def _trace(self) -> Any:
        example = torch.zeros(1, *self._shape, dtype=self._dtype, device=self._device)
        try:
            with _surroundings(self._dtype), _member_names(self._library), _torch_1_tracing():
                return self._library.BoundedModule(self._module, example, bound_opts=self._options, device=self._device)
        except Exception as problem:  # the library raises whatever it met
            raise UnsupportedModel(
                f"auto_LiRPA cannot trace this {type(self._module).__name__} with inputs of shape {self._shape}: "
                f"{type(problem).__name__}: {problem}. Use a method of certify's own, such as crown."
            ) from problem

    def bound(self, queries: Queries, deadline: Deadline) -> MarginBounds:
        if deadline.passed or not queries.offsets.size:
            return MarginBounds(np.full(queries.offsets.shape, -np.inf), np.zeros(len(queries)))
        with _surroundings(self._dtype):
            lower = self._lower(queries)
        margins = lower.detach().cpu().numpy().astype(np.float64) + queries.offsets
        margins = np.where(np.isnan(margins), -np.inf, margins)
        return MarginBounds(margins, np.where((margins > 0).all(axis=1), queries.radii, 0.0))

    def _lower(self, queries: Queries) -> Tensor:
        region = self._library.BoundedTensor(self._images(queries.centres), self._perturbation(queries))
        rows = self._tensor(queries.rows)
        try:
            return self._compute(self._method, region, rows)
        except AssertionError:  # its own checks fail by rounding, and leave the module in disorder
            if self._method != "CROWN-Optimized":
                raise
        self._bounded = self._trace()
        return self._compute("CROWN", region, rows)

    def _compute(self, method: str, region: Any, rows: Tensor) -> Tensor:
        with torch.set_grad_enabled(method == "CROWN-Optimized"), _member_names(self._library):
            return self._bounded.compute_bounds(x=(region,), C=rows, method=method, bound_upper=False)[0]

    def _perturbation(self, queries: Queries) -> Any:
        if queries.norm is not Norm.LINF and "IBP" not in self._method:
            return _per_input_ball(self._library)(eps=self._tensor(queries.radii[:, None]), norm=queries.norm.value)
        low, high = queries.centres - queries.radii[:, None], queries.centres + queries.radii[:, None]
        if queries.domain is not None:
            low, high = np.maximum(low, queries.domain.lower), np.minimum(high, queries.domain.upper)
        return self._library.PerturbationLpNorm(norm=np.inf, x_L=self._images(low), x_U=self._images(high))

    def _tensor(self, numbers: np.ndarray) -> Tensor:
        return torch.as_tensor(numbers, dtype=self._dtype, device=self._device)

    def _images(self, points: np.ndarray) -> Tensor:
        return self._tensor(points).reshape(-1, *self._shape)


def _prepared(module: nn.Module, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """A copy in evaluation mode, with dropout, which does nothing there, taken out."""
    module = copy.deepcopy(module).eval().to(dtype=dtype, device=device)
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _DROPOUTS):
                setattr(parent, name, nn.Identity())
    return module


def _per_input_ball(library: Any) -> Any:
    """The library's ball, with one radius an input also where a coordinate itself is bounded."""

    class Ball(library.PerturbationLpNorm):  # type: ignore[name-defined, misc]
        def concretize_matrix(self, x: Tensor, A: Any, sign: int, *rest: Any) -> Any:
            if isinstance(A, Tensor):
                return library.PerturbationLpNorm.concretize_matrix(self, x, A, sign, *rest)
            return x.reshape(len(x), -1) + sign * self.eps  # A is the library's mark of an identity matrix

    return Ball


def _load() -> Any:
    """The package auto_LiRPA.

    Raises:
        InvalidInput: it is not installed, or it does not load next to this torch.
    """
    try:
        with _numpy_1_and_torch_1_imports():
            import auto_LiRPA

            return auto_LiRPA
    except ImportError as problem:
        raise InvalidInput(
            f"The method auto-lirpa needs the package auto_LiRPA, which does not load ({problem}). Install it with: "
            f"pip install 'relucert[auto-lirpa]' && pip install --no-deps auto_LiRPA==0.3"
        ) from problem


@contextlib.contextmanager
def _numpy_1_and_torch_1_imports() -> Generator[None]:
    """Lends the library the names it imports and numpy 2 and torch 2 dropped; undoes what its import switches."""
    symbolic = importlib.import_module("torch.onnx.symbolic_helper")
    lent = types.ModuleType("numpy.lib.arraysetops")
    lent.__dict__["isin"] = np.isin
    handlers, level = list(logging.root.handlers), logging.root.level
    depth = sys.getrecursionlimit()
    missing = "_set_opset_version" not in vars(symbolic)
    with warnings.catch_warnings(record=True):  # not "ignore": the import resets the filters
        added = sys.modules.setdefault(lent.__name__, lent) is lent
        if missing:
            symbolic.__dict__["_set_opset_version"] = lambda _: None  # _torch_1_tracing sets it
        try:
            yield
        finally:
            if added:
                del sys.modules[lent.__name__]
            if missing:
                del symbolic.__dict__["_set_opset_version"]
            torch._C._jit_set_profiling_executor(True)  # pyright: ignore[reportPrivateUsage]
            torch._C._jit_set_profiling_mode(True)  # pyright: ignore[reportPrivateUsage]
            logging.root.handlers[:] = handlers
            logging.root.setLevel(level)
            sys.setrecursionlimit(depth)


@contextlib.contextmanager
def _surroundings(dtype: torch.dtype) -> Generator[None]:
    """The default dtype that the library takes for granted, without its warnings and its prints."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def _member_names(library: Any) -> Generator[None]:
    """Lets the library's modules ignore an argument that torch 2 passes when it lists parameters."""
    module: Any = library.BoundedModule
    own = vars(module).get("_named_members")
    if own is None or "remove_duplicate" in own.__code__.co_varnames:
        yield
        return
    module._named_members = lambda self, *args, **named: own(self, *args, **_without(named, "remove_duplicate"))
    try:
        yield
    finally:
        module._named_members = own


def _without(named: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in named.items() if name != key}


@contextlib.contextmanager
def _torch_1_tracing() -> Generator[None]:
    """The subscript of traced nodes that torch 2 dropped, and the opset the library reads graphs of."""
    node: Any = torch._C.Node  # pyright: ignore[reportPrivateUsage]
    exporter = importlib.import_module("torch.onnx._internal.torchscript_exporter._globals").GLOBALS
    missing, opset = "__getitem__" not in vars(node), exporter.export_onnx_opset_version
    if missing:
        node.__getitem__ = lambda self, key: getattr(self, self.kindOf(key))(key)
    exporter.export_onnx_opset_version = 12
    try:
        yield
    finally:
        exporter.export_onnx_opset_version = opset
        if missing:
            del node.__getitem__
