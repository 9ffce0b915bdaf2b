import numpy as np
import pytest

from tests.real.vnnlib_lite import parse

GOOD = """; a property with label: 1.
(declare-const X_0 Real)
(declare-const X_1 Real)
(declare-const Y_0 Real)
(declare-const Y_1 Real)
(declare-const Y_2 Real)
(assert (<= X_0 0.5)) ; above
(assert (>= X_0 -1e-3))
(assert (<= X_1 2))
(assert (>= X_1 2))
(assert (or
    (and (>= Y_0 Y_1))
    (and (>= Y_2 Y_1))
))"""


def test_a_box_and_a_label_are_read() -> None:
    query = parse(GOOD)
    np.testing.assert_array_equal(query.lower, [-1e-3, 2])
    np.testing.assert_array_equal(query.upper, [0.5, 2])
    assert query.label() == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(declare-const X_1 Real)", ""),
        ("(declare-const Y_2 Real)", "(declare-const Y_1 Real)"),
        ("(assert (<= X_1 2))", ""),
        ("(assert (<= X_1 2))", "(assert (<= X_0 2))"),
        ("(assert (<= X_1 2))", "(assert (<= X_2 2))"),
        ("(assert (>= X_1 2))", "(assert (>= X_1 3))"),
        ("(assert (<= X_1 2))", "(assert (<= X_1 1/2))"),
    ],
)
def test_a_box_that_is_not_spelled_out_is_refused(old: str, new: str) -> None:
    with pytest.raises(ValueError, match=r"declared|bounds|empty"):
        parse(GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(and (>= Y_0 Y_1))", ""),
        ("(and (>= Y_0 Y_1))", "(and (>= Y_0 Y_2))"),
        ("(and (>= Y_0 Y_1))", "(and (<= Y_0 Y_1))"),
        ("(assert (or", "(assert (and (<= X_0 X_1)) (or"),
    ],
)
def test_an_output_part_that_is_no_robustness_is_refused(old: str, new: str) -> None:
    with pytest.raises(ValueError, match=r"not a robustness instance|does not compare"):
        parse(GOOD.replace(old, new)).label()
