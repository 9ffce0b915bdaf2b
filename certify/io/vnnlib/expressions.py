"""From trees to constraints: arithmetic that must come out linear, comparisons, ``and`` and ``or``."""

import dataclasses as dc
from collections.abc import Callable, Sequence
from fractions import Fraction

from certify.io.vnnlib.formula import And, Formula, Linear, Or
from certify.io.vnnlib.source import Group, Source, Tree, Word, shown

_COMPARISONS = ("<=", ">=", "<", ">", "==", "=", "!=")
_LONGEST_BITS = 20_000
_REFUSED = {
    "not": "write the opposite comparison",
    "=>": "write (or ...)",
    "let": "write it out",
    "ite": "write (or ...)",
}


@dc.dataclass(frozen=True, slots=True)
class _Operand:
    """An argument, with the bracketed indices that follow it."""

    tree: Tree
    index: Word | None


@dc.dataclass(frozen=True, slots=True, eq=False)
class Expressions:
    """Reads constraints; ``variable`` gives the number of the variable that a name and its indices mean."""

    source: Source
    variable: Callable[[Word, Word | None], int]

    def formula(self, tree: Tree) -> Formula:
        """The constraint that a tree spells.

        Raises:
            InvalidInput: an unknown operator or variable, a wrong number of arguments, a term that is not linear.
        """
        if not isinstance(tree, Group) or not tree.head:
            raise self.source.wrong(tree, f"a constraint such as (<= X 1.0) is needed, not {_name(tree)}.")
        operator, parts = tree.head, tree.items[1:]
        if operator in ("and", "or"):
            if not parts:
                raise self.source.wrong(tree, f"({operator}) has no parts.")
            combined = tuple(self.formula(part) for part in parts)
            return And(combined) if operator == "and" else Or(combined)
        if operator in _COMPARISONS:
            return self._comparison(tree, operator)
        advice = f": {_REFUSED[operator]}" if operator in _REFUSED else ""
        known = ", ".join((*_COMPARISONS, "and", "or"))
        raise self.source.wrong(tree, f"{shown(operator)} is not supported here{advice}. Known are {known}.")

    def _comparison(self, tree: Group, operator: str) -> Formula:
        sides = [self._linear(operand) for operand in self._operands(tree)]
        if len(sides) != 2:
            raise self.source.wrong(tree, f"{operator} compares two terms, here are {len(sides)}.")
        left, right = sides
        below = Linear.sum([left, right.times(Fraction(-1))])
        above = below.times(Fraction(-1))
        match operator:
            case "<=" | "<":
                return below.below_zero(strict=operator == "<")
            case ">=" | ">":
                return above.below_zero(strict=operator == ">")
            case "!=":
                return Or((below.below_zero(strict=True), above.below_zero(strict=True)))
            case _:
                return And((below.below_zero(strict=False), above.below_zero(strict=False)))

    def _operands(self, tree: Group) -> list[_Operand]:
        made: list[_Operand] = []
        for item in tree.items[1:]:
            if isinstance(item, Word) and item.text.startswith("["):
                last = made[-1].tree if made else tree
                if not made or not isinstance(last, Word) or made[-1].index is not None:
                    raise self.source.wrong(item, f"the indices {shown(item.text)} follow no variable.")
                made[-1] = _Operand(last, item)
            else:
                made.append(_Operand(item, None))
        return made

    def _linear(self, operand: _Operand) -> Linear:
        tree = operand.tree
        if isinstance(tree, Group):
            return self._arithmetic(tree)
        number = self.source.number(tree)
        if number is None:
            return Linear({self.variable(tree, operand.index): Fraction(1)}, Fraction(0))
        if operand.index is not None:
            raise self.source.wrong(operand.index, f"the number {tree.text} has no indices.")
        return Linear({}, number)

    def _arithmetic(self, tree: Group) -> Linear:
        operator = tree.head
        if operator not in ("+", "-", "*", "/"):
            raise self.source.wrong(tree, f"{_name(tree)} is no term; terms are made by +, - and * (and / by numbers).")
        terms = [self._linear(operand) for operand in self._operands(tree)]
        if not terms:
            raise self.source.wrong(tree, f"({operator}) has no terms.")
        match operator:
            case "+":
                return Linear.sum(terms)
            case "-" if len(terms) == 1:
                return terms[0].times(Fraction(-1))
            case "-":
                return Linear.sum([terms[0], Linear.sum(terms[1:]).times(Fraction(-1))])
            case "*":
                return self._product(tree, terms)
            case _:
                return self._quotient(tree, terms)

    def _product(self, tree: Group, terms: Sequence[Linear]) -> Linear:
        varying = [term for term in terms if not term.is_constant]
        if len(varying) > 1:
            raise self.source.wrong(tree, "a product of variables is not linear; only products with numbers are read.")
        product = varying[0] if varying else Linear({}, Fraction(1))
        for term in terms:
            product = self._moderate(tree, product.times(term.constant)) if term.is_constant else product
        return product

    def _quotient(self, tree: Group, terms: Sequence[Linear]) -> Linear:
        if len(terms) != 2 or not terms[1].is_constant or terms[1].constant == 0:
            raise self.source.wrong(tree, "a term can only be divided by one number that is not 0.")
        return self._moderate(tree, terms[0].times(1 / terms[1].constant))

    def _moderate(self, tree: Group, term: Linear) -> Linear:
        """The term, if its numbers are of a size that arithmetic can go on with."""
        numbers = (term.constant, *term.coefficients.values())
        if any(max(x.numerator.bit_length(), x.denominator.bit_length()) > _LONGEST_BITS for x in numbers):
            raise self.source.wrong(tree, "this product or quotient has far too many digits.")
        return term


def _name(tree: Tree) -> str:
    return shown(tree.text) if isinstance(tree, Word) else f"({tree.head} ...)"
