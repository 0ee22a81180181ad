"""Windows along an axis: which of ONNX's pads are TFLite's SAME or VALID."""

import pytest

from quantization.lower.window import AxisWindows


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "begin", "windows", "expected"),
    [
        # Worked out on paper from TFLite's rule: SAME has ceil(size / stride) windows and
        # puts half of the padding it needs, rounded down, before the first element.
        (32, 3, 1, 1, 32, "same"),
        (32, 3, 2, 0, 16, "same"),  # needs 1, all of it after
        (32, 3, 2, 1, 16, "padded"),  # torch's symmetric padding
        (33, 3, 2, 1, 17, "same"),  # needs 2, one on either side
        (32, 1, 2, 0, 16, "valid"),
        (32, 3, 1, 0, 30, "valid"),
        (7, 2, 2, 0, 3, "valid"),
        (7, 2, 2, 0, 4, "same"),  # the last window reaches one past the end (ceil_mode)
        (32, 5, 1, 1, 30, "padded"),
    ],
)
def test_the_padding_that_gives_a_window(
    size: int, kernel: int, stride: int, begin: int, windows: int, expected: str
) -> None:
    """SAME and VALID are recognised exactly where TFLite's own computation gives the windows."""
    window = AxisWindows(size, kernel, stride, begin, windows)
    found = "valid" if window.is_valid else "same" if window.is_same else "padded"
    assert found == expected


def test_only_the_padding_that_is_reached_is_needed() -> None:
    """Padding that no window touches is not counted: 32 with pads (1, 1) uses the first only."""
    window = AxisWindows(size=32, kernel=3, stride=2, begin=1, windows=16)
    assert (window.begin, window.end) == (1, 0)
