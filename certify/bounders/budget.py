"""Memory and time as limits: work is cut into pieces that fit; one that does not is halved, a late one left out."""

import dataclasses as dc
from collections.abc import Callable

import torch
from torch import Tensor

from certify.deadline import Deadline

DEFAULT_BYTES = 1 << 26
"""Working memory that one piece of a computation aims at, in bytes. On a CPU small pieces are also the fast ones: their
intermediate results stay in cache, and the allocator reuses them instead of asking the system for fresh pages."""

_ROWS = 1024
"""Rows that keep a matrix product busy; more in one piece would only mean more padding."""

_COLUMNS = 16


@dc.dataclass(frozen=True, slots=True)
class Limits:
    """What a computation may take: about ``bytes`` of working memory at once, and no new piece after ``deadline``."""

    bytes: int = DEFAULT_BYTES
    deadline: Deadline = dc.field(default_factory=Deadline.never)


def over_rows(counts: Tensor, bytes_each: int, limits: Limits, work: Callable[[Tensor, int, int], None]) -> None:
    """Calls ``work(samples, start, stop)`` so that every row j < counts[i] of every sample i is covered.

    Sample i has ``counts[i]`` rows. A piece holds the rows ``start`` to ``stop`` of those ``samples`` that have any
    there, so that samples with few rows are not dragged along as padding. ``bytes_each`` is what one row takes; a piece
    that does not fit into memory is repeated with half the rows, and one row that does not fit raises. Rows that the
    deadline cuts off are not covered.
    """
    most, start = int(counts.max()) if len(counts) else 0, 0
    limit = max(1, limits.bytes // max(1, bytes_each))
    while start < most and not limits.deadline.passed:
        samples = torch.nonzero(counts > start)[:, 0]
        width = max(1, min(limit // len(samples), max(_COLUMNS, _ROWS // len(samples))))
        stop = min(start + width, most)
        try:
            for group in samples.split(limit):
                work(group, start, stop)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if limit == 1 or not is_out_of_memory(error):
                raise
            limit = max(1, limit // 2)
            continue
        start = stop


def over_parts(count: int, limit: int, work: Callable[[Tensor], None]) -> None:
    """Calls ``work(index)`` so that 0..count-1 are covered, up to ``limit`` at a time; halves what does not fit."""
    start = 0
    while start < count:
        try:
            work(torch.arange(start, min(start + limit, count)))
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if limit == 1 or not is_out_of_memory(error):
                raise
            limit = max(1, limit // 2)
            continue
        start += limit


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` means that an allocation did not fit; torch reports that on the CPU as a plain RuntimeError."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in str(error)
