"""Text in parentheses as trees of words that know their line and column. Numbers are read as exact fractions."""

import dataclasses as dc
import re
from fractions import Fraction

from certify.errors import InvalidInput

DEEPEST = 100
"""Parentheses nested deeper than this are refused."""

_TOKEN = re.compile(
    r"""(?P<skip>\s+|;[^\n]*)|(?P<open>\()|(?P<close>\))|(?P<word>\[[^\[\]()";]*\]|"(?:[^"\\]|\\.)*"|[^\s()\[\]";]+)"""
)
_NUMBER = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d+))?", re.ASCII)
_LONGEST_NUMBER, _LARGEST_EXPONENT = 2000, 400


@dc.dataclass(frozen=True, slots=True)
class Word:
    """A name, a number, a bracketed list of indices or a quoted text, ``at`` its offset in the file."""

    text: str
    at: int


@dc.dataclass(frozen=True, slots=True)
class Group:
    """What stands between two parentheses; ``at`` is the offset of the opening one."""

    items: "tuple[Tree, ...]"
    at: int

    @property
    def head(self) -> str:
        """The first word, or nothing when there is none."""
        first = self.items[0] if self.items else None
        return first.text if isinstance(first, Word) else ""


Tree = Word | Group


@dc.dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A text and the name of the file it came from, for messages."""

    name: str
    text: str

    def wrong(self, place: "Tree | int", what: str) -> InvalidInput:
        """The error that something is wrong at a place, which it names by line and column (both from 1)."""
        at = place if isinstance(place, int) else place.at
        line = self.text.count("\n", 0, at) + 1
        column = at - self.text.rfind("\n", 0, at)
        return InvalidInput(f"{self.name}, line {line}, column {column}: {what}")

    def groups(self) -> tuple[Group, ...]:
        """The parenthesised forms of the text; comments run from ``;`` to the end of their line.

        Raises:
            InvalidInput: parentheses that do not match or nest deeper than ``DEEPEST``, or a word outside of them.
        """
        done: list[Tree] = []
        open_: list[tuple[int, list[Tree]]] = []
        at = 0
        while at < len(self.text):
            found = _TOKEN.match(self.text, at)
            if found is None:
                raise self.wrong(at, f"{self.text[at]!r} opens something that never ends.")
            level = open_[-1][1] if open_ else done
            match found.lastgroup:
                case "open":
                    open_.append((at, []))
                    if len(open_) > DEEPEST:
                        raise self.wrong(at, f"parentheses are nested more than {DEEPEST} deep.")
                case "close":
                    if not open_:
                        raise self.wrong(at, "this parenthesis closes nothing.")
                    begin, items = open_.pop()
                    (open_[-1][1] if open_ else done).append(Group(tuple(items), begin))
                case "word":
                    if not open_:
                        raise self.wrong(at, f"{shown(found[0])} stands outside of parentheses.")
                    level.append(Word(found[0], at))
                case _:
                    pass
            at = found.end()
        if open_:
            raise self.wrong(open_[-1][0], "this parenthesis is never closed. Was the file copied completely?")
        return tuple(group for group in done if isinstance(group, Group))

    def number(self, word: Word) -> Fraction | None:
        """The number that a word spells, exactly; None when it spells none.

        Raises:
            InvalidInput: a number with more digits or a larger exponent than any float64 has use for.
        """
        found = _NUMBER.fullmatch(word.text)
        if found is None:
            return None
        exponent = found[3] or "0"
        if len(word.text) > _LONGEST_NUMBER or len(exponent) > 6 or abs(int(exponent)) > _LARGEST_EXPONENT:
            raise self.wrong(word, f"the number {shown(word.text)} is out of range or has too many digits.")
        return Fraction(word.text)


def shown(text: str) -> str:
    """The text in quotes, shortened for messages."""
    return repr(text if len(text) <= 40 else text[:37] + "...")
