"""A network with three outputs, each of its own shape, type and scale: from bundle to tuple."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.heads import HEIGHT, MODEL, OUTPUTS, WIDTH, heads_manifest, slope, write_heads

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.archive import Bundle, bundle_files, open_bundle, write_bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import OutputPort
from edge_agent.bundle.ports import Ports
from edge_agent.common.errors import BundleError
from edge_agent.inference.network import Network
from edge_agent.inference.recognizer import TfliteRecognizer

SCORES, MAP, BEST = OUTPUTS
assert MAP.affine is not None
MAP_SCALE = MAP.affine.scale


@pytest.fixture(name="bundle", scope="module")
def _bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("heads") / "heads.edgeward"
    write_heads(path)
    return open_bundle(path)


def network(ports: tuple[OutputPort, ...]) -> Network:
    return Network(MODEL.read_bytes(), replace(Ports.of(heads_manifest()), outputs=ports), 1, "b")


def test_each_output_comes_in_its_order_type_and_scale(bundle: Bundle) -> None:
    """All three are what the picture says, told from the picture alone."""
    image = slope(20, 90)
    with Network(bundle.model, Ports.of(bundle.manifest), 1, "b") as net:
        raws = net(image)
        scores, maps, best = net.ports.real(raws)
    assert [(raw.dtype.name, raw.shape) for raw in raws] == [
        (port.dtype, port.shape) for port in OUTPUTS
    ]
    level = image / np.float32(255)
    expected = np.stack([level, 2 * level - 1, 1 - 2 * level], axis=2)[np.newaxis]
    np.testing.assert_allclose(maps, expected, atol=0.02)
    lean = 20 * 2 * (2 * level.mean() - 1)
    np.testing.assert_allclose(scores, [[-lean, lean]], atol=1)
    assert best.tolist() == [[0.0]]


def test_the_outputs_of_one_picture_outlive_the_next(bundle: Bundle) -> None:
    """Each is a copy: nothing changes under its owner."""
    with Network(bundle.model, Ports.of(bundle.manifest), 1, "b") as net:
        first = net(slope(0, 10))
        kept = [raw.copy() for raw in first]
        second = net(slope(250, 255))
    for raw, copy in zip(first, kept, strict=True):
        np.testing.assert_array_equal(raw, copy)
    assert (first[2].item(), second[2].item()) == (0, 1)


def test_the_task_reads_the_first_output(bundle: Bundle) -> None:
    """Which here agrees with the place that the network itself found."""
    with TfliteRecognizer(bundle) as recognize:
        assert recognize.golden_quanta == 0
        assert recognize(slope(0, 100)).headline().split()[0] == "dark"
        assert recognize(slope(250, 120)).headline().split()[0] == "bright"


def test_golden_frames_hold_every_output(bundle: Bundle) -> None:
    """As they were put in, in both forms of a bundle."""
    for frame in bundle.golden:
        assert [raw.shape for raw in frame.outputs] == [(1, 2), (1, HEIGHT, WIDTH, 3), (1, 1)]
        assert frame.outputs[2].dtype == np.int32


def changed(bundle: Bundle, number: int, change: Callable[[Any], Any]) -> Bundle:
    first, second = bundle.golden
    raws = list(first.outputs)
    raws[number] = change(raws[number])
    return replace(bundle, golden=(GoldenFrame(first.image, tuple(raws)), second))


def one_off(raw: Any) -> Any:
    other = raw.copy()
    other[0, HEIGHT - 1, WIDTH - 1, 2] -= 2
    return other


def test_one_number_of_one_output_that_is_off_is_found(bundle: Bundle) -> None:
    """The last number of the map, two quanta beside a tolerance of one: the output is named."""
    message = r"golden frame 0 on .*: expected output 'map' within 1 quanta, found 2 off$"
    with pytest.raises(BundleError, match=message):
        TfliteRecognizer(changed(bundle, 1, one_off))


def test_a_place_among_scores_is_judged_by_the_answer_alone(bundle: Bundle) -> None:
    """Must not fire: any quantum may move it, and a tolerance of places would mean nothing."""
    with TfliteRecognizer(changed(bundle, 2, lambda raw: raw + 1)) as recognize:
        assert recognize.golden_quanta == 0


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        (
            (SCORES, msgspec.structs.replace(MAP, affine=Affine(0.0078, -1)), BEST),
            r"disagree on the output 'map': expected .*0\.0078, .* found .*0\.00784",
        ),
        (
            (SCORES, msgspec.structs.replace(MAP, affine=Affine(MAP_SCALE, 0)), BEST),
            r"disagree on the output 'map': ",
        ),
        (
            (SCORES, msgspec.structs.replace(MAP, shape=(1, WIDTH, HEIGHT, 3)), BEST),
            r"disagree on the output 'map': .*\(1, 10, 6, 3\).*\(1, 6, 10, 3\)",
        ),
        (
            (SCORES, MAP, msgspec.structs.replace(BEST, dtype="float32")),
            r"disagree on the output 'best': .*float32.*int32",
        ),
        ((SCORES, BEST, MAP), r"disagree on the output 'best': "),
        ((SCORES, MAP), r"^b/model\.tflite: expected 2 outputs, 'scores', 'map', found 3$"),
        (
            (*OUTPUTS, msgspec.structs.replace(BEST, name="more")),
            r"^b/model\.tflite: expected 4 outputs, 'scores', 'map', 'best', 'more', found 3$",
        ),
    ],
    ids=["scale", "zero point", "shape", "type", "order", "too few", "too many"],
)
def test_a_port_that_is_not_the_models_is_refused_by_name(
    ports: tuple[OutputPort, ...], message: str
) -> None:
    """Must fire for each of its facts; must not for those that are the model's."""
    with pytest.raises(BundleError, match=message):
        network(ports)
    network(OUTPUTS).close()


def test_a_golden_output_of_another_place_is_refused_when_the_bundle_is_opened(
    bundle: Bundle, tmp_path: Path
) -> None:
    """Two outputs of a frame that changed places: each has its own shape to be held to."""
    first, second = bundle.golden
    scores, maps, best = first.outputs
    swapped = (GoldenFrame(first.image, (scores, best, maps)), second)
    write_bundle(bundle_files(bundle.manifest, bundle.model, swapped), tmp_path / "b")
    message = r"golden\.npz\[0\]: output 'map': expected int8 \(1, 6, 10, 3\), found int32 \(1, 1\)"
    with pytest.raises(BundleError, match=message):
        open_bundle(tmp_path / "b")
