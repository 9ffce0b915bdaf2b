"""Nodal hats of the Kuhn mesh as a ReLU network: one tree of maxima a node, or maxima shared between nodes."""

import dataclasses as dc
from typing import cast

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.network import Affine, Network
from constructions.compose import Chain, Forms
from constructions.gadgets import maxima, steps
from constructions.generalisation.sizes import in_words

Nodes = Int64[np.ndarray, "K d"]


@dc.dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Partial maxima over a block of coordinates.

    ``rows`` (R, s) are the different places that nodes have in those s coordinates, in lexicographic order, and ``up``
    and ``down`` the maxima of ``relu(z_i)`` and of ``relu(-z_i)`` over the block, for each row, with ``z`` the input in
    cells minus the row.
    """

    rows: Nodes
    up: Forms
    down: Forms


@dc.dataclass(frozen=True, slots=True, eq=False)
class Hats:
    """The functions ``relu(1 - max_i relu(z_i) - max_i relu(-z_i))``, ``z = cells x - node``, for some nodes of a mesh.

    Each is 1 at its node, 0 at all others and linear on every simplex; those of all nodes sum to 1 on the cube
    (``li2022``, explicit form of Theorem 3.3).

    Attributes:
        nodes: The nodes (K, d), whole numbers in lexicographic order.
        cells: Cells a side.
        shared: Whether partial maxima over coordinate blocks are computed once for all nodes that agree there.
        clipped: Whether the input is first moved to the nearest point of the cube.

    Raises:
        InvalidInput: a mesh whose nodes cannot be numbered in 64 bits.
    """

    nodes: Nodes
    cells: int
    shared: bool
    clipped: bool

    def __post_init__(self) -> None:
        if (self.cells + 1) ** self.dimension >= 2**62:
            raise InvalidInput(
                f"A mesh of {self.cells} cells a side in {self.dimension} dimensions has {in_words(self.cells + 1)} to "
                f"the power {self.dimension} nodes, too many to number them in 64 bits. Take a coarser mesh."
            )

    @property
    def dimension(self) -> int:
        """The number of coordinates d."""
        return self.nodes.shape[1]

    def network(self, values: Float64[np.ndarray, " K"], constant: float = 0.0) -> Network:
        """The network ``constant + sum_k values[k] hat_k``."""
        chain = Chain(self.dimension)
        inputs = steps(chain, chain.inputs()) if self.clipped else chain.inputs()
        leaves = [self._leaf(inputs, i) for i in range(self.dimension)]
        pairs = _as_units(chain, leaves)
        top = _shared(chain, pairs, self.nodes) if self.shared else _apart(chain, pairs, self.nodes)
        (hats,) = chain.relu(-(top.up + top.down) + 1.0)
        return chain.output(hats.combined(values[None, :]) + constant)

    def values(self, network: Network) -> tuple[Float64[np.ndarray, " K"], float] | None:
        """The values and the constant of ``network``'s last layer; None where it has no such layer."""
        last = network.nodes[-1].op
        if not isinstance(last, Affine) or last.weight.shape != (1, len(self.nodes)):
            return None
        row = last.weight if isinstance(last.weight, np.ndarray) else last.weight.toarray()
        return cast(np.ndarray, row)[0], float(last.bias[0])

    def after_hinges(self, network: Network) -> Network:
        """The part of a network of this form that reads the hinges' arguments, in the order of ``hinges_at``."""
        ops = [node.op for node in network.nodes]
        return Network.chain(ops[5:] if self.clipped else ops[1:])

    def hinges_at(self, places: Int64[np.ndarray, "m d"]) -> Float64[np.ndarray, "m h"]:
        """The arguments of the first hinges at the points ``places / cells``: whole numbers."""
        parts: list[np.ndarray] = []
        for i in range(self.dimension):
            gaps = places[:, i : i + 1] - np.unique(self.nodes[:, i])
            parts += [gaps, -gaps]
        return np.concatenate(parts, axis=1).astype(np.float64)

    def _leaf(self, inputs: Forms, coordinate: int) -> Block:
        rows = np.unique(self.nodes[:, coordinate])
        argument = inputs.take(np.full(len(rows), coordinate)).scaled(float(self.cells)) - rows.astype(np.float64)
        return Block(rows[:, None], argument, -argument)


