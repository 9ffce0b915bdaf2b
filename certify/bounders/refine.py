"""Tight bounds for the pre-activations whose sign intervals leave open, and for nothing else.

A ReLU uses the bounds of its input only where the sign is open, so a unit whose sign is settled needs no better bounds
and the network's final bound is the same as if every unit had been refined. Three things save work: units settled by
interval arithmetic are never touched; each unit is first bounded on the side on which its value at the centre of the
ball suggests that its sign will be settled, and only those that stay open on the other side; and a row is dropped as
soon as intervals at an earlier layer settle its sign.
"""

import dataclasses as dc
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from certify.bounders.budget import Limits, over_rows
from certify.bounders.enclosure import Enclosure
from certify.bounders.substitution import Selection, Slopes, Substitution
from certify.network import ReLU
from certify.region import Norm
from certify.tensor_network import DenseMap

_WORTH = 0.75
"""Rows are repacked only when fewer than this share of them is still open: repacking copies."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class RowSlopes:
    """Lower slopes chosen for some units of one value: unit ``index[i, j]`` of sample ``samples[i]``.

    Shapes: ``samples`` (b,), ``index`` (b, r); ``upper`` and ``lower`` map ReLU nodes to slopes (b, r, n) for the rows
    ``-e`` and ``+e`` of those units.
    """

    samples: Tensor
    index: Tensor
    lower: Slopes
    upper: Slopes

    def take(self, renumbered: Tensor, device: torch.device | str) -> "RowSlopes":
        """The samples that keep a number: ``renumbered`` (B,) holds each sample's new number, or -1; on ``device``."""
        numbers = renumbered.to(self.samples.device)[self.samples]
        kept = numbers >= 0

        def of_kept(slopes: Slopes) -> Slopes:
            return {i: s[kept].to(device) for i, s in slopes.items()}

        index = self.index[kept].to(device)
        return RowSlopes(numbers[kept].to(device), index, of_kept(self.lower), of_kept(self.upper))


HiddenSlopes = Mapping[int, Sequence[RowSlopes]]
"""For each value, the slopes chosen for its rows; rows that are not named use the default slopes."""


def enclose(enclosure: Enclosure, limits: Limits, *, slopes: HiddenSlopes | None = None) -> Enclosure:
    """The enclosure extended to the output, every open pre-activation refined by backward substitution.

    What the deadline leaves unrefined keeps its interval bounds: looser, and as valid.
    """
    targets = feeds_relu(enclosure)
    for value in range(len(enclosure.lower), len(enclosure.network.network.nodes) + 1):
        enclosure.extend()
        if value in targets:
            refine(enclosure, value, limits, slopes=(slopes or {}).get(value, ()))
    return enclosure


def feeds_relu(enclosure: Enclosure) -> set[int]:
    """The values that a ReLU reads."""
    return {node.inputs[0] for node in enclosure.network.network.nodes if isinstance(node.op, ReLU)}


def refine(enclosure: Enclosure, value: int, limits: Limits, *, slopes: Sequence[RowSlopes] = ()) -> None:
    """Tightens the open units of the enclosure's last value; those that ``slopes`` name, with those slopes first."""
    if _interval_is_exact(enclosure, value - 1):
        return
    first = enclosure.network.linear.get(value - 1)
    reads_input = enclosure.network.network.nodes[value - 1].inputs == (0,)
    if isinstance(first, DenseMap) and reads_input and not enclosure.ball.cut:
        enclosure.tighten(value, *enclosure.ball.image(first, enclosure.typical[value]))
        return
    for chosen in slopes:
        if limits.deadline.passed:
            return
        part = enclosure.take(chosen.samples)
        for rows, side in zip(both_signs(enclosure, chosen.index), (chosen.upper, chosen.lower), strict=True):
            tighten_rows(enclosure, value, chosen.samples, rows, _settle(part, value, rows, side))
    for likely in (True, False):
        _refine_side(enclosure, value, likely, limits)


def both_signs(enclosure: Enclosure, index: Tensor) -> tuple[Selection, Selection]:
    """The rows ``-e`` and ``+e`` of the units at ``index``."""
    ones = torch.ones(index.shape, dtype=enclosure.network.dtype, device=index.device)
    return Selection(index, -ones), Selection(index, ones)


def _refine_side(enclosure: Enclosure, value: int, likely: bool, limits: Limits) -> None:
    """Bounds every open unit on one side: where its sign at the centre is ``likely`` to be settled, or the other."""
    index, counts = open_units(enclosure, value)
    widest = max(enclosure.network.network.widths[: value + 1])

    def work(samples: Tensor, start: int, stop: int) -> None:
        columns = index[samples, start:stop]
        on = enclosure.typical[value][samples].gather(1, columns) > 0
        sign = torch.where(on == likely, 1.0, -1.0).to(enclosure.network.dtype)
        rows = Selection(columns, sign)
        tighten_rows(enclosure, value, samples, rows, _settle(enclosure.take(samples), value, rows, {}))

    over_rows(counts, 6 * widest * enclosure.lower[0].element_size(), limits, work)


def open_units(enclosure: Enclosure, value: int) -> tuple[Tensor, Tensor]:
    """The units of a value, those of open sign first: indices (B, n), and how many are open (B,)."""
    unsettled = (enclosure.lower[value] < 0) & (enclosure.upper[value] > 0)
    return unsettled.to(torch.int8).argsort(dim=1, descending=True, stable=True), unsettled.sum(1)


def _interval_is_exact(enclosure: Enclosure, node: int) -> bool:
    """Interval arithmetic of one linear map on a box is exact, and a linf ball is its own hull."""
    reads_input = enclosure.network.network.nodes[node].inputs == (0,)
    return reads_input and enclosure.ball.norm is Norm.LINF and node in enclosure.network.linear


def tighten_rows(enclosure: Enclosure, value: int, samples: Tensor, rows: Selection, bounds: Tensor) -> None:
    """Tightens the last value of ``samples`` (b,) by lower bounds (b, r) of ``rows``."""
    lower, upper = enclosure.lower[value].clone(), enclosure.upper[value].clone()
    below = torch.where(rows.sign > 0, bounds, -torch.inf)
    above = torch.where(rows.sign > 0, torch.inf, -bounds)
    lower[samples] = lower[samples].scatter_reduce(1, rows.index, below, "amax")
    upper[samples] = upper[samples].scatter_reduce(1, rows.index, above, "amin")
    enclosure.tighten(value, lower, upper)


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
