"""From letters given as text or numbers to a value: domains, defaults and hypotheses are checked, and precision rises
until it suffices.
"""

import dataclasses as dc
from collections.abc import Callable, Collection, Iterable, Mapping
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import sympy as sp

from bounds.architecture import Architecture
from bounds.enclose import LAST_PRECISION, Evaluator, Given, MorePrecision
from bounds.errors import HypothesisViolated, InvalidInput, MissingLetter, OutOfDomain, UnknownLetter
from bounds.special import Number
from bounds.symbols import Letter, letters
from bounds.values import Enclosed, Exact

_FIRST_PRECISION = 128
_NARROW_BITS = 48
_LONGEST_POWER = 20_000
Where = Mapping[Any, Any]
"""Defaults of letters in terms of other letters."""
Result = TypeVar("Result")


@dc.dataclass(frozen=True, slots=True)
class Hypothesis:
    """A condition under which a statement holds, as sympy and in words."""

    condition: sp.Basic
    words: str


def read_number(text: str) -> Fraction:
    """An exact rational from ``12``, ``0.3685``, ``1e-3``, ``8/255`` or ``10^400``. Raises InvalidInput."""
    try:
        base, caret, exponent = text.replace("**", "^").partition("^")
        if caret and abs(int(exponent)) > _LONGEST_POWER:
            raise InvalidInput(f"The exponent in {text!r} is too large: at most {_LONGEST_POWER}.")
        return Fraction(base) ** int(exponent) if caret else Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise InvalidInput(f"{text!r} is not a number. Write 12, 0.3685, 1e-3, 8/255 or 10^400.") from None


def read_architecture(text: str) -> Architecture:
    """An architecture from ``784-256-1`` or ``784,256,1``. Raises InvalidInput."""
    parts = text.replace(",", "-").split("-")
    if not all(part.strip().isdecimal() for part in parts):
        raise InvalidInput(f"{text!r} is not an architecture. Write its widths, input first: 784-256-1.")
    return Architecture(tuple(int(part) for part in parts))


def read_letter(name: str, value: object) -> tuple[sp.Symbol, Given]:
    """A letter and its value, checked against the letter's domain; a float stands for the decimal number it prints
    as.
    """
    if name not in letters:
        raise UnknownLetter(f"{name!r} is not a letter of the catalogue. Letters: {', '.join(sorted(letters))}.")
    letter = letters[name]
    if letter.symbol == letters["w"].symbol:
        return letter.symbol, _architecture(value)
    number = _number(name, value)
    _check_domain(letter, number)
    return letter.symbol, number


def _architecture(value: object) -> Architecture:
    match value:
        case Architecture():
            return value
        case str():
            return read_architecture(value)
        case tuple() | list():
            return Architecture(tuple(value))
        case _:
            raise InvalidInput(f"w is an architecture such as '784-256-1' and not {value!r}.")


def _number(name: str, value: object) -> Fraction:
    match value:
        case bool():
            raise InvalidInput(f"{name} is a number and not {value!r}.")
        case int() | Fraction():
            return Fraction(value)
        case str():
            return read_number(value)
        case float():
            return read_number(repr(value))
        case _:
            raise InvalidInput(f"{name}={value!r} is not a number: give an int, a Fraction, or text such as '1/10'.")


def _check_domain(letter: Letter, value: Fraction) -> None:
    symbol = letter.symbol
    bad = (
        (symbol.is_integer and value.denominator != 1)
        or (symbol.is_positive and value <= 0)
        or (symbol.is_nonnegative and value < 0)
        or (letter.below is not None and value >= letter.below)
    )
    if bad:
        raise OutOfDomain(f"{symbol}={value} is not possible: {symbol} ({letter.meaning}) is {letter.domain}.")


def rising(compute: Callable[[int], Result], narrow: Callable[[Result], bool] = lambda _: True) -> Result:
    """The result at the first precision that decides every floor and comparison and is narrow enough, or at the last
    one.
    """
    precision = _FIRST_PRECISION
    while True:
        try:
            result = compute(precision)
        except MorePrecision:
            precision *= 2
            continue
        if narrow(result) or precision >= LAST_PRECISION:
            return result
        precision *= 2


def reach(start: Iterable[sp.Basic], where: Where, given: Collection[sp.Basic] = ()) -> frozenset[sp.Basic]:
    """The letters that an evaluation meets: those it starts from, and those in the defaults of letters that are not
    given.
    """
    found: set[sp.Basic] = set()
    pending = set(start)
    while pending:
        letter = pending.pop()
        found.add(letter)
        if letter in where and letter not in given:
            pending |= where[letter].free_symbols - found
    return frozenset(found)


def complete(
    start: Iterable[sp.Basic], where: Where, given: Mapping[Any, Given], precision: int
) -> Mapping[Any, Given]:
    """The given values with defaults filled in. Raises MissingLetter naming every letter that has neither."""
    met = reach(start, where, given)
    missing = sorted(str(letter) for letter in met if letter not in given and letter not in where)
    if missing:
        meanings = ", ".join(f"{name} ({letters[name].meaning})" for name in missing)
        raise MissingLetter(f"No value for {meanings}. Add {missing[0]}=... to --set.")
    known = dict(given)

    def settle(letter: sp.Basic) -> None:
        if letter not in known:
            for inner in where[letter].free_symbols:
                settle(inner)
            known[letter] = Evaluator(known, precision).number(where[letter])

    for letter in met:
        settle(letter)
    return MappingProxyType(known)


def check(hypotheses: Iterable[Hypothesis], where: Where, given: Mapping[Any, Given]) -> None:
    """Raises HypothesisViolated for the first hypothesis that the values break."""
    for hypothesis in hypotheses:
        condition = hypothesis.condition
        if not rising(partial(_holds, condition, where, given)):
            used = reach(condition.free_symbols, where, given) & set(given)
            values = ", ".join(f"{letter}={given[letter]}" for letter in sorted(used, key=str))
            raise HypothesisViolated(
                f"The statement does not hold at {values}: it needs {hypothesis.words}, that is {condition}."
            )


def _holds(condition: sp.Basic, where: Where, given: Mapping[Any, Given], precision: int) -> bool:
    known = complete(condition.free_symbols, where, given, precision)
    return Evaluator(known, precision).holds(condition)


def enclosed(expression: sp.Basic, where: Where, given: Mapping[Any, Given]) -> Exact | Enclosed:
    """The value of an expression: exact, or an enclosure about 48 bits tight unless that is out of reach."""

    def at(precision: int) -> Number:
        return Evaluator(complete(expression.free_symbols, where, given, precision), precision).number(expression)

    answer = rising(at, lambda value: isinstance(value, Fraction) or value.is_narrow(_NARROW_BITS))
    return Exact(answer) if isinstance(answer, Fraction) else Enclosed.of(answer)
