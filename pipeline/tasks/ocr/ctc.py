"""The CTC loss (Graves et al. 2006) as the training loop takes it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.training.objective import Loss


def ctc(blank: int) -> Loss:
    """Mean over the batch of each text's negative log probability per character.

    Args:
        blank: the number of the blank; targets are filled up with it.
    """

    def loss(_inputs: Tensor, logits: Tensor, targets: Tensor) -> Tensor:
        characters = (targets != blank).sum(dim=1).clamp(min=1)
        return (ctc_losses(logits, targets, blank) / characters).mean()

    return loss


def ctc_losses(logits: Tensor, targets: Tensor, blank: int) -> Tensor:
    """Negative log probability of each text: (B, T, K) logits and (B, S) targets to (B,).

    Computed on the CPU wherever the logits are: on a GPU the gradient is a sum in no fixed
    order, and a resumed run would not end with the same bits.
    """
    log_probabilities = F.log_softmax(logits.float(), dim=2).transpose(0, 1).cpu()  # (T, B, K)
    targets = targets.cpu()
    steps, batch, _ = log_probabilities.shape
    losses = F.ctc_loss(
        log_probabilities,
        targets,
        torch.full((batch,), steps),
        (targets != blank).sum(dim=1),
        blank=blank,
        reduction="none",
    )
    return losses.to(logits.device)
