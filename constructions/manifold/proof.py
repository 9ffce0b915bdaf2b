"""Zero robust error on infinite classes: exact interval bounds on finitely many boxes that contain every attack."""

import dataclasses as dc
import functools
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from bounds.entry import Tag
from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Network
from certify.rounding import float_down
from constructions.dyadic import exact_float
from constructions.enclosure import Inexact, Intervals, enclose
from constructions.manifold.separated import SeparatedClasses
from constructions.sameness import difference
from constructions.theorem import Claim, Evidence, Proved, Refuted, Undecided

_CELLS = 1 << 22
_MOST_WORK = 1 << 29
_SAMPLES = 256
_MOST_EXACT = 10**6


@dc.dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes of radius ``reach`` around ``centres`` (K, d): together they contain every attacked input of a class."""

    centres: Float64[np.ndarray, "K d"]
    reach: Fraction
    label: int

    def blocks(self, width: int) -> Iterator[Intervals]:
        """The boxes in batches for a network whose widest layer has ``width`` units."""
        size, reach = max(1, _CELLS // width), exact_float(self.reach)
        for start in range(0, len(self.centres), size):
            block = self.centres[start : start + size]
            yield Intervals(block - reach, block + reach)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Attacks:
    """The attacked inputs: all within ``radius`` in linf of a class, only those on the manifold if ``on_manifold``."""

    classes: SeparatedClasses
    radius: Fraction
    on_manifold: bool

    @property
    def words(self) -> str:
        """Where the attacks are, for statements."""
        return f"{'on the manifold ' if self.on_manifold else ''}within {self.radius} in linf of a class"


def robustness_claims(
    network: Network,
    attacks: Attacks,
    boxes: Sequence[Boxes],
    rebuild: Callable[[], Network],
    promised: Fraction = Fraction(1),
) -> tuple[Claim, Claim]:
    """That every attacked input gets the label of its class, and with a margin of at least ``promised``.

    The outputs are bounded exactly on ``boxes``. Where these do not contain the attacks on both classes, or are too
    many for the network's size, it must also be the one that ``rebuild`` makes: the theorem's inequalities, which
    rebuilding has checked, speak about no other.
    """
    require_fit(network, attacks.classes)
    size = network.count().nnz
    enclosed = [part for part in boxes if size * len(part.centres) <= _MOST_WORK]
    by_theorem = {part.label for part in enclosed} != {0, 1}

    @functools.cache
    def least() -> Fraction | Undecided:
        """A lower bound of the margin on all attacked inputs."""
        if by_theorem and (place := difference(network, rebuild())) is not None:
            return Undecided(f"This is not the network of the theorem for these classes: it differs in {place}.")
        try:
            found = min((_least_margin(network, part) for part in enclosed), default=promised)
            return min(found, promised) if by_theorem else found
        except Inexact as error:
            return Undecided(str(error))

    def proof(required: Fraction) -> Evidence:
        found = least()
        if isinstance(found, Fraction) and found >= required and found > 0:
            count = sum(len(part.centres) for part in enclosed)
            methods = [f"exact interval bounds on {count:,} boxes"] if enclosed else []
            methods += ["the theorem's network, built again, and its inequality in exact numbers"] if by_theorem else []
            return Proved("; ".join(methods), f"margin at least {found}")
        if (witness := counterexample(network, attacks, required)) is not None:
            return witness
        if isinstance(found, Undecided):
            return found
        return Undecided(f"Interval bounds leave a margin of {float(found):g} only, and no counterexample was found.")

    error = f"Every input {attacks.words} gets that class's label: zero robust error, whatever the distribution."
    margin = f"Every input {attacks.words} gets that class's label with a margin of at least {promised}."
    return (
        Claim("robust-radius", error, attacks.radius, Tag.DERIVED, "", lambda: proof(Fraction(0))),
        Claim("margin", margin, promised, Tag.DERIVED, "", lambda: proof(promised)),
    )


def require_fit(network: Network, classes: SeparatedClasses) -> None:
    """Refuses a network that cannot be one for these classes.

    Raises:
        InvalidInput: it reads another number of coordinates, or has more than one output.
    """
    if (network.input_width, network.output_width) != (classes.embedded.width, 1):
        raise InvalidInput(
            f"A network of {network.input_width} inputs and {network.output_width} outputs is none for two classes in "
            f"{classes.embedded.width} dimensions, which takes one output."
        )


def counterexample(network: Network, attacks: Attacks, required: Fraction) -> Refuted | None:
    """An attacked input whose margin, evaluated exactly, is not positive or below ``required``.

    Tried are random points of the classes and, where attacks may leave the manifold, corners of their boxes. The floats
    are within rounding of the classes, which the attack radius covers where attacks may leave the manifold.
    """
    sample = attacks.classes.sample(_SAMPLES, seed=0)
    inputs, labels = sample.data.points, np.where(sample.data.labels == 1, 1.0, -1.0)
    room = attacks.radius - 2 * sample.slack
    if attacks.on_manifold or room < Fraction(1, 1 << 30) or network.count().nnz > _MOST_EXACT:
        return None
    signs = np.random.default_rng(0).choice([-1.0, 1.0], inputs.shape)
    tries = np.concatenate([inputs, inputs + float_down(room) * signs * (1 - 2.0**-20)])
    labels = np.concatenate([labels, labels])
    worst = int(np.argmin(network.evaluate(tries)[:, 0] * labels))
    margin = ExactNetwork(network).evaluate(tries[worst])[0] * int(labels[worst])
    if margin > 0 and margin >= required:
        return None
    place = np.array2string(tries[worst], threshold=8)
    return Refuted("evaluated exactly", f"the margin is {float(margin):g} at {place}, which is an attacked input")


def _least_margin(network: Network, part: Boxes) -> Fraction:
    """The least margin that interval bounds leave on the boxes of one class."""
    least = min(_signed(enclose(network, block), part.label) for block in part.blocks(max(network.widths)))
    return Fraction(least)


def _signed(bounds: Intervals, label: int) -> float:
    return float(bounds.lower.min() if label == 1 else -bounds.upper.max())
