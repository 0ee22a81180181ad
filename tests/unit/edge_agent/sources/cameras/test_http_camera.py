"""Cameras over HTTP: failures by their names, streams however they are separated, and stills."""

import base64
import gzip
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TypedDict, Unpack

import cv2
import numpy as np
import pytest
from support.brokers import free_port
from support.certificates import certificate
from support.http_cameras import PASSWORD, USER, Behaviour, answers, digest_only, http_camera, says
from support.mjpeg import red_jpeg
from support.patterns import write_video

from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras import http_camera as module
from edge_agent.sources.cameras.camera import OpencvCamera, open_any
from edge_agent.sources.cameras.grabber import Grabber
from edge_agent.sources.cameras.http_camera import JpegStream
from edge_agent.sources.cameras.still import StillCamera
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.network.failures import MOST_WAIT_S, BusyError

JPEG = red_jpeg()
RED_PNG = cv2.imencode(".png", cv2.imdecode(np.frombuffer(JPEG, np.uint8), 1))[1].tobytes()
LENGTH = f"Content-Type: image/jpeg\r\nContent-Length: {len(JPEG)}\r\n\r\n".encode()
MIXED = "multipart/x-mixed-replace; boundary=frame"


class Files(TypedDict, total=False):
    """What of a camera's configuration is in files."""

    credentials_file: Path
    ca_file: Path | None


def short(url: str, timeout_s: float = 20.0, **files: Unpack[Files]) -> CameraConfig:
    """A camera that is given up after a while; soon, where a test waits for that."""
    return CameraConfig(url=url, open_timeout_s=timeout_s, read_timeout_s=timeout_s, **files)


def failure(url: str, timeout_s: float = 20.0, **files: Unpack[Files]) -> str:
    """What opening says, less the place."""
    config = short(url, timeout_s, **files)
    with pytest.raises(SourceError) as caught:
        open_any(config)
    place, _, words = str(caught.value).partition(": expected ")
    assert place == config.place
    return "expected " + words


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (answers(401), "a picture, found status 401: it wants a user and a password"),
        (answers(403), "a picture, found status 403: this user may not see it"),
        (answers(404), "a picture, found status 404: nothing is at this path"),
        (answers(503), "a picture, found status 503: it is busy, perhaps with others who look"),
        (answers(429), "a picture, found status 429: it is asked too often"),
        (answers(500), "a picture, found status 500: Internal Server Error"),
        (answers(799), "a picture, found status 799: whatever that means there"),
        (answers(302, Location="/"), "an answer, found more than 5 redirections"),
        (answers(302, Location="ftp://c/"), "HTTP, found that it sends us to what is none"),
        (answers(302), "HTTP, found that it sends us away, and does not say where to"),
        (answers(302, Location="http://[c/"), "HTTP, found that it sends us to what is no address"),
        (answers(302, Location="http://:80/x"), "HTTP, found that it sends us to what is none"),
        (answers(302, Location="http://c:99999/"), "an address, found one with an impossible port"),
        (
            answers(302, Location="http://.bad..host/"),
            "a camera, found no host of the name '.bad..host'",
        ),
        (
            answers(body=b"<!DOCTYPE html>\n<p>Log in</p>" * 9, kind="text/html; charset=utf-8"),
            "a stream or a picture, found a page or data (text/html)",
        ),
        (
            answers(body=b"Error: camera offline"),
            "a picture, found a page or data (image/jpeg)",
        ),
        (answers(), "a picture, found nothing in the answer"),
        (
            answers(kind="application/octet-stream"),
            "a stream or a picture, found nothing in the answer",
        ),
        (
            answers(body=gzip.compress(JPEG), Content_Encoding="gzip"),
            "a picture, found what is packed (gzip), which nobody has asked for",
        ),
        (
            answers(304),
            "a picture, found status 304: not modified, though it has given none yet",
        ),
        (
            says(MIXED, b"\r\n", b"no picture\r\n" * 30_000),
            "pictures, found neither a boundary nor a JPEG in the first 256 kB",
        ),
    ],
)
def test_what_is_no_camera_is_named(behaviour: Behaviour, expected: str) -> None:
    """Each failure by its own words, at the first try."""
    with http_camera(behaviour) as camera:
        config = short(camera.url)
        with pytest.raises(SourceError) as caught, open_any(config) as opened:
            opened.grab()
        assert str(caught.value) == f"{config.place}: expected {expected}"


