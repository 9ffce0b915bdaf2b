"""Networks made by gradient descent: the learner of the feature-averaging theorems, and adversarial training."""

from constructions.training.accuracy import Accuracy, measure
from constructions.training.checkpoint import Checkpoint
from constructions.training.decomposition import Decomposition
from constructions.training.descent import Descent, Progress, TrainingDiverged
from constructions.training.growth import predicted_lambda
from constructions.training.history import History
from constructions.training.learner import (
    KClassSettings,
    Session,
    Trained,
    TwoClassSettings,
    train_k_class,
    train_two_class,
)
from constructions.training.mlp import Adam, Epoch, MlpSettings, Sgd, TrainedMlp, Watch, train_mlp
from constructions.training.pgd import Pgd
from constructions.training.presets import PRESETS, Preset, find_preset

__all__ = [
    "PRESETS",
    "Accuracy",
    "Adam",
    "Checkpoint",
    "Decomposition",
    "Descent",
    "Epoch",
    "History",
    "KClassSettings",
    "MlpSettings",
    "Pgd",
    "Preset",
    "Progress",
    "Session",
    "Sgd",
    "Trained",
    "TrainedMlp",
    "TrainingDiverged",
    "TwoClassSettings",
    "Watch",
    "find_preset",
    "measure",
    "predicted_lambda",
    "train_k_class",
    "train_mlp",
    "train_two_class",
]
