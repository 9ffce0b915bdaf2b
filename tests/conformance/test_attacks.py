"""The laws of ``AbstractAttack``, for every attack. A new attack is one line in ``ATTACKS``."""

import itertools
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from certify.attacks.base import AbstractAttack
from certify.attacks.boundary import BoundaryAttack
from certify.attacks.combined import StrongestAttack
from certify.attacks.gradient import GradientAttack
from certify.deadline import Deadline
from certify.network import Network
from certify.query import Queries
from certify.region import Norm
from tests.attacks.nets import chain, convolution, question, rational_margin, residual, sparse

ATTACKS: dict[str, Callable[[], AbstractAttack]] = {
    "gradient": lambda: GradientAttack(steps=15, restarts=3),
    "boundary": lambda: BoundaryAttack(steps=6, restarts=3),
    "strongest": lambda: StrongestAttack(effort=1),
}
NETS: dict[str, Callable[[], Network]] = {
    "chain": lambda: chain((5, 8, 6, 3), 1),
    "sign": lambda: chain((4, 7, 1), 2),
    "convolution": lambda: convolution(3),
    "residual": lambda: residual(4),
    "sparse": lambda: sparse(5),
}
CASES = [
    pytest.param(*case, id="-".join(map(str, case)))
    for case in itertools.product(ATTACKS, NETS, Norm, ("box", "everywhere"))
]
NEVER = Deadline.never()


def _length(queries: Queries, i: int, point: np.ndarray) -> tuple[Fraction, int]:
    """The p-th power of the distance from the centre, over the rationals, and p (1 for linf)."""
    gaps = [abs(Fraction(float(a)) - Fraction(float(b))) for a, b in zip(point, queries.centres[i], strict=True)]
    if queries.norm is Norm.LINF:
        return max(gaps), 1
    p = int(queries.norm.value)
    return sum((gap**p for gap in gaps), Fraction(0)), p


@pytest.mark.parametrize(("attack", "net", "norm", "domain"), CASES)
@pytest.mark.parametrize("radius", [np.inf, 0.4])
def test_a_witness_is_a_near_point_of_the_domain_with_no_positive_exact_margin(
    attack: str, net: str, norm: Norm, domain: str, radius: float
) -> None:
    queries = question(NETS[net](), norm, box=domain == "box", radius=radius, count=4)
    witnesses = ATTACKS[attack]().search(queries, seed=0, deadline=NEVER)
    assert len(witnesses) == len(queries)
    for i, witness in enumerate(witnesses):
        if witness is None:
            continue
        length, p = _length(queries, i, witness.point)
        assert length <= Fraction(witness.distance) ** p
        assert witness.distance <= queries.radii[i]
        assert queries.domain is None or not queries.domain.outside(witness.point[None, :])[0]
        assert rational_margin(queries, i, witness.point) <= 0


@pytest.mark.parametrize("attack", ATTACKS)
def test_some_witness_is_found_in_each_norm(attack: str) -> None:
    for norm in Norm:
        queries = question(chain((5, 8, 6, 3), 1), norm, box=False)
        assert None not in ATTACKS[attack]().search(queries, seed=0, deadline=NEVER)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("norm", Norm)
def test_the_same_seed_gives_the_same_answer(attack: str, norm: Norm) -> None:
    queries = question(convolution(3), norm, box=True)
    first, second = (ATTACKS[attack]().propose(queries, seed=5, deadline=NEVER) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_deadline_that_has_passed_leaves_no_proposal(attack: str) -> None:
    queries = question(convolution(3), Norm.L2, box=True)
    proposed = ATTACKS[attack]().propose(queries, seed=0, deadline=Deadline.after(0.0, lambda: 1.0))
    assert np.isnan(proposed).all()


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("ticks", [2, 4, 8, 20])
def test_after_the_deadline_an_attack_asks_the_clock_few_more_times_and_answers_validly(
    attack: str, ticks: int
) -> None:
    readings = itertools.count()
    deadline = Deadline.after(float(ticks), lambda: float(next(readings)))
    queries = question(convolution(3), Norm.L2, box=True)
    for i, witness in enumerate(ATTACKS[attack]().search(queries, seed=0, deadline=deadline)):
        assert witness is None or rational_margin(queries, i, witness.point) <= 0
    assert next(readings) <= ticks + 12


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_misclassified_centre_is_its_own_witness(attack: str) -> None:
    right = question(convolution(3), Norm.L2, box=True)
    wrong = Queries(right.network, right.centres, right.radii, right.norm, -right.rows, right.offsets, right.domain)
    for i, witness in enumerate(ATTACKS[attack]().search(wrong, seed=0, deadline=NEVER)):
        if rational_margin(wrong, i, wrong.centres[i]) <= 0:
            assert witness is not None
            assert witness.distance == 0.0


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_witness_is_invented_where_the_margin_is_constant(attack: str) -> None:
    right = question(chain((5, 8, 3), 1), Norm.LINF, box=True)
    sure = Queries(
        right.network, right.centres, right.radii, right.norm, 0 * right.rows, right.offsets + 1, right.domain
    )
    assert ATTACKS[attack]().search(sure, seed=0, deadline=NEVER) == [None] * len(sure)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_empty_batch_has_an_empty_answer(attack: str) -> None:
    queries = question(chain((5, 8, 3), 1), Norm.LINF, box=True).take(np.array([], dtype=np.int64))
    assert ATTACKS[attack]().search(queries, seed=0, deadline=NEVER) == []
