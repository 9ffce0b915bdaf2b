"""``--set N=60000 eps=1/8`` as values by symbol."""

from collections.abc import Iterable, Mapping
from typing import Any

from bounds.errors import InvalidInput
from bounds.evaluate import read_letter


def read_settings(settings: Iterable[str]) -> Mapping[Any, Any]:
    """The letters of ``--set``. Raises InvalidInput for what is not LETTER=VALUE, or for a letter given twice."""
    given: dict[Any, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise InvalidInput(f"--set {setting!r} is not LETTER=VALUE, as in --set N=60000 eps=1/8.")
        letter, number = read_letter(name, value)
        if letter in given:
            raise InvalidInput(f"--set gives {name} twice.")
        given[letter] = number
    return given
