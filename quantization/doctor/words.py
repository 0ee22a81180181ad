"""A diagnosis in words: what is to blame, what that cost, and what helps."""

from typing import assert_never

from quantization.doctor.diagnosis import Culprit, Kind
from quantization.scales.ranges import Range


def title(culprit: Culprit) -> str:
    """What is to blame, in a few words: `outlier in channel 5, 99x`."""
    kind = culprit.kind
    if kind is Kind.SHIFT:
        return str(kind.value)
    where = "" if culprit.channel is None else f" in channel {culprit.channel}"
    if kind is Kind.WEIGHTS:
        where = f" for channel {culprit.channel}" if culprit.cause else f" in row {culprit.channel}"
    if kind is Kind.SHARED:
        where = f" with {culprit.cause}"
    return f"{kind.value}{where}, {times(culprit.factor)}"


def reason(culprit: Culprit) -> str:
    """What is to blame, in one sentence."""
    covers, needs, much = span(culprit.covers), span(culprit.needs), times(culprit.factor)
    cause = culprit.cause
    match culprit.kind:
        case Kind.OUTLIER:
            return _outlier(culprit)
        case Kind.CHANNELS:
            return (
                f"Its channels share a scale for {covers}, but differ: a quarter of them need no "
                f"more than {needs}, {much} less than the widest."
            )
        case Kind.SHARED:
            return (
                f"It shares a scale for {covers} with {cause}, as one operator reads both. Its "
                f"own values need {needs}, {much} less."
            )
        case Kind.PADDING:
            return (
                f"{cause!r} fills with a constant far outside of its values: the scale covers "
                f"{covers}, they need {needs}, {much} less."
            )
        case Kind.FIXED:
            return (
                f"TFLite fixes the scale of {cause} to cover {covers}. Its values need {needs}, "
                f"{much} less."
            )
        case Kind.CLIPPED:
            return f"Its values need {needs}. The scale covers {covers}: what is beyond is cut off."
        case Kind.WEIGHTS:
            return _weights(culprit)
        case Kind.SHIFT:
            return (
                "Rounding its weights makes its channels too high or too low on average: "
                f"{share(culprit.factor)} of its error is that."
            )
        case _:
            assert_never(culprit.kind)


def price(culprit: Culprit) -> str:
    """What it cost, in one sentence."""
    return (
        f"Without that, this layer alone would leave the output {culprit.saved_db:.1f} dB better; "
        f"it is {share(culprit.saved_share)} of all layers' error."
    )


def advice(culprit: Culprit) -> str:
    """What helps against it: a remedy by the name of its trial, or a change of the network."""
    match culprit.kind:
        case Kind.OUTLIER:
            in_channel = culprit.channel is not None and not culprit.cause
            return "equalisation" if in_channel else "better ranges"
        case Kind.CHANNELS | Kind.WEIGHTS:
            return "equalisation"
        case Kind.SHARED:
            return f"equalisation, or keeping {culprit.layer} and what reads it in float"
        case Kind.PADDING:
            return "padding with a constant near the values in the network itself"
        case Kind.FIXED:
            return f"keeping {culprit.layer} and what reads it in float"
        case Kind.CLIPPED:
            return "ranges by minmax, or by better ones"
        case Kind.SHIFT:
            return "bias correction, or learned rounding"
        case _:
            assert_never(culprit.kind)


def span(seen: Range) -> str:
    """A range: `[-0.28, 7.51]`."""
    return f"[{number(seen.low)}, {number(seen.high)}]"


def number(value: float) -> str:
    """Three digits, without an exponent where that can be read: `0.0043`, `459`."""
    return f"{value:.3g}" if abs(value) < 1000 or abs(value) >= 1e6 else f"{value:.0f}"


def times(factor: float) -> str:
    """`8.3x`, `107x`."""
    return f"{factor:.1f}x" if factor < 10 else f"{factor:.0f}x"


def share(part: float) -> str:
    """`0.4 %`, `23 %`; what is not 0 is not called that."""
    percent = 100 * part
    if 0 < percent < 0.1:
        return "<0.1 %"
    return f"{percent:.1f} %" if percent < 9.95 else f"{percent:.0f} %"


def _outlier(culprit: Culprit) -> str:
    covers, needs, much = span(culprit.covers), span(culprit.needs), times(culprit.factor)
    if culprit.cause:
        return (
            f"Its scale covers {covers}, as calibration found it. Over these samples it needs "
            f"{needs}, {much} less."
        )
    if culprit.channel is None:
        return f"One value in 10,000 stretches its range to {covers}; all others need {needs}."
    return (
        f"Channel {culprit.channel} stretches its range to {covers}. Other channels need "
        f"{needs}, {much} less."
    )


def _weights(culprit: Culprit) -> str:
    large, small = number(culprit.covers.high), number(culprit.needs.high)
    if culprit.cause:
        return (
            f"Its weights for channel {culprit.channel} of {culprit.cause}, which is wide, are up "
            f"to {small}. Those for other channels, up to {large}, have the same scale."
        )
    return (
        f"All rows of its weights share a scale. Row {culprit.channel} reaches {large}, and a "
        f"quarter of them no more than {small}."
    )
