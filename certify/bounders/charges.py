"""What rounding is charged with where numbers are so small that the charge itself would underflow."""

import torch
from torch import Tensor

_FLOOR = 1e-140
"""More than the squares that underflow inside a norm of fewer than 1e13 numbers can hide."""

LEAST = 1e-290
"""Subtracted from every rounded bound: more than the products that underflow on the way to it can hide."""


def length(numbers: Tensor, dim: int) -> Tensor:
    """Not below the l2 norms along ``dim`` up to relative rounding, and never 0: for use in charges."""
    return torch.linalg.vector_norm(numbers, dim=dim) + _FLOOR
