"""A diagnosis in words: titles, reasons, prices and advice."""

import pytest

from quantization.doctor import Culprit, Kind
from quantization.doctor.words import advice, number, price, reason, share, times, title
from quantization.scales.ranges import Range

COVERS, NEEDS = Range(0.0, 458.8), Range(-0.25, 4.2)


def culprit(
    kind: Kind, factor: float = 107.4, cause: str = "", channel: int | None = None
) -> Culprit:
    return Culprit(
        layer="r1", operators=("Conv", "Relu"), kind=kind, factor=factor, covers=COVERS,
        needs=NEEDS, saved_db=38.24, saved_share=0.228, cause=cause, channel=channel,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("blamed", "name", "said", "advised"),
    [
        (culprit(Kind.OUTLIER, channel=5), "outlier in channel 5, 107x",
         "Channel 5 stretches its range to [0, 459]. Other channels need [-0.25, 4.2], 107x less.",
         "equalisation"),
        (culprit(Kind.OUTLIER), "outlier, 107x",
         "One value in 10,000 stretches its range to [0, 459]; all others need [-0.25, 4.2].",
         "better ranges"),
        (culprit(Kind.OUTLIER, cause="calibration"), "outlier, 107x",
         "Its scale covers [0, 459], as calibration found it. Over these samples it needs "
         "[-0.25, 4.2], 107x less.", "better ranges"),
        (culprit(Kind.CHANNELS, 8.29), "channel spread, 8.3x",
         "Its channels share a scale for [0, 459], but differ: a quarter of them need no more than "
         "[-0.25, 4.2], 8.3x less than the widest.", "equalisation"),
        (culprit(Kind.SHARED, cause="wide"), "shared scale with wide, 107x",
         "It shares a scale for [0, 459] with wide, as one operator reads both. Its own values "
         "need [-0.25, 4.2], 107x less.",
         "equalisation, or keeping r1 and what reads it in float"),
        (culprit(Kind.PADDING, cause="pad_3"), "padding, 107x",
         "'pad_3' fills with a constant far outside of its values: the scale covers [0, 459], they "
         "need [-0.25, 4.2], 107x less.",
         "padding with a constant near the values in the network itself"),
        (culprit(Kind.FIXED, cause="Softmax"), "fixed scale, 107x",
         "TFLite fixes the scale of Softmax to cover [0, 459]. Its values need [-0.25, 4.2], "
         "107x less.", "keeping r1 and what reads it in float"),
        (culprit(Kind.CLIPPED, 1.4), "clipped, 1.4x",
         "Its values need [-0.25, 4.2]. The scale covers [0, 459]: what is beyond is cut off.",
         "ranges by minmax, or by better ones"),
        (culprit(Kind.WEIGHTS, channel=3), "weight spread in row 3, 107x",
         "All rows of its weights share a scale. Row 3 reaches 459, and a quarter of them no more "
         "than 4.2.", "equalisation"),
        (culprit(Kind.WEIGHTS, channel=3, cause="r0"), "weight spread for channel 3, 107x",
         "Its weights for channel 3 of r0, which is wide, are up to 4.2. Those for other channels, "
         "up to 459, have the same scale.", "equalisation"),
        (culprit(Kind.SHIFT, 0.97), "shifted mean",
         "Rounding its weights makes its channels too high or too low on average: 97 % of its "
         "error is that.", "bias correction, or learned rounding"),
    ],
)  # fmt: skip
def test_each_kind_has_its_words(blamed: Culprit, name: str, said: str, advised: str) -> None:
    """A title, a reason with its figures, and what helps."""
    assert title(blamed) == name
    assert reason(blamed) == said
    assert advice(blamed) == advised


def test_the_price_is_what_the_proof_showed() -> None:
    """In decibels of the layer alone, and as a share of all errors."""
    assert price(culprit(Kind.SHIFT)) == (
        "Without that, this layer alone would leave the output 38.2 dB better; it is 23 % of all "
        "layers' error."
    )


def test_numbers_stay_short() -> None:
    """Three digits, and no exponent where none is needed."""
    assert [number(x) for x in (0.00429834, 458.8, -1234.5, 2.5e7, 0.0)] == [
        "0.0043", "459", "-1234", "2.5e+07", "0",
    ]  # fmt: skip
    assert [times(x) for x in (1.14, 8.29, 107.4)] == ["1.1x", "8.3x", "107x"]
    assert [share(x) for x in (0, 0.0001, 0.0042, 0.0994, 0.228, 1)] == [
        "0.0 %", "<0.1 %", "0.4 %", "9.9 %", "23 %", "100 %",
    ]  # fmt: skip
