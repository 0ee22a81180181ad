"""Latency: one inference and nothing else, over several images."""

import numpy as np
import pytest

from pipeline.measure.latency import IMAGES, RUNS, first_images, median_ms


def test_each_inference_is_timed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is not counted; then by a clock that inference moves by 2 s, 2000 ms."""
    clock, seen = [0.0], list[str]()

    def infer(x: str) -> None:
        # The slow first one, and one slow one in between, do not move the median.
        clock[0] += 2.0 if len(seen) not in (0, 5) else 100.0
        seen.append(x)

    monkeypatch.setattr("pipeline.measure.latency.time.perf_counter", lambda: clock[0])
    assert median_ms(infer, ["a", "b", "c"]) == 2000.0
    assert seen[:5] == ["a", "a", "b", "c", "a"]
    assert len(seen) == 1 + RUNS


@pytest.mark.parametrize(("images", "taken"), [(3, 3), (IMAGES + 5, IMAGES)])
def test_the_first_images_are_measured_on(images: int, taken: int) -> None:
    """As many as there are, where there are few."""
    pixels = np.arange(images, dtype=np.uint8)[:, np.newaxis, np.newaxis]
    assert [int(image[0, 0]) for image in first_images(pixels)] == list(range(taken))
