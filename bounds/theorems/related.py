"""Statements of other papers about the same clusters, tagged as what they are."""

import sympy as sp

from bounds.entry import Side, Source, Tag, Topic
from bounds.symbols import symbols
from bounds.theorems.family import Family, needs

N, d, k, m, sigma, p_max, K_plus, K_minus, ell, k_act = symbols("N d k m sigma p_max K_plus K_minus ell k_act")
_balance = sp.Min(K_plus, K_minus) / (K_plus + K_minus)
_noise = 4 * sigma * sp.sqrt(d) * sp.log(d)


def _other(name: str, key: str, statement: str) -> Family:
    return Family(
        id=f"related.{name}",
        topic=Topic.FEATURE_AVERAGING,
        statement=statement,
        source=Source(key, "main results"),
        tag=Tag.UNVERIFIED,
        norm="2",
    )


_frei = _other(
    "frei", "frei2023", "Clusters around nearly orthogonal features, networks at a KKT point of margin maximisation."
)
_vardi = _other(
    "vardi",
    "vardi2022",
    "N nearly orthogonal points of length sqrt(d), networks at a KKT point of margin maximisation.",
)
_min = _other(
    "min-vidal", "min2024", "Orthonormal cluster centres and the network that adds up the features of a class."
)
_melamed = _other(
    "melamed", "melamed2023", "Data in a subspace whose complement has dimension ell, m neurons started from N(0, I/d)."
)
_MEMORY = "Quoted from memory."

ENTRIES = (
    _frei.says(
        "assumption",
        "room left by the near-orthogonality assumption",
        (d - _noise + 1) / 10 - k * (p_max + _noise + 1),
        Side.EXACT,
        more="The assumption holds when this is not negative.",
        hypotheses=(needs(sigma <= 1, "noise of at most 1"),),
        defect=_MEMORY + " Hard to meet: with sigma = 1 even orthogonal features need d in the millions.",
    ),
    _frei.says(
        "robust.radius",
        "robust radius",
        sp.sqrt(d) / 2,
        tag=Tag.DERIVED,
        proof="f-robust",
        more="Their robust network is f-robust with beta = 1/2; they state the order sqrt(d).",
    ),
    _frei.says(
        "flip",
        "perturbation that flips every sample",
        sp.sqrt(d / (_balance**2 * (K_plus + K_minus))),
        Side.UPPER,
        asymptotic=True,
        where={},
        defect=_MEMORY,
    ),
    _vardi.says(
        "assumption",
        "room left by the assumption on N",
        (d + 1) / (3 * (p_max + 1)) - N,
        more="Holds when this is not negative.",
        defect=_MEMORY,
    ),
    _vardi.says(
        "flip",
        "perturbation that flips every training point",
        sp.sqrt(d / (_balance**2 * N)),
        Side.UPPER,
        asymptotic=True,
        defect=_MEMORY,
    ),
    _vardi.says(
        "robust.radius",
        "robust radius",
        sp.sqrt(d),
        Side.LOWER,
        asymptotic=True,
        more="One neuron per point.",
        defect=_MEMORY,
    ),
    _min.says(
        "radius",
        "robust radius",
        1 / sp.sqrt(k),
        tag=Tag.DERIVED,
        proof="averaged-radius",
        more="At the centres, exactly.",
    ),
    _melamed.says(
        "gradient",
        "gradient off the data's subspace",
        sp.sqrt(k_act * ell / (2 * m * d)),
        Side.LOWER,
        more="k_act active neurons.",
        defect="Quoted from a secondary source.",
    ),
)
