"""Where a network looks: Grad-CAM and activations, against the paper and by pictures that move."""

import numpy as np
import pytest
import torch
from support.learned_digits import Problem
from torch import nn

from edge_agent.tasks.softmax import softmax
from pipeline.tasks.classify.report.attention import attend
from pipeline.tasks.classify.report.contents import Attention

LABELS = tuple("0123456789")


def _attend(problem: Problem, index: int, module: nn.Module | None = None) -> Attention:
    image, truth = problem.dataset.test.images[index], int(problem.dataset.test.labels[index])
    return attend(module or problem.module, problem.inputs(index), image, truth, LABELS, 2.0)


def test_gradcam_is_cam_for_pooling_and_one_linear_layer(problem: Problem) -> None:
    """Selvaraju et al., section 3.1: for such a network the weights are the linear layer's."""
    for index in range(6):
        found = _attend(problem, index)
        with torch.no_grad():
            maps = problem.module[:9](torch.from_numpy(problem.inputs(index)))[0]
            weights = problem.module.get_parameter("11.weight")[int(found.answer)]
            cam = torch.einsum("c,chw->hw", weights, maps).clamp(min=0)
        np.testing.assert_allclose(found.cam, (cam / cam.max()).numpy(), atol=1e-5)


def test_a_channel_counts_by_the_mean_of_its_gradient(problem: Problem) -> None:
    """Equation 1: where a head weighs every place on its own, the mean over places is taken."""
    torch.manual_seed(1)
    head = nn.Linear(5 * 36, 10)
    module = nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.Flatten(), head)
    found = _attend(problem, 0, module)
    with torch.no_grad():
        maps = module[:2](torch.from_numpy(problem.inputs(0)))[0]
        weights = head.weight[int(found.answer)].reshape(5, 36).mean(dim=1)
        cam = torch.einsum("c,chw->hw", weights, maps).clamp(min=0)
    assert cam.max() > 0
    np.testing.assert_allclose(found.cam, (cam / cam.max()).numpy(), atol=1e-5)


def test_the_heat_follows_the_digit(problem: Problem) -> None:
    """The same digit sixteen pixels further right is warm eight cells further right."""
    seen = []
    for left in (8, 24):
        wide = np.zeros((1, 1, 8, 40), np.float32)
        wide[..., left : left + 8] = problem.inputs(0)
        cam = attend(problem.module, wide, np.zeros((8, 40), np.uint8), 0, LABELS, 1.0).cam
        # The network halves the resolution; four pixels around the digit feel it.
        seen.append(cam[:, left // 2 - 2 : left // 2 + 6])
    assert np.ptp(seen[0]) > 0.5
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-5)


def test_answer_and_confidence_are_the_networks(problem: Problem) -> None:
    """What is shown beside the picture is what the network says, tempered."""
    for index in range(6):
        found = _attend(problem, index)
        chances = softmax(problem.logits[index], 2.0)
        assert found.answer == LABELS[chances.argmax()]
        assert found.confidence == pytest.approx(float(chances.max()), rel=1e-4)
        assert found.truth == LABELS[problem.dataset.test.labels[index]]
        assert found.right == (found.answer == found.truth)


def test_maps_are_what_three_layers_hand_on(problem: Problem) -> None:
    """Early, middle and last activation, after the non-linearity: nothing is below zero."""
    maps = _attend(problem, 0).maps
    assert [values.shape for _, values in maps] == [(12, 8, 8), (16, 4, 4), (24, 4, 4)]
    assert all(values.min() == 0 and values.dtype == np.float32 for _, values in maps)


class _Residual(nn.Module):
    """One residual block between a stem and the head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.block = _Block()
        self.head = nn.Linear(4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.block(self.stem(x)).mean(dim=(2, 3)))
        return logits


class _Block(nn.Module):
    """A convolution beside a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.branch(x) + x)


def test_a_residual_block_is_seen_after_its_sum(problem: Problem) -> None:
    """The last map is the block's output, shortcut included, not the bare convolution's."""
    torch.manual_seed(0)
    module = _Residual()
    found = _attend(problem, 0, module)
    with torch.no_grad():
        expected = module.block(module.stem(torch.from_numpy(problem.inputs(0))))[0]
    assert [name for name, _ in found.maps] == ["stem", "block"]
    np.testing.assert_allclose(found.maps[-1][1], expected.numpy(), atol=1e-6)


def test_the_network_is_left_as_it_was(problem: Problem) -> None:
    """No hook stays, no weight or gradient changes, and every layer keeps its own mode."""
    module = problem.module
    module.train()
    module[1].eval()
    module.zero_grad(set_to_none=True)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    try:
        _attend(problem, 0)
        assert [child.training for child in module][:3] == [True, False, True]
    finally:
        module.eval()
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(weight.grad is None for weight in module.parameters())
    assert not any(child._forward_hooks for child in module.modules())


def test_frozen_weights_can_be_attended(problem: Problem) -> None:
    """A network that asks for no gradients, as an averaged copy, works alike."""
    expected = _attend(problem, 0).cam
    problem.module.requires_grad_(False)
    try:
        np.testing.assert_array_equal(_attend(problem, 0).cam, expected)
    finally:
        problem.module.requires_grad_(True)


def test_a_network_without_positions_is_refused(problem: Problem) -> None:
    """A multi-layer perceptron has no place to look at; the message says what is missing."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    with pytest.raises(ValueError, match="expected a convolution whose output has more than one"):
        _attend(problem, 0, module)
    assert not any(child._forward_hooks for child in module.modules())
