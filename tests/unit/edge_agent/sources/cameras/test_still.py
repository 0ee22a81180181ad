"""Stills: asked for as little as the camera allows, dated by the picture, and bounded."""

import gzip
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

import pytest
from support.http_cameras import Behaviour, Stills, answers, http_camera
from support.mjpeg import red_jpeg

from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras import still as module
from edge_agent.sources.cameras.grabber import CorruptFrameError
from edge_agent.sources.cameras.http_camera import open_still
from edge_agent.sources.cameras.still import StillCamera
from edge_agent.sources.config import StillConfig
from edge_agent.sources.network.jpeg import silent


def opened(url: str, timeout_s: float = 20) -> StillCamera:
    config = StillConfig(url=url, open_timeout_s=timeout_s, read_timeout_s=timeout_s)
    return open_still(config, silent)


def test_a_picture_that_stands_is_not_sent_again_and_keeps_its_date() -> None:
    """By its ETag; another one is new, and dated so."""
    stills = Stills()
    with http_camera(stills) as camera, opened(camera.url) as still:
        first = still.grab()
        image = still.retrieve(None)
        stills.stands.set()
        time.sleep(0.02)
        assert still.grab() == first
        assert stills.unchanged == 1
        assert (still.retrieve(None) == image).all()
        stills.stands.clear()
        assert still.grab() > first
        assert stills.unchanged == 1
    assert camera.asked == 3


def test_the_same_bytes_keep_their_date_without_a_tag() -> None:
    """Must fire without the server's help."""
    stills = Stills(tagged=False)
    stills.stands.set()
    with http_camera(stills) as camera, opened(camera.url) as still:
        first = still.grab()
        time.sleep(0.02)
        assert still.grab() == first
        assert stills.unchanged == 0


class Dated:
    """Stills whose Last-Modified is so old by the server's clock, which runs wrong."""

    def __init__(self, age_s: float) -> None:
        self.age_s, self.number, self.clock_s = age_s, 0, 1e9

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        self.number += 1
        modified = formatdate(self.clock_s - self.age_s, usegmt=True)
        shown = formatdate(self.clock_s, usegmt=True)
        vars(request)["date_time_string"] = lambda *_: shown
        answers(body=red_jpeg(number=self.number), Last_Modified=modified)(request)


def test_a_picture_is_as_old_as_its_server_says() -> None:
    """Both moments by the server's clock, whatever it shows; also what it is asked by."""
    dated = Dated(40.0)
    with http_camera(dated) as camera, opened(camera.url) as still:
        assert abs(time.monotonic() - still.grab() - 40) < 5
        dated.age_s, dated.clock_s = 10.0, dated.clock_s + 60
        assert abs(time.monotonic() - still.grab() - 10) < 5
        assert camera.seen[1]["If-Modified-Since"] == formatdate(1e9 - 40, usegmt=True)


def test_a_date_that_stands_while_the_picture_changes_is_none() -> None:
    """Many servers say when they were started, or nothing that can be."""
    dated = Dated(40.0)
    with http_camera(dated) as camera, opened(camera.url) as still:
        still.grab()
        assert abs(time.monotonic() - still.grab()) < 5
    for age_s in (-5.0, 10 * module.MAX_AGE_S):
        with http_camera(Dated(age_s)) as camera, opened(camera.url) as still:
            assert abs(time.monotonic() - still.grab()) < 5


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "image/jpeg")
    request.end_headers()
    for _ in range(400):
        request.wfile.write(b"\xff\xd8" + bytes(4096))
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (answers(body=b"<html>", kind="text/html"), "found a page or data (text/html)"),
        (answers(body=b"<html>", kind=""), "found a page or data ()"),
        (answers(kind="multipart/x-mixed-replace; boundary=x"), 'a stream: use kind = "camera"'),
        (answers(body=b'{"error": "offline"}'), "found a page or data (image/jpeg)"),
        (answers(body=b""), "found nothing in the answer"),
        (answers(304), "found status 304: not modified, though it has given none yet"),
        (answers(body=gzip.compress(red_jpeg())), "found what is packed (gzip)"),
        (answers(404), "found status 404: nothing is at this path"),
        (answers(body=bytes(3 * 1024**2)), "found more than 2 MB"),
        (endless, "expected a picture within 2 s, found "),
    ],
)
def test_what_is_no_picture_is_named(
    behaviour: Behaviour, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is too large, and one that never ends."""
    monkeypatch.setattr(module, "MAX_PICTURE", 2 * 1024**2)
    timeout_s = 2 if behaviour is endless else 20
    with http_camera(behaviour) as camera, opened(camera.url, timeout_s) as still:
        start = time.monotonic()
        with pytest.raises(SourceError) as caught:
            still.grab()
        assert str(caught.value).startswith(f"snapshot {camera.url}: expected a picture")
        assert words in str(caught.value)
        assert time.monotonic() - start < 20


def test_a_picture_is_one_whatever_it_is_said_to_be() -> None:
    """Many a script of a camera's says text."""
    with (
        http_camera(answers(body=red_jpeg(), kind="text/plain")) as camera,
        opened(camera.url) as still,
    ):
        still.grab()
        assert still.retrieve(None).shape == (48, 64, 3)


def test_a_picture_that_cannot_be_decoded_is_corrupt() -> None:
    """As a frame of a stream is."""
    with (
        http_camera(answers(body=b"\xff\xd8 hello \xff\xd9")) as camera,
        opened(camera.url) as still,
    ):
        still.grab()
        with pytest.raises(CorruptFrameError, match="cannot be decoded"):
            still.retrieve(None)
