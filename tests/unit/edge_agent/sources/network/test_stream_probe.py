"""Why a stream does not open, by its server's own words."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler

import pytest
from support.brokers import free_port
from support.network_camera import NetworkCamera, serving

from edge_agent.common.errors import SourceError
from edge_agent.mqtt.endpoint import Credentials
from edge_agent.sources.cameras.camera import OpencvCamera
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.network.stream_probe import offer, why_no_file, why_not

H265 = "v=0\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n"


class Rtsp(NetworkCamera):
    """Answers every request with the same line, header lines and body."""

    def __init__(self, first: str, headers: str, body: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.first, self.headers, self.body = first, headers, body
        self.requests: list[str] = []
        self.lock = threading.Lock()


class _Handler(StreamRequestHandler):
    server: Rtsp

    def handle(self) -> None:
        said = self.server
        while (lines := [*iter(lambda: self.rfile.readline().decode().strip(), "")]) and lines[0]:
            with said.lock:
                said.requests.append("\n".join(lines))
            number = next((line for line in lines if line.lower().startswith("cseq")), "CSeq: 1")
            length = f"Content-Length: {len(said.body)}\r\n" if said.body else ""
            answer = f"{said.first}\r\n{number}\r\n{said.headers}{length}\r\n{said.body}"
            self.wfile.write(answer.encode())


@contextmanager
def rtsp(first: str, headers: str = "", body: str = "") -> Iterator[tuple[str, Rtsp]]:
    """The address of a server, and it."""
    with serving(Rtsp(first, headers, body)) as camera:
        yield f"rtsp://127.0.0.1:{camera.server_address[1]}/live?channel=1", camera


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("RTSP/1.0 401 Unauthorized", "status 401: it wants a user and a password"),
        ("RTSP/1.0 404 Not Found", "status 404: nothing is at this path"),
        ("RTSP/1.0 454 Session Not Found", "status 454: it has forgotten the session"),
        (
            "RTSP/1.0 503 Service Unavailable",
            "status 503: it is busy, perhaps with others who look",
        ),
        ("HTTP/1.1 400 Bad Request", "an answer that is no RTSP"),
    ],
)
def test_a_server_that_refuses_is_quoted(first: str, words: str) -> None:
    """By the camera itself, which OpenCV could not open."""
    with rtsp(first) as (url, _), pytest.raises(SourceError) as caught:
        OpencvCamera(CameraConfig(url=url, open_timeout_s=2))
    assert str(caught.value) == f"camera {url}: expected a camera, found {words}"


def test_a_challenge_is_answered_and_a_refusal_of_that_is_another() -> None:
    """By the digest of the credentials, over the same connection."""
    challenge = 'WWW-Authenticate: Digest realm="c", nonce="n"\r\n'
    with rtsp("RTSP/1.0 401 Unauthorized", challenge) as (url, camera):
        found = why_not(url, Credentials("me", "hunter2"), 2)
        assert found == "status 401: it refuses this user or password"
        assert [request.split("\n")[0].split(" ")[0] for request in camera.requests] == [
            "DESCRIBE"
        ] * 2
        assert 'Authorization: Digest username="me"' in camera.requests[1]
        assert "hunter2" not in camera.requests[1]


def test_a_codec_is_named() -> None:
    """Of a stream that is offered, and of which nothing can be shown."""
    with rtsp("RTSP/1.0 200 OK", "", H265) as (url, _):
        words = "a stream in H265 of which OpenCV gets no picture"
        assert why_not(url, None, 2) == words
    assert (
        offer("v=0\nm=video 0 RTP/AVP 26\n") == "a stream in JPEG of which OpenCV gets no picture"
    )
    assert offer("v=0\nm=audio 0 RTP/AVP 0\n") == "a stream without video (audio)"
    assert offer("") == "a stream without video (empty)"


def test_who_does_not_listen_is_named(tmp_path: Path) -> None:
    """A port, a host, a file; what is sent without being asked for need have nobody."""
    port = free_port()
    refused = f"nobody who listens at 127.0.0.1:{port} (connection refused)"
    for scheme in ("rtsp", "rtsps", "rtmp", "tcp"):
        assert why_not(f"{scheme}://127.0.0.1:{port}/x", None, 1) == refused
    assert "'no-such-camera.invalid'" in why_not("rtsp://no-such-camera.invalid/x", None, 1)
    assert "'cam..local'" in why_not("rtsps://cam..local/x", None, 1)
    assert why_not(f"udp://127.0.0.1:{port}", None, 1) == "no stream that OpenCV can read"
    assert why_no_file(tmp_path / "v.mp4").startswith("no such file; a camera in the")
    (tmp_path / "v.mp4").write_text("no video")
    assert why_no_file(tmp_path / "v.mp4") == "a file that OpenCV cannot read"


def hang_up(request: StreamRequestHandler) -> None:
    request.rfile.readline()


def say_nothing(request: StreamRequestHandler) -> None:
    assert isinstance(request.server, NetworkCamera)
    request.server.hang_up.wait(5)


def answer_with_a_page(request: StreamRequestHandler) -> None:
    request.rfile.readline()
    request.wfile.write(b"<html>no RTSP here</html>")


@pytest.mark.parametrize(
    ("does", "words"),
    [
        (hang_up, "that {} hangs up"),
        (say_nothing, "no answer from {} within 0.3 s"),
        (answer_with_a_page, "an answer that is no RTSP"),
    ],
)
def test_silence_is_named(does: Callable[[StreamRequestHandler], None], words: str) -> None:
    """A server that hangs up in the middle, one that says nothing, and one of another kind."""
    handler = type("Handler", (StreamRequestHandler,), {"handle": does})
    with serving(NetworkCamera(("127.0.0.1", 0), handler)) as camera:
        where = f"127.0.0.1:{camera.server_address[1]}"
        assert why_not(f"rtsp://{where}/x", None, 0.3) == words.format(where)
