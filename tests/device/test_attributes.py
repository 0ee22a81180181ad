"""What the device's code asks of its dependencies is there, in the versions of this environment."""

from pathlib import Path

import pytest
from support.attributes import missing

ROOT = Path(__file__).parents[2]
# Either runtime; the system's camera library; systemd's is not used.
ABSENT = frozenset({"ai_edge_litert", "tflite_runtime", "picamera2", "libcamera"})


def test_the_device_asks_for_nothing_that_its_dependencies_lack() -> None:
    """Every `cv2.…`, `np.…`, `msgspec.…` of every module is there."""
    files = sorted((ROOT / "edge_agent").rglob("*.py"))
    assert [f"{path}: {name}" for path in files for name in missing(path, ABSENT)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import cv2\ncv2.setEveryLevel(0)", ["cv2.setEveryLevel"]),
        ("import numpy as np\nif False: np.linalg.nothing()", ["np.linalg.nothing"]),
        ("from cv2 import nothing", ["cv2.nothing"]),
        ("import no_such_package", ["no_such_package", "no_such_package"]),
        ("import cv2\ncv2.VideoCapture.nothing", ["cv2.VideoCapture.nothing"]),
        ("import cv2, numpy as np\ncv2.resize\nnp.uint8(3).anything\nx.cv2.y", []),
        ("import os\nos.nothing", []),
    ],
)
def test_a_name_that_is_gone_is_found(text: str, found: list[str], tmp_path: Path) -> None:
    """In calls, in branches, through aliases and classes; not in values, nor in Python's own."""
    path = tmp_path / "code.py"
    path.write_text(text)
    assert list(missing(path)) == found
