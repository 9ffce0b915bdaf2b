"""Version 1.0 of VNN-LIB: real variables ``X_0, X_1, ...`` and ``Y_0, Y_1, ...`` declared one by one."""

import re

from certify.io.vnnlib.expressions import Expressions
from certify.io.vnnlib.query import Declaration, Query, Tensor
from certify.io.vnnlib.source import Group, Source, Word, shown

_VARIABLE = re.compile(r"([XY])_(0|[1-9]\d{0,8})", re.ASCII)
_WITHOUT_MEANING = ("set-logic", "set-info", "set-option", "check-sat", "get-model", "exit")


def read(source: Source, forms: tuple[Group, ...]) -> Query:
    """The query that the forms spell.

    Raises:
        InvalidInput: an unknown form, or a variable that is not declared, declared twice, or missing in the numbering.
    """
    declared: dict[str, Word] = {}
    for form in forms:
        if form.head in ("declare-const", "declare-fun"):
            _declare(source, form, declared)
    inputs, outputs = (_count(source, declared, letter) for letter in "XY")

    def variable(word: Word, index: Word | None) -> int:
        if index is not None:
            raise source.wrong(index, f"indices {shown(index.text)} belong to version 2.0 of VNN-LIB.")
        if word.text not in declared:
            raise source.wrong(word, f"the variable {shown(word.text)} is not declared.")
        letter, number = word.text.split("_")
        return int(number) + (inputs if letter == "Y" else 0)

    expressions = Expressions(source, variable)
    assertions = []
    for form in forms:
        if form.head == "assert":
            if len(form.items) != 2:
                raise source.wrong(form, f"assert takes one constraint, here are {len(form.items) - 1}.")
            assertions.append(expressions.formula(form.items[1]))
        elif form.head not in ("declare-const", "declare-fun", "vnnlib-version", *_WITHOUT_MEANING):
            raise source.wrong(form, f"unknown form ({shown(form.head)} ...); known are declare-const and assert.")
    network = Declaration("N", Tensor("X", "Real", (inputs,)), Tensor("Y", "Real", (outputs,)))
    return Query("1.0", (network,), tuple(assertions), source.name)


def _declare(source: Source, form: Group, declared: dict[str, Word]) -> None:
    items = form.items[1:]
    if form.head == "declare-fun" and len(items) == 3 and isinstance(items[1], Group) and not items[1].items:
        items = (items[0], items[2])
    if len(items) != 2 or not all(isinstance(item, Word) for item in items):
        raise source.wrong(form, "a declaration reads (declare-const X_0 Real).")
    name, kind = (item for item in items if isinstance(item, Word))
    if not _VARIABLE.fullmatch(name.text):
        raise source.wrong(name, f"variables are X_0, X_1, ... (inputs) and Y_0, Y_1, ..., not {shown(name.text)}.")
    if kind.text != "Real":
        raise source.wrong(kind, f"variables are of type Real, not {shown(kind.text)}.")
    if name.text in declared:
        raise source.wrong(name, f"{name.text} is declared twice.")
    declared[name.text] = name


def _count(source: Source, declared: dict[str, Word], letter: str) -> int:
    """How many variables of a letter there are, which must be numbered without a gap."""
    numbers = {int(name[2:]): word for name, word in declared.items() if name[0] == letter}
    if not numbers:
        kind = "input" if letter == "X" else "output"
        raise source.wrong(0, f"no {kind} is declared; (declare-const {letter}_0 Real) is expected.")
    for number, word in numbers.items():
        if number >= len(numbers):
            missing = next(k for k in range(len(numbers)) if k not in numbers)
            raise source.wrong(word, f"{word.text} is declared, but {letter}_{missing} is not.")
    return len(numbers)
