"""Distillation: a network learns from another one's answers (Hinton et al. 2015)."""

import copy

import torch
from torch import Tensor, nn

from pipeline.training.objective import Loss, Objective


def distillation(
    teacher: nn.Module, objective: Objective, share: float, temperature: float
) -> Loss:
    """``(1 - w) * label loss + w * what the answers lack of the teacher's``.

    Args:
        teacher: answers the same inputs; stays as it is.
        objective: what the labels say, and how answers are compared.
        share: w, the teacher's part, in [0, 1].
        temperature: softens answers that are scores; see `scores_apart`.
    """
    teacher = copy.deepcopy(teacher).requires_grad_(False).eval()

    def loss(inputs: Tensor, answers: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = teacher.to(inputs.device)(inputs)
        apart = objective.apart(answers, wanted, share, temperature)
        return (1 - share) * objective.loss(inputs, answers, labels) + apart

    return loss
