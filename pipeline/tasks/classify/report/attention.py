"""What a network looks at: feature maps, and Grad-CAM (Selvaraju et al., 2017)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import fit
from edge_agent.common.arrays import F32, U8
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.softmax import softmax
from pipeline.data.classes import ClassSplit
from pipeline.measure.evaluate import to_nchw
from pipeline.tasks.classify.report.contents import Attention
from pipeline.tasks.run_task import Evidence

LAYERS = 3
# How many right and how many wrong answers are looked into.
EXAMPLES = 4


@dataclass(frozen=True, eq=False)
class _Layer:
    """An activation, (1, C, h, w), and the name of the module it came out of."""

    name: str
    activation: Tensor


def attention(evidence: Evidence, test: ClassSplit, classes: ClassifySpec) -> tuple[Attention, ...]:
    """What the network looks at: its surest right answers, and its surest wrong ones."""
    spec, answers = evidence.bundle.manifest.input, evidence.int8_scores.argmax(axis=1)
    confidence = softmax(evidence.int8_scores, classes.temperature).max(axis=1)
    surest = np.argsort(-confidence, kind="stable")
    right = [int(i) for i in surest if answers[i] == test.labels[i]]
    wrong = [int(i) for i in surest if answers[i] != test.labels[i]]
    chosen = _one_of_each(right, answers)[:EXAMPLES] + wrong[:EXAMPLES]
    if not has_maps(evidence.network, spec):
        return ()  # a network of one's own need not look at places
    return tuple(
        attend(
            evidence.network,
            to_nchw(test.images[i], spec),
            np.squeeze(fit(test.images[i], spec)),
            int(test.labels[i]),
            classes.labels,
            classes.temperature,
        )
        for i in chosen
    )


def has_maps(module: nn.Module, spec: InputSpec) -> bool:
    """Whether a network has a convolution whose output has more than one position."""
    picture = torch.zeros(1, spec.channels, spec.height, spec.width)
    with _evaluating(module), torch.no_grad():
        return bool(_activations(module, picture)[1])


def _one_of_each(ranked: list[int], answers: F32) -> list[int]:
    """The first of `ranked` for each answer, in their order."""
    firsts: dict[int, int] = {}
    for i in ranked:
        firsts.setdefault(int(answers[i]), i)
    return list(firsts.values())


def attend(
    module: nn.Module, x: F32, image: U8, truth: int, labels: tuple[str, ...], temperature: float
) -> Attention:
    """What `module` looks at when it answers for one image.

    Grad-CAM for the answer: each channel of the last spatial activation is weighted with
    the mean gradient of the answer's logit, summed, and cut at zero (equations 1 and 2).

    Args:
        module: a classifier from (1, C, H, W) to logits (1, K); left as it was.
        x: the preprocessed image, (1, C, H, W).
        image: the same image for the eye, framed as the network sees it.
        truth: the number of its class.
        labels: the K class names.
        temperature: the logits are divided by it before the softmax.

    Raises:
        ValueError: if no convolution's output has more than one position.
    """
    place = next(module.parameters()).device
    # The input asks for the gradient, so that a network with frozen weights has one too.
    tensor = torch.from_numpy(x).to(place).requires_grad_(True)
    with _evaluating(module), torch.enable_grad():
        logits, layers = _forward(module, tensor)
        answer = int(logits[0].argmax())
        (gradient,) = torch.autograd.grad(logits[0, answer], layers[-1].activation)
    weights = gradient.mean(dim=(2, 3), keepdim=True)  # (1, C, 1, 1)
    cam = (weights * layers[-1].activation).sum(dim=1)[0].clamp(min=0)  # (h, w)
    scores = logits[0].detach().cpu().numpy().astype(np.float32)
    return Attention(
        image=image,
        truth=labels[truth],
        answer=labels[answer],
        confidence=float(softmax(scores, temperature)[answer]),
        cam=_array(cam / cam.max().clamp(min=torch.finfo(cam.dtype).tiny)),
        maps=tuple((layer.name, _array(layer.activation[0])) for layer in _spread(layers)),
    )


def _forward(module: nn.Module, x: Tensor) -> tuple[Tensor, list[_Layer]]:
    """The logits and at least one activation; see `_activations`."""
    logits, layers = _activations(module, x)
    if not layers:
        raise ValueError(
            "module: expected a convolution whose output has more than one position, found none"
        )
    return logits, layers


def _activations(module: nn.Module, x: Tensor) -> tuple[Tensor, list[_Layer]]:
    """The logits, and per convolution the last spatial activation before the next one.

    That is the value after normalisation, non-linearity and, at the end of a residual
    block, the sum: what the next layer reads, rather than the bare convolution.
    """
    layers: list[_Layer] = []

    def record(name: str, source: nn.Module, output: object) -> None:
        if not isinstance(output, Tensor) or output.ndim != 4 or output.shape[2:].numel() == 1:
            return
        if isinstance(source, nn.Conv2d):
            layers.append(_Layer(name, output))
        elif layers and output is not layers[-1].activation:  # a container passes its last on
            layers[-1] = _Layer(name, output)

    handles = [
        child.register_forward_hook(lambda source, _, out, name=name: record(name, source, out))
        for name, child in module.named_modules()
    ]
    try:
        logits = module(x)
    finally:
        for handle in handles:
            handle.remove()
    return logits, layers


def _spread(layers: list[_Layer]) -> list[_Layer]:
    """At most `LAYERS` of `layers`, evenly from the first to the last."""
    chosen = np.linspace(0, len(layers) - 1, min(LAYERS, len(layers))).round().astype(int)
    return [layers[i] for i in chosen]


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; every submodule's own mode again afterwards."""
    modes = [(child, child.training) for child in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for child, training in modes:
            child.training = training


def _array(tensor: Tensor) -> F32:
    return np.asarray(tensor.detach().cpu().numpy(), np.float32)
