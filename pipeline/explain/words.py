"""What each operator is called and does, for a reader who sees one for the first time."""

import math
from collections.abc import Callable

from quantization.reference.kernels.output import FUSED
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import option

# Signs that look like letters and dashes, and are none.
TIMES, MINUS = "\u00d7", "\u2212"

_LIMITS = {FUSED.RELU: "ReLU", FUSED.RELU6: "ReLU6", FUSED.RELU_N1_TO_1: "ReLU to ±1"}

_SENTENCES = {
    "CONV_2D": "A small window slides over the maps. At each place its values are multiplied by "
    "the weights of a filter and added up: one number for each filter, large where the picture "
    "looks like it.",
    "DEPTHWISE_CONV_2D": "A window slides over each map by itself: no map sees another one, so it "
    "takes few multiplications.",
    "FULLY_CONNECTED": "Every output is a sum over all inputs, each with a weight of its own.",
    "MAX_POOL_2D": "Of each window only the largest value is kept: what was found stays, and "
    "where exactly is forgotten.",
    "AVERAGE_POOL_2D": "Each window becomes its mean.",
    "MEAN": "Each map becomes one number, its mean: how much of it there is in the picture, "
    "wherever it is.",
    "ADD": "Two sets of maps are added, value by value: what a block found is added to what went "
    "into it.",
    "MUL": "Two sets of values are multiplied, one by one.",
    "SUB": "One set of values is taken from another, one by one.",
    "RESHAPE": "The same numbers in another shape: nothing is computed.",
    "TRANSPOSE": "The same numbers in another order: nothing is computed.",
    "CONCATENATION": "Sets of maps are laid behind each other.",
    "PAD": "A border of real zeros is laid around the maps.",
    "SOFTMAX": "Scores become shares that add up to one, the largest score the largest share.",
    "LOGISTIC": "Each value is squeezed to between 0 and 1.",
    "QUANTIZE": "The same values on another scale.",
    "SPLIT": "The maps are divided into parts.",
    "STRIDED_SLICE": "A part of the maps is taken.",
    "SLICE": "A part of the maps is taken.",
}


def title(operator: ReferenceOperator) -> str:
    """`Convolution 3x3, 16 filters, stride 2, ReLU`."""
    made = _TITLES.get(operator.name)
    head = made(operator) if made else operator.name.replace("_", " ").capitalize()
    limit = _LIMITS.get(getattr(operator.options, "fusedActivationFunction", FUSED.NONE))
    return f"{head}, {limit}" if limit else head


def sentence(operator: ReferenceOperator) -> str:
    """What it does; empty of an operator without a sentence."""
    return _SENTENCES.get(operator.name, "")


def macs(operator: ReferenceOperator) -> int:
    """Multiply-accumulates of one inference."""
    outputs = math.prod(operator.output.shape)
    match operator.name:
        case "CONV_2D":
            return outputs * math.prod(operator.input(1).shape[1:])
        case "DEPTHWISE_CONV_2D":
            return outputs * math.prod(operator.input(1).shape[1:3])
        case "FULLY_CONNECTED":
            return outputs * operator.input(1).shape[1]
        case _:
            return 0


def weights(operator: ReferenceOperator) -> int:
    """How many learned numbers it has, biases among them."""
    computing = operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    constants = [t for t in operator.inputs if t is not None and t.data is not None]
    return sum(math.prod(tensor.shape) for tensor in constants) if computing else 0


def _conv(operator: ReferenceOperator) -> str:
    outputs, height, width, _ = operator.input(1).shape
    return f"Convolution {height}{TIMES}{width}, {outputs} filters{_stride(operator)}"


def _depthwise(operator: ReferenceOperator) -> str:
    _, height, width, outputs = operator.input(1).shape
    return f"Depthwise convolution {height}{TIMES}{width}, {outputs} maps{_stride(operator)}"


def _stride(operator: ReferenceOperator) -> str:
    stride = option(operator, "strideH", 1)
    return f", stride {stride}" if stride > 1 else ""


def _dense(operator: ReferenceOperator) -> str:
    outputs, inputs = operator.input(1).shape
    return f"Dense layer, {inputs} inputs to {outputs} outputs"


def _pool(word: str) -> Callable[[ReferenceOperator], str]:
    def made(operator: ReferenceOperator) -> str:
        options = operator.options
        return f"{word} {options.filterHeight}{TIMES}{options.filterWidth}{_stride(operator)}"

    return made


_TITLES: dict[str, Callable[[ReferenceOperator], str]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "MAX_POOL_2D": _pool("Largest of"),
    "AVERAGE_POOL_2D": _pool("Mean of"),
    "MEAN": lambda _: "Mean of each map",
    "ADD": lambda _: "Sum of two",
    "RESHAPE": lambda _: "Another shape",
}
