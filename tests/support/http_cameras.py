"""Cameras over HTTP that answer as a test says: whatever a server in the field may do."""

import hashlib
import ssl
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TypeAlias

from support.mjpeg import red_jpeg
from support.network_camera import NetworkCamera, serving

Behaviour: TypeAlias = Callable[[BaseHTTPRequestHandler], None]
"""Answers one GET."""

USER, PASSWORD = "viewer", "hunter2:/@"


class HttpCamera(NetworkCamera):
    """Answers every request by `behaviour`, and remembers the headers of each.

    Args:
        behaviour: what it does.
        certificate: its certificate and key; None speaks without TLS.
    """

    def __init__(self, behaviour: Behaviour, certificate: tuple[Path, Path] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour
        self.seen: list[dict[str, str]] = []
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/cam"


class _Handler(BaseHTTPRequestHandler):
    server: HttpCamera

    def do_GET(self) -> None:
        self.server.asked += 1
        self.server.seen.append({**self.headers, "path": self.path})
        self.server.behaviour(self)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def http_camera(
    behaviour: Behaviour, certificate: tuple[Path, Path] | None = None
) -> AbstractContextManager[HttpCamera]:
    """A running camera."""
    return serving(HttpCamera(behaviour, certificate))


def answers(
    status: int = 200, body: bytes = b"", kind: str = "image/jpeg", **headers: str
) -> Behaviour:
    """Always the same; `_` in a header's name stands for `-`."""

    def behave(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return behave


def says(kind: str, *pieces: bytes, pause_s: float = 0.0, rounds: int = 1) -> Behaviour:
    """A body without a length, in pieces, until the connection ends."""

    def behave(request: BaseHTTPRequestHandler) -> None:
        camera = request.server
        assert isinstance(camera, HttpCamera)
        request.send_response(200)
        if kind:
            request.send_header("Content-Type", kind)
        request.end_headers()
        for _ in range(rounds):
            for piece in pieces:
                request.wfile.write(piece)
                camera.hang_up.wait(pause_s)

    return behave


class Stills:
    """Another picture at each request, or the same one while it `stands`; with an ETag.

    Args:
        tagged: whether it says by an ETag which picture it is.
    """

    def __init__(self, *, tagged: bool = True) -> None:
        self.number, self.stands, self._tagged = 0, threading.Event(), tagged
        self.unchanged = 0

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        """Answer with it."""
        if not (self.stands.is_set() and self.number):
            self.number += 1
        tag = f'"{self.number}"'
        if request.headers.get("If-None-Match") == tag:
            self.unchanged += 1
            request.send_response(304)
            request.end_headers()
            return
        picture = red_jpeg(number=5 * self.number)
        behave = answers(body=picture, ETag=tag) if self._tagged else answers(body=picture)
        behave(request)


def digest_only(behaviour: Behaviour, algorithm: str = "MD5") -> Behaviour:
    """`behaviour` for whoever proves by digest that it is `USER` with `PASSWORD`."""
    name = {"MD5": "md5", "SHA-256": "sha256"}[algorithm]

    def hashed(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    def behave(request: BaseHTTPRequestHandler) -> None:
        said = request.headers.get("Authorization", "")
        fields = {
            item.partition("=")[0]: item.partition("=")[2].strip('"')
            for item in said.removeprefix("Digest ").split(", ")
        }
        first = hashed(f"{USER}:cameras:{PASSWORD}")
        second = hashed(f"GET:{request.path}")
        middle = ":".join(fields.get(key, "") for key in ("nonce", "nc", "cnonce", "qop"))
        if fields.get("response") == hashed(f"{first}:{middle}:{second}"):
            behaviour(request)
            return
        challenge = f'Digest realm="cameras", nonce="n1", qop="auth", algorithm={algorithm}'
        answers(401, b"<html>no</html>", "text/html", WWW_Authenticate=challenge)(request)

    return behave
