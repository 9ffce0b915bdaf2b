"""Orders of growth, limits of ratios and crossovers, checked on numbers."""

from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

import bounds
from bounds.asymptotics import compare, order_of
from bounds.errors import NoOrder
from bounds.evaluate import read_letter
from bounds.symbols import letters


def given(**values: object) -> dict[Any, Any]:
    return dict(read_letter(name, value) for name, value in values.items())


def height(name: str, **values: object) -> float:
    answer = bounds.catalogue[name].at(given(**values))
    assert not isinstance(answer, bounds.OrderOnly)
    return float(answer.upper)


@pytest.mark.parametrize(
    ("name", "over", "order", "values"),
    [
        ("hinge-bumps.nnz", "N", "N", {"d": 784}),
        ("hinge-bumps.dense", "N", "N**2", {"d": 784}),
        ("hinge-bumps.dense", "d", "d**2", {"N": 1000}),
        ("robust-training.l2.lower", "N", "sqrt(N)", {"d": 20, "rho": "0.99"}),
        ("robust-training.inf.lower", "N", "sqrt(N)", {"d": 20, "rho": "0.9"}),
        ("hard-set.lower", "d", "6**(d/2)", {"eps": "1/10", "alpha": "1/10"}),
        ("whole-cube.inf.nnz", "eps", "eps**(-4)", {"d": 4, "c": "1/2"}),
        ("paraboloid.nnz", "d", "d*log(d)", {"N": 1000, "eps": "0.3", "delta": "0.1"}),
        ("squares-per-sample.nnz", "N", "N", {"d": 4, "eps": "0.3", "delta": "0.01"}),
        ("averaged.bias-free.radius", "k", "1/sqrt(k)", {"d": 100}),
    ],
)
def test_orders_of_growth(name: str, over: str, order: str, values: dict[str, object]) -> None:
    found = order_of(bounds.catalogue[name], over, given(**values))
    assert str(found) == order


@pytest.mark.parametrize(
    ("first", "second", "over", "values", "far"),
    [
        ("paraboloid.nnz", "hinge-bumps.nnz", "N", {"d": 784, "eps": "0.3685", "delta": "0.1"}, 10**9),
        ("robust-training.inf.lower", "robust-training.l2.lower", "N", {"d": 20, "rho": "0.99"}, 10**13),
        ("whole-cube.inf.nnz", "kuhn.nodes.inf", "eps", {"d": 3, "c": "1/2"}, "1/1000003"),
        ("kuhn.error.inf", "kuhn.error.l2", "d", {}, 10**12),
    ],
)
def test_the_limit_of_the_ratio_is_approached(
    first: str, second: str, over: str, values: dict[str, object], far: object
) -> None:
    limit = compare(bounds.catalogue[first], bounds.catalogue[second], over, given(**values)).limit
    assert limit is not None
    at = values | {over: far}
    own = [
        {k: v for k, v in at.items() if letters[k].symbol in bounds.catalogue[name].letters} for name in (first, second)
    ]
    ratio = height(first, **own[0]) / height(second, **own[1])
    assert ratio == pytest.approx(float(limit), rel=1e-4, abs=1e-5)


def test_a_crossover_is_where_the_order_turns() -> None:
    values = {"d": 784, "eps": "0.3685", "delta": "0.1"}
    answer = compare(bounds.catalogue["paraboloid.dense"], bounds.catalogue["hinge-bumps.dense"], "N", given(**values))
    assert answer.limit == 0
    assert answer.crossover is not None
    before, after = answer.crossover.before, answer.crossover.after
    assert height("paraboloid.dense", **values, N=before) >= height("hinge-bumps.dense", **values, N=before)
    assert height("paraboloid.dense", **values, N=after) < height("hinge-bumps.dense", **values, N=after)


def test_the_sharper_lower_bound_grows_faster_than_the_printed_one() -> None:
    answer = compare(
        bounds.catalogue["hard-set.lower"], bounds.catalogue["thm-4.3.lower"], "d", given(eps="1/10", alpha="1/10")
    )
    assert answer.limit == sp.oo
    assert answer.crossover is None


def test_a_ratio_that_hidden_constants_decide_has_no_limit() -> None:
    answer = compare(
        bounds.catalogue["thm-2.3.lower"], bounds.catalogue["robust-training.any-norm.lower"], "N", given(d=5)
    )
    assert answer.limit is None


def test_a_letter_without_a_value_stays_a_constant() -> None:
    answer = compare(bounds.catalogue["paraboloid.nnz"], bounds.catalogue["hinge-bumps.nnz"], "N", given(d=784))
    assert answer.limit == sp.Rational(787, 4706)
    assert Fraction(787, 4706) < 1


def test_an_order_that_is_not_known_is_refused() -> None:
    with pytest.raises(NoOrder, match="Least"):
        order_of(bounds.catalogue["f-robust.ratio"], "K_minus", given(beta="1/10"))
