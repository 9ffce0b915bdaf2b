"""Where tensors are computed: the CPU, or a GPU that torch sees."""

import torch

from certify.errors import InvalidInput


def find_device(name: str) -> torch.device:
    """The torch device of this name; ``auto`` is the GPU when there is one, else the CPU.

    Raises:
        InvalidInput: torch does not know the name, or sees no GPU although one is asked for.
    """
    there = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if there else "cpu")
    if name.startswith("cuda") and not there:
        raise InvalidInput(f"Device {name}: torch sees no GPU here. Use cpu, or install a CUDA build of torch.")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise InvalidInput(f"Device {name!r} is unknown to torch. Use auto, cpu or cuda.") from error
