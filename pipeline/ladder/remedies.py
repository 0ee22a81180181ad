"""The remedies: what each of them tries on a network that int8 hurts."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, assert_never

import msgspec
import numpy as np

from edge_agent.common.arrays import F32
from pipeline.ladder.ladder import Attempt
from pipeline.recipe import Remedy
from pipeline.training.int8 import Int8Network
from quantization.doctor import diagnose
from quantization.graph.graph import Graph
from quantization.quantize import QuantizedModel, quantize
from quantization.recipe import QuantRecipe
from quantization.scales.plan import layer_of

# Enough to put layers in order of what they cost.
DIAGNOSED_BATCHES = 2


@dataclass(frozen=True, eq=False)
class Remedies:
    """What can be tried on one network.

    Args:
        folded: the float network.
        samples: float32 (n, C, H, W) batches, as often as they are asked for.
        float_share: the largest share of its layers that may stay in float.
        finetune: trains a quantised network on the int8 grid; None where nothing is known of
            its training.
        outputs: what the ranges of its outputs may be chosen by: see `QuantRecipe`.
    """

    folded: Graph
    samples: Iterable[F32]
    float_share: float
    finetune: Callable[[QuantizedModel], Int8Network] | None
    outputs: Literal["values", "softmax"] = "softmax"

    def first(self, recipe: QuantRecipe) -> Attempt:
        """The recipe's own quantisation."""
        return self._quantize("int8", recipe)

    def __call__(self, remedy: Remedy, best: QuantizedModel) -> Iterator[Attempt]:
        """What `remedy` has to try on top of `best`; nothing where that has it already."""
        if remedy == "ranges":
            yield from self._change("better ranges", best, calibration="auto", outputs=self.outputs)
        elif remedy == "equalize":
            yield from self._change("equalised", best, equalize=True, correct_bias=True)
        elif remedy == "rounding":
            yield from self._change("learned rounding", best, rounding="learned")
        elif remedy == "float-layers":
            yield from self._keep_in_float(best)
        elif remedy == "finetune":
            tune = self.finetune
            if tune is not None:
                yield Attempt("fine-tuned", lambda: tune(best))
        else:
            assert_never(remedy)

    def _change(self, name: str, best: QuantizedModel, **changes: object) -> Iterator[Attempt]:
        recipe = msgspec.structs.replace(best.recipe, **changes)
        if recipe != best.recipe:
            yield self._quantize(name, recipe)

    def _keep_in_float(self, best: QuantizedModel) -> Iterator[Attempt]:
        """The costliest values in float: one, then twice as many, as far as the share goes.

        A value stays in float only where those that read it do so, too. What a network returns
        is int8 in any case.
        """
        samples = np.concatenate(list(islice(self.samples, DIAGNOSED_BATCHES)))
        diagnosis = diagnose(best.folded, best.qdq, samples)
        graph, before = best.folded, best.recipe.float_layers
        fixed = {*graph.inputs, *graph.outputs, *before}
        costly = [layer.name for layer in diagnosis.by_cost if layer.name not in fixed]
        most = int(self.float_share * (len(diagnosis.layers) - len(graph.inputs)))
        count = 1
        while count <= len(costly):
            names = tuple(dict.fromkeys((*before, *_with_readers(graph, costly[:count]))))
            if len(names) > most:
                return
            recipe = msgspec.structs.replace(best.recipe, float_layers=names)
            yield self._quantize(f"{len(names)} layers in float", recipe)
            count *= 2

    def _quantize(self, name: str, recipe: QuantRecipe) -> Attempt:
        return Attempt(name, lambda: Int8Network(quantize(self.folded, self.samples, recipe)))


def _with_readers(graph: Graph, values: Iterable[str]) -> Iterator[str]:
    """The layers that compute some values, each before those that read it."""
    for value in values:
        yield value
        yield from (layer_of(graph, reader) for reader in graph.consumers(value))
