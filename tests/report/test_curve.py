import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certify.outcome import CertifiedRadius, Status, Trust
from certify.record import Record, failed
from certify.region import Norm
from certify.report.curve import Curve
from certify.report.figure import draw_curve
from certify.report.totals import Totals

radii = st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0, 3.0])


def row(index: int, lower: float, upper: float, status: Status = Status.BRACKETED) -> Record:
    prediction = 2 if status is Status.MISCLASSIFIED else 1
    answer = CertifiedRadius(1, prediction, lower, upper, status, Norm.L2, "crown", Trust.ROUNDED, 0.5)
    return Record(index, answer)


def wrong(index: int) -> Record:
    return row(index, 0.0, 0.0, Status.MISCLASSIFIED)


def error(index: int) -> Record:
    return failed(index, 1, norm=Norm.L2, method="crown", reason="boom")


@st.composite
def runs(draw: st.DrawFn) -> list[Record]:
    rows: list[Record] = []
    for index in range(draw(st.integers(1, 8))):
        lower, upper = sorted((draw(radii), draw(radii | st.just(math.inf))))
        rows.append(draw(st.sampled_from([row(index, lower, upper), wrong(index), error(index)])))
    return rows


@given(runs(), radii | st.floats(0, 4))
def test_the_two_accuracies_count_what_they_say(rows: list[Record], radius: float) -> None:
    curve = Curve.of(rows)
    ok = [r for r in rows if r.answer.status is Status.BRACKETED]
    maybe = [r for r in rows if r.answer.status is not Status.MISCLASSIFIED]
    assert curve.certified(radius) == sum(r.answer.lower >= radius for r in ok) / len(rows)
    assert curve.attacked(radius) == sum(r.answer.upper > radius for r in maybe) / len(rows)


@given(runs())
def test_the_steps_are_the_accuracies_at_every_radius_between_jumps(rows: list[Record]) -> None:
    curve = Curve.of(rows)
    end = curve.reach * 1.1 or 1.0
    edges, certified, attacked = curve.steps(end)
    assert (edges[0], edges[-1]) == (0.0, end)
    middles = (edges[1:] + edges[:-1]) / 2
    assert certified.tolist() == [curve.certified(r) for r in middles]
    assert attacked.tolist() == [curve.attacked(r) for r in middles]


@given(runs())
def test_an_accuracy_table_begins_at_zero_and_stays_within_reach(rows: list[Record]) -> None:
    curve = Curve.of(rows)
    ticks = curve.ticks()
    assert ticks[0] == 0
    assert len(ticks) <= 10
    assert ticks == sorted(set(ticks))
    assert ticks[-1] <= curve.reach * (1 + 1e-9)


@pytest.mark.parametrize("reach", [8 / 255, 0.3, 1.0, 2.47, 1e-9, 5e5])
def test_an_accuracy_table_has_enough_rows_to_be_read(reach: float) -> None:
    ticks = Curve(np.array([reach]), np.array([math.inf]), 1).ticks()
    assert 4 <= len(ticks) <= 10


def test_totals_of_a_small_run_are_those_computed_by_hand() -> None:
    totals = Totals.of([row(0, 0.5, 0.75), row(1, 0.25, math.inf), wrong(2), error(3)])
    assert totals.statuses == {
        Status.EXACT: 0,
        Status.BRACKETED: 2,
        Status.MISCLASSIFIED: 1,
        Status.TIMEOUT: 0,
        Status.ERROR: 1,
    }
    assert totals.clean == 0.5
    assert (totals.mean_lower, totals.median_lower) == (0.1875, 0.0)
    assert (totals.mean_upper, totals.median_upper) == (math.inf, math.inf)
    assert totals.unbroken == 2
    assert totals.seconds == 1.5
    assert totals.trust == {Trust.ROUNDED: 2}


def test_averages_of_the_largest_radii_are_finite() -> None:
    most = math.nextafter(math.inf, 0.0)
    assert Totals.of([row(0, most, math.inf), row(1, most, math.inf)]).mean_lower == most


def test_printed_averages_hold_on_their_own_side() -> None:
    totals = Totals.of([row(0, 1 / 3, 2 / 3)])
    assert totals.averages() == [("mean", "0.333333", "0.666667"), ("median", "0.333333", "0.666667")]


def test_printed_accuracies_hold_on_their_own_side() -> None:
    first = Totals.of([row(0, 1.0, 1.0), wrong(1), wrong(2)]).accuracies()[0]
    assert first == ("0", "33.3%", "33.4%")


@pytest.mark.parametrize(("right", "count", "text"), [(22, 40, "55.0%"), (23, 1000, "2.3%"), (29, 50, "58.0%")])
def test_an_accuracy_that_one_decimal_can_hold_is_printed_as_it_is(right: int, count: int, text: str) -> None:
    rows = [row(i, 1.0, 1.0) if i < right else wrong(i) for i in range(count)]
    assert Totals.of(rows).accuracies()[0] == ("0", text, text)


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_equal_curves_give_equal_files(kind: str) -> None:
    curve = Curve.of([row(0, 0.5, 0.75), row(1, 0.25, math.inf), wrong(2)])
    first = draw_curve(curve, Norm.LINF, title="a on b", kind=kind)
    assert first == draw_curve(curve, Norm.LINF, title="a on b", kind=kind)
    assert first[:4] in (b"<?xm", b"%PDF", b"\x89PNG")


@pytest.mark.parametrize("rows", [[wrong(0)], [error(0)], [row(0, 1.0, math.inf)], [row(0, 0.0, 5e-324)]])
def test_a_run_of_one_extreme_row_can_be_drawn(rows: list[Record]) -> None:
    assert draw_curve(Curve.of(rows), Norm.L1, title=r"$\foo$ & <tag> $").startswith(b"<?xml")


def test_a_drawing_has_the_steps_of_both_sides_and_no_raster_image() -> None:
    text = draw_curve(Curve.of([row(0, 0.5, 0.75), row(1, 0.25, 2.0)]), Norm.L2, title="t").decode()
    assert "StepPatch" in text or text.count("<path") > 10
    assert "<image" not in text
