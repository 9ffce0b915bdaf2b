"""How hard a search tries, and what memory it may take."""

import dataclasses as dc

from certify.network import Network
from certify.solvers.branch_and_bound.ascent import Ascent

_COPIES = 64
"""About how many numbers the ascent keeps for each number of a node's values."""


@dc.dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of a search: hidden bounds sharpened by trees of up to ``leaves`` leaves, then ``nodes`` more nodes."""

    leaves: int
    nodes: int


@dc.dataclass(frozen=True, slots=True)
class Effort:
    """Limits and settings of a search; the defaults are meant for everybody.

    ``nodes``: the most nodes a question may take. ``batch``: the most nodes bounded at once. ``bytes``: working memory
    that a batch aims at; where it does not fit, it is halved. ``pool_bytes``: waiting nodes above which the latest are
    taken first. ``candidates``: units compared by looking ahead. ``halving``: networks with at most so many inputs are
    searched by halving boxes, where the region is one. ``stages``: what comes before the search that only ``nodes``
    limits. ``ascent`` serves the margins, ``hidden`` the trees of hidden units.
    """

    nodes: int = 1 << 24
    batch: int = 512
    bytes: int = 1 << 28
    pool_bytes: int = 1 << 31
    candidates: int = 8
    halving: int = 8
    stages: tuple[Stage, ...] = tuple(Stage(4**k if k else 0, 32 * 2**k) for k in (0, 1, 2, 3, 4, 5, 6))
    ascent: Ascent = dc.field(default_factory=Ascent)
    hidden: Ascent = dc.field(default_factory=lambda: Ascent(steps=6))

    def together(self, network: Network, element_size: int) -> int:
        """How many nodes to bound at once, in numbers of ``element_size`` bytes."""
        each = _COPIES * sum(network.widths) * element_size
        return max(1, min(self.bytes // each, self.batch))
