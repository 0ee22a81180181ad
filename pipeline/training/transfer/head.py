"""The head first: a classifier learnt on features that the network before it gives once.

What a trained backbone sees in a picture does not change while only the classifier learns, so
each picture goes through it once, and its features are kept on disk by the hash of all that
they depend on. The classifier is then a regularised logistic regression, solved by L-BFGS.
"""

import hashlib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge_agent.common.atomic import whole_file
from pipeline.common.distributed import Ranks
from pipeline.common.progress import Progress
from pipeline.recipe import TrainRecipe
from pipeline.training.objective import Loss, Objective
from pipeline.training.transfer.blocks import classifier_of

# The prior of each standardised weight, N(0, 1), against the sum over the pictures: as strong
# for twenty as for a thousand. Chosen on cats and dogs; see docs/log/transfer.md.
PENALTY = 1.0
_HISTORY = 10


@dataclass(frozen=True, eq=False)
class Features:
    """What the classifier is given, of every view of every picture.

    Args:
        values: (N, F) float32.
        labels: (N, ...) as the loss takes them.
        pictures: how many there are; N counts their views.
    """

    values: Tensor
    labels: Tensor
    pictures: int


def learn_head(
    module: nn.Module,
    objective: Objective,
    recipe: TrainRecipe,
    seed: int,
    kept: tuple[Path, str] | None,
    progress: Progress,
) -> float:
    """Learn the classifier of `module`, in place, by `recipe`; the loss that is left.

    Args:
        module: the network; all but its last layer stays as it is.
        objective: gives the batches, and says what is minimised.
        recipe: how many passes, and over how many views.
        seed: decides the random changes of the views.
        kept: a folder where the features are kept, and a hash of all that they depend on.
        progress: sees one task where they have to be calculated.

    Raises:
        TrainError: the network does not end in a linear layer.
    """
    path = None if kept is None else kept[0] / f"features-{kept[1][:16]}.npz"
    features = None if path is None else _read(path)
    if features is None:
        features = _features(module, objective, recipe, seed, progress)
        if path is not None:
            _write(features, path)
    classifier = classifier_of(module)
    return _solve(classifier, features, objective.loss, recipe.head_epochs)


@torch.no_grad()
def _features(
    module: nn.Module, objective: Objective, recipe: TrainRecipe, seed: int, progress: Progress
) -> Features:
    """The inputs of the classifier of `module`, which answers as it does on a device."""
    feed = objective.feed
    training = {layer: layer.training for layer in module.modules()}
    module.eval()
    seen: list[Tensor] = []
    hook = classifier_of(module).register_forward_pre_hook(
        lambda _layer, inputs: seen.append(inputs[0].float().cpu())
    )
    labels: list[Tensor] = []
    pictures = 0
    try:
        with progress.task("features", 1 + recipe.head_views) as task:
            for view in range(1 + recipe.head_views):
                for inputs, wanted in _view(objective, seed, view):
                    module(inputs.to(feed.device))
                    labels.append(wanted.cpu())
                pictures = pictures or sum(map(len, labels))
                task.advance()
    finally:
        hook.remove()
        for layer, was in training.items():
            layer.training = was
    return Features(torch.cat(seen), _as_one(labels), pictures)


def _view(objective: Objective, seed: int, view: int) -> Iterable[tuple[Tensor, Tensor]]:
    """The pictures as they are, or changed as in an epoch of their own, before the first."""
    if view == 0:
        return objective.feed.sample(seed)
    return objective.feed.batches((seed, -view, 0), Ranks())


def _as_one(labels: list[Tensor]) -> Tensor:
    """All labels in one tensor: classes as shares of them where some are mixed."""
    shares = next((part for part in labels if part.is_floating_point() and part.ndim == 2), None)
    if shares is not None:
        one_hot = torch.eye(shares.shape[1])
        labels = [part if part.ndim == 2 else one_hot[part] for part in labels]
    return torch.cat(labels)


def _solve(classifier: nn.Linear, features: Features, loss: Loss, passes: int) -> float:
    """Fit `classifier` on standardised features; the penalised loss at the end."""
    mean, std = features.values.mean(dim=0), features.values.std(dim=0, correction=0) + 1e-6
    values = (features.values - mean) / std
    weight = torch.zeros(classifier.weight.shape, requires_grad=True)
    bias = torch.zeros(len(weight), requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=passes, history_size=_HISTORY, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        answers = values @ weight.T + bias
        found = loss(values, answers, features.labels)
        found = found + PENALTY * weight.square().sum() / features.pictures
        found.backward()
        return found

    optimizer.step(closure)
    with torch.no_grad():
        scaled = weight / std
        classifier.weight.copy_(scaled)
        assert classifier.bias is not None, "every classifier here has one"
        classifier.bias.copy_(bias - scaled @ mean)
    return closure().item()


def _write(features: Features, path: Path) -> None:
    values, labels = features.values.numpy(), features.labels.numpy()
    with whole_file(path) as stream:
        np.savez(
            stream,
            values=values,
            labels=labels,
            pictures=features.pictures,
            check=np.frombuffer(_check(values, labels), np.uint8),
        )


def _check(*arrays: NDArray[Any]) -> bytes:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def _read(path: Path) -> Features | None:
    """What was kept in `path`; None where there is nothing, or something damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            values, labels = kept["values"], kept["labels"]
            pictures, check = int(kept["pictures"]), kept["check"].tobytes()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if _check(values, labels) != check:
        return None
    return Features(torch.from_numpy(values), torch.from_numpy(labels), pictures)