def no_http(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"ICY, but cold\r\n\r\n")


def test_who_does_not_answer_is_named() -> None:
    """Nobody listens, nobody has that name, nothing comes in time, and what comes is no HTTP."""
    port = free_port()
    assert failure(f"http://127.0.0.1:{port}/x") == (
        f"expected a camera, found nobody who listens at 127.0.0.1:{port} (connection refused)"
    )
    words = failure("http://no-such-camera.invalid/x?pwd=hunter2")
    assert words.startswith("expected a camera, found no ")  # host, or server that knows
    assert "'no-such-camera.invalid'" in words
    for scheme in ("http", "https"):
        assert failure(f"{scheme}://cam..local/x") == (
            "expected a camera, found no host of the name 'cam..local'"
        )
    with http_camera(lambda request: time.sleep(3)) as camera:
        port = camera.server_address[1]
        assert failure(camera.url, 2.0) == (
            f"expected a camera, found no answer from 127.0.0.1:{port} within 1.6 s"
        )
    with http_camera(no_http) as camera:
        port = camera.server_address[1]
        assert failure(camera.url) == (
            f"expected a camera, found that 127.0.0.1:{port} speaks no HTTP"
        )


def test_a_certificate_is_asked_for_where_its_signer_is_known(tmp_path: Path) -> None:
    """Those of cameras are signed by nobody; who has made one says so."""
    ours, other = (certificate(tmp_path, name) for name in ("ours", "other"))
    with http_camera(answers(body=JPEG), ours) as camera:
        for ca_file in (None, ours[0]):
            config = short(camera.url, ca_file=ca_file)
            with open_any(config) as opened:
                opened.grab()
                assert opened.retrieve(None).shape == (48, 64, 3)
        words = failure(camera.url, ca_file=other[0])
        assert words.startswith("expected a camera, found a certificate that is not trusted: self")
        assert "found no TLS at" not in words


def test_a_ca_file_that_is_none_is_named(tmp_path: Path) -> None:
    """Missing, or of another kind; also where it is not needed yet."""
    page = tmp_path / "page"
    page.write_text("no certificate")
    with http_camera(answers(body=JPEG)) as camera:
        for url in (camera.url, "https://127.0.0.1:9/"):
            absent = tmp_path / "absent"
            assert failure(url, ca_file=absent) == (
                f"expected certificates in ca_file, found {absent}: No such file or directory"
            )
            assert failure(url, ca_file=page) == (
                f"expected certificates in ca_file, found none in {page}"
            )


@pytest.mark.parametrize("challenge", ['Basic realm="c"', 'Digest realm="c", nonce="n"'])
def test_a_user_in_any_letters_is_sent_as_utf_8(challenge: str) -> None:
    """As today's cameras expect it."""
    with http_camera(answers(401, WWW_Authenticate=challenge)) as camera:
        words = failure(camera.url.replace("://", "://%D0%B6%C3%A9:hunter2@"))
        assert "it refuses this user or password" in words
        said = camera.seen[-1]["Authorization"].encode("latin-1")
    user = "\u0436\u00e9".encode()
    assert user in said or base64.b64encode(user + b":hunter2") in said


