"""What a classifier minimises: the cross-entropy of its answers and the labels."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pipeline.recipe import TrainRecipe
from pipeline.tasks.classify.balance import class_weights
from pipeline.training.objective import Loss


def label_loss(recipe: TrainRecipe, labels: NDArray[np.int64], classes: int) -> Loss:
    """The cross-entropy that `recipe` asks for.

    Args:
        recipe: its smoothing, and whether rare classes count more.
        labels: (N,) of the images that are learnt from.
        classes: how many classes the network answers.
    """
    weighted = recipe.balance == "weights"
    weights = class_weights(torch.from_numpy(labels), classes) if weighted else None
    return smoothed_cross_entropy(recipe.label_smoothing, weights)


def smoothed_cross_entropy(smoothing: float, weights: Tensor | None = None) -> Loss:
    """Cross-entropy with `smoothing` of each label spread over all classes.

    Args:
        smoothing: in [0, 1).
        weights: (K,) what an image of each class counts; the mean over a batch is by images,
            not by weights, so that the ranks of one batch add up to it. None counts each once.
    """

    def loss(_inputs: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        if weights is None:
            return F.cross_entropy(logits, labels, label_smoothing=smoothing)
        each = F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
        counts = weights.to(labels.device)
        # Of mixed images the labels are shares of the classes, (B, K).
        return (each * (counts[labels] if labels.ndim == 1 else labels @ counts)).mean()

    return loss
