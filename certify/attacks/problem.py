"""Questions as tensors, seen from their centres: margins and gradients at many displacements at once."""

import dataclasses as dc

import torch
from torch import Tensor

from certify.query import Queries
from certify.region import Norm
from certify.tensor_network import TensorNetwork

NEAREST = -1
"""The aim that means "whichever margin row is smallest"."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """B questions. A displacement z is a tensor (s, b, n): s attempts at each question, around its centre.

    ``centres`` (b, n) lie in the domain, ``low`` and ``high`` (b, n) say how far a coordinate may move, ``radii`` (b,)
    may be infinite. An ``aim`` (s, b) names the margin row to push down, or ``NEAREST``.
    """

    network: TensorNetwork
    norm: Norm
    centres: Tensor
    radii: Tensor
    rows: Tensor
    offsets: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, network: TensorNetwork, queries: Queries) -> "Problem":
        """The questions in the network's dtype, on its device; a centre outside the domain is clipped into it."""
        centres = torch.as_tensor(queries.centres, dtype=torch.float64)
        low = torch.full_like(centres, -torch.inf)
        high = -low
        if queries.domain is not None:
            lower, upper = torch.as_tensor(queries.domain.lower), torch.as_tensor(queries.domain.upper)
            centres = torch.minimum(torch.maximum(centres, lower), upper)
            low, high = lower - centres, upper - centres
        wide = (
            centres,
            torch.as_tensor(queries.radii),
            torch.as_tensor(queries.rows),
            torch.as_tensor(queries.offsets),
        )
        parts = [part.to(device=network.device, dtype=network.dtype) for part in (*wide, low, high)]
        return cls(network, queries.norm, *parts)

    def __len__(self) -> int:
        return len(self.centres)

    def take(self, index: Tensor) -> "Problem":
        """The questions at ``index``, in that order."""
        parts = (self.centres, self.radii, self.rows, self.offsets, self.low, self.high)
        return Problem(self.network, self.norm, *(part[index] for part in parts))

    def boxed(self, z: Tensor) -> Tensor:
        """The nearest displacement that stays in the domain."""
        return torch.minimum(torch.maximum(z, self.low), self.high)

    def margins(self, z: Tensor, *, slope: float = 0.0) -> Tensor:
        """Every margin (s, b, r) at ``z``; ``slope`` > 0 makes the ReLUs leaky."""
        outputs = self.network.forward(self.centres + z, slope=slope)
        return torch.einsum("brm,sbm->sbr", self.rows, outputs) + self.offsets

    def smallest(self, z: Tensor) -> Tensor:
        """The smallest margin (s, b) at ``z``: not positive at a counterexample."""
        with torch.no_grad():
            return self.margins(z).amin(-1)

    def gradient(self, z: Tensor, aim: Tensor, *, slope: float = 0.0) -> tuple[Tensor, Tensor]:
        """The margin (s, b) that ``aim`` names and its gradient (s, b, n), both of the ``slope`` network."""
        with torch.enable_grad():
            point = z.detach().requires_grad_(True)
            margins = self.margins(point, slope=slope)
            aimed = margins.gather(-1, aim.clamp_min(0)[..., None])[..., 0]
            value = torch.where(aim == NEAREST, margins.amin(-1), aimed)
            (gradient,) = torch.autograd.grad(value.sum(), point)
        return value.detach(), gradient

    def aims(self, attempts: int) -> Tensor:
        """Aims (attempts, b): the smallest row first, then the rows in the order of their margins at the centre."""
        with torch.no_grad():
            order = self.margins(torch.zeros_like(self.centres)[None])[0].argsort(-1)
        nearest = torch.full_like(order[:, :1], NEAREST)
        cycle = order if order.shape[1] > 1 else nearest
        repeats = -(-attempts // cycle.shape[1])
        return torch.cat([nearest, cycle.repeat(1, repeats)], dim=1)[:, :attempts].T.contiguous()
