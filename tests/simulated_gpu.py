"""A GPU that is simulated: tensors stay on the CPU, but refuse to meet tensors of the CPU, as those of a GPU do.

It finds what a machine without a GPU hides: operands on two devices, arrays made from a GPU's tensors, generators of
the wrong device. It says nothing of speed, memory or rounding.
"""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name

_GPU, _CPU = torch.device("cuda", 0), torch.device("cpu")

_INDEXING = ("__getitem__", "__setitem__", "index_put", "index_put_")
_STRICT = ("cat", "stack", "matmul", "mm", "bmm", "addmm", "baddbmm", "gather", "scatter", "index_", "linalg", "take")
"""Operations that take no scalar tensor of the CPU beside tensors of a GPU."""


class OnGpu(Tensor):
    """A tensor of the simulated GPU; outside the simulation it is an ordinary one."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore


class SimulatedGpu(TorchFunctionMode):
    """Where ``cuda`` is the simulated GPU; ``moved`` counts the tensors made on it."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Carries ``func`` out on the CPU after a GPU's checks."""
        del types
        name, kwargs = _named(func), kwargs or {}
        if name in ("device", "is_cuda") and isinstance(args[0], Tensor):  # not torch.device("cuda")
            return _of(args[0]) if name == "device" else _of(args[0]) == _GPU
        if name in ("numpy", "__array__", "__dlpack__") and _of(args[0]) == _GPU:
            raise TypeError(f"{name}: a tensor of a GPU was asked for its numbers; copy it to the CPU first.")
        if name in ("to", "cpu", "cuda"):
            return self._copied(name, args, kwargs)
        given = {key: value for key, value in kwargs.items() if key != "device"}
        inputs = [*_tensors(args), *_tensors(given.values())]
        there = any(_of(leaf) == _GPU for leaf in inputs)
        target = _device(kwargs.get("device")) or (_GPU if there else _CPU)
        if (generator := kwargs.get("generator")) is not None and getattr(generator, "place", _CPU) != target:
            raise RuntimeError(f"{name}: the generator belongs to the other device.")
        if there and name not in ("as_tensor", "copy_"):
            _meet(name, args, inputs)
        out = func(*args, **given)
        if target == _CPU:
            return out if not there else _everywhere(_plain, out, ())
        self.moved += not there
        return _everywhere(_put, out, inputs)

    def _copied(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """What ``to``, ``cpu`` and ``cuda`` give: another place, another type of number, or both."""
        tensor, words = args[0], [*args[1:], *kwargs.values()]
        like = [word for word in words if isinstance(word, Tensor)]
        places = [_device(word) for word in words if isinstance(word, str | torch.device)] + [_of(a) for a in like]
        place = {"cpu": _CPU, "cuda": _GPU}.get(name) or (*places, _of(tensor))[0]
        kind = ([word for word in words if isinstance(word, torch.dtype)] + [a.dtype for a in like] + [tensor.dtype])[0]
        if place == _of(tensor) and kind == tensor.dtype:
            return tensor
        self.moved += place == _GPU and _of(tensor) == _CPU
        return (_put if place == _GPU else _plain)(tensor.to(kind, copy=True))


def _meet(name: str, args: tuple[Any, ...], inputs: list[Tensor]) -> None:
    """Raises where a GPU would not take these operands together; one of them is there."""
    if name in _INDEXING:  # an index of the CPU is copied
        if _of(args[0]) == _CPU:
            raise RuntimeError(f"{name}: an index on the GPU for a tensor of the CPU.")
        inputs = [args[0], *_tensors(args[2:])]
    scalars = not any(part in name for part in _STRICT)
    if any(_of(leaf) == _CPU and (leaf.dim() or not scalars) for leaf in inputs):
        raise RuntimeError(f"{name}: tensors of two devices, of shapes {[tuple(leaf.shape) for leaf in inputs]}.")


class _Generator(torch.Generator):
    """Random numbers of either device."""

    def __new__(cls, device: Any = "cpu") -> "_Generator":
        """Remembers which."""
        made = super().__new__(cls)
        made.place = _device(device)  # type: ignore[attr-defined]
        return made


@functools.cache
def _named(func: Callable[..., Any]) -> str:
    """``add`` for ``torch.Tensor.add``, ``device`` for what reads ``torch.Tensor.device``."""
    name = str(resolve_name(func) or getattr(func, "__name__", func))
    return name.removesuffix(".__get__").rpartition(".")[2]


@functools.cache
def _device(name: Any) -> torch.device | None:
    if name is None:
        return None
    return _GPU if torch.device(name).type == "cuda" else _CPU


def _of(tensor: Tensor) -> torch.device:
    return _GPU if isinstance(tensor, OnGpu) else _CPU


def _put(tensor: Tensor) -> Tensor:
    return tensor.as_subclass(OnGpu)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.as_subclass(Tensor)  # type: ignore[arg-type]


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _everywhere(change: Callable[[Tensor], Tensor], out: Any, same: Iterable[Tensor]) -> Any:
    """``out`` with its tensors changed, but for those that are one of ``same``: in-place operations return those."""
    if isinstance(out, Tensor):
        return out if any(out is tensor for tensor in same) else change(out)
    if isinstance(out, list | tuple):
        return type(out)([_everywhere(change, part, same) for part in out])
    return out


@contextlib.contextmanager
def simulated_gpu() -> Iterator[SimulatedGpu]:
    """Within it torch sees one GPU, the simulated one."""
    with pytest.MonkeyPatch.context() as patch, SimulatedGpu() as gpu:
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch, "Generator", _Generator)
        yield gpu
