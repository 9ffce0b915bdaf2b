"""Indicators of integers, exact on integers: threshold, equality, top bit, conjunction.

Two shapes of each exist. The difference ``relu(t - q + 1) - relu(t - q)`` takes one layer, and its two terms grow with
t. The saturating form ``relu(1 - relu(q - t))`` takes two, and what the next layer reads is 0 or 1: it is what the
look-up tables use, because a weight of ``2**B`` may then stand behind it and every sum stays exact in float64, in any
order of summation.
"""

from certify.network import Network
from constructions.compose import Chain, Forms

EXACT = 2**52
"""Sums of integers whose absolute values add up to this much are exact in float64 in every order."""


def reaches(threshold: int) -> Network:
    """``[t >= threshold]`` of one integer input, as a difference of two units."""
    chain = Chain(1)
    t = chain.inputs()
    at, above = chain.relu(t - float(threshold - 1), t - float(threshold))
    return chain.output(at - above)


def equals(value: int) -> Network:
    """``[t = value]`` of one integer input: a hat of three units."""
    chain = Chain(1)
    t = chain.inputs()
    left, middle, right = chain.relu(t - float(value - 1), t - float(value), t - float(value + 1))
    return chain.output(left - middle.scaled(2.0) + right)


def top_bit(bits: int) -> Network:
    """The highest bit of an integer in 0..2**bits - 1 and what is left without it: two outputs."""
    chain = Chain(1)
    word, half = chain.inputs(), float(2 ** (bits - 1))
    (below, carried) = chain.relu(not_reached(word, half), word)
    (bit, rest) = chain.relu(holds(below), carried)
    return chain.output(bit, rest - bit.scaled(half))


def soft_and() -> Network:
    """``relu(x + y - 1)``: the conjunction of two bits."""
    chain = Chain(2)
    (both,) = chain.relu(chain.inputs().combined([[1.0, 1.0]]) - 1.0)
    return chain.output(both)


def not_reached(form: Forms, thresholds: object) -> Forms:
    """The forms whose ``relu`` is 0 exactly where ``form >= threshold``, and else at least 1 on integers."""
    return -form + thresholds  # type: ignore[operator]


def holds(*faults: Forms) -> Forms:
    """The forms whose ``relu`` is 1 where all of the non-negative integers ``faults`` are 0, and else 0."""
    total = faults[0]
    for fault in faults[1:]:
        total = total + fault
    return -total + 1.0
