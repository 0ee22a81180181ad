"""What a bundle answers for a user's pictures, as lines, as a table and as JSON."""

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge_agent.bundle.archive import Bundle
from edge_agent.common.errors import BundleError
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.tasks.classify.answer import Classification
from pipeline.common.errors import DataError
from pipeline.data.readers.images import read_image
from pipeline.predict.predict import predict


class Said:
    """What was printed, and on which stream."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)

    def warn(self, line: str) -> None:
        self.warnings.append(line)


def test_every_picture_is_answered_by_name(bright_path: Path, photos: Path) -> None:
    """One line a file, with the class and its probability."""
    said = Said()
    summary = predict(bright_path, [photos], said, said.warn)
    assert [line.split()[:2] for line in said.lines] == [
        ["bright/0.png", "bright"],
        ["bright/1.png", "dark"],
        ["dark/0.png", "dark"],
        ["dark/1.png", "dark"],
        ["dark/2.png", "bright"],
    ]
    assert summary.answers == {"dark": 3, "bright": 2}
    assert summary.line().startswith("5 pictures: dark 3, bright 2; 0 not sure; ")
    assert said.warnings == []


def test_the_table_has_the_answers_of_the_device(
    bright_path: Path, bright_bundle: Bundle, photos: Path, tmp_path: Path
) -> None:
    """The confidence is the very number that the device's recogniser gives."""
    said, out = Said(), tmp_path / "out.csv"
    predict(bright_path, [photos], said, said.warn, csv=out)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows][:2] == ["bright/0.png", "bright/1.png"]
    with TfliteRecognizer(bright_bundle) as recognize:
        for row in rows:
            expected = recognize(read_image(photos / row["file"]))
            assert isinstance(expected, Classification)
            assert row["answer"] == expected.label
            assert float(row["confidence"]) == expected.confidence
            assert (row["frame"], row["sure"], row["why"]) == ("", "true", "")


def test_an_answer_that_is_not_sure_says_so(bright_path: Path, tmp_path: Path) -> None:
    """Below the bundle's least confidence."""
    said = Said()
    assert cv2.imwrite(str(tmp_path / "dusk.png"), np.full((8, 8, 3), 128, np.uint8))
    summary = predict(bright_path, [tmp_path / "dusk.png"], said, said.warn)
    assert said.lines[0].endswith("(not sure)")
    assert summary.unsure == 1


def test_a_video_is_answered_frame_by_frame(bright_path: Path, clip: Path) -> None:
    """The frame's number stands behind the file's name."""
    said = Said()
    predict(bright_path, [clip], said, said.warn, every=3)
    assert [line.split()[:2] for line in said.lines] == [
        ["clip.avi#0", "dark"],
        ["clip.avi#3", "bright"],
    ]


def test_lines_of_json_hold_the_whole_result(bright_path: Path, photos: Path) -> None:
    """Each line is an object for itself."""
    said = Said()
    predict(bright_path, [photos / "dark"], said, said.warn, json=True)
    first = msgspec.json.decode(said.lines[0])
    assert first["file"] == "0.png"
    assert first["result"]["kind"] == "classification"
    assert first["result"]["label"] == first["answer"] == "dark"


def test_texts_are_read_as_the_device_reads_a_line(stripes_path: Path, lines: Path) -> None:
    """A text, and of a picture that shows nothing why there is none."""
    assert cv2.imwrite(str(lines / "d.png"), np.full((48, 192), 255, np.uint8))
    said = Said()
    predict(stripes_path, [lines], said, said.warn)
    assert [line.split()[1] for line in said.lines] == ["012", "3.1", "210", "no"]
    assert "no text  (rejected: blank: expected a contrast" in said.lines[-1]


def test_a_broken_file_is_told_and_the_others_are_answered(bright_path: Path, photos: Path) -> None:
    """Nothing ends at a file that cannot be read."""
    (photos / "dark" / "9.png").write_bytes(b"no picture")
    said = Said()
    summary = predict(bright_path, [photos], said, said.warn)
    assert len(said.lines) == 5
    assert len(said.warnings) == len(summary.unreadable) == 1
    assert "9.png: expected an image" in said.warnings[0]


def test_a_damaged_video_is_told_in_one_line(bright_path: Path, tmp_path: Path) -> None:
    """FFmpeg's own lines about it are not heard."""
    header = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
    (tmp_path / "half.mp4").write_bytes(header + b"\x00\x00\x00\x08mdat")
    command = [sys.executable, "-m", "pipeline.entry", "predict", str(bright_path), str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 21
    assert all(line.startswith("edgeward: ") for line in ended.stderr.splitlines()), ended.stderr
    assert "half.mp4: expected a video" in ended.stderr


def test_nothing_is_written_where_nothing_can_be_read(bright_path: Path, tmp_path: Path) -> None:
    """No table of no rows."""
    (tmp_path / "a.png").write_bytes(b"")
    said, out = Said(), tmp_path / "out.csv"
    with pytest.raises(DataError, match="expected a picture that can be read, found none in 1"):
        predict(bright_path, [tmp_path / "a.png"], said, said.warn, csv=out)
    assert not out.exists()


def test_a_bundle_that_is_none_is_an_error(photos: Path) -> None:
    """The bundle is opened as a device opens it."""
    said = Said()
    with pytest.raises(BundleError):
        predict(photos, [photos], said, said.warn)
    assert said.lines == []


def test_a_name_with_control_characters_does_not_reach_the_terminal(
    bright_path: Path, tmp_path: Path
) -> None:
    """Whoever names files could else write on this terminal."""
    path = tmp_path / "a\x1b[31m.png"
    assert cv2.imwrite(str(path), np.full((8, 8, 3), 30, np.uint8))
    said = Said()
    predict(bright_path, [path], said, said.warn)
    assert "\x1b" not in said.lines[0]
