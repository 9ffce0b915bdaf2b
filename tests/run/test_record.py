import dataclasses as dc
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certify.errors import InvalidInput
from certify.outcome import CertifiedRadius, Status, Trust, Witness
from certify.record import Record, decode, encode, failed
from certify.region import Norm

finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def records(draw: st.DrawFn) -> Record:
    lower, upper = sorted((draw(st.floats(0, allow_nan=False, allow_infinity=False)), draw(st.floats(0, math.inf))))
    point = draw(st.none() | st.lists(finite, min_size=1, max_size=3))
    answer = CertifiedRadius(
        label=draw(st.integers(-1, 9)),
        prediction=draw(st.integers(-1, 9)),
        lower=lower,
        upper=upper,
        status=draw(st.sampled_from(Status)),
        norm=draw(st.sampled_from(Norm)),
        method=draw(st.text(max_size=5)),
        trust=draw(st.sampled_from(Trust)),
        seconds=draw(st.floats(0, 1e9)),
        witness=None if point is None else Witness(np.array(point), draw(finite)),
        reason=draw(st.text(max_size=9)),
    )
    return Record(draw(st.integers(0, 10**6)), answer)


def plain(record: Record) -> dict[str, object]:
    fields = {field.name: getattr(record.answer, field.name) for field in dc.fields(record.answer)}
    witness = record.answer.witness
    stored = None if witness is None else (witness.point.tobytes(), witness.distance)
    return fields | {"witness": stored, "index": record.index}


@given(records())
def test_a_record_is_read_back_bit_for_bit(record: Record) -> None:
    line = encode(record)
    assert "\n" not in line
    assert plain(decode(line)) == plain(record)


GOOD = json.loads(encode(failed(3, 1, norm=Norm.L2, method="crown", reason="boom")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"index": True}, "'index' must be a whole number, got True"),
        ({"index": 1.0}, "'index' must be a whole number"),
        ({"label": "1"}, "'label' must be a whole number"),
        ({"lower": "0"}, "'lower' must be a finite number"),
        ({"lower": -1.0}, "not ordered: lower -1.0"),
        ({"lower": 2.0, "upper": 1.0}, "not ordered"),
        ({"status": "fine"}, "status 'fine' is unknown"),
        ({"trust": "faith"}, "trust 'faith' is unknown"),
        ({"norm": "3"}, "Unknown norm '3'"),
        ({"method": None}, "'method' must be text"),
        ({"witness": "AAAA", "distance": 1.0}, "damaged"),
        ({"witness": "?", "distance": 1.0}, "damaged"),
        ({"witness": "", "distance": 1.0}, "empty or not finite"),
        ({"witness": "AAAAAAAA8H8=", "distance": 1.0}, "empty or not finite"),
        ({"distance": 1.0}, "'witness' must be text"),
        ({"extra": 1}, "other fields"),
    ],
)
def test_a_record_with_a_wrong_field_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        decode(json.dumps(GOOD | change))


@pytest.mark.parametrize(
    "line",
    ["", "[]", "{", '{"a": NaN}', '{"a": Infinity}', '{"a": 1, "a": 2}', "[" * 100_000],
)
def test_a_line_that_is_no_strict_json_object_is_refused(line: str) -> None:
    with pytest.raises(InvalidInput, match="Not a JSON object"):
        decode(line)


def test_a_record_without_one_of_its_fields_is_refused() -> None:
    for name in GOOD:
        with pytest.raises(InvalidInput, match="other fields"):
            decode(json.dumps({k: v for k, v in GOOD.items() if k != name}))


def test_a_failed_input_is_never_correct_and_its_bracket_says_nothing() -> None:
    record = failed(3, -1, norm=Norm.L2, method="crown", reason="boom")
    assert (record.answer.lower, record.answer.upper, record.answer.prediction) == (0.0, math.inf, -1)
    assert not record.correct


def test_the_two_names_of_a_sign_networks_negative_class_are_both_correct() -> None:
    base = failed(0, -1, norm=Norm.L2, method="crown", reason="").answer
    right = dc.replace(base, status=Status.BRACKETED, prediction=0)
    assert Record(0, right).correct
    assert Record(0, dc.replace(right, label=0)).correct
    assert not Record(0, dc.replace(right, label=1)).correct
    assert not Record(0, dc.replace(right, status=Status.MISCLASSIFIED)).correct
