"""Cuts boxes down to where clauses may fail: a linear lower bound that is positive somewhere excludes points there.

Where a clause has no positive function, every lower bound ``a . x + c`` of its functions is at most 0. So
``a_j x_j <= -(c + sum over i != j of min(a_i l_i, a_i u_i))`` on the box ``l <= x <= u``, which bounds ``x_j`` on one
side. What is left of the box for each clause is a box again, and empty if two sides cross: then the clause holds.
"""

import dataclasses as dc

import torch
from torch import Tensor

from certify.bounders.charges import LEAST, length
from certify.bounders.linear_form import LinearForm
from certify.rounding import UNIT, gamma
from certify.solvers.branch_and_bound.functions import Functions

_ROUNDS = 2
"""Each side is used to cut the others once more; a further round gains nothing that halving would not."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Remainder:
    """Boxes (b, n) that hold all points where a clause that is not ``held`` (b, K) may fail; any box where all are."""

    lower: Tensor
    upper: Tensor
    held: Tensor


def contracted(form: LinearForm, functions: Functions, held: Tensor, lower: Tensor, upper: Tensor) -> Remainder:
    """What the bounds in ``form`` leave of the boxes [lower, upper] (b, n); the clauses ``held`` (b, K) hold there.

    Every step is rounded so that the boxes are too large, never too small.
    """
    shape = (len(lower), functions.count, lower.shape[1])
    low, high = lower[:, None].expand(shape), upper[:, None].expand(shape)
    index = functions.clause[None, :, None].expand(form.coefficients.shape)
    for _ in range(_ROUNDS):
        least, most = _sides(form, low[:, functions.clause], high[:, functions.clause])
        low = low.scatter_reduce(1, index, least, "amax")
        high = high.scatter_reduce(1, index, most, "amin")
    held = held | (low > high).any(2)
    low = torch.where(held[:, :, None], torch.inf, low).amin(1)
    high = torch.where(held[:, :, None], -torch.inf, high).amax(1)
    gone = held.all(1)[:, None]
    return Remainder(torch.where(gone, lower, low), torch.where(gone, upper, high), held)


def _sides(form: LinearForm, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """The least and largest ``x_j`` (b, R, n) of points of the boxes (b, R, n) where each bound is at most 0.

    The charge covers the n products, their sum and the three additions after it, as in ``BallBatch.minimum``. Nothing
    is cut where a number has overflown.
    """
    a = form.coefficients
    terms = torch.minimum(a * lower, a * upper)
    constant = form.constant - 1.01 * form.error
    size = length(a, dim=2) * length(torch.maximum(lower.abs(), upper.abs()), dim=2)
    constant = constant - 8 * gamma(a.shape[2] + 32) * size - 8 * UNIT * constant.abs() - LEAST
    others = terms.sum(2, keepdim=True) + constant[:, :, None] - terms
    edge = -others / a
    known = others.isfinite()
    infinite = torch.full_like(edge, torch.inf)
    most = torch.where(known & (a > 0), torch.nextafter(edge, infinite), infinite)
    least = torch.where(known & (a < 0), torch.nextafter(edge, -infinite), -infinite)
    return least, most
