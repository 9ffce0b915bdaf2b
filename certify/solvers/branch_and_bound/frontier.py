"""The open nodes of all trees in one pool, handed out so that every question gets the same share of the work."""

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from certify.solvers.branch_and_bound.nodes import Multipliers

_FIRST = 256


class Frontier:
    """Nodes waiting to be bounded, with estimates of their bounds and the multipliers of their parents, in float32."""

    def __init__(self, units: int) -> None:
        self.node = np.zeros(0, dtype=np.int64)
        self.question = np.zeros(0, dtype=np.int64)
        self.bound = np.zeros(0)
        self._place = np.zeros(0, dtype=np.int64)  # where a node's multipliers are stored
        self._vacant = np.arange(_FIRST)
        self._slopes = torch.zeros(_FIRST, units, dtype=torch.float32)
        self._prices = torch.zeros(_FIRST, units, dtype=torch.float32)

    def __len__(self) -> int:
        return len(self.node)

    @property
    def bytes(self) -> int:
        """Memory that the waiting nodes take."""
        return len(self) * (8 * self._slopes.shape[1] + 32)

    def push(
        self,
        node: Int64[np.ndarray, " k"],
        question: Int64[np.ndarray, " k"],
        bound: Float64[np.ndarray, " k"],
        chosen: Multipliers,
    ) -> None:
        """Adds nodes."""
        if len(node) > len(self._vacant):
            self._grow(len(node))
        place, self._vacant = self._vacant[: len(node)], self._vacant[len(node) :]
        self._slopes[place], self._prices[place] = chosen.slopes.to(self._slopes), chosen.prices.to(self._prices)
        self.node, self.question = np.append(self.node, node), np.append(self.question, question)
        self.bound, self._place = np.append(self.bound, bound), np.append(self._place, place)

    def pop(self, most: int, *, latest: bool) -> tuple[Int64[np.ndarray, " k"], Multipliers]:
        """Up to ``most`` nodes: of each question its worst first, the questions in turn.

        With ``latest`` those that came last instead, which keeps the pool from growing.
        """
        rank = np.empty(len(self), dtype=np.int64)
        order = np.lexsort((self.bound, self.question))
        starts = np.flatnonzero(np.diff(self.question[order], prepend=-1))
        rank[order] = np.arange(len(self)) - np.repeat(starts, np.diff(np.append(starts, len(self))))
        picked = np.lexsort((self.bound, -self.node if latest else rank))[:most]
        place = self._place[picked]
        found = self.node[picked], Multipliers(self._slopes[place], self._prices[place])
        kept = np.ones(len(self), dtype=bool)
        kept[picked] = False
        self._keep(kept)
        return found

    def drop(self, decided: Bool[np.ndarray, " b"]) -> None:
        """Forgets the nodes of decided questions."""
        self._keep(~decided[self.question])

    def _keep(self, kept: np.ndarray) -> None:
        self._vacant = np.append(self._vacant, self._place[~kept])
        self.node, self.question = self.node[kept], self.question[kept]
        self.bound, self._place = self.bound[kept], self._place[kept]

    def _grow(self, wanted: int) -> None:
        room = len(self._slopes)
        more = max(room, wanted)
        self._vacant = np.append(self._vacant, np.arange(room, room + more))
        blank = torch.zeros(more, self._slopes.shape[1], dtype=torch.float32)
        self._slopes, self._prices = torch.cat([self._slopes, blank]), torch.cat([self._prices, blank])
