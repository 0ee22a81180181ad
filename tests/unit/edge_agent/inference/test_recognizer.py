"""The recogniser: right answers, and no answer at all from a bundle that is not proven."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.answers import classification
from support.bright import DATA, bright_manifest, write_bright

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.archive import Bundle, bundle_files, open_bundle, write_bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import Manifest, OutputPort
from edge_agent.common.errors import BundleError
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.inference.runtime import Interpreter


def grey(level: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    return np.full((24, 32, 3), level, np.uint8)


def altered(path: Path, manifest: Manifest, golden: tuple[GoldenFrame, ...]) -> Bundle:
    """A sound bundle with another manifest or other golden frames."""
    write_bundle(bundle_files(manifest, (DATA / "bright.tflite").read_bytes(), golden), path)
    return open_bundle(path)


def scores(affine: Affine) -> OutputPort:
    """The tiny network's output, with another scale."""
    return msgspec.structs.replace(bright_manifest().outputs[0], affine=affine)


def test_it_tells_dark_from_bright(bright_bundle: Bundle) -> None:
    """Must fire for each class on a picture of it, with a confidence to match."""
    with TfliteRecognizer(bright_bundle) as recognize:
        assert classification(recognize(grey(10))).label == "dark"
        bright = classification(recognize(grey(250)))
    assert bright.label == "bright"
    assert bright.confidence > 0.9


def test_it_is_not_sure_of_middle_grey(bright_bundle: Bundle) -> None:
    """Must not fire: half-way between the classes no answer counts as sure."""
    with TfliteRecognizer(bright_bundle) as recognize:
        assert not recognize(grey(127)).sure
        assert recognize(grey(250)).sure


def test_timed_gives_the_same_answer_with_its_three_times(bright_bundle: Bundle) -> None:
    """The steps are timed separately and add up."""
    with TfliteRecognizer(bright_bundle) as recognize:
        result, timings = recognize.timed(grey(250))
        assert result == recognize(grey(250))
    assert min(timings.preprocess_s, timings.invoke_s, timings.decode_s) > 0
    steps = (timings.preprocess_s, timings.invoke_s, timings.decode_s)
    assert timings.total_s == pytest.approx(sum(steps))


def test_golden_frames_are_replayed_when_it_opens(bright_bundle: Bundle) -> None:
    """On the runtime that made them, the golden frames come out within the tolerance."""
    with TfliteRecognizer(bright_bundle) as recognize:
        assert recognize.golden_quanta <= bright_bundle.manifest.golden.tolerance_quanta


def test_a_golden_output_off_by_more_than_the_tolerance_is_refused(
    tmp_path: Path, bright_bundle: Bundle
) -> None:
    """Two quanta off with a tolerance of one: the frame, the runtime and the quanta are named."""
    first, second = bright_bundle.golden
    wrong = GoldenFrame(first.image, ((first.outputs[0] + 2).astype(np.int8),))
    bundle = altered(tmp_path / "off", bright_manifest(), (wrong, second))
    message = r"golden frame 0 on .*: expected output 'scores' within 1 quanta, found 2 off$"
    with pytest.raises(BundleError, match=message):
        TfliteRecognizer(bundle)


def test_a_golden_output_off_by_the_tolerance_passes(tmp_path: Path, bright_bundle: Bundle) -> None:
    """Must not fire: one quantum is what processors differ by."""
    first, second = bright_bundle.golden
    near = GoldenFrame(first.image, ((first.outputs[0] + 1).astype(np.int8),))
    with TfliteRecognizer(altered(tmp_path / "near", bright_manifest(), (near, second))) as it:
        assert it.golden_quanta == 1


def test_a_golden_frame_with_another_answer_is_refused(tmp_path: Path) -> None:
    """Within the tolerance, but decoded to another class: the labels are named."""
    manifest = msgspec.structs.replace(
        bright_manifest(), golden=msgspec.structs.replace(bright_manifest().golden, frames=1)
    )
    with TfliteRecognizer(_bright(tmp_path)) as recognize:
        middle = classification(recognize.decode((np.array([[0, 0]], np.int8),))).label
    assert middle == "dark"  # a tie goes to the first class
    image = np.full((8, 8, 3), 127, np.uint8)
    tipped = GoldenFrame(image, (np.array([[0, 1]], np.int8),))
    wide = msgspec.structs.replace(
        manifest, golden=msgspec.structs.replace(manifest.golden, tolerance_quanta=32)
    )
    bundle = altered(tmp_path / "tipped", wide, (tipped,))
    with pytest.raises(
        BundleError, match=r"golden frame 0 on .*: expected 'bright', found 'dark'$"
    ):
        TfliteRecognizer(bundle)


@pytest.mark.parametrize(
    ("change", "port"),
    [
        ({"input_affine": Affine(0.5, -128)}, "input"),
        ({"outputs": (scores(Affine(0.0125, 3)),)}, "output 'scores'"),
    ],
)
def test_scales_that_are_not_the_models_are_refused(
    tmp_path: Path, bright_bundle: Bundle, change: dict[str, Any], port: str
) -> None:
    """The manifest's scales are compared with the interpreter's own."""
    manifest = msgspec.structs.replace(bright_manifest(), **change)
    bundle = altered(tmp_path / "scales", manifest, bright_bundle.golden)
    with pytest.raises(BundleError, match=f"the manifest and the model disagree on the {port}"):
        TfliteRecognizer(bundle)


def test_labels_that_are_not_as_many_as_the_models_are_refused(
    tmp_path: Path, bright_bundle: Bundle
) -> None:
    """Three labels for two outputs would name every answer wrongly."""
    manifest = bright_manifest()
    output = msgspec.structs.replace(manifest.output, labels=("dark", "mid", "bright"))
    ports = (msgspec.structs.replace(manifest.outputs[0], shape=(1, 3)),)
    golden = tuple(
        GoldenFrame(frame.image, (np.zeros((1, 3), np.int8),)) for frame in bright_bundle.golden
    )
    changed = msgspec.structs.replace(manifest, output=output, outputs=ports)
    bundle = altered(tmp_path / "labels", changed, golden)
    with pytest.raises(BundleError, match=r"disagree on the output 'scores': .*\(1, 3\).*\(1, 2\)"):
        TfliteRecognizer(bundle)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path, bright_bundle: Bundle) -> None:
    """Right hashes over rubbish: refused before a runtime sees it, by name."""
    files = bundle_files(bright_manifest(), b"not a flatbuffer", bright_bundle.golden)
    write_bundle(files, tmp_path / "rubbish")
    with pytest.raises(BundleError, match=r"/model.tflite: expected a TFLite file, "):
        TfliteRecognizer(open_bundle(tmp_path / "rubbish"))


def test_a_model_that_a_kernel_refuses_to_run_is_a_bad_bundle(
    bright_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some kernels look at their input only then; the agent must not start over and over."""

    def refuse(*_: object) -> None:
        raise RuntimeError("node 3 failed to invoke")

    monkeypatch.setattr(Interpreter, "infer", refuse)
    with pytest.raises(BundleError, match=r"golden frame 0 on .*: cannot be run: node 3 failed"):
        TfliteRecognizer(bright_bundle)


def _bright(folder: Path) -> Bundle:
    write_bright(folder / "plain")
    return open_bundle(folder / "plain")
