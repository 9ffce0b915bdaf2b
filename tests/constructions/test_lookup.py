"""Look-up tables answer every integer exactly, with exactly the numbers that ``bounds`` counts, within float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bounds
from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Network
from constructions.enclosure import Intervals, enclose
from constructions.lookup import block, direct, equals, reaches, soft_and, top_bit
from constructions.lookup.tables import MOST_DIRECT, best_word, check_direct, widest_word, words
from tests.bounds import layered

tables = st.lists(st.integers(0, 1), min_size=2, max_size=40).map(np.array)


def drawn(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, count)


def answers(network: Network, count: int) -> list[list[float]]:
    """On 0..count-1, in float64 without rounding: ``enclose`` refuses sums that might round in some order."""
    whole = np.arange(count, dtype=np.float64)[:, None]
    found = enclose(network, Intervals(whole, whole))
    assert np.array_equal(found.lower, found.upper)
    assert np.array_equal(found.lower, network.evaluate(whole))
    return found.lower.tolist()


def predicted(entry: str, **letters: int) -> int:
    found = bounds.catalogue[entry].evaluate(**letters)
    assert isinstance(found, bounds.Exact)
    return int(found.value)


@given(st.integers(-5, 60), st.integers(0, 50))
def test_integer_indicators_indicate(q: int, t: int) -> None:
    assert ExactNetwork(reaches(q)).evaluate(np.array([float(t)])) == [t >= q]
    assert ExactNetwork(equals(q)).evaluate(np.array([float(t)])) == [t == q]


@pytest.mark.parametrize("bits", [1, 2, 5, 26, 51])
def test_the_top_bit_of_a_word_and_the_rest_are_exact_in_float64(bits: int) -> None:
    whole = 2**bits
    for word in {max(k, 0) for k in (0, 1, whole // 3, whole // 2 - 1, whole // 2, whole - 2, whole - 1)}:
        point = np.array([[float(word)]])
        found = enclose(top_bit(bits), Intervals(point, point)).lower[0]
        assert found.tolist() == [word >> (bits - 1), word % (whole // 2)]


def test_the_conjunction_of_two_bits_is_one_exactly_when_both_are() -> None:
    bits = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert soft_and().evaluate(bits).ravel().tolist() == [0.0, 0.0, 0.0, 1.0]


@given(tables, st.integers(2, 20))
def test_both_tables_answer_every_integer_in_exact_arithmetic(labels: np.ndarray, word: int) -> None:
    for network in (direct(labels), block(labels, word)):
        exact = ExactNetwork(network)
        for t, label in enumerate(labels):
            assert exact.evaluate(np.array([float(t)])) == [2 * label - 1]


@pytest.mark.parametrize(
    ("count", "word"), [(300, 16), (1000, 30), (7776, 32), (7776, 44), (40, 46), (64, 2), (52, 52)]
)
def test_a_packed_table_is_exact_in_float64_and_has_exactly_the_numbers_counted(count: int, word: int) -> None:
    labels = drawn(count)
    assert np.diff(words(labels, word)).all() or word < 8
    network = block(labels, word)
    assert [answer for (answer,) in answers(network, count)] == (2.0 * labels - 1.0).tolist()
    counts, letters = network.count(), {"M": count, "B": word}
    equal_words = int((np.diff(words(labels, word)) == 0).sum())
    assert counts.nnz + equal_words == predicted("lookup.packed.nnz", **letters)
    assert counts.units == predicted("lookup.packed.units", **letters)
    assert counts.depth == predicted("lookup.packed.depth", B=word)


@pytest.mark.parametrize("count", range(2, 60))
def test_packed_tables_of_every_small_size_have_exactly_the_numbers_counted(count: int) -> None:
    rng = np.random.default_rng(count)
    for word in range(2, 9):
        labels = rng.integers(0, 2, count)
        packed = words(labels, word)
        zeros = int((np.diff(packed) == 0).sum()) + int(packed[0] == 0)
        assert block(labels, word).count().nnz + zeros == predicted("lookup.packed.nnz", M=count, B=word)


@pytest.mark.parametrize("count", [2, 3, 17, 200])
def test_a_direct_table_of_alternating_labels_has_as_many_numbers_as_the_bound(count: int) -> None:
    counts = direct(np.arange(count) % 2).count()
    assert counts.nnz == predicted("lookup.direct.nnz", M=count)
    assert counts.units == predicted("lookup.direct.units", M=count)


def test_a_direct_table_loses_one_number_for_each_label_equal_to_both_its_neighbours() -> None:
    labels = drawn(500)
    inner = int(((labels[1:-1] == labels[:-2]) & (labels[1:-1] == labels[2:])).sum()) + int(labels[0] == labels[1])
    assert direct(labels).count().nnz == predicted("lookup.direct.nnz", M=500) - inner


@pytest.mark.parametrize(("count", "word"), [(300, 16), (1000, 32), (17, 4), (64, 2), (500, 53)])
def test_the_unsaturated_table_has_eight_numbers_a_word_and_25_a_bit_less_nine(count: int, word: int) -> None:
    plain = layered.block_lookup(count, word).nnz
    assert plain == 8 * -(-count // word) + 25 * word - 9
    assert predicted("lookup.packed.nnz", M=count, B=word) < plain


@given(st.integers(2, 10**7))
def test_the_best_word_is_admissible_and_no_admissible_word_needs_fewer_numbers(count: int) -> None:
    best, widest = best_word(count), widest_word(count)
    assert 2 <= best <= widest
    assert -(-count // widest) * 2**widest <= 2**52 < -(-count // (widest + 1)) * 2 ** (widest + 1)
    costs = {bits: predicted("lookup.packed.nnz", M=count, B=bits) for bits in (best, *range(2, widest + 1, 7))}
    assert costs[best] == min(costs.values())


def test_a_word_that_float64_cannot_hold_is_refused_with_the_widest_that_it_can() -> None:
    with pytest.raises(InvalidInput, match=r"7,776 labels into words of 45 bits.*2\^52.*take 2 to 44"):
        block(drawn(7776), 45)
    with pytest.raises(InvalidInput, match=r"words of 1 bits: words of B bits need 2 <= B"):
        block(drawn(9), 1)


def test_a_direct_table_beyond_float64_is_refused_before_it_is_made() -> None:
    with pytest.raises(InvalidInput, match=r"33,554,433 labels.*2 M\*\*2.*words"):
        check_direct(MOST_DIRECT + 1)
    with pytest.raises(InvalidInput, match="A direct look-up table of 1 labels"):
        direct(np.array([1]))
