"""Orders of growth, limits of ratios and crossovers of two formulas, found by sympy's limits and checked against them.

Floors and ceilings of what grows are dropped first, and the smallest network that realises all labellings of M points
is replaced by ``sqrt((1 - H2(alpha)) M)``; both change a formula by a factor that tends to 1. An integer letter grows;
a length tends to 0.
"""

import dataclasses as dc
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import Any

import sympy as sp

from bounds import functions as fn
from bounds import growth
from bounds.entry import Entry
from bounds.errors import BoundsError, NoOrder
from bounds.evaluate import enclosed, reach
from bounds.symbols import letters
from bounds.values import Enclosed, Exact, is_less

_LARGEST_POWER = 40
_GROWS = sp.Symbol("grows", positive=True)
"""The letter that tends to infinity: an integer letter itself, or one over a length."""


@dc.dataclass(frozen=True, slots=True)
class Crossover:
    """Integers ``before`` and ``after = before + 1`` between which the order of two formulas turns, found exactly."""

    before: int
    after: int


@dc.dataclass(frozen=True, slots=True)
class Comparison:
    """Two formulas as one letter grows. ``limit`` is that of first/second, None when a hidden constant decides it;
    ``crossover`` is None when no turn was found.
    """

    first_order: Any
    second_order: Any
    limit: Any | None
    crossover: Crossover | None


def order_of(entry: Entry, over: str, given: Mapping[Any, Any]) -> Any:
    """The order of growth of an entry's formula in one letter, constants dropped. Raises NoOrder."""
    expression = _growing(entry, over, given)
    theta = _theta(expression, over)
    return theta.subs(_GROWS, _direction(over)[1])


def compare(first: Entry, second: Entry, over: str, given: Mapping[Any, Any]) -> Comparison:
    """Orders, limit of the ratio and crossover of two entries as ``over`` grows, the other letters at the given
    values.
    """
    f, g = _growing(first, over, given), _growing(second, over, given)
    orders = [order_of(entry, over, given) for entry in (first, second)]
    limit = _limit(f / g, over)
    if first.asymptotic or second.asymptotic:
        return Comparison(orders[0], orders[1], limit if limit in (0, sp.oo) else None, None)
    return Comparison(orders[0], orders[1], limit, _crossover(first, second, over, given, limit))


def _direction(over: str) -> tuple[sp.Expr, sp.Expr]:
    """What to put for the letter, and what to put back for the growing symbol."""
    symbol = letters[over].symbol
    return (_GROWS, symbol) if symbol.is_integer else (1 / _GROWS, 1 / symbol)


def _growing(entry: Entry, over: str, given: Mapping[Any, Any]) -> Any:
    """The formula in the growing symbol, with values and what follows from them put in, and integer parts dropped.

    A default that needs a letter without a value is left out: its letter stays, as an unknown constant.
    """
    symbol = letters[over].symbol
    known = {key: sp.Rational(value.numerator, value.denominator) for key, value in given.items() if key != symbol}
    where = {key: default for key, default in entry.where.items() if key not in known and key != symbol}
    where = {key: where[key] for key in where if reach([key], where) <= set(known) | set(where) | {symbol}}
    expression: Any = entry.expression
    while used := expression.free_symbols & set(where):
        expression = expression.subs({letter: where[letter] for letter in used})
    # Sympy's Max refuses numbers that it cannot compare, and it does not know log2.
    expression = expression.replace(fn.Log2, lambda argument: sp.log(argument) / sp.log(2)).subs(known)
    if symbol not in expression.free_symbols:
        return expression
    return _smooth(expression.subs(symbol, _direction(over)[0]), over)


def _smooth(expression: Any, over: str) -> Any:
    if not expression.args:
        return expression
    unknown = fn.Least | fn.Gauss | fn.Ones | fn.Runs | sp.Piecewise
    if isinstance(expression, unknown) and _GROWS in expression.free_symbols:
        return _smooth_case(expression, over)
    arguments = [_smooth(argument, over) for argument in expression.args]
    match expression:
        case sp.floor() | sp.ceiling():
            grows = _GROWS in arguments[0].free_symbols and _limit(arguments[0], over) == sp.oo
            return arguments[0] if grows else expression.func(*arguments)
        case fn.Entropy() if arguments[0].is_number:
            return -sum(share * sp.log(share) / sp.log(2) for share in (arguments[0], 1 - arguments[0]))
        case fn.SmallestSize():
            points, alpha, _ = arguments
            kept = 1 if alpha == 0 else 1 - _smooth(fn.Entropy(alpha), over)
            return sp.sqrt(kept * points)
        case fn.PairGroups():
            return _pair_groups(*arguments)
        case sp.Max() | sp.Min():
            return _dominant(arguments, over, largest=isinstance(expression, sp.Max))
        case _:
            return expression.func(*arguments)


