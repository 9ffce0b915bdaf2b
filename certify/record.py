"""One input's answer as one line of text, and back, losing nothing: what a run folder is made of.

A line is a JSON object; floats are written with as many digits as it takes to read the same float64 again, an infinite
``upper`` (no counterexample known) is ``null``, and the witness's point is the base64 text of its float64 bytes.
"""

import base64
import binascii
import dataclasses as dc
import json
import math
from typing import Any, NoReturn, cast

import numpy as np

from certify.errors import InvalidInput
from certify.outcome import CertifiedRadius, Status, Trust, Witness
from certify.region import Norm


@dc.dataclass(frozen=True, slots=True, eq=False)
class Record:
    """The answer about one input; ``index`` is the input's number in its data set."""

    index: int
    answer: CertifiedRadius

    @property
    def correct(self) -> bool:
        """Whether the unperturbed input is known to get its label; never for an input that failed."""
        answer = self.answer
        label = 0 if answer.label == -1 else answer.label
        return answer.status not in (Status.MISCLASSIFIED, Status.ERROR) and answer.prediction in (label, answer.label)


def failed(index: int, label: int, *, norm: Norm, method: str, reason: str) -> Record:
    """The row of an input about which nothing could be said: bracket [0, inf], prediction -1, and why."""
    answer = CertifiedRadius(
        label=label,
        prediction=-1,
        lower=0.0,
        upper=math.inf,
        status=Status.ERROR,
        norm=norm,
        method=method,
        trust=Trust.FLOAT,
        seconds=0.0,
        reason=reason,
    )
    return Record(index, answer)


def row_fields(record: Record) -> dict[str, Any]:
    """The answer in JSON's types, without the witness's point."""
    answer = record.answer
    return {
        "index": int(record.index),
        "label": int(answer.label),
        "predict": int(answer.prediction),
        "lower": float(answer.lower),
        "upper": float(answer.upper) if math.isfinite(answer.upper) else None,
        "status": answer.status.value,
        "norm": answer.norm.short,
        "method": answer.method,
        "trust": str(answer.trust),
        "seconds": float(answer.seconds),
        "reason": answer.reason,
    }


def encode(record: Record) -> str:
    """The line of a record, without its line break."""
    witness = record.answer.witness
    point = None if witness is None else base64.b64encode(witness.point.astype("<f8").tobytes()).decode("ascii")
    distance = None if witness is None else float(witness.distance)
    fields = row_fields(record) | {"witness": point, "distance": distance}
    return json.dumps(fields, allow_nan=False)


def decode(line: str) -> Record:
    """The record of a line that ``encode`` wrote.

    Raises:
        InvalidInput: anything else: other or missing or repeated names, another type, a bracket that is not ordered.
    """
    fields = read_object(line)
    expected = {"index", "label", "predict", "lower", "upper", "status", "norm", "method", "trust", "seconds", "reason"}
    if set(fields) != expected | {"witness", "distance"}:
        raise InvalidInput(f"A record has other fields than expected: {', '.join(sorted(fields))}.")
    lower = _number(fields, "lower")
    upper = math.inf if fields["upper"] is None else _number(fields, "upper")
    if not 0 <= lower <= upper:
        raise InvalidInput(f"A record's bracket is not ordered: lower {lower}, upper {upper}.")
    answer = CertifiedRadius(
        label=_whole(fields, "label"),
        prediction=_whole(fields, "predict"),
        lower=lower,
        upper=upper,
        status=_status(fields),
        norm=Norm.parse(_text(fields, "norm")),
        method=_text(fields, "method"),
        trust=_trust(fields),
        seconds=_number(fields, "seconds"),
        witness=_witness(fields),
        reason=_text(fields, "reason"),
    )
    return Record(_whole(fields, "index"), answer)


def read_object(line: str) -> dict[str, object]:
    """The JSON object of a line; strict: no NaN, no infinity, no name twice.

    Raises:
        InvalidInput: the line is not one.
    """
    try:
        value: object = json.loads(line, object_pairs_hook=_pairs, parse_constant=_constant)
    except (ValueError, RecursionError) as problem:
        raise InvalidInput(f"Not a JSON object ({problem}): {line[:60]!r}.") from None
    if not isinstance(value, dict):
        raise InvalidInput(f"Not a JSON object: {line[:60]!r}.")
    return cast("dict[str, object]", value)


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name occurs twice")
    return fields


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _whole(fields: dict[str, object], name: str) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"A record's {name!r} must be a whole number, got {value!r}.")
    return value


def _number(fields: dict[str, object], name: str) -> float:
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidInput(f"A record's {name!r} must be a finite number, got {value!r}.")
    return float(value)


def _text(fields: dict[str, object], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise InvalidInput(f"A record's {name!r} must be text, got {value!r}.")
    return value


def _status(fields: dict[str, object]) -> Status:
    text = _text(fields, "status")
    if text not in {status.value for status in Status}:
        raise InvalidInput(f"A record's status {text!r} is unknown.")
    return Status(text)


def _trust(fields: dict[str, object]) -> Trust:
    known = {str(trust): trust for trust in Trust}
    text = _text(fields, "trust")
    if text not in known:
        raise InvalidInput(f"A record's trust {text!r} is unknown.")
    return known[text]


def _witness(fields: dict[str, object]) -> Witness | None:
    if fields["witness"] is None and fields["distance"] is None:
        return None
    try:
        stored = base64.b64decode(_text(fields, "witness"), validate=True)
        point = np.frombuffer(stored, dtype="<f8").astype(np.float64)
    except (binascii.Error, ValueError) as problem:
        raise InvalidInput(f"A record's witness is damaged: {problem}.") from None
    if not point.size or not np.isfinite(point).all():
        raise InvalidInput("A record's witness is damaged: its point is empty or not finite.")
    return Witness(point, _number(fields, "distance"))
