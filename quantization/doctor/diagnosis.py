"""`Diagnosis`: what quantisation costs a network, layer by layer, and what is to blame for it."""

from enum import Enum

import msgspec

from quantization.scales.ranges import Range


class Kind(Enum):
    """What makes int8 coarse at a layer."""

    OUTLIER = "outlier"  # a few values, or a channel of its own, stretch the range
    CHANNELS = "channel spread"  # channels of unlike ranges have one scale
    SHARED = "shared scale"  # an operator demands the scale of another, wider value
    PADDING = "padding"  # the constant of a Pad stretches the range
    FIXED = "fixed scale"  # TFLite fixes a scale that is far too coarse
    CLIPPED = "clipped"  # values lie outside of the range
    WEIGHTS = "weight spread"  # rows or columns of unlike weights have one scale
    SHIFT = "shifted mean"  # rounded weights move the mean of what the layer computes


class Culprit(msgspec.Struct, frozen=True, kw_only=True):
    """One reason for a layer's error, proven by taking it away.

    Args:
        layer: the layer that is coarse, by the name of its value.
        operators: what the layer computes.
        kind: the reason's kind.
        factor: how many times too coarse: the range that the scale covers over the one that is
            needed; of `CHANNELS` the widest channel over one of the narrow ones; of
            `WEIGHTS` the largest weight over those that suffer; of `CLIPPED` the range that
            is needed over the one covered; of `SHIFT` the share of the error, between 0 and
            1, that is a constant of the channel.
        cause: the value or operator that is to blame; "" where it is the layer itself.
        channel: the channel that is to blame, if one is; of `WEIGHTS` with a cause, of that.
        covers: what the scale covers: the value's, or that of the weights.
        needs: what it would have to cover without the reason.
        saved_db: how much better the network's output is without it, in dB, where all other
            layers are in float.
        saved_share: what of the error of all layers it is, between 0 and 1.
        channels: the range of each channel of the layer's value; of `WEIGHTS` of the weights.
    """

    layer: str
    operators: tuple[str, ...]
    kind: Kind
    factor: float
    cause: str = ""
    channel: int | None = None
    covers: Range
    needs: Range
    saved_db: float
    saved_share: float
    channels: tuple[Range, ...] = ()


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """What quantisation does to one layer: a value that int8 holds and what computes it.

    Args:
        name: its value's name, by which a recipe keeps it in float.
        operators: what computes it, the activation it takes up included.
        shape: of the value.
        covers: the range of its int8 values; None where it stays in float.
        scale: the distance of two int8 values; None where it stays in float.
        snr_db: its signal over its error, in dB, with every layer before it quantised, too; None
            where there is no error.
        alone_db: the network's output over its error, in dB, with no other layer quantised; None
            where that is no error, as the layer only moves int8 values or stays in float.
        share: of the sum of all layers' errors at the output, between 0 and 1.
    """

    name: str
    operators: tuple[str, ...]
    shape: tuple[int, ...]
    covers: Range | None
    scale: float | None
    snr_db: float | None
    alone_db: float | None
    share: float


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What quantisation costs a network.

    Args:
        layers: in the order they run.
        culprits: the reasons that were found, the costliest first.
        output_db: the network's output over its error, in dB, all layers quantised; of several
            outputs their mean relative error counts. None where there is no error.
        samples: how many inputs it was measured on.
    """

    layers: tuple[Layer, ...]
    culprits: tuple[Culprit, ...]
    output_db: float | None
    samples: int

    @property
    def by_cost(self) -> tuple[Layer, ...]:
        """The layers that cost anything, the costliest first."""
        costly = [layer for layer in self.layers if layer.share > 0]
        return tuple(sorted(costly, key=lambda layer: -layer.share))
