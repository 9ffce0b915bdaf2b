"""Published numbers by name, from ``golden.toml``: each with its paper, figure or table, and how well it is known."""

import dataclasses as dc
import tomllib
from pathlib import Path
from typing import Any

from certify.errors import InvalidInput

_FILE = Path(__file__).with_name("golden.toml")


@dc.dataclass(frozen=True, slots=True)
class Origin:
    """The key of a paper in the references, the figure or table, and how its numbers were read."""

    paper: str
    place: str
    reading: str


@dc.dataclass(frozen=True, slots=True)
class Curve:
    """Published values ``y`` at the places ``x``, in rising order of x."""

    origin: Origin
    x: tuple[float, ...]
    y: tuple[float, ...]

    def at(self, place: float) -> float | None:
        """The value published for exactly this place, if there is one."""
        return dict(zip(self.x, self.y, strict=True)).get(place)


@dc.dataclass(frozen=True, slots=True)
class Interval:
    """A published range of values."""

    origin: Origin
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


def curve(name: str) -> Curve:
    """The published curve of this name. Raises InvalidInput with the names there are."""
    entry = _entry("curve", name)
    return Curve(_origin(entry), tuple(map(float, entry["x"])), tuple(map(float, entry["y"])))


def interval(name: str) -> Interval:
    """The published range of this name. Raises InvalidInput with the names there are."""
    entry = _entry("interval", name)
    return Interval(_origin(entry), float(entry["low"]), float(entry["high"]))


def names(kind: str) -> tuple[str, ...]:
    """All names of a kind, ``curve`` or ``interval``."""
    return tuple(_all()[kind])


def _entry(kind: str, name: str) -> dict[str, Any]:
    entries = _all()[kind]
    if name not in entries:
        raise InvalidInput(f"There is no published {kind} {name!r}. There are: {', '.join(entries)}.")
    return entries[name]


def _all() -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def _origin(entry: dict[str, Any]) -> Origin:
    return Origin(entry["paper"], entry["place"], entry["reading"])
