"""VNN-LIB files in: the version decides on the dialect."""

import os
import re

from certify.errors import InvalidInput
from certify.io import files
from certify.io.vnnlib import version1, version2
from certify.io.vnnlib.query import Query
from certify.io.vnnlib.source import Source, Word, shown

_VERSION = re.compile(r"<(\d{1,4})\.(\d{1,4})>", re.ASCII)


def read(path: str | os.PathLike[str]) -> Query:
    """The query in ``path`` (or ``path.gz``).

    Raises:
        InvalidInput: missing, damaged, or not VNN-LIB; the message has line and column.
        UnsupportedModel: a part of version 2.0 that is not supported.
    """
    contents = files.read(path)
    try:
        text = contents.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{contents.path} is not text: its byte {error.start} is no UTF-8.") from None
    return parse(text, str(contents.path))


def parse(text: str, name: str = "the query") -> Query:
    """The query that the text spells; see ``read``."""
    source = Source(name, text)
    forms = source.groups()
    if not forms:
        raise InvalidInput(f"{name} holds no VNN-LIB query: there is nothing in it but comments.")
    if not any(form.head == "vnnlib-version" for form in forms):
        return version1.read(source, forms)
    first = forms[0]
    found = [form for form in forms if form.head == "vnnlib-version"]
    if first.head != "vnnlib-version" or len(found) > 1:
        raise source.wrong(found[-1], "(vnnlib-version <2.0>) stands once, at the beginning.")
    word = first.items[1] if len(first.items) == 2 else first
    numbers = _VERSION.fullmatch(word.text) if isinstance(word, Word) else None
    if numbers is None or int(numbers[1]) not in (1, 2):
        said = shown(word.text) if isinstance(word, Word) else "nothing"
        raise source.wrong(word, f"the version is written <1.0> or <2.0>, not {said}.")
    if int(numbers[1]) == 1:
        return version1.read(source, forms)
    return version2.read(source, forms[1:], f"{int(numbers[1])}.{int(numbers[2])}")
