"""The words of the operator table: how an operator treats scales, axes, samples and channels.

Whoever acts on one of these rules matches all of its values, so that mypy names the place where
a new one is forgotten.
"""

from dataclasses import dataclass
from enum import Enum

from edge_agent.bundle.affine import Affine


class Scale(Enum):
    """Where the int8 scale of an operator's output comes from."""

    CALIBRATED = "calibrated"  # its own observed range
    SHARED = "shared"  # the inputs' own: the operator only moves, compares or averages
    INDEX = "index"  # none: the output is int32 indices, which only leave the network


class OutputLayout(Enum):
    """How an operator's output lies in memory, see `layout`."""

    KEPT = "kept"  # as its input does
    CHANNELS_LAST = "channels last"
    TRANSPOSED = "transposed"  # as its input does, under other names of axes
    OWN = "own"  # the operator's lowering decides


class Weights(Enum):
    """The scales of an operator's weights, its second input; the bias is its third."""

    PER_CHANNEL = "per channel"
    PER_SECOND_AXIS = "per second axis"  # (I, O, ...): a transposed convolution's channels
    PER_TENSOR = "per tensor"


class PerSample(Enum):
    """When an operator computes each sample of a batch, the first axis, by itself."""

    ALWAYS = "always"
    ALONG_AXIS = "along an axis"  # unless its attribute `axis`, by default 0, is the samples'
    ALONG_LAST_AXIS = "along the last axis"  # the same, where `axis` is by default -1
    BROADCAST = "broadcast"  # if both operands have the samples' axis, or it is a constant
    MATRICES = "matrices"  # as BROADCAST, if the samples' axis is none of the two of a matrix
    REDUCED = "reduced"  # unless it reduces the samples' axis
    SLICED = "sliced"  # unless it slices the samples' axis
    PADDED = "padded"  # unless it pads the samples' axis
    TRANSPOSED = "transposed"  # if the samples' axis stays the first
    RESIZED = "resized"  # if its target is given as scales, as sizes are those of one sample
    RESHAPED = "reshaped"  # if its target copies the size of the samples' axis
    NEVER = "never"  # or it is not known to


class ScalesWithInput(Enum):
    """Whether ``f(s x) = s f(x)`` for s > 0, channel by channel; see `ties`."""

    LAYER = "layer"  # weights make up for any scale on either side
    SUM = "sum"  # if both operands scale alike
    PRODUCT = "product"  # with one operand, if the other stays
    JOINED = "joined"  # each input's channels by themselves
    ELEMENTS = "elements"  # each element; of a Clip as long as it cuts nothing off
    SLOPES = "slopes"  # each element, if the slopes are constant
    WINDOWS = "windows"  # over windows of one channel
    REDUCED = "reduced"  # over axes along which all elements scale alike
    PADDED = "padded"  # if what is put around them is 0
    TRANSPOSED = "transposed"
    RESHAPED = "reshaped"
    SLICED = "sliced"
    NEVER = "never"  # or nobody needs it to


class Moves(Enum):
    """How an operator only orders elements, or drops some, so that a chain of these can be one."""

    NEVER = "never"  # it computes, or a chain is not followed through it
    RESHAPES = "reshapes"
    TRANSPOSES = "transposes"
    PICKS = "picks"  # by one constant index along an axis


class Trait(Enum):
    """What is so of some operators."""

    FUSES = "fuses"  # a following activation becomes part of it
    OPERANDS = "operands"  # its constant inputs become tensors, like computed ones
    AVERAGES = "averages"  # its result may lie between the values it comes from; see `averages`
    CUTS = "cuts"  # it only cuts its input off, and so may have its input's scale
    WINDOWED = "windowed"  # it slides a window by ONNX's `pads`, `strides` and `auto_pad`


@dataclass(frozen=True)
class Operator:
    """What is known of one supported ONNX operator. Every row of the table states every fact.

    Args:
        scale: the rule of the output's scale, or the scale itself where TFLite fixes it.
        layout: how its output lies in memory.
        weights: the rule of the weights' scales, for an operator that has weights.
        per_sample: when it computes each sample of a batch by itself.
        scales_with_input: whether its channels can be scaled through it.
        moves: how it only moves elements.
        traits: what else is so of it.
    """

    scale: Scale | Affine
    layout: OutputLayout
    weights: Weights | None
    per_sample: PerSample
    scales_with_input: ScalesWithInput
    moves: Moves
    traits: frozenset[Trait]
