"""Linear constraints over numbered variables and their combinations by ``and`` and ``or``, in exact arithmetic."""

import dataclasses as dc
from collections.abc import Sequence
from fractions import Fraction


@dc.dataclass(frozen=True, slots=True)
class Halfspace:
    """``sum of coefficient * variable + constant <= 0``, or ``< 0`` when ``strict``.

    ``coefficients`` holds pairs (variable, coefficient): each variable at most once, in order, no coefficient 0.
    """

    coefficients: tuple[tuple[int, Fraction], ...]
    constant: Fraction
    strict: bool = False

    def value(self, values: Sequence[Fraction]) -> Fraction:
        """The left hand side where variable k is ``values[k]``."""
        return sum((a * values[k] for k, a in self.coefficients), self.constant)

    def holds(self, values: Sequence[Fraction]) -> bool:
        """Whether it is fulfilled there."""
        value = self.value(values)
        return value < 0 or (value == 0 and not self.strict)


@dc.dataclass(frozen=True, slots=True)
class And:
    """All of its parts; true without any."""

    parts: "tuple[Formula, ...]"


@dc.dataclass(frozen=True, slots=True)
class Or:
    """At least one of its parts, of which there is at least one."""

    parts: "tuple[Formula, ...]"


Formula = Halfspace | And | Or


def holds(formula: Formula, values: Sequence[Fraction]) -> bool:
    """Whether the formula is true where variable k is ``values[k]``."""
    match formula:
        case Halfspace():
            return formula.holds(values)
        case And(parts):
            return all(holds(part, values) for part in parts)
        case Or(parts):
            return any(holds(part, values) for part in parts)


def violation(formula: Formula, values: Sequence[Fraction]) -> Fraction:
    """How far, in the units of the comparisons, the closure of the formula is from being true; 0 where it is."""
    match formula:
        case Halfspace():
            return max(formula.value(values), Fraction(0))
        case And(parts):
            return max((violation(part, values) for part in parts), default=Fraction(0))
        case Or(parts):
            return min(violation(part, values) for part in parts)


@dc.dataclass(frozen=True, slots=True)
class Linear:
    """``sum of coefficient * variable + constant``."""

    coefficients: dict[int, Fraction]
    constant: Fraction

    @classmethod
    def sum(cls, terms: "Sequence[Linear]") -> "Linear":
        """The sum of the terms."""
        total: dict[int, Fraction] = {}
        for term in terms:
            for k, a in term.coefficients.items():
                total[k] = total.get(k, Fraction(0)) + a
        return cls(total, sum((term.constant for term in terms), Fraction(0)))

    def times(self, factor: Fraction) -> "Linear":
        """It times a number."""
        return Linear({k: a * factor for k, a in self.coefficients.items()}, self.constant * factor)

    @property
    def is_constant(self) -> bool:
        """Whether no variable is left in it."""
        return not any(self.coefficients.values())

    def below_zero(self, *, strict: bool) -> Halfspace:
        """The constraint that it is at most 0 (less than 0 if ``strict``)."""
        pairs = tuple((k, a) for k, a in sorted(self.coefficients.items()) if a)
        return Halfspace(pairs, self.constant, strict)
