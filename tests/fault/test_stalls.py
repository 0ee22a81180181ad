"""Streams that stall, then send what they had held back: none of it is dated as new."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET

import pytest
from support.http_cameras import Behaviour, HttpCamera, http_camera
from support.live_cameras import PATIENCE_S, Reports, live
from support.mjpeg import red_jpeg
from support.patterns import FADING, write_video

from edge_agent.sources.base import Frame
from edge_agent.sources.cameras.stream_clock import LATE_S

PER_S = 25
# The stall begins when so many frames have been seen, and the test ends so many after it.
SEEN = 12
# The reader has seen nothing for so long when what was held back is sent.
SILENCE_S = LATE_S + 1.0
VIDEO_S = 30.0
# A frame's number is read from its colour, which a video knows to some frames only.
ROUGHLY_S = 0.5
# A stall's worth of frames leaves at once, whatever else the machine does then.
SEND_BUFFER = 1 << 20
JPEGS = [red_jpeg(number=5 * number) for number in range(64)]


class Stalling:
    """A camera whose network holds everything back once, when frames of it have been seen.

    How long it does so follows from what is seen, not from the clock: a busy machine delays both.

    `began_s`: when its first frame was taken; `resumed_s`: when it began to send again.
    """

    def __init__(self) -> None:
        self.began_s = self.resumed_s = 0.0
        self._seen, self._seen_s = 0, 0.0

    def see(self) -> None:
        """A frame of it has come to the reader."""
        self._seen, self._seen_s = self._seen + 1, time.monotonic()

    def due_s(self) -> Iterator[float]:
        """How much of the stream may be sent, in seconds, again and again."""
        self.began_s = time.monotonic()
        while self._seen < SEEN:
            yield time.monotonic() - self.began_s
            time.sleep(1 / PER_S / 2)
        while time.monotonic() - self._seen_s < SILENCE_S:
            time.sleep(1 / PER_S)
        self.resumed_s = time.monotonic()
        while True:  # until the reader hangs up
            yield time.monotonic() - self.began_s
            time.sleep(1 / PER_S / 2)

    def taken_s(self, number: int) -> float:
        """When a frame was taken, by our clock."""
        return self.began_s + number / PER_S


class Video(Stalling):
    """An MPEG transport stream, which has a clock."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._data = write_video(path, round(VIDEO_S * PER_S)).read_bytes()

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        """Send it."""
        request.send_response(200)
        request.send_header("Content-Type", "video/mp2t")
        request.end_headers()
        sent = 0
        for due_s in self.due_s():
            upto = round(len(self._data) * (due_s + 1 / PER_S) / VIDEO_S)
            request.wfile.write(self._data[sent:upto])
            sent = upto


class Jpegs(Stalling):
    """Motion JPEG: with a clock in each part, or without, and then all at once after the stall.

    `held`: the numbers of the frames that the stall held back.
    """

    def __init__(self, *, dated: bool) -> None:
        super().__init__()
        self._dated = dated
        self.held = range(0)

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        """Send it."""
        request.connection.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER)
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=x")
        request.end_headers()
        sent = 0
        for due_s in self.due_s():
            due = range(sent, int(due_s * PER_S) + 1)
            if self.resumed_s and not self.held:
                self.held = due
            if self._dated:  # one by one: what is held back is known by its date alone
                for number in due:
                    request.wfile.write(self._part(number))
                    time.sleep(0.005)
            elif due:
                request.wfile.write(b"".join(map(self._part, due)))
            sent = due.stop

    def _part(self, number: int) -> bytes:
        jpeg = JPEGS[number % len(JPEGS)]
        stamp = f"X-Timestamp: {7e5 + number / PER_S:.6f}\r\n" if self._dated else ""
        return f"--x\r\nContent-Length: {len(jpeg)}\r\n{stamp}\r\n".encode() + jpeg + b"\r\n"


def looked_at(camera: HttpCamera) -> list[tuple[float, Frame]]:
    """The frames until some after the stall, and when each was there."""
    frames = list[tuple[float, Frame]]()
    behaviour = camera.behaviour
    assert isinstance(behaviour, Stalling)
    with live(
        camera.url, Reports(), read_timeout_s=PATIENCE_S, open_timeout_s=PATIENCE_S
    ) as source:
        after = count()
        for frame in source:
            frames.append((time.monotonic(), frame))
            behaviour.see()
            if behaviour.resumed_s and next(after) >= SEEN:
                break
        assert source.counters.respawned == 0
    return frames


@pytest.mark.parametrize("kind", ["video", "jpegs", "dated jpegs"])
def test_what_a_stall_held_back_is_not_dated_as_new(kind: str, tmp_path: Path) -> None:
    """After the silence: dropped, or dated by when it was taken, and too old a frame dropped."""
    behaviour: Behaviour
    if kind == "video":
        behaviour = Video(tmp_path / "v.ts")
    else:
        behaviour = Jpegs(dated=kind.startswith("dated"))
    assert isinstance(behaviour, Stalling)
    with http_camera(behaviour) as camera:
        frames = looked_at(camera)
    after = [frame for came_s, frame in frames if came_s > behaviour.resumed_s]
    # A frame comes LATE_S after it was taken at most, and this was not before the end of the stall.
    assert min(frame.monotonic_s for frame in after) > behaviour.resumed_s - LATE_S
    if kind == "jpegs":
        # The last of the frames that came together is the first that may be new.
        assert isinstance(behaviour, Jpegs)
        assert after[0].seq >= behaviour.held[-1]
        return
    # The frame that came soonest is taken to have come at once: all are dated as much too late
    # as that one had been on its way when the reader took it, which was before we saw it.
    soonest_s = min(
        came_s - behaviour.taken_s(number_of(frame, kind))
        for came_s, frame in frames
        if came_s <= behaviour.resumed_s
    )
    for frame in after:
        late_s = frame.monotonic_s - behaviour.taken_s(number_of(frame, kind))
        assert -ROUGHLY_S < late_s < soonest_s + ROUGHLY_S


def number_of(frame: Frame, kind: str) -> int:
    """Which frame of the stream it is; in a video, the nearest that has its colour."""
    if kind != "video":
        return frame.seq
    colour = round(255 - float(frame.image[:, :, 2].mean())) % FADING
    return colour + round((frame.seq - colour) / FADING) * FADING
