import argparse
import math

import pytest

from certify.cli.numbers import interval, number, numbers, shape, whole


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8/255", 8 / 255),
        (" 1 / 3 ", 1 / 3),
        ("1e-3", 1e-3),
        ("-0.5", -0.5),
        ("0.1/0.3", 1 / 3),
        ("inf", math.inf),
        ("-inf", -math.inf),
    ],
)
def test_a_fraction_or_a_decimal_is_the_nearest_float(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "nan", "1/0", "8/", "1/2/3", "eight", "1e999", "1e9/3", "1/1e999999999", "inf/2"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a number"):
        number(text)


def test_lists_shapes_and_intervals_are_read() -> None:
    assert numbers("0.1,1/4") == (0.1, 0.25)
    assert shape("1,28,28") == (1, 28, 28)
    assert interval("0,1") == (0.0, 1.0)
    assert interval("-inf,8/255") == (-math.inf, 8 / 255)
    assert interval("none") is None
    assert whole("12") == 12


@pytest.mark.parametrize("text", ["1,0", "0,0", "0", "0,1,2", "", "0,nan"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        interval(text)


@pytest.mark.parametrize("text", ["0", "1,,2", "-1", "1.5", "²"])
def test_what_is_no_shape_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        shape(text)
