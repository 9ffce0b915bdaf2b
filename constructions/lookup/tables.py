"""Look-up tables on the integers 0..M-1: one unit per label, or labels packed into words and unpacked bit by bit.

Both read one unit that holds an integer t and answer +1 or -1, exactly. ``direct`` is a piecewise linear interpolant;
``block`` needs of order ``sqrt(M)`` numbers, by packing B labels into one weight and extracting a bit per round, as in
the networks of (bartlett2019, Section 3). Derived here; the saturating gadgets are what makes it exact in float64.
"""

import numpy as np
from jaxtyping import Int64

from certify.errors import InvalidInput
from certify.network import Network
from constructions.compose import Chain, Forms
from constructions.lookup.integers import EXACT, holds, not_reached

Labels = Int64[np.ndarray, " M"]
"""The table: 0 for -1 and 1 for +1, by integer."""

MOST_DIRECT = 2**25
"""Labels of a direct table: its sums reach ``2 M**2``, which must not exceed 2**52 for float64."""


def direct(labels: Labels) -> Network:
    """The table as a network of one input: M - 1 units, at most 3M - 3 numbers."""
    check_direct(len(labels))
    chain = Chain(1)
    return chain.output(direct_table(chain, chain.inputs(), labels))


def block(labels: Labels, word: int) -> Network:
    """The table as a network of one input: for generic labels ``6 ceil(M / B) + 21 B - 16`` numbers, B = ``word``."""
    check_block(len(labels), word)
    chain = Chain(1)
    return chain.output(block_table(chain, chain.inputs(), labels, word))


def direct_table(chain: Chain, index: Forms, labels: Labels) -> Forms:
    """``y_0 + sum_i (change of slope at i) relu(t - i)``: one layer, a unit for each of 0..M-2."""
    signs = 2.0 * labels - 1.0
    slopes = np.diff(signs)
    changes = np.diff(slopes, prepend=0.0)
    (hinges,) = chain.relu(index.take(np.zeros(len(changes), dtype=np.int64)) - np.arange(len(changes), dtype=float))
    return hinges.combined(changes[None, :]) + float(signs[0])


def block_table(chain: Chain, index: Forms, labels: Labels, word: int) -> Forms:
    """The label of ``index``: its word and its place there, found in three layers, and then two layers a bit."""
    packed = words(labels, word)
    starts = word * np.arange(1.0, len(packed))
    repeated = index.take(np.zeros(len(starts), dtype=np.int64))
    below, carried = chain.relu(not_reached(repeated, starts), index)
    reached, carried = chain.relu(holds(below), carried)
    content = reached.combined(np.diff(packed)[None, :]) + float(packed[0])
    place = carried - reached.combined(np.full((1, len(starts)), float(word)))
    content, place = chain.relu(content, place)
    return _unpacked(chain, content, place, word).scaled(2.0) - 1.0


def _unpacked(chain: Chain, content: Forms, place: Forms, word: int) -> Forms:
    """Bit number ``place``, counted from the highest, of ``content``: ``sum_k [bit k is 1 and place = k]``."""
    found: list[Forms] = []
    for k in range(word):
        half, last = float(2 ** (word - 1 - k)), k == word - 1
        faults = [not_reached(content, half), place - float(k), *([-place + float(k)] if k else [])]
        kept = [*found, *([] if last else [content, place])]
        units = chain.relu(*faults, *kept)
        faults, kept = units[: len(faults)], units[len(faults) :]
        hit, *rest = chain.relu(holds(*faults), *kept, *([] if last else [holds(faults[0])]))
        found = [rest[0] + hit] if found else [hit]
        if not last:
            content, place = rest[-3] - rest[-1].scaled(half), rest[-2]
    return found[0]


def words(labels: Labels, word: int) -> Int64[np.ndarray, " G"]:
    """The labels packed ``word`` to an integer, the first in the highest bit; the last word is filled with zeros."""
    count = -(-len(labels) // word)
    bits = np.zeros(count * word, dtype=np.int64)
    bits[: len(labels)] = labels
    return bits.reshape(count, word) @ (1 << np.arange(word - 1, -1, -1, dtype=np.int64))


def check_direct(count: int) -> None:
    """Refuses a number of labels whose sums float64 could round.

    Raises:
        InvalidInput: fewer than 2 labels, or more than 2**25.
    """
    if not 2 <= count <= MOST_DIRECT:
        raise InvalidInput(
            f"A direct look-up table of {count:,} labels is not possible: it takes 2 to {MOST_DIRECT:,}, because its "
            f"sums reach 2 M**2 and float64 is exact up to 2**53. Use a table packed into words."
        )


def check_block(count: int, word: int) -> None:
    """Refuses words that float64 cannot hold.

    Raises:
        InvalidInput: fewer than 2 labels, or words of B bits with ``B < 2`` or ``ceil(M / B) 2**B > 2**52``.
    """
    if count < 2 or not 2 <= word <= widest_word(count):
        raise InvalidInput(
            f"Cannot pack {count:,} labels into words of {word} bits: words of B bits need 2 <= B and "
            f"ceil(M/B) 2^B <= 2^52, for float64 to be exact. For {count:,} labels take 2 to {widest_word(count)}."
        )


def widest_word(count: int) -> int:
    """The largest admissible number of bits of a word for ``count`` labels; at least 2 below 2**51 labels."""
    return max(bits for bits in range(1, 53) if -(-count // bits) << bits <= EXACT or bits == 1)


def best_word(count: int) -> int:
    """The admissible number of bits with the fewest numbers, ``6 ceil(M / B) + 21 B``: about ``sqrt(2 M / 7)``.

    Raises:
        InvalidInput: more labels than words of two bits can hold within float64's integers.
    """
    check_block(count, 2)
    return min(range(2, widest_word(count) + 1), key=lambda bits: 6 * -(-count // bits) + 21 * bits)
