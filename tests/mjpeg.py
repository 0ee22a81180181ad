"""A camera to test against: MJPEG over HTTP on loopback, which can stall or hang up."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

BOUNDARY = "frame"


class MjpegCamera(ThreadingHTTPServer):
    """Gives a red 64x48 frame every `interval_s` to everybody who asks.

    `paused` stalls every stream; `hang_up` ends them; `asked` counts connections.
    """

    daemon_threads = True
    # The threads of stalled streams need not be waited for.
    block_on_close = False

    def __init__(self, interval_s: float = 0.02) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.interval_s = interval_s
        self.running = threading.Event()
        self.running.set()
        self.hang_up = threading.Event()
        self.asked = 0
        image = np.zeros((48, 64, 3), np.uint8)
        image[:, :, 2] = 255  # red, in OpenCV's order
        self.jpeg = cv2.imencode(".jpg", image)[1].tobytes()

    @property
    def url(self) -> str:
        """Where the stream is."""
        return f"http://127.0.0.1:{self.server_address[1]}/stream.mjpg"

    def pause(self) -> None:
        """Keep connections open and say nothing."""
        self.running.clear()

    def resume(self) -> None:
        """Go on."""
        self.running.set()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves in the middle of a frame is no news."""


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
            head += f"Content-Length: {len(camera.jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + camera.jpeg + b"\r\n")
            time.sleep(camera.interval_s)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def mjpeg_camera(interval_s: float = 0.02) -> Iterator[MjpegCamera]:
    """A running camera."""
    with MjpegCamera(interval_s) as camera:
        thread = threading.Thread(target=camera.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield camera
        finally:
            camera.hang_up.set()
            camera.resume()
            camera.shutdown()
            thread.join()
