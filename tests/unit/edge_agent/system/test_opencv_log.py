"""OpenCV's log is silenced wherever its version has the level, and comes back afterwards."""

import os
import subprocess
import sys
from types import ModuleType

import pytest

from edge_agent.system import opencv_log


class Level(ModuleType):
    """A module that has the level, as OpenCV's."""

    def __init__(self, level: int = 3) -> None:
        super().__init__("level")
        self.level = level

    def getLogLevel(self) -> int:  # noqa: N802  # OpenCV's name
        return self.level

    def setLogLevel(self, level: int) -> None:  # noqa: N802
        self.level = level


def old() -> tuple[ModuleType, Level]:
    """OpenCV 4.12 and older: in the module itself."""
    module = Level()
    vars(module)["utils"] = ModuleType("utils")
    return module, module


def new() -> tuple[ModuleType, Level]:
    """OpenCV 4.13 and newer: in `cv2.utils.logging`."""
    module, level = ModuleType("cv2"), Level()
    utils = ModuleType("utils")
    vars(utils)["logging"] = level
    vars(module)["utils"] = utils
    return module, level


@pytest.mark.parametrize("version", [old, new])
def test_both_homes_of_the_level_are_known(version: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent inside the block, as before after it; and silent for good."""
    module, level = version()
    monkeypatch.setattr(opencv_log, "cv2", module)
    with opencv_log.silent_opencv():
        assert level.level == opencv_log.SILENT
    assert level.level == 3
    opencv_log.silence_opencv()
    assert level.level == opencv_log.SILENT


def test_an_opencv_without_the_level_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the next version has: a log that cannot be silenced stops no camera."""
    monkeypatch.setattr(opencv_log, "cv2", ModuleType("cv2"))
    opencv_log.silence_opencv()
    with opencv_log.silent_opencv():
        pass


@pytest.mark.parametrize(("silenced", "said"), [(True, False), (False, True)])
def test_this_opencv_obeys(silenced: bool, said: bool) -> None:
    """A missing file is a warning on standard error, unless it was silenced: of this version."""
    code = (
        "import cv2\nfrom edge_agent.system.opencv_log import silence_opencv\n"
        f"if {silenced}: silence_opencv()\n"
        "cv2.imread('/nowhere/at/all.png')"
    )
    environment = {name: value for name, value in os.environ.items() if "OPENCV" not in name}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert ("imread" in done.stderr) is said
