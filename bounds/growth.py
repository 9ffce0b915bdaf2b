"""Largest numbers of points that a class of networks labels in every way, and smallest networks that can: exact integer
searches.

A growth bound grows like a logarithm in the number of points, so each search is a bisection. All comparisons are
between intervals, and a comparison that cannot be decided counts against the claim: what comes out as a lower bound is
one.
"""

from collections.abc import Callable
from fractions import Fraction
from math import isqrt

from bounds.architecture import Architecture
from bounds.interval import Interval, euler
from bounds.special import Number, interval, log2


def _two_e(precision: int) -> Interval:
    return Interval.of(2, precision) * euler(precision)


def _log2(value: Number, precision: int) -> Interval:
    return interval(log2(value, precision), precision)


def smallest_size(points: Number, kept: Number, inputs: Fraction, precision: int) -> Number:
    """The smallest P with ``1 + P^2 + P log2(2eM) + P log2(P(P + d)) >= kept * M``, exact, or an interval when it is
    astronomical.

    The left side bounds log2 of the labellings of M points by networks with P non-zero parameters (union over all
    skeletons).
    """
    demanded = interval(points, precision) * interval(kept, precision)
    per_parameter = _log2(_two_e(precision) * interval(points, precision), precision)

    def suffices(mantissa: int, exponent: int) -> bool | None:
        count = Interval.scaled(mantissa, exponent, precision)
        skeleton = _log2(count * (count + Interval.of(inputs, precision)), precision)
        bound = Interval.of(1, precision) + count * (count + per_parameter + skeleton)
        return {1: True, -1: False, 0: None}[(bound - demanded).sign()]

    return _first(suffices, precision)


def _first(suffices: Callable[[int, int], bool | None], precision: int) -> Number:
    """The first positive integer, given as mantissa and exponent, from which a monotone condition holds.

    It is found to ``precision / 2`` bits: exactly when it has no more, else as an interval.
    """
    exponent = _first_exponent(suffices)
    shift = max(0, exponent - precision // 2)
    low, high = (1 << (exponent - shift)) >> 1, 1 << (exponent - shift)
    while high - low > 1:
        middle = (low + high) // 2
        holds = suffices(middle, shift)
        if holds is None:
            break
        low, high = (low, middle) if holds else (middle, high)
    if high - low == 1 and shift == 0 and (low == 0 or suffices(low, 0) is False):
        return Fraction(high)
    return Interval.scaled(low, shift, precision).hull(Interval.scaled(high, shift, precision))


def _first_exponent(suffices: Callable[[int, int], bool | None]) -> int:
    """The smallest e with the condition certainly true at 2^e."""
    low, high = -1, 1
    while not suffices(1, high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(1, middle) else (middle, high)
    return high


def largest_points(bound: Callable[[int], Interval], start: int) -> int:
    """The largest m with ``bound(m) >= m``, for a concave bound with ``bound(start) >= start``; undecided counts as
    reached.
    """

    def reached(m: int) -> bool:
        answer = bound(m)
        return (answer - Interval.of(m, answer.precision)).sign() != -1

    step = 1
    while reached(start + step):
        step *= 2
    low, high = start + step // 2, start + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if reached(middle) else (low, middle)
    return low


def bhlm_growth(architecture: Architecture, points: Number, precision: int) -> Interval:
    """The sum over layers of ``1 + W_i log2(2 e m i k_i / W_i)``, a bound on log2 of the labellings of m >= sum W_i
    points.
    """
    total = Interval.of(architecture.layers, precision)
    scaled = _two_e(precision) * interval(points, precision)
    layers = zip(architecture.cumulative_parameters, architecture.widths[1:], strict=True)
    for i, (weights, width) in enumerate(layers, start=1):
        ratio = scaled * Interval.of(Fraction(i * width, weights), precision)
        total = total + Interval.of(weights, precision) * _log2(ratio, precision)
    return total


def bhlm_solved(architecture: Architecture, precision: int) -> int:
    """The largest m at which the growth bound still allows 2^m labellings; no larger set is shattered."""
    return largest_points(
        lambda m: bhlm_growth(architecture, Fraction(m), precision), sum(architecture.cumulative_parameters)
    )


def state_growth(parameters: int, units: int, points: Number, precision: int) -> Interval:
    """``1 + W ((U + 1) + log2(2 e m (U + 1) / W))``, a bound on log2 of the labellings of m points when ``m 2^(U+1) >
    W``.
    """
    ratio = _two_e(precision) * interval(points, precision) * Interval.of(Fraction(units + 1, parameters), precision)
    inner = Interval.of(units + 1, precision) + _log2(ratio, precision)
    return Interval.of(1, precision) + Interval.of(parameters, precision) * inner


def state_solved(parameters: int, units: int, precision: int) -> int:
    """The largest m at which the activation-state bound still allows 2^m labellings; no larger set is shattered."""
    return largest_points(lambda m: state_growth(parameters, units, Fraction(m), precision), parameters)


def pair_groups(samples: int, inputs: int) -> int:
    """The largest ``r t floor(N / (r + t))`` with r t <= d and r + t <= N: points that robust memorisation in linf
    shatters.
    """
    best = 0
    for total in range(2, samples + 1):
        groups = samples // total
        if inputs * groups <= best:
            break
        best = max(best, _balanced_product(total, inputs) * groups)
    return best


def _balanced_product(total: int, limit: int) -> int:
    """The largest r (total - r) that is at most ``limit``, or 0 when even r = 1 is too large."""
    half = total // 2
    if half * (total - half) <= limit:
        return half * (total - half)
    r = (total - isqrt(total * total - 4 * limit)) // 2
    while r > 0 and r * (total - r) > limit:
        r -= 1
    return max(r, 0) * (total - max(r, 0))


def pair_density(inputs: int) -> Fraction:
    """The largest ``r t / (r + t)`` with r t <= d: what ``pair_groups`` grows by per sample when there are many
    samples.
    """
    return max(Fraction(r * (inputs // r), r + inputs // r) for r in range(1, isqrt(inputs) + 1))
