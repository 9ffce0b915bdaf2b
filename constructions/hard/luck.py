"""The odds that a class of networks is robust on a hard set with random labels: the number to print with every draw."""

import dataclasses as dc
from fractions import Fraction

import bounds
from bounds.architecture import Architecture
from bounds.errors import BoundsError
from bounds.values import Enclosed, Exact, Value
from certify.errors import InvalidInput
from constructions.hard.sets import HardSet

_OF_ARCHITECTURE = ("vc.bhlm.growth", "vc.state.growth")


@dc.dataclass(frozen=True, slots=True)
class Luck:
    """``log2`` of the probability, over uniform labels, that some network of a class has robust error at most alpha.

    ``exponent = G + H2(alpha) M - M`` rounded up, where the class realises at most ``2**G`` labellings of the M points
    (entry ``hard-set.luck``). It says something when it is negative.
    """

    class_name: str
    alpha: Fraction
    growth: Fraction
    exponent: Fraction

    def sentence(self) -> str:
        """The statement in words."""
        event = f"some network with {self.class_name} has robust error at most {float(self.alpha):g}"
        if self.exponent >= 0:
            return f"Nothing is known of the probability that {event}: 2^{_ceiling(self.exponent)} is no bound."
        return f"The probability over the labels that {event} is at most 2^{_ceiling(self.exponent)}."


def luck(hard: HardSet, growth: Fraction, *, alpha: Fraction, class_name: str) -> Luck:
    """For any class that realises at most ``2**growth`` labellings of the M points."""
    try:
        value = bounds.catalogue["hard-set.luck"].evaluate(G=growth, alpha=alpha, eps=hard.eps, d=hard.inputs)
    except BoundsError as error:
        raise InvalidInput(str(error)) from error
    return Luck(class_name, alpha, growth, _upper(value))


def luck_of_size(hard: HardSet, size: int, *, alpha: Fraction) -> Luck:
    """For all ReLU networks on d inputs with at most ``size`` non-zero parameters, of any shape."""
    if size < 1:
        raise InvalidInput(f"A network has at least one parameter, got {size}.")
    growth = bounds.catalogue["vc.union.growth"].evaluate(M=hard.count, P=size, d=hard.inputs)
    return luck(hard, _upper(growth), alpha=alpha, class_name=f"at most {size:,} non-zero parameters")


def luck_of_architecture(hard: HardSet, widths: tuple[int, ...], *, alpha: Fraction) -> Luck:
    """For one fully connected architecture, whatever its weights; ``widths`` run from the d inputs to one output.

    Raises:
        InvalidInput: widths that do not start with d and end with 1.
    """
    if len(widths) < 2 or widths[0] != hard.inputs or widths[-1] != 1:
        raise InvalidInput(f"The widths of a classifier of this set run from {hard.inputs} to 1, got {widths}.")
    found = [Fraction(hard.count)]
    for entry in _OF_ARCHITECTURE:
        try:
            found.append(_upper(bounds.catalogue[entry].evaluate(w=Architecture(widths), M=hard.count)))
        except BoundsError:  # fewer points than the growth bound is made for
            continue
    return luck(hard, min(found), alpha=alpha, class_name="widths " + "-".join(map(str, widths)))


def _upper(value: Value) -> Fraction:
    """The upper end as a rational."""
    match value:
        case Exact():
            return value.value
        case Enclosed():
            sign, mantissa, exponent, _ = value.upper._mpf_
            return Fraction(-1 if sign else 1) * int(mantissa) * Fraction(2) ** int(exponent)
        case _:
            raise AssertionError("an order of growth is no number")


def _ceiling(value: Fraction) -> str:
    return f"{-(-value.numerator // value.denominator):,}"
