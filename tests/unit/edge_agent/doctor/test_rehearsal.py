"""What the doctor proves without a configuration: modules, runtime, and the way of a picture."""

import importlib
import os
from pathlib import Path

import pytest
from bright import DATA

from edge_agent.doctor import rehearsal


def test_all_of_it_holds_here() -> None:
    """Modules load, a network runs, and a picture comes through the camera's process."""
    for finding in (rehearsal.modules(), rehearsal.inference(), rehearsal.camera()):
        assert finding.level == "ok", finding


def test_the_network_is_the_one_of_the_tests() -> None:
    """tests/data/make_bright.py makes both."""
    assert rehearsal.PROBE.read_bytes() == (DATA / "bright.tflite").read_bytes()


def test_a_module_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the error of the package that is to blame."""
    load = importlib.import_module

    def broken(name: str) -> object:
        if name == "edge_agent.sources.camera":
            raise AttributeError("module 'cv2' has no attribute 'CAP_V4L2'")
        return load(name)

    monkeypatch.setattr(importlib, "import_module", broken)
    finding = rehearsal.modules()
    assert finding.level == "fail"
    assert finding.found == (
        "edge_agent.sources.camera does not load: AttributeError: module 'cv2' has no attribute "
        "'CAP_V4L2'"
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


def test_another_picture_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colours in another order are no success."""
    monkeypatch.setattr(rehearsal, "LEVELS", (40, 120, 201))
    assert rehearsal.camera().level == "ok"
    sent = rehearsal._picture

    def swapped(url: str) -> object:
        return sent(url)[:, :, ::-1]

    monkeypatch.setattr(rehearsal, "_picture", swapped)
    assert rehearsal.camera().found == "a known picture arrived as another"


def test_a_set_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set for the network does not stand between this machine and itself; it stays set."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.org")
    assert rehearsal.camera().level == "ok"
    assert os.environ["no_proxy"] == "example.org"
