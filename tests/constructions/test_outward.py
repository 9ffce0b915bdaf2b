"""Interval bounds rounded outwards: they contain every exact output, and hardly more than exact intervals."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Add, Affine, Conv2d, Network, Node, ReLU
from constructions.enclosure import Intervals, enclose
from constructions.outward import enclose_outward


def network(rng: np.random.Generator, scale: float) -> Network:
    """A residual network that begins with a convolution and has a sparse layer."""
    first = Conv2d(rng.normal(size=(2, 1, 2, 2)) * scale, rng.normal(size=2), (1, 2, 2), padding=(1, 1), stride=(2, 1))
    width = first.output_width
    sparse = Affine(sp.csr_array(rng.normal(size=(width, width)) * (rng.random((width, width)) < 0.5)), np.ones(width))
    last = Affine(rng.normal(size=(2, width)), rng.normal(size=2))
    ops = ((first, (0,)), (ReLU(width), (1,)), (sparse, (2,)), (Add(width), (2, 3)), (last, (4,)))
    return Network((1, 2, 2), tuple(Node(op, reads) for op, reads in ops))


@given(st.integers(0, 10**6), st.floats(0, 1), st.sampled_from([1e-300, 1e-3, 1.0, 1e8]))
@settings(max_examples=60, deadline=None)
def test_no_exact_output_lies_outside(seed: int, radius: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    net, centre = network(rng, scale), rng.normal(size=4)
    lower, upper = centre - radius, centre + radius
    found = enclose_outward(net, Intervals(lower[None], upper[None]))
    points = [lower, upper, np.where(rng.random(4) < 0.5, lower, upper), lower + (upper - lower) * 0.25]
    for point in points:
        outputs = ExactNetwork(net).evaluate(np.clip(point, lower, upper))
        assert all(a <= y <= b for a, y, b in zip(found.lower[0], outputs, found.upper[0], strict=True))


def test_on_dyadic_networks_they_contain_the_exact_intervals_and_little_more() -> None:
    rng = np.random.default_rng(2)
    weights = [rng.integers(-8, 9, shape) / 4 for shape in ((6, 3), (6,), (2, 6), (2,))]
    net = Network.chain([Affine(*weights[:2]), ReLU(6), Affine(*weights[2:])])
    centres = rng.integers(-8, 9, (20, 3)) / 8
    boxes = Intervals(centres - 0.125, centres + 0.25)
    exact, outward = enclose(net, boxes), enclose_outward(net, boxes)
    assert (outward.lower <= exact.lower).all()
    assert (exact.upper <= outward.upper).all()
    np.testing.assert_allclose(outward.lower, exact.lower, rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(outward.upper, exact.upper, rtol=1e-13, atol=1e-12)


def test_an_overflow_is_refused() -> None:
    net = Network.chain([Affine(np.full((1, 2), 1e308), np.zeros(1))])
    with pytest.raises(InvalidInput, match="overflow float64"), np.errstate(over="ignore", invalid="ignore"):
        enclose_outward(net, Intervals(np.full((1, 2), 4.0), np.full((1, 2), 5.0)))
