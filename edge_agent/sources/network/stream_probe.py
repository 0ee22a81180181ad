"""Why a stream does not open: its server is asked once more, since OpenCV says only that it failed.

Of RTSP in as few words as RFC 2326 allows; of others whether anybody listens.
"""

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from edge_agent.common.errors import SourceError
from edge_agent.mqtt.endpoint import Credentials
from edge_agent.sources.network.failures import failure, refusal
from edge_agent.sources.network.login import Login

RTSP = ("rtsp", "rtsps")
TLS = ("rtsps", "rtmps", "https")
PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443, "http": 80, "https": 443}
NOTHING = "a stream of which OpenCV gets no picture: its codec or its container is not there"
OK, UNAUTHORIZED = 200, 401
MAX_ANSWER = 64 * 1024
CODEC = re.compile(r"^a=rtpmap:\d+ ([\w.-]+)/", re.MULTILINE)
# Payload types that need no rtpmap (RFC 3551).
STATIC = {"26": "JPEG", "31": "H261", "32": "MPV", "34": "H263"}


@dataclass(frozen=True)
class RtspAnswer:
    """An answer: status, header lines by names in small letters, and body."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: str


def why_no_file(path: Path) -> str:
    """What was found at `path` where a recording was expected, in words."""
    if path.is_file():
        return "a file that OpenCV cannot read"
    return "no such file; a camera in the network begins with http:// or rtsp://"


def why_not(url: str, credentials: Credentials | None, timeout_s: float) -> str:
    """What was found where a stream was expected, in words.

    Args:
        url: of a stream, without user and password.
        credentials: these.
        timeout_s: of the connection, and of each answer.
    """
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    port = parts.port or PORTS.get(scheme)
    if port is None or scheme in ("udp", "rtp", "srt"):
        return "no stream that OpenCV can read"  # nobody need listen there
    try:
        with socket.create_connection((host, port), timeout_s) as plain:
            if scheme not in RTSP:
                return NOTHING
            found = _described(plain, scheme, host, url, credentials)
    except SourceError as error:
        return str(error)
    except EOFError:
        return failure(ConnectionResetError(), host, port, timeout_s)
    except (OSError, ValueError) as error:
        return failure(error, host, port, timeout_s)
    if found.status != OK:
        return refusal(found.status, known=credentials is not None)
    return offer(found.body)


def _described(
    plain: socket.socket, scheme: str, host: str, url: str, credentials: Credentials | None
) -> RtspAnswer:
    if scheme not in TLS:
        return describe(plain, url, Login(credentials))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(plain, server_hostname=host) as sock:
        return describe(sock, url, Login(credentials))


def offer(sdp: str) -> str:
    """What a stream's description (RFC 4566) offers, of which OpenCV makes nothing."""
    sections = re.split(r"^m=", sdp.replace("\r", ""), flags=re.MULTILINE)[1:]
    videos = [section for section in sections if section.startswith("video ")]
    if not videos:
        kinds = sorted({section.split(" ")[0] for section in sections})
        return f"a stream without video ({' and '.join(kinds) or 'empty'})"
    named = CODEC.search(videos[0])
    payload = videos[0].split("\n")[0].split(" ")[-1]
    codec = named[1] if named else STATIC.get(payload, f"payload type {payload}")
    return f"a stream in {codec} of which OpenCV gets no picture"


def describe(sock: socket.socket, url: str, login: Login) -> RtspAnswer:
    """The answer to DESCRIBE, after a challenge that can be answered.

    Raises:
        SourceError: what answers speaks no RTSP.
        OSError, EOFError: of the connection.
    """
    answer = _ask(sock, url, login, 1)
    challenges = [value for name, value in answer.fields if name == "www-authenticate"]
    if answer.status == UNAUTHORIZED and login.learn(challenges):
        answer = _ask(sock, url, login, 2)
    return answer


def _ask(sock: socket.socket, url: str, login: Login, number: int) -> RtspAnswer:
    lines = [f"DESCRIBE {url} RTSP/1.0", f"CSeq: {number}", "Accept: application/sdp"]
    authorization = login.header("DESCRIBE", url)
    if authorization is not None:
        lines.append(f"Authorization: {authorization}")
    sock.sendall("\r\n".join([*lines, "User-Agent: edgeward-agent", "", ""]).encode())
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            data += _more(sock, data)
    except EOFError:
        if not data.strip():
            raise
    # A page without a head is an answer too, of whoever speaks something else.
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    status = re.match(r"RTSP/\d\.\d (\d{3})", first)
    if status is None:
        raise SourceError("an answer that is no RTSP")
    fields = tuple((name.strip().lower(), value.strip()) for name, value in _pairs(rest))
    length = _length(dict(fields))
    while len(body) < length:
        body += _more(sock, body)
    return RtspAnswer(int(status[1]), fields, body[:length].decode("utf-8", "replace"))


def _more(sock: socket.socket, data: bytes) -> bytes:
    more = sock.recv(4096)
    if not more:
        raise EOFError
    if len(data) > MAX_ANSWER:
        raise SourceError(f"an answer of more than {MAX_ANSWER >> 10} kB")
    return more


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, colon, value in (ln.partition(":") for ln in lines) if colon]


def _length(fields: Mapping[str, str]) -> int:
    text = fields.get("content-length", "0")
    return min(int(text), MAX_ANSWER) if text.isascii() and text.isdecimal() else 0