def _smooth_case(expression: Any, over: str) -> Any:
    if not isinstance(expression, sp.Piecewise):
        raise NoOrder(f"The order of growth of {expression.func.__name__} is not known.")
    # A case that is an equation with something growing holds at single points only.
    for value, condition in (piece.args for piece in expression.args):
        if not (isinstance(condition, sp.Eq) and _GROWS in condition.free_symbols):
            return _smooth(value, over)
    raise NoOrder("No case of a definition by cases holds from some point on.")


def _pair_groups(samples: Any, inputs: Any) -> Any:
    if not isinstance(inputs, sp.Integer):
        raise NoOrder("The groups of pairs are compared at a fixed d only: add d=... to --set.")
    density = growth.pair_density(int(inputs))
    return samples * sp.Rational(density.numerator, density.denominator)


def _dominant(candidates: list[Any], over: str, *, largest: bool) -> Any:
    best = candidates[0]
    for other in candidates[1:]:
        above = _limit(other / best, over)
        if above.is_comparable is False and above not in (sp.oo, sp.S.Zero):
            raise NoOrder(f"Whether {other} or {best} is larger in the end depends on letters without a value.")
        if bool(above > 1) == largest and above != 1:
            best = other
    return best


def _limit(expression: Any, over: str) -> Any:
    try:
        limit = sp.limit(expression, _GROWS, sp.oo)
    except (RuntimeError, ValueError) as problem:  # sympy's "not implemented" is a RuntimeError
        raise NoOrder(f"sympy finds no limit in {over}: {problem}. Give the other letters values with --set.") from None
    if limit.has(sp.Limit, sp.AccumBounds) or limit is sp.nan:
        raise NoOrder(f"sympy finds no limit in {over} of {expression}. Give the other letters values with --set.")
    return limit


def _theta(expression: Any, over: str) -> Any:
    """The formula without constants and smaller terms; the limit of the ratio confirms it."""
    candidate = sp.powsimp(_leading(sp.expand(sp.expand_log(expression, force=True)), over))
    candidate = _without_constants(candidate)
    ratio = _limit(expression / candidate, over)
    if ratio == 0 or ratio.is_infinite:
        raise NoOrder(f"The order of growth of {expression} was not found.")
    return candidate


def _leading(expression: Any, over: str) -> Any:
    if _GROWS not in expression.free_symbols:
        return sp.S.One
    match expression:
        case sp.Add():
            growing = [term for term in expression.args if _GROWS in term.free_symbols] or [expression]
            sizes = [_leading(term, over) for term in growing]
            return _dominant([*sizes, sp.S.One], over, largest=True)
        case sp.Mul():
            return sp.Mul(*(_leading(factor, over) for factor in expression.args))
        case sp.Pow() if _GROWS not in expression.exp.free_symbols:
            return _leading(expression.base, over) ** expression.exp
        case sp.log():
            return sp.log(_leading(expression.args[0], over))
        case _:
            return expression


def _without_constants(expression: Any) -> Any:
    return sp.expand_power_exp(sp.expand_log(expression, force=True)).as_independent(_GROWS, as_Add=False)[1]


def _crossover(first: Entry, second: Entry, over: str, given: Mapping[Any, Any], limit: Any) -> Crossover | None:
    """The last turn of the order, searched between powers of two; None when there is none or the letter is a length."""
    symbol = letters[over].symbol
    if not symbol.is_integer or limit == 1 or not (limit.is_comparable or limit.is_infinite):
        return None
    ends_above = bool(limit > 1)
    is_above = partial(_is_above, first, second, symbol, given)
    low, high = None, None
    for power in reversed(range(_LARGEST_POWER + 1)):
        above = is_above(2**power)
        if above is None:
            continue
        if above != ends_above:
            low = 2**power
            break
        high = 2**power
    if low is None or high is None:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_above(middle) == ends_above else (middle, high)
    return Crossover(low, high)


def _is_above(first: Entry, second: Entry, symbol: sp.Symbol, given: Mapping[Any, Any], value: int) -> bool | None:
    """Whether the first formula is larger at an integer; None when they are equal or one has no value there."""
    at = {**given, symbol: Fraction(value)}
    try:
        f, g = (enclosed(entry.expression, entry.where, at) for entry in (first, second))
    except BoundsError:
        return None
    return True if _certainly_less(g, f) else False if _certainly_less(f, g) else None


def _certainly_less(one: Exact | Enclosed, other: Exact | Enclosed) -> bool:
    return is_less(one.upper, other.lower)
