"""How large the coefficients should be: the closed forms of the catalogue at a run's settings."""

from bounds import Enclosed, Exact, catalogue
from constructions.training.learner import KClassSettings, TwoClassSettings


def predicted_lambda(settings: TwoClassSettings | KClassSettings, *, d: int, k: int, steps: int | None = None) -> float:
    """The mean own coefficient after ``steps`` (default: all) steps of the limit of small weights and gradient flow.

    ``training.two-class.lambda`` or ``training.k-class.lambda`` of ``bounds``, a heuristic that runs match.
    """
    letters: dict[str, object] = {"d": d, "k": k, "eta": settings.descent.step}
    letters["T"] = settings.descent.steps if steps is None else steps
    match settings:
        case TwoClassSettings(m=m):
            value = catalogue["training.two-class.lambda"].evaluate(m=m, **letters)
        case KClassSettings(h=h):
            value = catalogue["training.k-class.lambda"].evaluate(h=h, **letters)
    assert isinstance(value, Enclosed | Exact), "a closed form has a value"
    return (float(value.lower) + float(value.upper)) / 2