@pytest.mark.parametrize(
    ("status", "after", "expected"),
    [(503, "7", 7.0), (429, "86400", MOST_WAIT_S), (503, "soon", 0.0), (503, "-1", 0.0)],
)
def test_a_camera_that_is_busy_says_until_when(status: int, after: str, expected: float) -> None:
    """Within bounds; what cannot be read asks for nothing."""
    with http_camera(answers(status, Retry_After=after)) as camera:
        with pytest.raises(BusyError) as caught:
            open_any(short(camera.url))
        assert caught.value.wait_s == expected


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_user_is_known_by_the_url_or_by_a_file(algorithm: str, tmp_path: Path) -> None:
    """Digest, and a wrong password has words of its own; nothing secret is said."""
    secret = tmp_path / "camera.credentials"
    secret.write_text(f"{USER}:{PASSWORD}\n")
    secret.chmod(0o600)
    with http_camera(digest_only(answers(body=JPEG), algorithm)) as camera:
        assert "it wants a user and a password" in failure(camera.url)
        wrong = camera.url.replace("://", f"://{USER}:wrong@")
        assert "it refuses this user or password" in failure(wrong)
        right = camera.url.replace("://", f"://{USER}:hunter2%3A%2F%40@")
        for config in (
            short(right),
            short(camera.url, credentials_file=secret),
        ):
            with open_any(config) as opened:
                opened.grab()
                assert opened.retrieve(None).shape == (48, 64, 3)
        missing = tmp_path / "none"
        config = short(camera.url, credentials_file=missing)
        with pytest.raises(SourceError, match=f"{missing}: expected a credentials file"):
            open_any(config)


def test_a_password_does_not_follow_a_redirection_to_others() -> None:
    """Another host, or another port, is another server: it sees no `Authorization`."""
    challenge = 'Basic realm="cameras"'
    with http_camera(answers(401, WWW_Authenticate=challenge)) as stranger:
        with http_camera(answers(302, Location=stranger.url)) as camera:
            words = failure(camera.url.replace("://", "://me:hunter2@"))
        assert words == (
            "expected a picture, found status 401: it sends us to another address, which wants a "
            "user and a password"
        )
        assert len(stranger.seen) == 1
        assert not [seen for seen in stranger.seen if "Authorization" in seen]


def pictures(opened: Grabber, count: int) -> None:
    """So many sound red pictures come."""
    with opened:
        for _ in range(count):
            at = opened.grab()
            assert abs(time.monotonic() - at) < 5
            image = opened.retrieve(None)
            assert image.shape == (48, 64, 3)
            assert image[:, :, 2].min() > 150


