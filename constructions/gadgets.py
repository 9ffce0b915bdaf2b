"""Exact ReLU gadgets: carry, maximum, square, product, saturating step, clip.

Each reads affine forms of one layer and says which units it needs and how they recombine, for any number of instances
at once; see ``compose`` for how layers are made. Integer gadgets and look-up tables are in ``lookup``.
"""

import dataclasses as dc
import math

import numpy as np
import scipy.sparse as sp

from certify.network import Network
from constructions.compose import Chain, Forms


@dc.dataclass(frozen=True, slots=True, eq=False)
class Halving:
    """One level of maxima: ``units`` to be made, then ``merge @ units`` are the maxima of neighbours.

    The expressions must be non-negative. For a pair, ``max(a, b) = relu(a - b) + relu(b)``; a last odd one out is
    carried as ``relu(a)``.
    """

    units: Forms
    merge: sp.csr_array


def halving(forms: Forms, groups: int) -> Halving:
    """The next level of maxima over each of ``groups`` equally long runs of non-negative ``forms``."""
    length = len(forms) // groups
    index = np.arange(len(forms)).reshape(groups, length)
    first, second = index[:, 0 : 2 * (length // 2) : 2].ravel(), index[:, 1::2].ravel()
    odd = index[:, -1] if length % 2 else np.zeros(0, dtype=np.int64)
    leading = forms.take(first)
    units = Forms.stack(leading - forms.take(second), forms.take(second), forms.take(odd))
    pairs, left = length // 2, length % 2
    made = np.arange(groups * pairs).reshape(groups, pairs)
    target = np.arange(groups * (pairs + left)).reshape(groups, pairs + left)
    rows = np.concatenate([target[:, :pairs].ravel(), target[:, :pairs].ravel(), target[:, pairs:].ravel()])
    units_of = np.concatenate([made.ravel(), made.ravel() + made.size, 2 * made.size + np.arange(len(odd))])
    merge = sp.csr_array((np.ones(len(rows)), (rows, units_of)), shape=(target.size, len(units)))
    return Halving(units, merge)


def maxima(chain: Chain, forms: Forms, groups: int) -> Forms:
    """The maximum of each of ``groups`` equally long runs of non-negative ``forms``, by a balanced tree.

    Adds ``ceil(log2 length)`` layers to ``chain``; the result is a form of at most two units a group.
    """
    while len(forms) > groups:
        level = halving(forms, groups)
        (units,) = chain.relu(level.units)
        forms = units.combined(level.merge)
    return forms


def tree_depth(length: int) -> int:
    """How many layers ``maxima`` adds for runs of this length: ``ceil(log2 length)``."""
    return math.ceil(math.log2(length)) if length > 1 else 0


@dc.dataclass(frozen=True, slots=True, eq=False)
class Tooth:
    """A level of the sawtooth on [0, 1]: the units ``relu(t)`` and ``relu(t - 1/2)`` of its argument t.

    ``wave = 2 relu(t) - 4 relu(t - 1/2)`` is the tent map of t on [0, 1] and the next level's argument
    (yarotsky2017, Section 3).
    """

    whole: Forms
    half: Forms

    @property
    def wave(self) -> Forms:
        """The tent map of the argument."""
        return self.whole.scaled(2.0) - self.half.scaled(4.0)


def tooth(argument: Forms) -> tuple[Forms, Forms]:
    """The two groups of units that the next level of the sawtooth needs."""
    return argument, argument - 0.5


def square_error(levels: int) -> float:
    """How much the piecewise linear square lies above ``t * t`` on [0, 1] at most; it is never below."""
    return 4.0 ** -(levels + 1)


def squares(chain: Chain, arguments: Forms, levels: int) -> Forms:
    """The piecewise linear interpolant of ``t * t`` at multiples of ``2**-levels``, of each argument in [0, 1].

    ``f(t) = t - sum_s 4**-s wave_s(t)`` (yarotsky2017, Section 3): convex, ``0 <= f(t) - t*t <= 4**-(levels + 1)``.
    Adds ``levels`` layers; from the second one the partial sum, which is non-negative, is carried in a unit.
    """
    level = Tooth(*chain.relu(*tooth(arguments)))
    partial = level.whole - level.wave.scaled(0.25)
    for s in range(2, levels + 1):
        whole, half, carried = chain.relu(*tooth(level.wave), partial)
        level = Tooth(whole, half)
        partial = carried - level.wave.scaled(4.0**-s)
    return partial


def products(chain: Chain, first: Forms, second: Forms, levels: int) -> Forms:
    """``first * second`` for arguments in [0, 1], up to an error in ``[-4**-(levels+1), 2 * 4**-(levels+1)]``.

    ``x y = 2 (((x + y) / 2)**2 - x**2 / 4 - y**2 / 4)`` with each square interpolated.
    """
    count = len(first)
    found = squares(chain, Forms.stack((first + second).scaled(0.5), first, second), levels)
    mean, left, right = (found.take(slice(k * count, (k + 1) * count)) for k in range(3))
    return mean.scaled(2.0) - left.scaled(0.5) - right.scaled(0.5)


def steps(chain: Chain, ramp: Forms) -> Forms:
    """1 where ``ramp >= 1``, 0 where ``ramp <= 0``, linear between: ``1 - relu(1 - relu(ramp))``, two layers.

    Both plateaus are exact in floating point as well, unlike those of ``relu(t) - relu(t - 1)``.
    """
    (risen,) = chain.relu(ramp)
    (rest,) = chain.relu(-risen + 1.0)
    return -rest + 1.0


def clip(width: int) -> Network:
    """``x -> min(max(x, 0), 1)`` on each coordinate: non-expansive in every norm, identity on the unit cube."""
    chain = Chain(width)
    return chain.output(steps(chain, chain.inputs()))


def maximum(count: int) -> Network:
    """The largest of ``count`` non-negative inputs."""
    chain = Chain(count)
    return chain.output(maxima(chain, chain.inputs(), 1))


def square(levels: int) -> Network:
    """The piecewise linear square of one input in [0, 1]; see ``squares``."""
    chain = Chain(1)
    return chain.output(squares(chain, chain.inputs(), levels))


def product(levels: int) -> Network:
    """The approximate product of two inputs in [0, 1]; see ``products``."""
    chain = Chain(2)
    inputs = chain.inputs()
    return chain.output(products(chain, inputs.take([0]), inputs.take([1]), levels))
