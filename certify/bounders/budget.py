"""Memory as a budget: work is cut into pieces that fit, and a piece that still does not fit is halved."""

from collections.abc import Callable

import torch
from torch import Tensor

DEFAULT_BYTES = 1 << 30
"""Working memory that one piece of a computation aims at, in bytes."""


def pieces(total: int, bytes_each: int, budget: int, work: Callable[[int, int], Tensor]) -> Tensor:
    """``work(start, stop)`` over ``range(total)`` in pieces within ``budget`` bytes, joined along dimension 1.

    Halves the piece on running out of memory and goes on; a single item that does not fit raises.
    """
    size = max(1, min(total, budget // max(1, bytes_each)))
    results: list[Tensor] = []
    start = 0
    while start < total:
        try:
            results.append(work(start, min(start + size, total)))
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            size = max(1, size // 2)
            continue
        start += size
    return torch.cat(results, dim=1)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` means that an allocation did not fit; torch reports that on the CPU as a plain RuntimeError."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in str(error)
