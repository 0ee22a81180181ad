"""What a training starts from: nothing, or trained weights."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec
from torch import nn

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import Checkpoint, fresh
from pipeline.checkpoints.history import LineageStep
from pipeline.models import ModelSpec
from pipeline.weights.find import WeightsFile
from pipeline.weights.load import Loaded, load_weights

# In the lineage of a network, the step that it began with.
WEIGHTS_STEP = "weights"
# So much two normalisations may differ that are the same but for rounding.
_SAME = 0.005


@dataclass(frozen=True)
class StartingPoint:
    """A network before its training.

    Args:
        network: fresh, or with trained weights; its lineage says with which.
        lines: what a user should know of it.
    """

    network: Checkpoint
    lines: tuple[str, ...] = ()


def starting_point(spec: ModelSpec, weights: WeightsFile | None, seed: int) -> StartingPoint:
    """The network of `spec` with `weights`; what they do not say is fresh from `seed`.

    Raises:
        WeightsError: the weights are damaged, or of another network.
    """
    network = fresh(spec, seed)
    if weights is None:
        return StartingPoint(network)
    # A file is always of the whole network, also where only its first blocks are kept.
    whole = msgspec.structs.replace(spec, blocks=None)
    source = network if spec.blocks is None else fresh(whole, seed)
    loaded = load_weights(source.module, whole, weights.path)
    if spec.blocks is not None:
        loaded = _first_blocks(source.module, network.module, loaded)
    settings = {"name": weights.label, "sha256": weights.sha256, "head": loaded.head}
    begun = Checkpoint(network.module, spec, (), (LineageStep(WEIGHTS_STEP, seed, settings),))
    return StartingPoint(begun, tuple(_lines(spec, weights, loaded)))


def _first_blocks(whole: nn.Module, kept: nn.Module, loaded: Loaded) -> Loaded:
    """Give `kept` what it has of the `whole` network; its classifier is of other maps, so fresh."""
    last = f"{len(list(kept.children())) - 1}."
    values = {n: v for n, v in whole.state_dict().items() if not n.startswith(last)}
    taken = {name: values[name] for name in kept.state_dict() if name in values}
    kept.load_state_dict(taken, strict=False)
    tensors = sum(not name.endswith("num_batches_tracked") for name in taken)
    return replace(loaded, head=False, tensors=tensors)


def _lines(spec: ModelSpec, weights: WeightsFile, loaded: Loaded) -> Iterator[str]:
    head = "with its classifier"
    if not loaded.head:
        theirs = "none that fits" if loaded.found is None else f"one of {loaded.found} outputs"
        head = f"the classifier of {spec.classes} outputs starts afresh, the file has {theirs}"
    yield (
        f"weights: {loaded.tensors} tensors of {weights.path} "
        f"(SHA-256 {weights.sha256[:8]}); {head}"
    )
    if weights.normalisation is None:
        return
    mean, std = weights.normalisation
    if not _same_normalisation(spec.input, mean, std):
        yield (
            f"weights: expected input.mean {_triple(mean)} and std {_triple(std)}, as they were "
            f"trained with, found {_triple(spec.input.mean)} and {_triple(spec.input.std)}; "
            "the recipe's are used"
        )


def _same_normalisation(spec: InputSpec, mean: tuple[float, ...], std: tuple[float, ...]) -> bool:
    return len(spec.mean) == len(mean) and all(
        abs(ours - theirs) <= _SAME
        for ours, theirs in zip((*spec.mean, *spec.std), (*mean, *std), strict=True)
    )


def _triple(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:.4g}' for value in values)}]"
