"""Distillation: the two parts of its loss, and its temperature."""

from typing import cast

import torch
from torch import nn

from pipeline.tasks.classify.loss import smoothed_cross_entropy
from pipeline.training.distill import distillation
from pipeline.training.feed import Feed
from pipeline.training.objective import Objective, scores_apart

PLAIN = smoothed_cross_entropy(0.0)
LABELS = Objective(cast("Feed", None), PLAIN, PLAIN, scores_apart)


def test_distillation_mixes_label_and_teacher() -> None:
    """At its ends the loss is the label's or the teacher's alone; equal logits cost nothing."""
    teacher = nn.Linear(4, 3)
    inputs, labels = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])
    same = teacher(inputs)
    only_labels = distillation(teacher, LABELS, 0.0, 4.0)(inputs, same, labels)
    assert torch.isclose(only_labels, nn.functional.cross_entropy(same, labels))
    only_teacher = distillation(teacher, LABELS, 1.0, 4.0)
    assert only_teacher(inputs, same, labels).abs() < 1e-5
    assert only_teacher(inputs, same + torch.tensor([3.0, 0.0, 0.0]), labels) > 0.1


def test_the_temperature_softens_and_rescales() -> None:
    """The teacher's part is T^2 times the divergence of both answers at T."""
    teacher = nn.Linear(4, 3)
    inputs, labels = torch.randn(5, 4), torch.zeros(5, dtype=torch.int64)
    logits = torch.randn(5, 3)
    found = distillation(teacher, LABELS, 1.0, 2.0)(inputs, logits, labels)
    p = (teacher(inputs) / 2).softmax(1)
    q = (logits / 2).softmax(1)
    assert torch.isclose(found, 4 * (p * (p / q).log()).sum(1).mean(), rtol=1e-4)
