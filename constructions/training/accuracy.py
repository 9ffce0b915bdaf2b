"""Clean and attacked accuracy of a network on labelled points."""

import dataclasses as dc
from collections.abc import Callable

import torch
from torch import Tensor

from certify.network import Network
from certify.query import label_indices
from certify.tensor_network import TensorNetwork
from constructions.theorem import Labelled
from constructions.training.pgd import Pgd

_CHUNK = 1000


@dc.dataclass(frozen=True, slots=True)
class Accuracy:
    """The share of points that are right, ``clean``, and that are right wherever the attack looked, ``robust``.

    ``robust`` is an upper bound of the true robust accuracy.
    """

    clean: float
    robust: float


def margins(outputs: Tensor, labels: Tensor) -> Tensor:
    """How far each prediction is from wrong (b,): positive where it is right; a tie is wrong.

    One output: class 1 when positive, else class 0. More: the own output against the largest other one.
    """
    if outputs.shape[1] == 1:
        return outputs[:, 0] * (2 * labels - 1)
    own = outputs.gather(1, labels[:, None])
    others = outputs.scatter(1, labels[:, None], -torch.inf)
    return own[:, 0] - others.amax(dim=1)


def attacked(model: Callable[[Tensor], Tensor], points: Tensor, labels: Tensor, attack: Pgd, *, seed: int) -> Accuracy:
    """The accuracies of ``model`` (b, n) -> (b, m) on tensors; the attack descends on the margin itself."""
    chance = torch.Generator().manual_seed(seed)
    clean, robust = 0, 0
    for x, y in zip(points.split(_CHUNK), labels.split(_CHUNK), strict=True):

        def harm(at: Tensor, y: Tensor = y) -> Tensor:
            return -margins(model(at), y)

        with torch.no_grad():
            right = harm(x) < 0
        clean += int(right.sum())
        for _ in range(attack.restarts):
            for at in attack.walk(harm, x, chance):
                with torch.no_grad():
                    right &= harm(at) < 0
        robust += int(right.sum())
    return Accuracy(clean / len(points), robust / len(points))


def measure(network: Network, data: Labelled, attack: Pgd, *, seed: int = 0, device: str = "cpu") -> Accuracy:
    """The accuracies of any saved or built network, in float64.

    Raises:
        InvalidInput: a label that the network cannot predict.
    """
    model = TensorNetwork(network, dtype=torch.float64, device=device)
    labels = torch.as_tensor(label_indices(network, data.labels), device=device)
    return attacked(model.forward, model.tensor(data.points), labels, attack, seed=seed)
