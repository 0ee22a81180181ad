"""A minute or two of training for the networks that nobody has published.

Long enough that they are no longer random networks, in which every layer magnifies what the
one before it lost, so that agreement would measure chance; no longer than that.
"""

from typing import Any, TypeAlias

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from conversion.images import Sample
from conversion.nets import Net
from numpy.typing import NDArray
from torch import Tensor, nn

BATCH = 32
RATE = 3e-3
SYMBOLS = " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The detector's scales and classes: of the data's 80 classes the first 20.
STRIDES = (8, 16)
CLASSES = 20

Goal: TypeAlias = NDArray[Any]


def teach(module: nn.Module, net: Net, inputs: Tensor, samples: list[Sample]) -> None:
    """Train `module` in place: one cycle of AdamW over random batches.

    Args:
        module: of `net`.
        net: says for how many steps.
        inputs: (N, C, H, W).
        samples: the N images with their targets.
    """
    goals = torch.from_numpy(np.stack([_goal(target, net) for _, target in samples]))
    optimizer = torch.optim.AdamW(module.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=net.steps)
    module.train()
    for _ in range(net.steps):
        chosen = torch.randint(len(inputs), (BATCH,))
        loss = _loss(module(inputs[chosen]), goals[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    module.eval()


def _loss(found: Any, goals: Tensor) -> Tensor:
    """Cross entropy of logits (B, K, ...) or (B, positions, K); a detector's own."""
    if isinstance(found, tuple):
        boxes, scores = (torch.cat([y.flatten(2) for y in found[i::2]], 2) for i in (0, 1))
        wanted_boxes, wanted_scores = goals[:, :4], goals[:, 4:]  # (B, 4, cells), (B, K, cells)
        present = wanted_scores.amax(1, keepdim=True)
        off = ((boxes - wanted_boxes).abs() * present).sum() / present.sum().clamp(min=1)
        missed = F.binary_cross_entropy(scores, wanted_scores, reduction="sum")
        return off + missed / present.sum().clamp(min=1)
    logits = found.transpose(1, 2) if found.ndim == 3 else found
    return F.cross_entropy(logits.flatten(2) if logits.ndim > 2 else logits, goals)


def _goal(target: Any, net: Net) -> Goal:
    """A class (), the class of each position (P,), or a detector's answer (4 + K, cells)."""
    height, width = net.input.height, net.input.width
    match net.photos:
        case "masks":
            fitted = cv2.resize(target, (width, height), interpolation=cv2.INTER_NEAREST)
            return np.asarray(fitted.reshape(-1), np.int64)
        case "words":
            return _columns(target, width // 4)
        case "street":
            maps = [_answer(target, height // s, width // s) for s in STRIDES]
            return np.concatenate(maps, axis=1)
        case _:
            return np.array(target)


def _columns(text: str, columns: int) -> Goal:
    """The symbol of each column if the letters were equally wide."""
    letters = [SYMBOLS.find(letter) for letter in text]
    return np.array([max(0, letters[i * len(letters) // columns]) for i in range(columns)])


def _answer(objects: Goal, height: int, width: int) -> Goal:
    """For objects (M, 5) of class, centre and size: box and class in the centre's cell."""
    answer = np.zeros((4 + CLASSES, height, width), np.float32)
    for kind, x, y, w, h in objects:
        if kind < CLASSES:
            row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
            answer[:4, row, column] = x, y, w, h
            answer[4 + int(kind), row, column] = 1
    return answer.reshape(4 + CLASSES, -1)
