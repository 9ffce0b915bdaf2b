"""Files in: every mistake is refused with its line and column, and numbers are read exactly."""

import gzip
from fractions import Fraction
from pathlib import Path

import pytest

from certify.errors import CertifyError, InvalidInput, UnsupportedModel
from certify.io.vnnlib.formula import And, Halfspace, Or
from certify.io.vnnlib.reader import parse, read

FIRST = "(declare-const X_0 Real)\n(declare-const Y_0 Real)\n"
SECOND = "(vnnlib-version <2.0>)\n(declare-network f\n (declare-input X Real [2,3])\n (declare-output Y Real [])\n)\n"


def place(text: str) -> str:
    """What the message says of where the mark ``@`` stands in a text."""
    before = text[: text.index("@")].split("\n")
    return f"line {len(before)}, column {len(before[-1]) + 1}: "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@(assert (<= X_0 1)", "never closed"),
        ("(assert (<= X_0 1))@)", "closes nothing"),
        ("@word (assert (<= X_0 1))", "outside of parentheses"),
        ('(assert (<= X_0 @"1))', "opens something that never ends"),
        ("(assert (<= @X_1 1))", "variable 'X_1' is not declared"),
        ("(assert (<= @Z 1))", "variable 'Z' is not declared"),
        ("(assert (<= @X_00 1))", "variable 'X_00' is not declared"),
        ("(assert (<= X_0 @1.2.3))", "variable '1.2.3' is not declared"),
        ("(assert (<= X_0 @nan))", "variable 'nan' is not declared"),
        ("(assert (<= X_0 @0x10))", "variable '0x10' is not declared"),
        ("(assert (<= X_0 @١))", "is not declared"),
        ("(assert (<= X_0 @1e401))", "out of range"),
        ("(assert (<= X_0 @1e-99999999999999))", "out of range"),
        (f"(assert (<= X_0 @1{'0' * 3000}))", "too many digits"),
        (f"(assert (<= X_0 @1.{'3' * 1_000_000}))", "too many digits"),
        ("(assert (<= X_0 @1e999999))", "out of range"),
        (f"(assert (<= @(* X_0 {'1e400 ' * 100_000}) 1))", "far too many digits"),
        (f"(assert (<= {'(/ ' * 74}@{'(/ ' * 16}X_0{' 1e400)' * 90} 1))", "far too many digits"),
        ("(assert @(<= X_0))", "compares two terms, here are 1"),
        ("(assert @(<= 0 X_0 1))", "compares two terms, here are 3"),
        ("(assert @X_0)", "a constraint such as"),
        ("(assert @())", "a constraint such as"),
        ("(assert @((<= X_0 1)))", "a constraint such as"),
        ("(assert @(and))", r"\(and\) has no parts"),
        ("(assert @(or))", r"\(or\) has no parts"),
        ("(assert @(not (<= X_0 1)))", "'not' is not supported here: write the opposite"),
        ("(assert @(<=> X_0 1))", "'<=>' is not supported"),
        ("(assert @(+ X_0 1))", r"'\+' is not supported"),
        ("(assert (<= @(<= X_0 1) 1))", "is no term"),
        ("(assert (<= @(+) 1))", "has no terms"),
        ("(assert (<= @(* X_0 X_0) 1))", "not linear"),
        ("(assert (<= @(* 2 X_0 (+ 1 Y_0)) 1))", "not linear"),
        ("(assert (<= @(/ X_0 0) 1))", "divided"),
        ("(assert (<= @(/ 1 X_0) 1))", "divided"),
        ("(assert (<= @(sin X_0) 1))", "is no term"),
        ("(assert (<= X_0@[0] 1))", "belong to version 2.0"),
        ("(assert (<= 1@[0] X_0))", "has no indices"),
        ("(assert (<= @[0] X_0))", "follow no variable"),
        ("(assert (<= X_0[0]@[0] 1))", "follow no variable"),
        ("@(assert)", "takes one constraint, here are 0"),
        ("@(assert (<= X_0 1) (<= X_0 2))", "takes one constraint, here are 2"),
        ("@(maximise X_0)", "unknown form"),
        ("(declare-const @X_0 Real)", "X_0 is declared twice"),
        ("(declare-const @X_2 Real)", "X_2 is declared, but X_1 is not"),
        ("(declare-const @Z_0 Real)", "variables are X_0"),
        ("(declare-const @X_01 Real)", "variables are X_0"),
        ("(declare-const X_1 @Int)", "of type Real, not 'Int'"),
        ("@(declare-const X_1)", "a declaration reads"),
        ("@(declare-const (X_1) Real)", "a declaration reads"),
        ("@(vnnlib-version <2.0>)", "stands once, at the beginning"),
    ],
)
def test_a_mistake_in_version_1_is_refused_where_it_stands(text: str, message: str) -> None:
    text = FIRST + text
    with pytest.raises(InvalidInput, match=message) as caught:
        parse(text.replace("@", ""), "q.vnnlib")
    assert str(caught.value).startswith("q.vnnlib, " + place(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(assert (<= @X 1.0))", "X has 2 indices, here are 0"),
        ("(assert (<= @X[0] 1.0))", "X has 2 indices, here are 1"),
        ("(assert (<= @Y[0] 1.0))", "Y has 0 indices, here are 1"),
        ("(assert (<= @X[0,3] 1.0))", "index 3 is not below 3"),
        ("(assert (<= @X[2,0] 1.0))", "index 2 is not below 2"),
        ("(assert (<= X@[0,-1] 1.0))", "whole numbers in brackets"),
        ("(assert (<= X@[0,] 1.0))", "whole numbers in brackets"),
        ("(assert (<= X@[0 1] 1.0))", "whole numbers in brackets"),
        ("(assert (<= X@[0.0,1] 1.0))", "whole numbers in brackets"),
        ("(assert (<= X@[9999999999,0] 1.0))", "whole numbers in brackets"),
        ("(assert (<= @Z[0] 1.0))", "'Z' is not declared"),
        ("(assert (<= @X_0 1.0))", "'X_0' is not declared"),
        ("(assert (<= @f 1.0))", "'f' is not declared"),
        ("@(declare-network g)", r"g has no \(declare-input"),
        ("@(declare-network g (declare-input A Real [1]))", r"g has no \(declare-output"),
        ("(declare-network @f (declare-input A Real [1]) (declare-output B Real [1]))", "f is declared twice"),
        ("(declare-network g (declare-input @X Real [1]) (declare-output B Real [1]))", "X is declared twice"),
        ("(declare-network g (declare-input @1 Real [1]) (declare-output B Real [1]))", "a name is expected"),
        ("(declare-network g (declare-input A Real @[0]) (declare-output B Real [1]))", "no number in it"),
        ("(declare-network g (declare-input A Real @[99999,99999]) (declare-output B Real [1]))", "far too many"),
        ("(declare-network g @(declare-input A Real) (declare-output B Real [1]))", "a tensor reads"),
        ("(declare-network g (declare-input A Real [1] @final) (declare-output B Real [1]))", "has no meaning here"),
        ("(declare-network g @word)", "a network has"),
        ("(declare-network g @(declare-weight W Real [1]))", "a network has"),
        ("@(declare-network g (equal-to h) (declare-input A Real [1]) (declare-output B Real [1]))", "refers to 'h'"),
        ("@(declare-network g (equal-to f) (declare-input A Real [1]) (declare-output B Real []))", "different shapes"),
        ("(assert (<= Y 1.0)) @(declare-network g)", "only assertions"),
        ("@(check-sat)", "declare-network NAME"),
    ],
)
def test_a_mistake_in_version_2_is_refused_where_it_stands(text: str, message: str) -> None:
    text = SECOND + text
    with pytest.raises(InvalidInput, match=message) as caught:
        parse(text.replace("@", ""), "q.vnnlib")
    assert str(caught.value).startswith("q.vnnlib, " + place(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '(declare-network g (declare-input A Real [1]) @(declare-hidden H Real [1] "n"))',
            "hidden",
        ),
        ("(declare-network g (declare-input A Real [1] @initialized) (declare-output B Real [1]))", "initialized"),
        ("(declare-network g (declare-input A @float32 [1]) (declare-output B Real [1]))", "declare A as Real"),
        (
            "@(declare-network g (declare-input A Real [1]) (declare-input C Real [1]) (declare-output B Real [1]))",
            "SIO",
        ),
        (
            "@(declare-network g (declare-input A Real [1]) (declare-output B Real [1]) (declare-output C Real [1]))",
            "SIO",
        ),
    ],
)
def test_what_version_2_allows_and_is_not_supported_is_said(text: str, message: str) -> None:
    text = SECOND + text
    with pytest.raises(UnsupportedModel, match=message) as caught:
        parse(text.replace("@", ""), "q.vnnlib")
    assert str(caught.value).startswith("q.vnnlib, " + place(text))


