"""How hard a search tries, and what memory it may take."""

import dataclasses as dc

from certify.solvers.branch_and_bound.ascent import Ascent


@dc.dataclass(frozen=True, slots=True)
class Effort:
    """Limits and settings of a search; the defaults are meant for everybody.

    ``nodes``: the most nodes a question may take. ``batch``: the most nodes bounded at once. ``bytes``: working memory
    that a batch aims at; where it does not fit, it is halved. ``pool_bytes``: waiting nodes above which the latest are
    taken first. ``candidates``: units compared by looking ahead. ``halving``: networks with at most so many inputs are
    searched by halving boxes, where the region is one.
    """

    nodes: int = 1 << 24
    batch: int = 512
    bytes: int = 1 << 28
    pool_bytes: int = 1 << 31
    candidates: int = 8
    halving: int = 8
    ascent: Ascent = dc.field(default_factory=Ascent)
