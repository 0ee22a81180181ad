"""A camera to test against: RTSP on loopback, motion JPEG in RTP (RFC 2435), over the same TCP."""

import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager
from socketserver import StreamRequestHandler

from support.mjpeg import red_jpeg
from support.network_camera import NetworkCamera, serving

SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 26\r\na=control:video\r\n"
)
PACKET_BYTES = 1400
CLOCK_HZ = 90_000
START_OF_SCAN, QUANTISATION = 0xDA, 0xDB


class RtspCamera(NetworkCamera):
    """As `NetworkCamera`: red, 64x48, never twice the same."""

    def __init__(self, interval_s: float = 0.02) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.interval_s = interval_s

    @property
    def url(self) -> str:
        """Where the stream is."""
        return f"rtsp://127.0.0.1:{self.server_address[1]}/stream"


class _Handler(StreamRequestHandler):
    server: RtspCamera

    def handle(self) -> None:
        self.server.asked += 1
        while (request := self._request()) is not None:
            method, number = request
            self._answer(method, number)
            if method == "PLAY":
                self._play()
                return

    def _request(self) -> tuple[str, str] | None:
        """The method and the number of the next request."""
        first = self.rfile.readline().decode()
        if not first.strip():
            return None
        number = ""
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            if name.lower() == "cseq":
                number = value.strip()
        return first.split(" ")[0], number

    def _answer(self, method: str, number: str) -> None:
        lines, body = [f"CSeq: {number}"], ""
        match method:
            case "OPTIONS":
                lines.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
            case "DESCRIBE":
                body = SDP
                lines += [
                    f"Content-Base: {self.server.url}/",
                    "Content-Type: application/sdp",
                    f"Content-Length: {len(body)}",
                ]
            case "SETUP":
                lines += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
            case _:
                lines.append("Session: 1")
        self.wfile.write("\r\n".join(["RTSP/1.0 200 OK", *lines, "", body]).encode())

    def _play(self) -> None:
        camera, number, sequence = self.server, 0, 0
        while not camera.hang_up.is_set():
            camera.running.wait()
            number += 1
            for packet in packets(red_jpeg(number=number), number, sequence):
                self.wfile.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
                sequence += 1
            camera.hang_up.wait(camera.interval_s)


def packets(jpeg: bytes, number: int, sequence: int) -> Iterator[bytes]:
    """The RTP packets of a JPEG of 64x48 with halved colour, RFC 2435 section 3.

    Args:
        jpeg: baseline, with the usual Huffman tables.
        number: which frame it is, for its timestamp: 25 a second.
        sequence: the number of the first packet.
    """
    tables, scan = parts(jpeg)
    for offset in range(0, len(scan), PACKET_BYTES):
        piece = scan[offset : offset + PACKET_BYTES]
        last = offset + len(piece) == len(scan)
        stamp = number * CLOCK_HZ // 25 % 2**32
        rtp = struct.pack(
            ">BBHII", 0x80, 26 | (last << 7), (sequence + offset // PACKET_BYTES) % 2**16, stamp, 1
        )
        # Type 1: halved in both directions; Q 255: the tables are in the first packet.
        head = struct.pack(">IBBBB", offset, 1, 255, 64 // 8, 48 // 8)
        extra = struct.pack(">BBH", 0, 0, len(tables)) + tables if offset == 0 else b""
        yield rtp + head + extra + piece


def parts(jpeg: bytes) -> tuple[bytes, bytes]:
    """A JPEG's two quantisation tables, 64 bytes each, and what follows its last header."""
    tables, at = b"", 2
    while True:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        body = jpeg[at + 4 : at + 2 + length]
        if marker == QUANTISATION:
            tables += b"".join(body[i + 1 : i + 65] for i in range(0, len(body), 65))
        at += 2 + length
        if marker == START_OF_SCAN:
            return tables, jpeg[at:-2]


def rtsp_camera(interval_s: float = 0.02) -> AbstractContextManager[RtspCamera]:
    """A running camera."""
    return serving(RtspCamera(interval_s))
