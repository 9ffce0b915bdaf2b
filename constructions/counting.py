"""Claims about sizes: each count of a network against the formula in ``bounds`` that predicts it."""

from collections.abc import Mapping
from fractions import Fraction

import bounds
from bounds.entry import Side
from bounds.values import Exact
from certify.network import Network
from constructions.theorem import Claim, Evidence, Proved, Refuted

_WORDS = {
    "nnz": "non-zero weights and biases",
    "dense": "parameters, zeros included",
    "units": "ReLUs",
    "depth": "affine maps on the longest path",
}

Letters = Mapping[str, int | Fraction]


def count_claims(network: Network, entries: Mapping[str, str], letters: Letters) -> tuple[Claim, ...]:
    """One claim a count: ``entries`` maps ``nnz``, ``dense``, ``units``, ``depth`` to ids in ``bounds.catalogue``.

    ``letters`` are the values of the formulas' letters; each entry takes those it contains. An exact formula is that
    of generic data: the claim is an equality where the network has that count, and else that the count is not larger
    (some weight or bias happened to be 0, or units coincide).
    """
    return tuple(_claim(network, count, identifier, letters) for count, identifier in entries.items())


def _claim(network: Network, count: str, identifier: str, letters: Letters) -> Claim:
    entry = bounds.catalogue[identifier]
    known = {str(letter) for letter in entry.letters}
    predicted = entry.evaluate(**{name: value for name, value in letters.items() if name in known})
    assert isinstance(predicted, Exact), f"{identifier} has no exact value at {dict(letters)}"
    equal = entry.side is Side.EXACT and getattr(network.count(), count) == predicted.value
    relation = "exactly" if equal else "at most"

    def proof() -> Evidence:
        found = getattr(network.count(), count)
        holds = found == predicted.value if equal else found <= predicted.value
        words = f"{found:,} {_WORDS[count]}"
        return Proved("counted", words) if holds else Refuted("counted", words)

    statement = f"The network has {relation} {int(predicted.value):,} {_WORDS[count]}: {entry.formula()}."
    return Claim(count, statement, Fraction(predicted.value), entry.tag, identifier, proof)
