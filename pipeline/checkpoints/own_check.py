"""`check_own`: whether a network of a user's own can be trained and shipped, before it is."""

import copy
from collections.abc import Callable
from typing import TypeVar

import safetensors.torch
import torch
from torch import Tensor, nn

from edge_agent.common.errors import one_line
from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.common.errors import PipelineError, RecipeError
from pipeline.models import ModelSpec
from pipeline.models.macs import layer_macs
from quantization.errors import QuantizationError
from quantization.fold.fold import fold_graph
from quantization.graph.graph import read
from quantization.lower.check import check_lowering

_T = TypeVar("_T")
# Batch norms need more than one sample to learn from.
BATCH = 2


def check_own(network: Checkpoint) -> None:
    """Pass pictures of noise through all that a build does with a network.

    It answers a batch with a row of scores for each picture, twice with the same; it learns; it
    can be copied, stored, exported, and lowered to the operators of a device.

    Raises:
        RecipeError: it does not, with what it did instead.
        UnsupportedOperatorError: one of its operators has no lowering.
    """
    spec = network.spec
    module = _tried(spec, "copied", lambda: copy.deepcopy(network.module))
    _check_answers(module.eval(), spec)
    _check_learning(_tried(spec, "copied", lambda: copy.deepcopy(module)), spec)
    state = {name: value.contiguous() for name, value in module.state_dict().items()}
    _tried(spec, "stored", lambda: safetensors.torch.save(state))
    graph = read(_tried(spec, "exported to ONNX", lambda: to_onnx(network)))
    check_lowering(fold_graph(graph))


def check_classifier_last(network: Checkpoint) -> None:
    """Raise unless the layer that is computed last is also the one that is defined last.

    What starts a network from weights, or learns its classifier first, takes the latter for the
    classifier.

    Raises:
        RecipeError: it is another one.
    """
    spec = network.spec
    *_, computed = layer_macs(network.module, spec.input)
    weighed = (n for n, m in network.module.named_modules() if [*m.parameters(recurse=False)])
    *_, defined = weighed
    if computed != defined:
        raise RecipeError(
            f"model.arch: {spec.arch}: expected its classifier to be defined last, for weights, "
            f"head_epochs and backbone_lr, found {computed!r} computed last and {defined!r} "
            "defined last"
        )


def _check_answers(module: nn.Module, spec: ModelSpec) -> None:
    pictures = _pictures(spec)
    with torch.no_grad():
        first = _tried(spec, "asked about two pictures", lambda: module(pictures))
        again = module(pictures)
        alone = _tried(spec, "asked about one picture", lambda: module(pictures[:1]))
    for answers, count in ((first, BATCH), (alone, 1)):
        found = tuple(answers.shape) if isinstance(answers, Tensor) else type(answers).__name__
        if found != (count, spec.classes):
            raise RecipeError(
                f"model.arch: {spec.arch}: expected scores ({count}, {spec.classes}) for "
                f"{tuple(pictures[:count].shape)}, one row a picture and one column a class, "
                f"found {found}"
            )
    if not bool(torch.isfinite(first).all()):
        raise RecipeError(f"model.arch: {spec.arch}: expected finite scores, found others")
    if not torch.equal(first, again):
        raise RecipeError(
            f"model.arch: {spec.arch}: expected the same answer to the same picture in evaluation "
            "mode, found another one"
        )


def _check_learning(module: nn.Module, spec: ModelSpec) -> None:
    def backward() -> None:
        answers = module.train()(_pictures(spec))
        torch.nn.functional.cross_entropy(answers, torch.zeros(BATCH, dtype=torch.int64)).backward()

    _tried(spec, "trained a step", backward)
    if not any(p.grad is not None for p in module.parameters()):
        raise RecipeError(
            f"model.arch: {spec.arch}: expected weights that its answers depend on, found none"
        )


def _pictures(spec: ModelSpec) -> Tensor:
    """(2, C, H, W) of normal noise, the same each time."""
    shape = (BATCH, spec.input.channels, spec.input.height, spec.input.width)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def _tried(spec: ModelSpec, what: str, action: Callable[[], _T]) -> _T:
    try:
        return action()
    except (PipelineError, QuantizationError):
        raise
    except Exception as error:  # whatever the user's code, or torch about it, raises
        raise RecipeError(
            f"model.arch: {spec.arch}: expected a network that can be {what}, found "
            f"{type(error).__name__}: {one_line(error)[:500]}"
        ) from error
