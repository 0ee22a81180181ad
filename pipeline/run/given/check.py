"""Networks that are taken as they are: those of `model.onnx`."""

from pathlib import Path

import msgspec
import numpy as np

from pipeline.common.errors import RecipeError
from pipeline.measure.wording import figure
from pipeline.models import ModelSpec
from pipeline.models.own.onnx_graph import own_graph
from pipeline.models.own.source import OnnxOptions
from pipeline.run.given.normalisation import check_preprocessing
from pipeline.run.run import Run
from quantization.graph.graph import Graph, write
from quantization.lower.check import check_lowering


def given_graph(spec: ModelSpec) -> Graph:
    """The folded network of an ONNX file, its own weights in it.

    Raises:
        RecipeError, QuantizationError: as `own_graph`.
    """
    assert spec.own is not None, "a network that is not trained is one of one's own"
    options = msgspec.convert(spec.own.options, OnnxOptions)
    return own_graph(Path(spec.own.path), spec.input, options)


def check_given(run: Run) -> None:
    """Raise unless the network can be lowered, and knows the data's classes as it is fed.

    Raises:
        RecipeError: it has another number of classes, or another preprocessing.
        UnsupportedOperatorError: an operator has no lowering.
    """
    spec, model = run.task.model, run.recipe.model
    graph = given_graph(spec)
    outputs = graph.shapes[graph.outputs[0]][1]
    if outputs != spec.classes:
        raise RecipeError(
            f"model.onnx: expected an output for each of the data's {spec.classes}, found "
            f"{outputs}; model.labels names the classes of a network that has more of them"
        )
    check_lowering(graph)
    truth = run.task.truth("val")
    named = truth.class_counts() is not None
    score = check_preprocessing(
        write(graph).SerializeToString(),
        run.task.pixels("val"),
        truth,
        run.recipe.input,
        bgr=model.bgr,
        place=str(model.onnx),
        classes=np.asarray(run.dataset.val.labels) if named else None,
    )
    found = figure(score.value, score.metric, score.unit)
    run.progress.say(f"train: {model.onnx} as it is, in float: val {found}")
