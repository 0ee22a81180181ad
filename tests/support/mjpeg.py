"""A camera to test against: MJPEG over HTTP on loopback, which can stall or hang up."""

import threading
import time
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler

import cv2
import numpy as np

from support.network_camera import NetworkCamera, serving

BOUNDARY = "frame"


class MjpegCamera(NetworkCamera):
    """Gives a frame every `interval_s` to everybody who asks: red, 64x48.

    Its last pixels differ from frame to frame unless it is `frozen`, as a sensor's noise does.
    Or it gives `jpeg`, whatever that is.
    """

    def __init__(self, interval_s: float = 0.02, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), _Handler)
        self.interval_s = interval_s
        self.frozen = threading.Event()
        self.jpeg: bytes | None = None
        self.size = (64, 48)
        self._given = 0
        self._last = b""

    @property
    def url(self) -> str:
        """Where the stream is."""
        address, port = self.server_address[:2]
        return f"http://{address!s}:{port}/stream.mjpg"

    def picture(self) -> bytes:
        """The next frame."""
        if self.jpeg is not None:
            return self.jpeg
        if not (self.frozen.is_set() and self._last):
            self._given += 1
            self._last = red_jpeg(self.size, self._given)
        return self._last


class _Handler(BaseHTTPRequestHandler):
    server: MjpegCamera

    def do_GET(self) -> None:
        camera = self.server
        camera.asked += 1
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        while not camera.hang_up.is_set():
            camera.running.wait()
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
            jpeg = camera.picture()
            head += f"Content-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(camera.interval_s)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def red_jpeg(size: tuple[int, int] = (64, 48), number: int = 0) -> bytes:
    """A red picture of (width, height), its last eight rows and columns darkened by `number`."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[:, :, 2] = 255  # red, in OpenCV's order
    image[-8:, -8:, 2] -= np.uint8(number % 64 + 1 if number else 0)
    return cv2.imencode(".jpg", image)[1].tobytes()


def mjpeg_camera(
    interval_s: float = 0.02, address: str = "127.0.0.1"
) -> AbstractContextManager[MjpegCamera]:
    """A running camera."""
    return serving(MjpegCamera(interval_s, address))
