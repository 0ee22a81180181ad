"""What the JPEG decoder says on standard error is heard; all else is passed on."""

import os

import cv2
import numpy as np
import pytest
from support.mjpeg import red_jpeg

from edge_agent.sources.cameras.complaints import Complaints


def decode(jpeg: bytes) -> object:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_a_picture_that_ends_early_is_complained_of(capfd: pytest.CaptureFixture[str]) -> None:
    """OpenCV gives a picture all the same; the complaint is taken once and not shown."""
    whole = red_jpeg((640, 480))
    with Complaints() as complaints:
        assert decode(whole) is not None
        assert complaints.take() == ""
        assert decode(whole[: len(whole) // 2] + b"\xff\xd9") is not None
        assert complaints.take() == "Corrupt JPEG data: premature end of data segment"
        assert complaints.take() == ""
    assert capfd.readouterr().err == ""


def test_harmless_complaints_are_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Must not fire: many webcams have bytes too many in every frame; the log stays clean."""
    whole = red_jpeg()
    with Complaints() as complaints:
        assert decode(whole[:-2] + b"\x00\x00\x00" + whole[-2:]) is not None
        os.write(2, b"Corrupt JPEG data: 3 extraneous bytes before marker 0xd9\n")
        assert complaints.take() == ""
    assert capfd.readouterr().err == ""


def test_other_words_are_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    """A driver's error, or our own, reaches the log; also what nobody has asked for."""
    with Complaints() as complaints:
        os.write(2, b"driver: broken\n")
        assert complaints.take() == ""
        os.write(2, b"and again\n")
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "driver: broken\nand again\nafterwards\n"


def test_too_many_words_never_block() -> None:
    """More than a pipe holds, with nobody listening: what does not fit is lost."""
    with Complaints() as complaints:
        for _ in range(100):
            try:
                os.write(2, b"x" * 4095 + b"\n")
            except BlockingIOError:
                break
        else:
            pytest.fail("expected the pipe to be full")
        complaints.take()
