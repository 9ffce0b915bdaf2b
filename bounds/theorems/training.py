"""How gradient descent gets to feature averaging: growth of the coefficients, steps needed, and the size of the first
step.
"""

import sympy as sp

from bounds.entry import Side, Source, Tag, Topic
from bounds.symbols import symbols
from bounds.theorems.family import Family, needs

d, k, m, h, eta, T, lam, sigma_w, K_plus = symbols("d k m h eta T lam sigma_w K_plus")
_LIMIT = (
    "Solves the limit of gradient flow from small weights without the noise's own terms; within about 2 percent of "
    "runs, "
    "not a theorem."
)

_two = Family(
    id="training.two-class",
    topic=Topic.FEATURE_AVERAGING,
    statement="Full-batch gradient descent on the logistic loss, m neurons per class, second layer 1/m.",
    source=Source("li2025", "Theorem 4.5, growth in closed form"),
    tag=Tag.UNVERIFIED,
    proof="growth-of-lambda",
)
_many = Family(
    id="training.k-class",
    topic=Topic.FEATURE_AVERAGING,
    statement="Full-batch gradient descent on the cross-entropy of all k clusters, h neurons each.",
    source=Source("li2025", "Theorem 4.7, growth in closed form"),
    tag=Tag.UNVERIFIED,
    proof="growth-of-lambda",
)
_drive = 1 + eta * d * T / (m * k)
_drive_many = 1 + (k - 1) * eta * d * T / (k * h)

ENTRIES = (
    _two.says(
        "lambda",
        "mean coefficient lambda after T steps",
        _drive - sp.LambertW(sp.exp(_drive)),
        defect=_LIMIT,
        more="The solution of lambda + exp(lambda) = 1 + eta d T / (m k).",
    ),
    _two.says("steps", "gradient steps until lambda", m * k / (eta * d) * (lam + sp.exp(lam) - 1), defect=_LIMIT),
    _two.says(
        "kick",
        "first logit step over initial pre-activation",
        eta * sp.sqrt(d) / (2 * sp.sqrt(2) * m * k * sigma_w),
        defect="A criterion from runs: clean averaging needs it well above 1 and about 50 samples per cluster.",
        tag=Tag.UNVERIFIED,
        proof="",
    ),
    _two.says(
        "opposite",
        "size of the coefficients on the other class",
        lam * sp.sqrt(K_plus / d),
        Side.UPPER,
        asymptotic=True,
        tag=Tag.UNVERIFIED,
        proof="",
        defect="Heuristic; the factor was 1.3 to 1.6 in runs.",
    ),
    _many.says(
        "lambda",
        "mean diagonal coefficient after T steps",
        _drive_many / (k - 1) - sp.LambertW(sp.exp(_drive_many / (k - 1)) / (k - 1)),
        defect=_LIMIT,
        hypotheses=(needs(sp.Ge(k, 2), "at least two clusters"),),
        more="The solution of exp(x) + (k-1) x = 1 + (k-1) eta d T / (k h).",
    ),
)
