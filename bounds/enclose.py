"""A sympy expression at given values: an exact rational where it is one, else an interval that certainly contains it.

The expression is walked, never substituted into, so sympy computes nothing here and (K+1)^(d-1) may have a million
digits.
"""

import dataclasses as dc
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from bounds import functions as fn
from bounds import growth, special
from bounds.architecture import Architecture
from bounds.errors import BoundsError, InvalidInput, Undecided
from bounds.interval import Interval, euler, pi
from bounds.special import Number

Given = Number | Architecture
"""What a letter may stand for."""

LAST_PRECISION = 4096
"""Bits after which a floor or a comparison that is still open stays open."""
_EXACT_BITS = 1 << 15
_LONGEST_SEARCH = 100_000


class MorePrecision(BoundsError):
    """The precision is too small to decide a floor or a comparison; the caller doubles it."""


@dc.dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates expressions at fixed values and one precision in bits."""

    given: Mapping[Any, Given]
    precision: int

    def number(self, expression: sp.Basic) -> Number:
        """The value of an expression; raises MorePrecision when a floor cannot be decided yet."""
        if isinstance(expression, sp.Rational):
            return Fraction(int(expression.p), int(expression.q))
        if isinstance(expression, sp.Symbol):
            value = self.given[expression]
            assert not isinstance(value, Architecture), f"{expression} stands for an architecture, not a number"
            return value
        return _RULES[expression.func](self, *expression.args)

    def holds(self, condition: sp.Basic) -> bool:
        """Whether a relation, or a combination of relations, is true; raises MorePrecision or, in the end,
        Undecided.
        """
        if condition in (sp.true, sp.false):
            return condition == sp.true
        if isinstance(condition, sp.And):
            return all(self.holds(part) for part in condition.args)
        if isinstance(condition, sp.Or):
            return any(self.holds(part) for part in condition.args)
        assert isinstance(condition, Relational), f"{condition} is no condition"
        return _COMPARISONS[condition.func](self._order(condition))

    def architecture(self, expression: sp.Basic) -> Architecture:
        """The architecture that a letter stands for."""
        assert isinstance(expression, sp.Symbol), f"{expression} is not a letter"
        value = self.given[expression]
        assert isinstance(value, Architecture), f"{expression} does not stand for an architecture"
        return value

    def wide(self, value: Number) -> Interval:
        """The value as an interval at this precision."""
        return special.interval(value, self.precision)

    def integer(self, expression: sp.Basic) -> int:
        """The value of an expression that must be an integer."""
        value = self.number(expression)
        if not isinstance(value, Fraction) or value.denominator != 1:
            raise InvalidInput(f"{expression} must be an integer of moderate size and is {value}")
        return value.numerator

    def _order(self, relation: Relational) -> int:
        left, right = self.number(relation.args[0]), self.number(relation.args[1])
        if isinstance(left, Fraction) and isinstance(right, Fraction):
            return (left > right) - (left < right)
        sign = (self.wide(left) - self.wide(right)).sign()
        if sign == 0:
            self.want_more(f"whether {relation} holds")
            raise Undecided(
                f"Whether {relation} holds is open at {self.precision} bits: its sides are equal or nearly. "
                "Move a value a little."
            )
        return sign

    def want_more(self, question: str) -> None:
        """Asks for more precision while there is more to be had."""
        if self.precision < LAST_PRECISION:
            raise MorePrecision(question)


def _sum(at: Evaluator, *terms: sp.Basic) -> Number:
    exact, wide = Fraction(0), None
    for term in terms:
        value = at.number(term)
        if isinstance(value, Fraction):
            exact += value
        else:
            wide = value if wide is None else wide + value
    return exact if wide is None else wide + at.wide(exact)


def _product(at: Evaluator, *factors: sp.Basic) -> Number:
    exact, wide = Fraction(1), None
    for factor in factors:
        value = at.number(factor)
        if isinstance(value, Fraction):
            exact *= value
        else:
            wide = value if wide is None else wide * value
    if exact == 0:
        return exact
    return exact if wide is None else wide * at.wide(exact)


def _power(at: Evaluator, base: sp.Basic, exponent: sp.Basic) -> Number:
    b, e = at.number(base), at.number(exponent)
    if isinstance(b, Fraction) and isinstance(e, Fraction):
        exact = _exact_power(b, e)
        if exact is not None:
            return exact
    if isinstance(e, Fraction) and (2 * e).denominator == 1:
        doubled = (2 * e).numerator
        return at.wide(b).power(doubled // 2) if doubled % 2 == 0 else at.wide(b).sqrt().power(doubled)
    return (at.wide(e) * at.wide(b).log()).exp()


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    """The power when it is a rational number of moderate size."""
    if base == 0:
        if exponent <= 0:
            raise InvalidInput("0 to a power that is not positive has no value")
        return Fraction(0)
    if exponent.denominator == 2 and base > 0:
        half = special.root(base)
        return None if half is None else _exact_power(half, exponent * 2)
    size = max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent)
    return base**exponent.numerator if exponent.denominator == 1 and size <= _EXACT_BITS else None


def _floor(at: Evaluator, argument: sp.Basic) -> Number:
    return _floor_of(at, at.number(argument))


def _floor_of(at: Evaluator, value: Number) -> Number:
    if isinstance(value, Fraction):
        return Fraction(value.numerator // value.denominator)
    if value.has_bits(LAST_PRECISION):
        return value + Interval.between(-1, 0, at.precision)
    low, high = value.floors()
    if low == high:
        return Fraction(low)
    at.want_more("a floor")
    return Interval.between(low, high, at.precision)


def _ceiling(at: Evaluator, argument: sp.Basic) -> Number:
    return -_floor_of(at, -at.number(argument))


def _larger(at: Evaluator, one: Number, other: Number) -> Number:
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return max(one, other)
    match (at.wide(one) - at.wide(other)).sign():
        case 1:
            return one
        case -1:
            return other
        case _:
            return at.wide(one).larger(at.wide(other))


def _maximum(at: Evaluator, *arguments: sp.Basic) -> Number:
    return reduce(lambda one, other: _larger(at, one, other), [at.number(argument) for argument in arguments])


def _minimum(at: Evaluator, *arguments: sp.Basic) -> Number:
    return -reduce(lambda one, other: _larger(at, one, other), [-at.number(argument) for argument in arguments])


def _least(at: Evaluator, body: sp.Basic, dummy: sp.Basic, first: sp.Basic, last: sp.Basic) -> Number:
    start, stop = at.integer(first), at.integer(last)
    if not start <= stop < start + _LONGEST_SEARCH:
        raise InvalidInput(
            f"A minimum over {start}..{stop} is not searched: it must hold 1 to {_LONGEST_SEARCH} integers."
        )
    values = (Evaluator({**at.given, dummy: Fraction(i)}, at.precision).number(body) for i in range(start, stop + 1))
    return -reduce(lambda one, other: _larger(at, one, other), (-value for value in values))


def _total(at: Evaluator, body: sp.Basic, limits: sp.Basic) -> Number:
    dummy, first, last = limits.args
    start, stop = at.integer(first), at.integer(last)
    if stop - start >= _LONGEST_SEARCH:
        raise InvalidInput(f"A sum over {start}..{stop} is too long: at most {_LONGEST_SEARCH} terms.")
    total: Number = Fraction(0)
    for i in range(start, stop + 1):
        value = Evaluator({**at.given, dummy: Fraction(i)}, at.precision).number(body)
        if isinstance(total, Fraction) and isinstance(value, Fraction):
            total += value
        else:
            total = at.wide(total) + at.wide(value)
    return total


def _piecewise(at: Evaluator, *pieces: sp.Basic) -> Number:
    for piece in pieces:
        value, condition = piece.args
        if at.holds(condition):
            return at.number(value)
    raise InvalidInput("no case of a definition by cases applies")


def _exponential(at: Evaluator, argument: sp.Basic) -> Number:
    value = at.number(argument)
    return Fraction(1) if value == Fraction(0) else at.wide(value).exp()


def _logarithm(at: Evaluator, argument: sp.Basic) -> Number:
    value = at.number(argument)
    return Fraction(0) if value == Fraction(1) else at.wide(value).log()


def _smallest_size(at: Evaluator, points: sp.Basic, alpha: sp.Basic, inputs: sp.Basic) -> Number:
    lost = special.entropy(at.number(alpha), at.precision)
    kept = 1 - lost if isinstance(lost, Fraction) else Interval.of(1, at.precision) - lost
    return growth.smallest_size(at.number(points), kept, Fraction(at.integer(inputs)), at.precision)


def _state_solved(at: Evaluator, parameters: sp.Basic, units: sp.Basic) -> Number:
    return Fraction(growth.state_solved(at.integer(parameters), at.integer(units), at.precision))


def _pair_groups(at: Evaluator, samples: sp.Basic, inputs: sp.Basic) -> Number:
    return Fraction(growth.pair_groups(at.integer(samples), at.integer(inputs)))


def _ones(at: Evaluator, argument: sp.Basic) -> Number:
    return Fraction(at.integer(argument).bit_count())


def _runs(at: Evaluator, argument: sp.Basic) -> Number:
    number = at.integer(argument)
    return Fraction((number & ~(number >> 1)).bit_count())  # a run ends where the next higher bit is 0


def _of_number(function: Callable[[Number, int], Number]) -> "Rule":
    return lambda at, argument: function(at.number(argument), at.precision)


def _of_architecture(function: Callable[[Architecture], int]) -> "Rule":
    return lambda at, letter: Fraction(function(at.architecture(letter)))


Rule = Callable[..., Number]
_RULES: Mapping[Any, Rule] = {
    sp.Add: _sum,
    sp.Mul: _product,
    sp.Pow: _power,
    sp.floor: _floor,
    sp.ceiling: _ceiling,
    sp.Max: _maximum,
    sp.Min: _minimum,
    sp.Sum: _total,
    sp.Piecewise: _piecewise,
    sp.exp: _exponential,
    sp.log: _logarithm,
    sp.gamma: _of_number(special.gamma),
    sp.LambertW: _of_number(special.lambert),
    sp.asin: lambda at, argument: at.wide(at.number(argument)).arcsine(),
    sp.pi.func: lambda at: pi(at.precision),
    sp.E.func: lambda at: euler(at.precision),
    fn.Log2: _of_number(special.log2),
    fn.Entropy: _of_number(special.entropy),
    fn.EntropyInverse: _of_number(special.entropy_inverse),
    fn.Gauss: _of_number(special.normal),
    fn.SmallestSize: _smallest_size,
    fn.PairGroups: _pair_groups,
    fn.Least: _least,
    fn.Ones: _ones,
    fn.Runs: _runs,
    fn.GStateSolved: _state_solved,
    fn.BhlmSolved: lambda at, letter: Fraction(growth.bhlm_solved(at.architecture(letter), at.precision)),
    fn.BhlmGrowth: lambda at, letter, points: growth.bhlm_growth(
        at.architecture(letter), at.number(points), at.precision
    ),
    fn.Layers: _of_architecture(lambda a: a.layers),
    fn.Parameters: _of_architecture(lambda a: a.parameters),
    fn.Units: _of_architecture(lambda a: a.hidden_units),
    fn.ParameterSum: _of_architecture(lambda a: sum(a.cumulative_parameters)),
    fn.WeightedUnits: _of_architecture(lambda a: a.weighted_units),
}

_COMPARISONS: Mapping[Any, Callable[[int], bool]] = {
    sp.Le: lambda order: order <= 0,
    sp.Lt: lambda order: order < 0,
    sp.Ge: lambda order: order >= 0,
    sp.Gt: lambda order: order > 0,
    sp.Eq: lambda order: order == 0,
    sp.Ne: lambda order: order != 0,
}