@pytest.mark.parametrize("version", ["<3.0>", "<2>", "2.0", "<0.9>", "(2.0)", ""])
def test_an_unknown_version_is_refused(version: str) -> None:
    with pytest.raises(InvalidInput, match="the version is written"):
        parse(f"(vnnlib-version {version})" + SECOND.split("\n", 1)[1])


@pytest.mark.parametrize("text", ["", "; only a comment", " \n "])
def test_a_query_without_content_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="nothing in it but comments"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [("(declare-const X_0 Real)", "no output is declared"), ("(declare-const Y_0 Real)", "no input is declared")],
)
def test_a_query_without_inputs_or_outputs_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse(text)


def test_deep_nesting_is_refused_and_does_not_exhaust_the_stack() -> None:
    for depth in (101, 100_000):
        with pytest.raises(InvalidInput, match="nested more than 100 deep"):
            parse(FIRST + "(assert " + "(and " * depth + "(<= X_0 1)" + ")" * (depth + 1))
    parse(FIRST + "(assert " + "(and " * 97 + "(<= X_0 1)" + ")" * 98)
    parse(FIRST + "(assert (<= " + "(- " * 97 + "X_0" + ")" * 97 + " 1))")


@pytest.mark.parametrize(
    ("spelled", "number"),
    [
        ("0.1", Fraction(1, 10)),
        ("1e-3", Fraction(1, 1000)),
        ("-2.5E+2", Fraction(-250)),
        (".5", Fraction(1, 2)),
        ("5.", Fraction(5)),
        ("+1", Fraction(1)),
        ("0.1000000000000000055511151231257827021181583404541015625", Fraction(0.1)),
        ("(- 0.3)", Fraction(-3, 10)),
        ("(/ 1 3)", Fraction(1, 3)),
        ("(* 0.1 (+ 1 2) (- 4 2))", Fraction(6, 10)),
    ],
)
def test_numbers_are_read_exactly(spelled: str, number: Fraction) -> None:
    (found,) = parse(FIRST + f"(assert (<= X_0 {spelled}))").assertions
    assert found == Halfspace(((0, Fraction(1)),), -number)


