"""Which unit to split next: a score filters candidates, a look ahead at both children decides. (depalma2021)"""

import dataclasses as dc

import torch
from torch import Tensor

from certify.bounders.relaxation import Relaxation
from certify.solvers.branch_and_bound.nodes import Multipliers, Nodes

_AREA = 1e-6
"""What a unit's triangle counts against the chord's share in the bound: it orders units that the bound ignores."""

_WEAKER = 0.1
"""What the weaker child's bound counts against the stronger one's."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """What chords cost: ``intercepts`` (B, U), each unit's contribution to the bound, and ``pulls`` (B, U), the
    coefficients at the units' outputs where they are negative."""

    intercepts: Tensor
    pulls: Tensor


def losses(nodes: Nodes, chosen: Multipliers) -> Losses:
    """Read off the bound's gradient in the chords' intercepts."""
    enclosure, units = nodes.enclosure, nodes.units
    offsets = {i: r.upper_offset.detach().requires_grad_() for i, r in enclosure.relaxations.items()}
    traced = {i: dc.replace(r, upper_offset=offsets[i]) for i, r in enclosure.relaxations.items()}
    with torch.enable_grad():
        bound = dc.replace(nodes, enclosure=dc.replace(enclosure, relaxations=traced)).bound(chosen).sum()
        if not bound.requires_grad:
            return Losses(*(torch.zeros_like(chosen.slopes) for _ in range(2)))
        grads = torch.autograd.grad(bound, list(offsets.values()), allow_unused=True)
    pulls = dict(zip(offsets, grads, strict=True))
    pull = {k: _total([pulls[i] for i in units.readers[k]]) for k in units.values}
    joined = units.join({k: p for k, p in pull.items() if p is not None}, chosen.slopes)
    offset = units.join({k: offsets[units.readers[k][0]].detach() for k in units.values}, chosen.slopes)
    return Losses(-joined * offset, -joined)


def choose(
    nodes: Nodes, chosen: Multipliers, found: Losses, unstable: Tensor, candidates: int
) -> tuple[Tensor, Tensor]:
    """For each node one of its ``unstable`` units (B, U), and estimates (B, 2) of its children's bounds (+1, -1).

    The best of the ``candidates`` units with the highest scores, by the bounds of its children under the parent's
    multipliers. The stronger child counts most: it closes soonest, and the weaker one seldom differs from its parent.
    """
    score = torch.where(unstable, found.intercepts + _AREA * _triangles(nodes), -torch.inf)
    top, columns = score.topk(min(candidates, score.shape[1]), dim=1)
    count, width = columns.shape
    repeated = torch.arange(count, device=columns.device).repeat_interleave(2 * width)
    phase = torch.tensor([1, -1], dtype=torch.int8, device=columns.device).repeat(count * width)
    children = nodes.take(repeated).fixed_at(columns.flatten().repeat_interleave(2), phase)
    with torch.no_grad():
        bounds = children.bound(chosen.take(repeated)).reshape(count, width, 2)
    open_ = bounds.clamp_max(0.0)  # more than closed is not better
    promise = torch.where(top > -torch.inf, open_.amax(2) + _WEAKER * open_.amin(2), -torch.inf)
    which = promise.nan_to_num(nan=-torch.inf).argmax(1, keepdim=True)
    picked = bounds.gather(1, which[:, :, None].expand(-1, -1, 2))[:, 0]
    return columns.gather(1, which)[:, 0], picked


def price_scale(nodes: Nodes, found: Losses) -> Tensor:
    """A typical size (B, U) of prices: the largest coefficient of a layer, at least a trace of the largest of all."""
    most = found.pulls.amax(1, keepdim=True)
    layers = {value: part.amax(1, keepdim=True).expand_as(part) for value, part in nodes.units.parts(found.pulls)}
    return torch.maximum(nodes.units.join(layers, found.pulls), 1e-2 * most).clamp_min(1e-12)


def _triangles(nodes: Nodes) -> Tensor:
    def area(relaxation: Relaxation) -> Tensor:
        return relaxation.upper_offset * relaxation.unstable

    parts = {k: area(nodes.enclosure.relaxations[nodes.units.readers[k][0]]) for k in nodes.units.values}
    return nodes.units.join(parts, nodes.row[:, 0])


def _total(parts: list[Tensor | None]) -> Tensor | None:
    known = [part for part in parts if part is not None]
    return torch.stack(known).sum(0) if known else None
