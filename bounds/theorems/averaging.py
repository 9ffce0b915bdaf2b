"""What limits robustness on clusters of noise around orthogonal features: the limit of all classifiers, and of averaged
networks.
"""

import sympy as sp

from bounds.entry import Side, Source, Tag, Topic
from bounds.functions import Gauss
from bounds.symbols import symbols
from bounds.theorems.family import Family, needs

d, k, K_plus, K_minus, delta, sigma, beta, acc, C_ratio, a = symbols(
    "d k K_plus K_minus delta sigma beta acc C_ratio a"
)
_TOPIC = Topic.FEATURE_AVERAGING
_RADIUS, _ROBUST = "robust radius", "robust accuracy"
_EQUAL = needs(sp.Eq(K_plus, K_minus), "equally many clusters in both classes")
_BALANCED = (needs(sp.Ge(k, 2), "at least two clusters"), _EQUAL)
_COUNTS = {k: K_plus + K_minus}
_swap = sp.sqrt(d * (1 / K_plus + 1 / K_minus))
_imbalance = sp.Max(K_plus / K_minus, K_minus / K_plus)

_any = Family(
    id="clusters.any-classifier",
    topic=_TOPIC,
    statement="Whatever the classifier, on k clusters of noise sigma around orthogonal features of length sqrt(d).",
    source=Source("li2025", "Section 3, with constants"),
    norm="2",
    proof="no-classifier",
)
_averaged = Family(
    id="averaged",
    topic=_TOPIC,
    statement="Every network that sees the input only through the two sums of features of a class, with any biases "
    "and read-out.",
    source=Source("li2025", "explicit form of Theorem 4.6"),
    norm="2",
    proof="averaged",
)
_bias_free = Family(
    id="averaged.bias-free",
    topic=_TOPIC,
    statement="The two-neuron network whose weights are the sums of the features of a class, without biases.",
    source=Source("li2025", "Figure 1"),
    norm="2",
    proof="averaged-radius",
)
_theorem = Family(
    id="feature-averaging",
    topic=_TOPIC,
    statement="Gradient descent on the two-class loss, small initialisation, d large.",
    source=Source("li2025", "Section 4"),
    tag=Tag.UNVERIFIED,
    norm="2",
)

LIMIT = _any.says(
    "radius",
    _RADIUS,
    sp.sqrt(d / 2),
    Side.UPPER,
    more="At this radius the midpoint of two clusters belongs to both balls.",
)
SWAP = _averaged.says(
    "swap-radius", "attack that exchanges the classes", _swap, more="2 sqrt(d/k) when the classes are balanced."
)
AVERAGED_ACCURACY = _averaged.says(
    "accuracy.swap",
    _ROBUST,
    sp.Min(1, _imbalance * (1 - acc)),
    Side.UPPER,
    hypotheses=(
        needs(delta >= _swap, "an attack radius of at least averaged.swap-radius"),
        needs(acc <= 1, "an accuracy of at most 1"),
    ),
)

