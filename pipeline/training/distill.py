"""Distillation: a network learns from another one's answers (Hinton et al. 2015)."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.training.objective import Loss


def distillation(teacher: nn.Module, label_loss: Loss, share: float, temperature: float) -> Loss:
    """``(1 - w) * label loss + w * T^2 * KL(teacher || student)``, both at temperature T.

    T^2 keeps the size of the gradients when T changes (Hinton et al. 2015, section 2.1).

    Args:
        teacher: answers the same inputs; stays as it is.
        label_loss: what the labels say.
        share: w, the teacher's part, in [0, 1].
        temperature: T.
    """
    teacher = copy.deepcopy(teacher).requires_grad_(False).eval()

    def loss(inputs: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            answers = teacher.to(inputs.device)(inputs).flatten(0, -2)
            wanted = F.log_softmax(answers / temperature, dim=1)
        # One row per image, or per time step of one.
        found = F.log_softmax(logits.flatten(0, -2) / temperature, dim=1)
        apart = F.kl_div(found, wanted, reduction="batchmean", log_target=True)
        return (1 - share) * label_loss(inputs, logits, labels) + share * temperature**2 * apart

    return loss
