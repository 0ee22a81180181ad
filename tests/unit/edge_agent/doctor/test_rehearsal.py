"""What the doctor proves without a configuration: modules, runtime, and the way of a picture."""

import importlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.bright import DATA

from edge_agent.common.arrays import U8
from edge_agent.doctor import rehearsal
from edge_agent.doctor.report import Finding
from edge_agent.sources.config import CameraConfig, VideoConfig


def test_all_of_it_holds_here() -> None:
    """Modules load, a network runs, and pictures come through."""
    proofs = (rehearsal.modules, rehearsal.inference, rehearsal.camera, rehearsal.video)
    for finding in (proof() for proof in proofs):
        assert finding.level == "ok", finding


def test_the_network_is_the_one_of_the_tests() -> None:
    """tests/data/make_bright.py makes both."""
    assert rehearsal.PROBE.read_bytes() == (DATA / "bright.tflite").read_bytes()


def test_a_module_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the error of the package that is to blame."""
    load = importlib.import_module

    def broken(name: str) -> object:
        if name == "edge_agent.sources.cameras.camera":
            raise AttributeError("module 'cv2' has no attribute 'CAP_V4L2'")
        return load(name)

    monkeypatch.setattr(importlib, "import_module", broken)
    finding = rehearsal.modules()
    assert finding.level == "fail"
    assert finding.found == (
        "edge_agent.sources.cameras.camera does not load: AttributeError: module 'cv2' has no "
        "attribute 'CAP_V4L2'"
    )
    assert "deploy/install.sh" in finding.remedy


def test_a_runtime_that_does_not_run_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No model, or one of other shapes: whatever is raised is the finding."""
    for name, data in (("empty", b""), ("other", (DATA / "stripes.tflite").read_bytes())):
        path = tmp_path / name
        path.write_bytes(data)
        monkeypatch.setattr(rehearsal, "PROBE", path)
        assert rehearsal.inference().level == "fail"


def test_a_camera_process_that_dies_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An OpenCV that the camera's process cannot use, as every camera would find it."""
    (tmp_path / "cv2.py").write_text("CAP_V4L2 = 0  # and nothing else")
    inherited = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{inherited}")
    finding = rehearsal.camera()
    assert finding.level == "fail"
    assert "its process ended with status 1" in finding.found


def test_a_video_that_cannot_be_read_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """An OpenCV without a codec writes an empty file; one without a back end reads none."""
    monkeypatch.setattr(rehearsal, "FRAMES", 0)
    assert rehearsal.video().level == "fail"


def test_a_disk_that_takes_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be told then; the disk is another finding's."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    assert rehearsal.video().level == "skip"


@pytest.mark.parametrize("proof", [rehearsal.camera, rehearsal.video])
def test_another_picture_fails(
    proof: Callable[[], Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colours in another order are no success."""
    monkeypatch.setattr(rehearsal, "LEVELS", (40, 120, 201))
    assert proof().level == "ok"
    sent = rehearsal._picture

    def swapped(config: CameraConfig | VideoConfig) -> U8:
        return sent(config)[:, :, ::-1]

    monkeypatch.setattr(rehearsal, "_picture", swapped)
    assert proof().found == "a known picture arrived as another"
