"""``--arch FILE.py:FUNCTION``: the module that a state dict belongs to. This runs the user's own Python file."""

import dataclasses as dc
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from certify.errors import InvalidInput


@dc.dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A module with its weights, in evaluation mode; ``declared`` is the input shape its function gave, if any."""

    module: nn.Module
    declared: tuple[int, ...] | None

    def shape(self, given: tuple[int, ...] | None) -> tuple[int, ...]:
        """The shape of one input: as given, as declared, or what a leading linear layer reads.

        Raises:
            InvalidInput: none of them.
        """
        if given is not None or self.declared is not None:
            return tuple(given or self.declared or ())
        leaves = [m for m in self.module.modules() if not list(m.children())]
        layers = [m for m in leaves if any(True for _ in m.parameters())]
        if layers and isinstance(layers[0], nn.Linear):
            return (layers[0].in_features,)
        raise InvalidInput(
            "The shape of one input is not known: let the --arch function return (module, shape), such as "
            "(net, (3, 32, 32)), or give input_shape."
        )


def build(arch: str, tensors: Mapping[str, Tensor]) -> Built:
    """The module that ``FILE.py:FUNCTION`` returns, loaded with ``tensors``, every one of them used.

    The function takes nothing and returns an ``nn.Module`` or ``(module, input shape)``.

    Raises:
        InvalidInput: no such file or function, something else returned, or weights that do not fit.
    """
    place, colon, function = arch.rpartition(":")
    if not colon or not Path(place).is_file():
        raise InvalidInput(f"--arch {arch}: FILE.py:FUNCTION is needed, and FILE.py must exist.")
    made = _call(Path(place), function, arch)
    module, declared = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(module, nn.Module):
        raise InvalidInput(f"--arch {arch} returned {type(made).__name__}; a torch.nn.Module is needed.")
    try:
        module.load_state_dict(dict(tensors), strict=True)
    except RuntimeError as error:
        raise InvalidInput(f"The weights do not fit the module of --arch {arch}: {error}") from error
    return Built(module.eval(), None if declared is None else tuple(int(n) for n in declared))


def _call(path: Path, function: str, arch: str) -> object:
    name = f"relucert_arch_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidInput(f"--arch {arch}: {path} is not a Python file.")
    source = importlib.util.module_from_spec(spec)
    sys.modules[name] = source
    sys.path.insert(0, os.fspath(path.parent.resolve()))
    try:
        spec.loader.exec_module(source)
        made = vars(source).get(function)
        if not callable(made):
            raise InvalidInput(f"--arch {arch}: {path} defines no function {function!r}.")
        return made()
    except InvalidInput:
        raise
    except Exception as error:  # whatever the user's code raises
        raise InvalidInput(f"--arch {arch} failed: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
