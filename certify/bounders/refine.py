"""Tight bounds for the pre-activations whose sign intervals leave open, and for nothing else.

A ReLU uses the bounds of its input only where the sign is open, so a unit whose sign is settled needs no better bounds
and the network's final bound is the same as if every unit had been refined. Three things save work: units settled by
interval arithmetic are never touched; upper bounds come first (most open units of a trained network are off) and settled
units are not asked for lower bounds; and a row is dropped as soon as intervals at an earlier layer settle its sign.
"""

import torch
from torch import Tensor

from certify.bounders.budget import DEFAULT_BYTES, pieces
from certify.bounders.enclosure import Enclosure
from certify.bounders.substitution import Selection, Slopes, Substitution
from certify.network import ReLU
from certify.region import Norm

_WORTH = 0.75
"""Rows are repacked only when fewer than this share of them is still open: repacking copies."""


def enclose(
    enclosure: Enclosure, *, slopes: "dict[int, PairedSlopes] | None" = None, budget: int = DEFAULT_BYTES
) -> Enclosure:
    """The enclosure extended to the output, every open pre-activation refined by backward substitution.

    ``slopes[k]`` overrides the lower slopes used for the rows of value k (see ``PairedSlopes``).
    """
    targets = feeds_relu(enclosure)
    for value in range(1, len(enclosure.network.network.nodes) + 1):
        enclosure.extend()
        if value in targets:
            refine(enclosure, value, slopes=(slopes or {}).get(value), budget=budget)
    return enclosure


def feeds_relu(enclosure: Enclosure) -> set[int]:
    """The values that a ReLU reads."""
    return {node.inputs[0] for node in enclosure.network.network.nodes if isinstance(node.op, ReLU)}


class PairedSlopes:
    """Lower slopes chosen for chosen rows of one value.

    ``index`` (B, R) names units; ``upper`` and ``lower`` map ReLU nodes to slopes (B, R, n) for the rows ``-e`` and
    ``+e`` of those units. Units that are not in ``index`` use the default slopes.
    """

    def __init__(self, index: Tensor, lower: Slopes, upper: Slopes) -> None:
        self.index, self.lower, self.upper = index, lower, upper


def open_units(enclosure: Enclosure, value: int) -> tuple[Tensor, Tensor]:
    """The units of a value whose sign is open: indices (B, R), padded by repeating settled ones, and which are real."""
    unsettled = (enclosure.lower[value] < 0) & (enclosure.upper[value] > 0)
    counts = unsettled.sum(1)
    most = int(counts.max()) if len(counts) else 0
    index = unsettled.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most]
    return index, torch.arange(most, device=index.device)[None, :] < counts[:, None]


def _interval_is_exact(enclosure: Enclosure, node: int) -> bool:
    """Interval arithmetic of one linear map on a box is exact, and a linf ball is its own hull."""
    reads_input = enclosure.network.network.nodes[node].inputs == (0,)
    return reads_input and enclosure.ball.norm is Norm.LINF and node in enclosure.network.linear


def refine(enclosure: Enclosure, value: int, *, slopes: PairedSlopes | None = None, budget: int = DEFAULT_BYTES) -> None:
    """Tightens the open units of the enclosure's last value; with ``slopes``, those it names by its slopes first."""
    if _interval_is_exact(enclosure, value - 1):
        return
    if slopes is not None and slopes.index.shape[1]:
        for sign, chosen in ((-1.0, slopes.upper), (1.0, slopes.lower)):
            bounds = _bounds(enclosure, value, slopes.index, sign, chosen, budget)
            tighten_side(enclosure, value, slopes.index, bounds, sign)
    for sign in (-1.0, 1.0):
        index, _ = open_units(enclosure, value)
        if index.shape[1]:
            tighten_side(enclosure, value, index, _bounds(enclosure, value, index, sign, None, budget), sign)


def tighten_side(enclosure: Enclosure, value: int, index: Tensor, bounds: Tensor, sign: float) -> None:
    """Uses lower bounds (B, R) of ``sign * value[index]`` as lower (sign 1) or upper (sign -1) bounds of those units."""
    lower, upper = enclosure.lower[value], enclosure.upper[value]
    if sign > 0:
        enclosure.tighten(value, lower.scatter_reduce(1, index, bounds, "amax"), upper)
    else:
        enclosure.tighten(value, lower, upper.scatter_reduce(1, index, -bounds, "amin"))


def _bounds(
    enclosure: Enclosure, value: int, index: Tensor, sign: float, slopes: Slopes | None, budget: int
) -> Tensor:
    """Lower bounds (B, R) of ``sign * value[index]``, in pieces that fit the memory budget."""
    widest = max(enclosure.network.network.widths[: value + 1])
    each = 6 * len(index) * widest * enclosure.lower[0].element_size()

    def work(start: int, stop: int) -> Tensor:
        part = {i: s[:, start:stop] if s.shape[1] > 1 else s for i, s in (slopes or {}).items()}
        return _settle(enclosure, value, Selection(index[:, start:stop], sign), part)

    return pieces(index.shape[1], each, budget, work)


def _settle(enclosure: Enclosure, value: int, rows: Selection, slopes: Slopes) -> Tensor:
    """Lower bounds (B, R) of the rows; a row whose bound is positive somewhere on the way is followed no further."""
    walk = Substitution(enclosure, value, rows, slopes)
    best = torch.full_like(walk.constant, -torch.inf)
    kept = torch.arange(best.shape[1], device=best.device).expand(best.shape)
    while walk.advance():
        if not walk.past_relu:
            continue
        best = best.scatter_reduce(1, kept, walk.estimate(), "amax")
        unsettled = best.gather(1, kept) <= 0
        most = int(unsettled.sum(1).max())
        if most == 0:
            return best
        if most <= _WORTH * kept.shape[1]:
            order = unsettled.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most]
            walk.keep(order)
            kept = kept.gather(1, order)
    return best.scatter_reduce(1, kept, walk.finish().lower(enclosure.ball), "amax")
