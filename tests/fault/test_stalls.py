"""Streams that stall, then send what they had held back: none of it is dated as new."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from support.http_cameras import Behaviour, HttpCamera, http_camera
from support.live_cameras import Reports, live
from support.mjpeg import red_jpeg
from support.patterns import FADING, write_video

from edge_agent.sources.base import Frame

PER_S = 25
STALL_AT_S, STALL_S, END_S = 1.0, 2.5, 6.0
# What a busy machine may add between sending and dating; less than what was held back.
SLACK_S = 2.0


class Stalling:
    """A camera whose network holds everything back for a while.

    `began_s`: when its first frame was taken.
    """

    began_s = 0.0

    def due_s(self) -> Iterator[float]:
        """How much of the stream may be sent, in seconds, again and again."""
        self.began_s = time.monotonic()
        while (now := time.monotonic() - self.began_s) < END_S:
            if not STALL_AT_S <= now < STALL_AT_S + STALL_S:
                yield now
            time.sleep(1 / PER_S / 2)

    def taken_s(self, number: int) -> float:
        """When a frame was taken, by our clock."""
        return self.began_s + number / PER_S


class Video(Stalling):
    """An MPEG transport stream, which has a clock."""

    def __init__(self, path: Path) -> None:
        self._data = write_video(path, round(END_S * PER_S)).read_bytes()

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        """Send it."""
        request.send_response(200)
        request.send_header("Content-Type", "video/mp2t")
        request.end_headers()
        sent = 0
        for due_s in self.due_s():
            upto = round(len(self._data) * (due_s + 1 / PER_S) / END_S)
            request.wfile.write(self._data[sent:upto])
            sent = upto


class Jpegs(Stalling):
    """Motion JPEG, with a clock in each part, or without."""

    def __init__(self, *, dated: bool) -> None:
        self._dated = dated

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        """Send it."""
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=x")
        request.end_headers()
        number = 0
        for due_s in self.due_s():
            while number <= due_s * PER_S:
                jpeg = red_jpeg(number=5 * number)
                stamp = f"X-Timestamp: {7e5 + number / PER_S:.6f}\r\n" if self._dated else ""
                head = f"--x\r\nContent-Length: {len(jpeg)}\r\n{stamp}\r\n"
                request.wfile.write(head.encode() + jpeg + b"\r\n")
                number += 1


def looked_at(camera: HttpCamera) -> list[tuple[float, Frame]]:
    """The frames until some seconds after the stall, and when each was there."""
    frames = list[tuple[float, Frame]]()
    with live(camera.url, Reports(), read_timeout_s=20.0, open_timeout_s=20.0) as source:
        behaviour = camera.behaviour
        assert isinstance(behaviour, Stalling)
        for frame in source:
            frames.append((time.monotonic(), frame))
            if time.monotonic() > behaviour.began_s + STALL_AT_S + STALL_S + 0.8:
                break
        assert source.counters.respawned == 0
    return frames


@pytest.mark.parametrize("kind", ["video", "jpegs", "dated jpegs"])
def test_what_a_stall_held_back_is_not_dated_as_new(kind: str, tmp_path: Path) -> None:
    """All at once after the silence: dropped, or dated by when it was taken."""
    behaviour: Behaviour
    if kind == "video":
        behaviour = Video(tmp_path / "v.ts")
    else:
        behaviour = Jpegs(dated=kind.startswith("dated"))
    assert isinstance(behaviour, Stalling)
    with http_camera(behaviour) as camera:
        frames = looked_at(camera)
        stall_s = behaviour.began_s + STALL_AT_S
        after = [frame for came, frame in frames if came > stall_s + STALL_S]
        assert len(after) > 10
        if kind == "video":
            for frame in after:
                number = round(255 - float(frame.image[:, :, 2].mean())) % FADING
                taken = behaviour.taken_s(nearest(number, frame.seq))
                assert abs(frame.monotonic_s - taken) < SLACK_S
        else:
            # Numbers rise with what came; the first that was given after the stall is of its end.
            first = after[0]
            assert abs(first.monotonic_s - behaviour.taken_s(first.seq)) < SLACK_S
        assert min(frame.monotonic_s for frame in after) > stall_s + STALL_S - 2.5


def nearest(number: int, about: int) -> int:
    """What is `number` but for a multiple of `FADING`, nearest to `about`."""
    return number + round((about - number) / FADING) * FADING
