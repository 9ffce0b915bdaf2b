"""What a user can get wrong is refused, and the message names it."""

from fractions import Fraction

import pytest
import sympy as sp

import bounds
from bounds import errors
from bounds.enclose import LAST_PRECISION, Evaluator


def refused(kind: type[errors.BoundsError], *words: str, entry: str = "hinge-bumps.nnz", **letters: object) -> None:
    with pytest.raises(kind) as problem:
        bounds.catalogue[entry].evaluate(**letters)
    for word in words:
        assert word in str(problem.value), str(problem.value)


def test_an_undeclared_letter_is_refused() -> None:
    refused(errors.UnknownLetter, "'foo'", N=10, d=3, foo=1)


def test_a_letter_of_another_entry_is_refused() -> None:
    refused(errors.UnknownLetter, "does not contain lam", "Its letters", N=10, d=3, lam=1)


def test_missing_letters_are_named_with_their_meaning() -> None:
    refused(errors.MissingLetter, "d (input dimension)", N=10)
    refused(errors.MissingLetter, "N (number of samples)", d=10)


def test_violated_hypotheses_are_named_with_the_values() -> None:
    refused(
        errors.HypothesisViolated,
        "below half the class distance",
        "delta=1/5",
        "eps=1/10",
        N=10,
        d=3,
        eps="0.1",
        delta="0.2",
    )


def test_equality_does_not_satisfy_a_strict_hypothesis() -> None:
    refused(errors.HypothesisViolated, "delta < eps", N=10, d=3, eps="0.1", delta="0.1")


def test_an_irrational_hypothesis_is_decided_just_beyond_equality() -> None:
    entry = "kim.tiny-radius.upper"
    refused(
        errors.HypothesisViolated, "1/(5 N sqrt(d))", entry=entry, N=1, d=4, rho="0.1000000000000000000000000000001"
    )
    assert isinstance(bounds.catalogue[entry].evaluate(N=1, d=4, rho="0.1"), bounds.OrderOnly)


def test_values_outside_a_letters_set_are_refused() -> None:
    refused(errors.OutOfDomain, "d=41/2", "positive integer", N=10, d=20.5)
    refused(errors.OutOfDomain, "N=0", N=0, d=2)
    refused(errors.OutOfDomain, "alpha=1/2", "below 1/2", entry="hard-set.lower", eps="1/8", d=3, alpha="1/2")
    refused(errors.OutOfDomain, "eps=-1", N=10, d=3, eps=-1)


def test_what_is_no_number_is_refused() -> None:
    for bad in ("a", "1/0", "nan", "inf", "", "1.2.3", "2^99999999"):
        refused(errors.InvalidInput, N=bad, d=3)
    refused(errors.InvalidInput, N=None, d=3)
    refused(errors.InvalidInput, N=True, d=3)
    refused(errors.InvalidInput, N=float("nan"), d=3)


def test_architectures_that_make_no_sense_are_refused() -> None:
    for bad in ("7", "7-0-1", "7-x", 3, "7--1"):
        refused(errors.InvalidInput, entry="vc.bhlm.solved", w=bad)


def test_a_float_stands_for_the_decimal_it_prints_as() -> None:
    by_float = bounds.catalogue["hard-set.points"].evaluate(eps=0.1, d=6)
    assert by_float == bounds.catalogue["hard-set.points"].evaluate(eps="1/10", d=6)


def test_unknown_and_ambiguous_entries_are_refused_with_near_names() -> None:
    with pytest.raises(errors.UnknownEntry, match=r"hinge-bumps\.nnz"):
        bounds.catalogue["hinge-bump.nnz"]
    with pytest.raises(errors.UnknownEntry, match="end of several entries"):
        bounds.catalogue["nnz"]


def test_an_order_of_growth_is_never_a_number() -> None:
    for entry in bounds.catalogue.values():
        if entry.asymptotic:
            assert isinstance(entry.at({}), bounds.OrderOnly), entry.id


def test_a_hypothesis_on_letters_that_are_not_given_is_reported_as_assumed() -> None:
    assert [h.words for h in bounds.catalogue["hinge-bumps.nnz"].assumed({})] == [
        "the attack radius to be below half the class distance"
    ]


def test_an_exact_tie_of_irrational_numbers_is_left_undecided() -> None:
    tie = sp.Le(sp.sqrt(2) * sp.sqrt(sp.Symbol("x", positive=True)), 2, evaluate=False)
    with pytest.raises(errors.Undecided, match="equal or nearly"):
        Evaluator({sp.Symbol("x", positive=True): Fraction(2)}, LAST_PRECISION).holds(tie)


def test_cases_that_are_too_long_to_search_are_refused() -> None:
    refused(errors.InvalidInput, "is not searched", entry="f-robust.ratio", beta="0.1", K_minus=10**9)
