"""One binary network from many scores: exactly their read-out, or a sound bracket of it."""

import math
from fractions import Fraction

import numpy as np
import pytest

from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from constructions.readouts import Readout, Softplus, log_sum_exp, read_out, scores_are_nonnegative
from tests.oracles import evaluate

SPLITS = [(1, 1), (1, 4), (3, 2), (4, 4), (5, 1), (2, 7)]


def dyadic(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-64, 65, size=shape) / 16.0


def scores(k: int, *, signed: bool, seed: int = 0) -> Network:
    """A net with k outputs that are sums of ReLUs, of any sign or non-negative."""
    last = dyadic((k, 6), seed + 1)
    ops = [Affine(dyadic((6, 3), seed), dyadic((6,), seed + 2)), ReLU(6)]
    bias = dyadic((k,), seed + 3)
    return Network.chain([*ops, Affine(last if signed else np.abs(last), bias if signed else np.abs(bias))])


def marks(split: tuple[int, int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.arange(sum(split)) < split[0])


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("readout", list(Readout))
def test_the_read_out_network_is_the_read_out_of_the_scores_exactly(
    split: tuple[int, int], signed: bool, readout: Readout
) -> None:
    net, positive = scores(sum(split), signed=signed), marks(split, 3)
    made = read_out(net, positive, readout)
    points = dyadic((60, 3), 9)
    outputs = net.evaluate(points)
    fold = np.max if readout is Readout.MAX else np.sum
    expected = fold(outputs[:, positive], axis=1) - fold(outputs[:, ~positive], axis=1)
    assert np.array_equal(made.evaluate(points)[:, 0], expected)
    assert made.output_width == 1
    parts = evaluate(net, points[0])
    choose = max if readout is Readout.MAX else sum
    exact = choose(v for v, p in zip(parts, positive, strict=True) if p) - choose(
        v for v, p in zip(parts, positive, strict=True) if not p
    )
    assert evaluate(made, points[0]) == [exact]


@pytest.mark.parametrize("split", SPLITS)
def test_sizes_are_those_of_the_gadgets(split: tuple[int, int]) -> None:
    net, positive = scores(sum(split), signed=False), marks(split, 3)
    assert read_out(net, positive, Readout.SUM).count().depth == net.count().depth
    made = read_out(net, positive, Readout.MAX)
    assert made.count().depth == net.count().depth + math.ceil(math.log2(max(split)))
    pairs = sum(2 * (count // 2) + count % 2 for count in split) if max(split) > 1 else 0
    assert made.count().units - net.count().units >= pairs


def test_weights_that_would_have_to_be_rounded_are_not_merged() -> None:
    weight = np.array([[1.0], [2.0**-60], [1.0]])
    net = Network.chain([Affine(np.ones((1, 1)), np.zeros(1)), ReLU(1), Affine(weight, np.zeros(3))])
    positive = np.array([True, True, False])
    made = read_out(net, positive, Readout.SUM)
    assert evaluate(made, [Fraction(3)]) == [Fraction(3, 2**60)]
    assert made.count().depth == 3
    tiny = np.array([[2.0**-600], [0.0], [2.0**-600]])
    assert evaluate(read_out(Network.chain([Affine(tiny, np.zeros(3))]), positive, Readout.SUM), [Fraction(1)])[0] == 0


def test_signs_of_scores_are_judged_by_the_last_weights() -> None:
    assert scores_are_nonnegative(scores(3, signed=False))
    assert not scores_are_nonnegative(scores(3, signed=True))
    assert not scores_are_nonnegative(Network.chain([Affine(np.ones((2, 2)), np.zeros(2))]))
    assert scores_are_nonnegative(Network.chain([Affine(-np.ones((2, 2)), np.zeros(2)), ReLU(2)]))


def test_scores_that_end_with_a_relu_are_read_out_too() -> None:
    net = Network.chain([Affine(dyadic((4, 3), 0), dyadic((4,), 1)), ReLU(4)])
    positive = np.array([True, False, True, False])
    points = dyadic((40, 3), 5)
    values = net.evaluate(points)
    expected = values[:, [0, 2]].max(axis=1) - values[:, [1, 3]].max(axis=1)
    assert np.array_equal(read_out(net, positive, Readout.MAX).evaluate(points)[:, 0], expected)


@pytest.mark.parametrize("error", [0.5, 0.05, 1e-3])
def test_the_piecewise_linear_softplus_is_above_the_true_one_by_at_most_its_error(error: float) -> None:
    made = Softplus.within(error)
    t = np.concatenate([np.linspace(-40, 40, 40_001), made.knots])
    value = made.floor + np.maximum(t[:, None] - made.knots, 0.0) @ made.slopes
    gap = value - np.logaddexp(0.0, t)
    assert float(made.error) <= error
    assert gap.min() > 0
    assert gap.max() <= float(made.error) + 1e-12
    assert gap.max() > 0.2 * error  # not wasteful either
    assert sum(Fraction(c) for c in made.slopes.tolist()) == 1


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("signed", [True, False])
def test_log_sum_exp_lies_between_its_two_networks(split: tuple[int, int], signed: bool) -> None:
    net, positive = scores(sum(split), signed=signed), marks(split, 3)
    found = log_sum_exp(net, positive, error=0.05)
    points = dyadic((300, 3), 9) / 4
    outputs = net.evaluate(points)
    exact = np.logaddexp.reduce(outputs[:, positive], axis=1) - np.logaddexp.reduce(outputs[:, ~positive], axis=1)
    under, over = (made.evaluate(points)[:, 0] for made in (found.under, found.over))
    assert (under <= exact + 1e-11).all()
    assert (exact <= over + 1e-11).all()
    assert float(found.error) <= 0.05
    assert np.allclose(over - under, float(found.error), rtol=0, atol=1e-11)


def test_a_read_out_that_is_no_relu_network_is_refused_with_the_way_out() -> None:
    for name in ("lse", "logsumexp"):
        with pytest.raises(InvalidInput, match=r"smooth, so no ReLU network computes it.*log_sum_exp"):
            Readout.parse(name)
    with pytest.raises(InvalidInput, match="Use one of: max, sum"):
        Readout.parse("median")
    assert Readout.parse("max") is Readout.MAX


def test_bad_marks_and_errors_are_refused() -> None:
    net = scores(3, signed=True)
    for readout in Readout:
        with pytest.raises(InvalidInput, match="2 marks for the 3 scores"):
            read_out(net, np.array([True, False]), readout)
        with pytest.raises(InvalidInput, match="belong to one class"):
            read_out(net, np.array([True, True, True]), readout)
    for error in (0.0, 2.0, float("nan")):
        with pytest.raises(InvalidInput, match=f"error of {error}"):
            log_sum_exp(net, np.array([True, False, True]), error=error)
