"""Networks made by gradient descent: the learner of the feature-averaging theorems, and adversarial training."""

from constructions.training.checkpoint import Checkpoint
from constructions.training.decomposition import Decomposition
from constructions.training.descent import Descent, Progress, TrainingDiverged
from constructions.training.history import History
from constructions.training.learner import KClassSettings, Trained, TwoClassSettings, train_k_class, train_two_class
from constructions.training.presets import PRESETS, Preset, find_preset

__all__ = [
    "PRESETS",
    "Checkpoint",
    "Decomposition",
    "Descent",
    "History",
    "KClassSettings",
    "Preset",
    "Progress",
    "Trained",
    "TrainingDiverged",
    "TwoClassSettings",
    "find_preset",
    "train_k_class",
    "train_two_class",
]