@pytest.mark.parametrize(
    ("kind", "pieces"),
    [
        (MIXED, (b"--frame\r\n" + LENGTH + JPEG + b"\r\n",)),
        # ESP32 cameras and Tasmota: a part begins, and the boundary comes after it.
        (MIXED, (LENGTH + JPEG + b"\r\n--frame\r\n",)),
        # Dashes in the header, quotes, and a blank.
        ('multipart/x-mixed-replace; boundary="--frame"', (b"--frame\r\n" + LENGTH + JPEG,)),
        ("multipart/x-mixed-replace;boundary=----x", (b"\r\n------x\n" + LENGTH + JPEG,)),
        # No length: the JPEG's own end, or the next boundary.
        (MIXED, (b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n",)),
        (MIXED, (b"--frame\r\n\r\n" + JPEG,)),
        # Another boundary than was said, or none said.
        ("multipart/x-mixed-replace; boundary=other", (b"--frame\r\n" + LENGTH + JPEG + b"\r\n",)),
        ("multipart/x-mixed-replace", (b"--frame\r\n" + LENGTH + JPEG + b"\r\n",)),
        # A type that says nothing, and none.
        ("application/octet-stream", (b"--frame\r\n" + LENGTH + JPEG + b"\r\n",)),
        ("", (b"--frame\r\n" + LENGTH + JPEG + b"\r\n",)),
        # JPEGs and nothing between, in pieces of any size.
        ("image/jpeg", (JPEG[:100], JPEG[100:] + JPEG[:1], JPEG[1:])),
        # What is no picture is left out.
        (
            MIXED,
            (
                b"--frame\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi\r\n--frame\r\n"
                + LENGTH
                + JPEG
                + b"\r\n",
            ),
        ),
    ],
)
def test_a_stream_is_read_however_it_is_separated(kind: str, pieces: tuple[bytes, ...]) -> None:
    """All that was seen in the field."""
    with http_camera(says(kind, *pieces, pause_s=0.005, rounds=50)) as camera:
        opened = open_any(short(camera.url))
        assert isinstance(opened, JpegStream)
        pictures(opened, 5)


PART = b"--frame\r\n" + LENGTH + JPEG + b"\r\n"


def test_a_stream_that_ends_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it has lasted; one that stalls, in its own time; and one that gives nothing at all."""
    monkeypatch.setattr(module, "LASTS_S", 0.0)
    for pieces, pause_s, words in (
        ((PART, b"--frame\r\n"), 0.0, "no more frames from the camera"),
        ((PART, b"--frame\r\n"), 9.0, "no more frames: nothing comes"),
    ):
        with (
            http_camera(says(MIXED, *pieces, pause_s=pause_s)) as camera,
            open_any(short(camera.url, 2.0 if pause_s else 20.0)) as opened,
        ):
            opened.grab()
            with pytest.raises(SourceError, match=words):
                opened.grab()
            assert camera.asked == 1
    with (
        http_camera(says(MIXED, b"--frame\r\n")) as camera,
        open_any(short(camera.url)) as opened,
        pytest.raises(SourceError, match="no more frames from the camera"),
    ):
        opened.grab()


@pytest.mark.parametrize("count", [1, 3])
def test_a_stream_that_ends_after_a_few_pictures_is_asked_for_each(count: int) -> None:
    """As of ESP32 cameras that give one part and hang up: no loss, and no picture for nobody."""
    with http_camera(says(MIXED, *count * [PART])) as camera:
        opened = open_any(short(camera.url))
        with opened:
            assert not opened.still
            for _ in range(2 * count + 1):
                opened.grab()
            assert opened.still
            asked = camera.asked
            for _ in range(3):
                assert abs(time.monotonic() - opened.grab()) < 5
                assert opened.retrieve(None).shape == (48, 64, 3)
            assert camera.asked == asked + 3
            camera.behaviour = answers(404)
            with pytest.raises(SourceError, match="status 404"):
                opened.grab()


def test_a_stream_that_ends_after_many_pictures_stays_one() -> None:
    """It is asked for anew; where that fails, it has ended."""
    with http_camera(says(MIXED, *20 * [PART])) as camera:
        opened = open_any(short(camera.url))
        with opened:
            for _ in range(80):
                opened.grab()
            assert not opened.still
            assert camera.asked == 4
            camera.behaviour = answers(404)
            with pytest.raises(SourceError, match="no more frames from the camera"):
                opened.grab()


@pytest.mark.parametrize(
    "behaviour",
    [
        answers(body=JPEG),
        answers(body=JPEG, kind="application/octet-stream"),
        answers(body=JPEG, kind="text/plain"),
        answers(body=RED_PNG, kind="text/html"),
        says("image/jpeg", JPEG),
    ],
    ids=["length", "no type", "wrong type", "wrong type, PNG", "no length"],
)
def test_a_still_is_recognised(behaviour: Behaviour) -> None:
    """Its first picture is the one that came, and each further one is asked for."""
    with http_camera(behaviour) as camera:
        opened = open_any(short(camera.url))
        assert isinstance(opened, StillCamera)
        pictures(opened, 3)
        assert camera.asked == 3


def test_other_streams_are_left_to_opencv(tmp_path: Path) -> None:
    """What begins as neither is a container, if OpenCV can read it; else that is said."""
    video = write_video(tmp_path / "v.ts", 30).read_bytes()
    with (
        http_camera(answers(body=video, kind="video/mp2t")) as camera,
        open_any(short(camera.url)) as opened,
    ):
        assert isinstance(opened, OpencvCamera)
        opened.grab()
        assert opened.retrieve(None).shape == (48, 64, 3)
    with http_camera(answers(body=b"\x00\x01noise" * 99, kind="video/strange")) as camera:
        assert failure(camera.url) == (
            "expected a camera, found a stream of which OpenCV gets no picture: its codec or its "
            "container is not there"
        )
