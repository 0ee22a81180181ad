"""The network: an image in, raw outputs out, on the threads and in the order asked for."""

import numpy as np
import pytest
from support.bright import DATA, bright_manifest

from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.ports import Ports
from edge_agent.common.errors import BundleError
from edge_agent.inference.network import Network
from edge_agent.inference.recognizer import TfliteRecognizer


@pytest.fixture(name="network")
def _network() -> Network:
    return Network((DATA / "bright.tflite").read_bytes(), Ports.of(bright_manifest()), 1, "bright")


def test_the_order_of_the_channels_reaches_the_input(network: Network) -> None:
    """A red image in either order is the same input: high in the first channel only."""
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    x = network.prepare(red, "rgb")
    assert x[0, 0, 0].tolist() == [127, -128, -128]
    np.testing.assert_array_equal(network.prepare(red[..., ::-1].copy(), "bgr"), x)


def test_calling_is_preparing_and_inferring(network: Network) -> None:
    """The two steps that two threads share are the whole of it."""
    image = np.full((24, 32, 3), 200, np.uint8)
    (raw,) = network(image)
    assert raw.shape == (1, 2)
    (again,) = network.infer(network.prepare(image))
    np.testing.assert_array_equal(raw, again)


def test_a_model_with_two_outputs_is_refused() -> None:
    """Its ports are one; the error names the bundle's model, and what was looked for."""
    model = (DATA / "scores_and_best.tflite").read_bytes()
    with pytest.raises(
        BundleError, match=r"^gate/model\.tflite: expected one output, 'scores', found 2$"
    ):
        Network(model, Ports.of(bright_manifest()), 1, "gate")


def test_timed_gives_the_time_of_preprocessing_before_that_of_inference(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that says 0, 1 and 11 s, the steps took 1 and 10 s."""
    clock = iter([0.0, 1.0, 11.0])
    monkeypatch.setattr("edge_agent.inference.network.time.perf_counter", lambda: next(clock))
    _, preprocess_s, invoke_s = network.timed(np.zeros((8, 8, 3), np.uint8))
    assert (preprocess_s, invoke_s) == (1.0, 10.0)


def test_a_recogniser_infers_on_the_threads_it_is_given(
    bright_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration's `threads` and the bench's come through to the interpreter."""
    asked: list[int] = []

    class Asked(Network):
        def __init__(self, model: bytes, ports: Ports, threads: int, place: str) -> None:
            asked.append(threads)
            super().__init__(model, ports, threads, place)

    monkeypatch.setattr("edge_agent.inference.recognizer.Network", Asked)
    with TfliteRecognizer(bright_bundle, 2):
        pass
    assert asked == [2]