def test_terms_are_collected() -> None:
    (found,) = parse(FIRST + "(assert (>= (+ X_0 (* 2 Y_0) (- X_0 3)) (- (* 0.5 Y_0))))").assertions
    assert found == Halfspace(((0, Fraction(-2)), (1, Fraction(-5, 2))), Fraction(3))


def test_equalities_and_inequalities_become_pairs() -> None:
    for sign in ("=", "=="):
        (found,) = parse(FIRST + f"(assert ({sign} X_0 1))").assertions
        one = Fraction(1)
        assert found == And((Halfspace(((0, one),), -one), Halfspace(((0, -one),), one)))
    (found,) = parse(FIRST + "(assert (!= X_0 1))").assertions
    assert found == Or((Halfspace(((0, one),), -one, True), Halfspace(((0, -one),), one, True)))


def test_forms_of_smtlib_without_meaning_here_are_passed_over() -> None:
    text = "(set-logic QF_LRA)(declare-fun X_0 () Real)(declare-const Y_0 Real)(assert (<= Y_0 1)) (check-sat) (exit)"
    query = parse(text)
    assert (query.inputs, query.outputs, len(query.assertions)) == (1, 1, 1)


def test_blanks_and_comments_change_nothing() -> None:
    packed = parse(SECOND + "(assert (<= X[1,2] 1.0))")
    spaced = parse(SECOND + "( assert ; first\n (<= X [ 1 , 2 ] ; second\n\t1.0 ) )")
    assert packed.assertions == spaced.assertions == (Halfspace(((5, Fraction(1)),), Fraction(-1)),)


def test_variables_are_numbered_inputs_of_all_networks_first() -> None:
    text = SECOND + "(declare-network g (equal-to f) (declare-input A Real [2,3]) (declare-output B Real []))"
    query = parse(text + "(assert (<= A[1,0] 0.0)) (assert (<= Y 0.0)) (assert (<= B 0.0))")
    assert [a.coefficients[0][0] for a in query.assertions if isinstance(a, Halfspace)] == [9, 12, 13]
    assert [query.variable(k) for k in (0, 5, 6, 12, 13)] == ["X[0,0]", "X[1,2]", "A[0,0]", "Y", "B"]


def test_a_gzipped_file_is_found_and_read(tmp_path: Path) -> None:
    (tmp_path / "q.vnnlib.gz").write_bytes(gzip.compress((FIRST + "(assert (<= X_0 1))").encode()))
    assert len(read(tmp_path / "q.vnnlib").assertions) == 1


def test_a_gzipped_file_that_stops_in_the_middle_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress((FIRST + "(assert (<= X_0 1))").encode())
    (tmp_path / "q.vnnlib.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match=r"q\.vnnlib\.gz is truncated"):
        read(tmp_path / "q.vnnlib")


@pytest.mark.parametrize("data", [b"\xff\xfe(\x00", b"\x1f\x8bgarbage", b"", b"\x00" * 10, b"\x7fELF\x02\x01"])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "q.vnnlib").write_bytes(data)
    with pytest.raises(CertifyError):
        read(tmp_path / "q.vnnlib")


def test_the_examples_of_the_standard_are_read_or_refused_for_a_reason(data_dir: Path) -> None:
    folder = data_dir / "vnnlib2" / "syntax" / "test"
    refused = {"initialized.vnnlib": "initialized inputs", "intermediate_nodes.vnnlib": "hidden nodes"}
    widths = {}
    for path in sorted(folder.glob("*.vnnlib")):
        if path.name in refused:
            with pytest.raises(UnsupportedModel, match=refused[path.name]):
                read(path)
        else:
            query = read(path)
            widths[path.stem] = (len(query.networks), query.inputs, query.outputs, len(query.assertions))
    assert widths == {
        "acc": (1, 3, 1, 8),
        "cartpole": (1, 4, 2, 9),
        "drones": (1, 12, 1, 25),
        "dubinsrejoin": (1, 8, 8, 17),
        "lunarlander": (1, 8, 4, 17),
        "mnist": (1, 784, 10, 8),
        "multiple_networks": (3, 15, 15, 12),
        "single_network": (1, 3, 4, 10),
        "test_linearise": (1, 3, 1, 21),
    }