def _as_units(chain: Chain, blocks: list[Block]) -> list[Block]:
    """The next layer: all forms of all blocks as units."""
    units = chain.relu(*(forms for block in blocks for forms in (block.up, block.down)))
    return [dc.replace(block, up=units[2 * i], down=units[2 * i + 1]) for i, block in enumerate(blocks)]


def _apart(chain: Chain, leaves: list[Block], nodes: Nodes) -> Block:
    """The maxima over all coordinates, each node by a tree of its own."""
    starts = np.concatenate([[0], np.cumsum([len(leaf.rows) for leaf in leaves])])
    places = [starts[i] + np.searchsorted(leaf.rows[:, 0], nodes[:, i]) for i, leaf in enumerate(leaves)]
    order = np.stack(places, axis=1).ravel()
    up = Forms.stack(*(leaf.up for leaf in leaves)).take(order)
    down = Forms.stack(*(leaf.down for leaf in leaves)).take(order)
    tops = maxima(chain, Forms.stack(up, down), 2 * len(nodes))
    return Block(nodes, tops.take(slice(0, len(nodes))), tops.take(slice(len(nodes), None)))


def _shared(chain: Chain, blocks: list[Block], nodes: Nodes) -> Block:
    """The maxima over all coordinates, by halving the number of blocks; an odd one out is carried."""
    while len(blocks) > 1:
        blocks = _halved(chain, blocks, nodes)
    return blocks[0]


def _halved(chain: Chain, blocks: list[Block], nodes: Nodes) -> list[Block]:
    starts = np.concatenate([[0], np.cumsum([block.rows.shape[1] for block in blocks])])
    joins = [
        _Join.of(blocks[k], blocks[k + 1], nodes[:, starts[k] : starts[k + 2]]) for k in range(0, len(blocks) - 1, 2)
    ]
    odd = blocks[len(joins) * 2 :]
    units = chain.relu(*(forms for join in joins for forms in join.units), *(f for b in odd for f in (b.up, b.down)))
    merged = [join.merged(units[4 * k : 4 * k + 4]) for k, join in enumerate(joins)]
    return merged + [dc.replace(block, up=units[-2], down=units[-1]) for block in odd]


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Join:
    """Two neighbouring blocks and which row of each (``left``, ``right``) a row of their union has.

    ``max(a, b) = relu(a - b) + relu(b)``: the second unit is one for each row of the second block, whatever the first.
    """

    rows: Nodes
    first: Block
    second: Block
    left: Int64[np.ndarray, " R"]
    right: Int64[np.ndarray, " R"]

    @classmethod
    def of(cls, first: Block, second: Block, places: Nodes) -> "_Join":
        """The union of two blocks; ``places`` are the nodes in its coordinates."""
        width = first.rows.shape[1]
        left, right = _positions(first.rows, places[:, :width]), _positions(second.rows, places[:, width:])
        codes, which = np.unique(left * len(second.rows) + right, return_index=True)
        return cls(places[which], first, second, codes // len(second.rows), codes % len(second.rows))

    @property
    def units(self) -> tuple[Forms, Forms, Forms, Forms]:
        """The forms to become units."""
        up = self.first.up.take(self.left) - self.second.up.take(self.right)
        down = self.first.down.take(self.left) - self.second.down.take(self.right)
        return up, self.second.up, down, self.second.down

    def merged(self, units: tuple[Forms, ...]) -> Block:
        """The union, from its units."""
        up, second_up, down, second_down = units
        return Block(self.rows, up + second_up.take(self.right), down + second_down.take(self.right))


def _positions(rows: Nodes, places: Nodes) -> Int64[np.ndarray, " K"]:
    """The row that each place is, of lexicographically ordered rows."""
    size = int(rows.max()) + 1
    weights = size ** np.arange(rows.shape[1] - 1, -1, -1)
    return np.searchsorted(rows @ weights, places @ weights)
