"""Thousands of awkward networks against a primal reference: nothing is claimed beyond a point that breaks it."""

import collections
import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.linalg import block_diag

from certify.network import Affine, Network, ReLU
from certify.query import Queries
from certify.region import Norm
from tests.two_layer.nets import Answer, solved
from tests.two_layer.primal import Small, failures

_TOLERANCE = 1e-6
_NODES = 300
_BLOCK = 10
_DIMENSIONS = (1, 2, 3, 5, 10, 60)


def drawn(seed: int, d: int) -> Small:
    """Any mixture of: few dimensions or many, deficient rank, copies, opposites, dead and constant neurons, plateaus.

    The output is positive at the input, or 0.
    """
    rng = np.random.default_rng(seed)
    m = int(rng.integers(2, 8))
    whole = rng.random() < 0.3  # small integers: ties and kinks abound
    draw = (lambda *shape: rng.integers(-3, 4, size=shape).astype(float)) if whole else (lambda *s: rng.normal(size=s))
    weight, bias, readout, x = draw(m, d), draw(m), draw(m), draw(d)
    if rng.random() < 0.3:
        weight = draw(m, rank := int(rng.integers(1, min(d, m) + 1))) @ draw(rank, d)
    if rng.random() < 0.3:  # copies and opposites
        i, j = rng.integers(0, m, size=2)
        factor = float(rng.choice([1.0, 2.0, 1 / 3, -1.0, -0.5]))
        weight[i], bias[i] = factor * weight[j], factor * bias[j]
    if rng.random() < 0.2:
        bias[rng.integers(m)] = -50.0  # dead near the input
    if rng.random() < 0.1:
        weight[rng.integers(m)] = 0.0
    if rng.random() < 0.3:
        bias = -np.abs(bias)
    offset = 0.0 if rng.random() < 0.4 else float(draw(1)[0])
    if rng.random() < 0.2:
        readout = np.abs(readout)  # f <= 0 only on plateaus
    network = Small(weight, bias, readout, offset, x)
    return network if network.exactly(np.zeros(d)) >= 0 else Small(weight, bias, -readout, -offset, x)


def judged(block: int) -> list[str]:
    """What the answers about the networks of one block amount to.

    Each is ``closed``, ``open``, ``never fails``, ``tie``, or names a fault. They are asked at once, as the outputs of
    one network.
    """
    d = _DIMENSIONS[block % len(_DIMENSIONS)]
    smalls = [drawn(_BLOCK * block + i, d) for i in range(_BLOCK)]
    ties = [small.exactly(np.zeros(d)) == 0 for small in smalls]
    weight, bias = np.concatenate([small.weight for small in smalls]), np.concatenate([small.bias for small in smalls])
    readout = block_diag(*(small.readout for small in smalls))
    network = Network.chain(
        [Affine(weight, bias), ReLU(len(bias)), Affine(readout, np.array([small.offset for small in smalls]))]
    )
    queries = Queries(
        network,
        np.array([small.x for small in smalls]),
        np.where(ties, 1e-9, np.inf),
        Norm.L2,
        np.eye(_BLOCK)[:, None, :],
        np.zeros((_BLOCK, 1)),
    )
    answers = solved(queries, tolerance=_TOLERANCE, most_nodes=_NODES)
    return [_verdict(*one) for one in zip(smalls, answers, ties, strict=True)]


def _verdict(small: Small, answer: Answer, tie: bool) -> str:
    if tie:
        return "tie" if answer.lower == 0 else "unsound"
    known = failures(small)
    if known.confirms(answer.lower) or answer.lower > answer.upper:
        return "unsound"
    closed = answer.upper - answer.lower <= 2 * _TOLERANCE * answer.upper < math.inf
    if closed and not math.isclose(answer.upper, known.distance, rel_tol=1e-5):
        return "wrong" if known.distance < answer.upper else "the reference missed a point"
    if closed:
        return "closed"
    return "never fails" if math.isinf(answer.upper) and math.isinf(known.distance) else "open"


def check(blocks: range) -> collections.Counter[str]:
    """How often each came up; fails if anything is wrong, or if hardly anything is decided."""
    seen: dict[str, list[int]] = {}
    for block in blocks:
        for i, kind in enumerate(judged(block)):
            seen.setdefault(kind, []).append(_BLOCK * block + i)
    faults = {kind: where[:5] for kind, where in seen.items() if kind not in _FINE}
    assert not faults, faults
    counts = collections.Counter({kind: len(where) for kind, where in seen.items()})
    assert counts["open"] <= 0.1 * _BLOCK * len(blocks), seen["open"][:20]
    return counts


_FINE = {"closed", "open", "never fails", "tie"}


def test_no_radius_of_an_awkward_network_is_claimed_beyond_a_point_that_breaks_it() -> None:
    check(range(6))


def test_leaves_are_bounded_to_the_end() -> None:
    """Leaves that began at their parents' multipliers once ended early on these networks, and capped the radius."""
    assert "open" not in [*judged(1105), *judged(1107)]


@pytest.mark.nightly
@pytest.mark.timeout(14400)
def test_no_radius_of_ten_thousand_awkward_networks_is_claimed_beyond_a_point_that_breaks_it(
    record_property: Callable[[str, object], None],
) -> None:
    for kind, count in check(range(10_000 // _BLOCK)).items():
        record_property(kind, count)
