"""Format 1: read into today's values, and refused where a field or an array is not as it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.format1 import FORMAT1, arrays, npz, resealed

from edge_agent.bundle.archive import MANIFEST_FILE, bundle_files, open_bundle, write_bundle
from edge_agent.bundle.manifest import OutputPort
from edge_agent.common.errors import BundleError, TaskError
from edge_agent.inference.recognizer import TfliteRecognizer


def test_the_one_output_has_the_tasks_shape_and_the_files_scale() -> None:
    """What format 1 did not say of its output, all of it had."""
    manifest = open_bundle(FORMAT1 / "counters.edgeward").manifest
    (port,) = manifest.outputs
    assert (port.name, port.shape, port.dtype) == ("output", (1, 16, 11), "int8")
    assert port.affine is not None
    assert (port.affine.scale, port.affine.zero_point) == (0.06289561092853546, 10)
    assert (manifest.input_affine.scale, manifest.input_affine.zero_point) == (
        0.011195694096386433,
        2,
    )


def test_golden_outputs_come_in_the_shape_of_their_port() -> None:
    """Stored flat or not: the frames of both formats are the same values."""
    bundle = open_bundle(FORMAT1 / "counters.edgeward")
    assert {frame.outputs[0].shape for frame in bundle.golden} == {(1, 16, 11)}


def test_what_was_read_is_written_in_todays_format(tmp_path: Path) -> None:
    """With the same model, frames and answers, under an id of its own."""
    old = open_bundle(FORMAT1 / "digits.edgeward")
    write_bundle(bundle_files(old.manifest, old.model, old.golden), tmp_path / "new")
    new = open_bundle(tmp_path / "new")
    assert (old.manifest.format, new.manifest.format) == (1, 2)
    assert "quantisation" not in json.loads((tmp_path / "new" / MANIFEST_FILE).read_text())
    assert (new.model, new.manifest.outputs) == (old.model, old.manifest.outputs)
    assert new.id != old.id
    with TfliteRecognizer(old) as first, TfliteRecognizer(new) as second:
        for before, after in zip(old.golden, new.golden, strict=True):
            np.testing.assert_array_equal(before.outputs, after.outputs)
            assert first(before.image) == second(after.image)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d.update(outputs=[]), "Object contains unknown field `outputs`"),
        (lambda d: d.pop("quantisation"), "Object missing required field `quantisation`"),
        (lambda d: d["quantisation"].pop("output"), "Object missing required field `output`"),
        (lambda d: d["metrics"].update(mAP=1), "Object contains unknown field `mAP`"),
        (
            lambda d: d["metrics"]["int8_accuracy"].update(low=0.9, high=0.8),
            "accuracy: expected an interval from low to high, found 0.9 to 0.8 - at `$.metrics`",
        ),
        (lambda d: d["golden"].update(frames=9), "expected 9 golden frames, found arrays"),
        (lambda d: d["output"]["labels"].pop(), "output 'output': expected int8 (1, 9), found"),
    ],
    ids=["new field", "no scales", "no output scale", "no metric", "interval", "frames", "labels"],
)
def test_a_field_that_format_1_did_not_have_is_refused(
    change: Callable[[dict[str, Any]], object], expected: str, tmp_path: Path
) -> None:
    """Strict then, strict now: the error names the field, or the output that does not fit."""
    path = resealed(tmp_path / "b", change)
    with pytest.raises(BundleError) as caught:
        open_bundle(path)
    assert expected in str(caught.value)


def test_another_task_is_refused_by_name(tmp_path: Path) -> None:
    """As it was: an error of its own kind."""
    path = resealed(tmp_path / "b", lambda d: d.update(output={"task": "detect"}))
    with pytest.raises(TaskError, match=r"found 'detect'$"):
        open_bundle(path)


@pytest.mark.parametrize(
    ("name", "array", "expected"),
    [
        ("image_000", np.zeros((0, 8, 3), np.uint8), "expected a non-empty uint8 image"),
        ("image_000", np.zeros((8, 8, 4), np.uint8), "expected a non-empty uint8 image"),
        ("output_000", np.zeros(10, np.float32), "expected int8 (1, 10), found float32 (1, 10)"),
        ("output_000", np.zeros(11, np.int8), "expected int8 (1, 10), found int8 (11,)"),
        ("output_000_00", np.zeros(10, np.int8), "expected 8 golden frames, found arrays"),
    ],
)
def test_golden_frames_that_format_1_could_not_have_are_refused(
    name: str, array: np.ndarray[Any, Any], expected: str, tmp_path: Path
) -> None:
    """Of another size, type or name: the error names the frame or what was found."""
    changed = arrays(FORMAT1 / "digits.edgeward") | {name: array}
    path = resealed(tmp_path / "b", lambda d: None, npz(changed))
    with pytest.raises(BundleError) as caught:
        open_bundle(path)
    assert expected in str(caught.value)


def test_todays_format_has_a_scale_for_each_int8_output() -> None:
    """The value that both formats are read into: numbers come back by it, or as they are."""
    raw = np.array([[1, 3]], np.int32)
    port = OutputPort(name="places", shape=(1, 2), dtype="int32")
    np.testing.assert_array_equal(port.real(raw), [[1.0, 3.0]])
    assert port.real(raw).dtype == np.float32
    with pytest.raises(ValueError, match=r"^output 'places': expected a scale of int8, found none"):
        OutputPort(name="places", shape=(1, 2), dtype="int8")