ENTRIES = (
    LIMIT,
    SWAP,
    AVERAGED_ACCURACY,
    _any.says(
        "accuracy",
        _ROBUST,
        Gauss((sp.sqrt(d / 2) - delta) / sigma),
        Side.UPPER,
        more="Classes with equally many clusters.",
        hypotheses=(_EQUAL,),
    ),
    _any.says(
        "accuracy.large-radius",
        _ROBUST,
        sp.Max(K_plus, K_minus) / k,
        Side.UPPER,
        where=_COUNTS,
        hypotheses=(needs(delta >= sp.sqrt(d / 2), "an attack radius of at least sqrt(d/2)"),),
    ),
    _averaged.says(
        "accuracy",
        _ROBUST,
        Gauss((sp.sqrt(d / k) - delta) / sigma),
        Side.UPPER,
        hypotheses=_BALANCED,
        more="Classes with equally many clusters; attained, up to negligible terms, without biases.",
    ),
    _averaged.says(
        "accuracy.half-swap",
        _ROBUST,
        sp.Max(K_plus, K_minus) / k,
        Side.UPPER,
        where=_COUNTS,
        hypotheses=(needs(delta >= _swap / 2, "an attack radius of at least half of averaged.swap-radius"),),
        more="So no biases give both classes more than half of averaged.swap-radius.",
    ),
    _averaged.says(
        "unequal.swap-radius",
        "attack that exchanges the classes",
        C_ratio * _swap,
        Side.UPPER,
        hypotheses=(needs(C_ratio >= 1, "a ratio of at least 1"),),
        proof="averaged-unequal",
        more="Coefficients may differ by a factor C_ratio within a neuron: at this radius robust accuracy is bounded "
        "as in "
        "averaged.accuracy.swap.",
    ),
    _bias_free.says("radius", _RADIUS, sp.sqrt(d / k), more="At every cluster centre, balanced or not."),
    _bias_free.says(
        "biased.radius",
        _RADIUS,
        sp.sqrt(d / k) * sp.Min(1, (1 - beta) * sp.sqrt(2)),
        more="At the centres of balanced classes, with both biases -beta d.",
        hypotheses=(_EQUAL,),
    ),
    _bias_free.says(
        "axis.linf.radius",
        _RADIUS,
        sp.sqrt(d) / k,
        norm="inf",
        proof="linf-features",
        more="At the centres, when the features are multiples of unit vectors.",
    ),
    _bias_free.says(
        "hadamard.linf.radius",
        _RADIUS,
        sp.sqrt(sp.pi / (2 * k)),
        norm="inf",
        tag=Tag.UNVERIFIED,
        proof="",
        more="At the centres, for features with entries +-1.",
        defect="A heuristic for random signs: at k = 10, d = 1024 it predicts .396 where .444 was measured.",
    ),
    _theorem.says(
        "thm-4.5.lambda",
        "coefficients of a neuron on its own class",
        sp.Integer(1),
        Side.LOWER,
        asymptotic=True,
        source=Source("li2025", "Theorem 4.5"),
        more="Coefficients of the other class tend to 0, ratios within a class stay bounded, clean accuracy tends "
        "to 1.",
        defect="The exponents of Assumption 4.3 and the exact wording were not readable; lambda is d times the "
        "coefficient.",
    ),
    _theorem.says(
        "thm-4.6.radius",
        "attack radius at which robust accuracy vanishes",
        sp.sqrt(d / k),
        Side.UPPER,
        asymptotic=True,
        source=Source("li2025", "Theorem 4.6"),
        explicit=SWAP,
        defect="False for a bias that makes the network constant: robust accuracy is at most 1 minus clean accuracy.",
    ),
    _theorem.says(
        "thm-4.7.radius",
        _RADIUS,
        sp.sqrt(d),
        Side.LOWER,
        asymptotic=True,
        source=Source("li2025", "Theorem 4.7"),
        explicit=LIMIT,
        more="After training with all k cluster labels.",
        defect="Whether the binary read-out is a maximum or a sum could not be read; uniformly in k only the maximum "
        "has this radius.",
    ),
    _theorem.says(
        "prop-4.8.max.radius",
        _RADIUS,
        (1 + a) * sp.sqrt(d) / sp.sqrt(2 * ((1 + a) ** 2 + a**2 * (K_plus - 1))),
        source=Source("li2025", "Proposition 4.8, an example"),
        tag=Tag.DERIVED,
        proof="mixed-features",
        hypotheses=(),
        more="Weights mixed with a times their class, read out by the maximum, K_plus clusters in each class; all k "
        "labels are right.",
    ),
    _theorem.says(
        "prop-4.8.sum.radius",
        _RADIUS,
        sp.sqrt(d / k),
        source=Source("li2025", "Proposition 4.8, an example"),
        hypotheses=(needs(a >= sp.Rational(1, 2), "a mixing of at least 1/2"),),
        more="The same weights read out by the sum.",
        defect="Checked numerically for 5, 20 and 50 clusters per class only.",
    ),
)
