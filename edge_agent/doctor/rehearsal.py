"""What every stream relies on, tried without one: its modules, the runtime, and a camera's path.

Before there is a configuration this is all that can be proven; with one, its own bundles and
cameras are.
"""

import importlib
import os
import pkgutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np

import edge_agent
from edge_agent.arrays import U8
from edge_agent.doctor.report import Finding, fail, ok, skip
from edge_agent.errors import SourceError, one_line
from edge_agent.runtime import Interpreter
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.open import open_source
from edge_agent.stop import Stop

REMEDY = "install the agent again: deploy/install.sh brings the versions it was tested with"
# tests/data/make_bright.py makes it: 8x8 RGB to two scores, the second for bright.
PROBE = Path(__file__).with_name("probe.tflite")
SIDE = 8
# Of the picture that our own camera shows: width, height, and its three levels.
SIZE, LEVELS = (64, 48), (40, 120, 200)
# JPEG is not exact.
NEAR = 8
INTERVAL_S = 0.05
TIMEOUT_S = 5.0
BOUNDARY = "frame"


def modules() -> Finding:
    """Whether every module of the agent loads with the packages that are installed."""
    names = [found.name for found in pkgutil.walk_packages(edge_agent.__path__, "edge_agent.")]
    for name in names:
        try:
            importlib.import_module(name)
        # Whatever a package does while it loads.
        except Exception as error:
            return fail("modules", f"{name} does not load: {_what(error)}", REMEDY)
    return ok("modules", f"all {len(names)} of the agent load")


def inference() -> Finding:
    """Whether the runtime runs a network of a kilobyte, and rightly."""
    check = "inference"
    try:
        with Interpreter(PROBE.read_bytes(), place=PROBE.name) as interpreter:
            dark, bright = (
                interpreter.infer(np.full((1, SIDE, SIDE, 3), level, np.int8)).reshape(-1)
                for level in (-100, 100)
            )
            name = interpreter.name
    # A runtime that does not suit numpy or the processor fails with whatever it likes.
    except Exception as error:
        return fail(check, _what(error), REMEDY)
    if not (dark[0] > dark[1] and bright[1] > bright[0]):
        return fail(check, f"{name}: wrong numbers of a known network", REMEDY)
    return ok(check, f"{name} runs a known network rightly")


def camera() -> Finding:
    """Whether a stream's pictures get through: from a camera of our own, on this machine.

    By the camera's process, OpenCV and FFmpeg, as of any network camera.
    """
    check = "camera software"
    try:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Camera)
    except OSError as error:
        return skip(check, f"no server can be opened here: {one_line(error)}")
    with server, _without_proxy():
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            image = _picture(f"http://127.0.0.1:{server.server_port}/stream.mjpg")
        except Exception as error:
            return fail(check, _what(error), REMEDY)
        finally:
            server.shutdown()
    height, width = image.shape[:2]
    if (width, height) != SIZE or np.abs(image.mean((0, 1)) - LEVELS).max() > NEAR:
        return fail(check, "a known picture arrived as another", REMEDY)
    return ok(check, f"OpenCV {cv2.__version__}: a known picture came through, {width}x{height}")


def _what(error: Exception) -> str:
    """An error of the agent by its words, another by its name too."""
    text = one_line(error)
    return text if isinstance(error, SourceError) else f"{type(error).__name__}: {text}"


def _picture(url: str) -> U8:
    """The first picture of the camera at `url`, in the order blue, green, red."""
    stop, problems = Stop(), list[str]()

    def report(available: bool, reason: str) -> None:
        if not available:
            problems.append(reason)
            stop.set()

    config = CameraConfig(url=url, open_timeout_s=TIMEOUT_S, read_timeout_s=TIMEOUT_S)
    with open_source(config, stop, report) as source:
        for frame in source:
            return frame.image if frame.order == "bgr" else frame.image[:, :, ::-1]
    raise SourceError(problems[0] if problems else "no picture came")


class _Camera(BaseHTTPRequestHandler):
    """Shows the picture, a few grains of it new each time, until nobody looks any more."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        image = np.full((SIZE[1], SIZE[0], 3), LEVELS, np.uint8)
        end, number = time.monotonic() + 4 * TIMEOUT_S, 0
        while time.monotonic() < end:
            number += 1
            image[:4, :4] = number % 200
            jpeg = cv2.imencode(".jpg", image)[1].tobytes()
            head = (
                f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            )
            try:
                self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:
                return
            time.sleep(INTERVAL_S)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def _without_proxy() -> Iterator[None]:
    """No proxy between this machine and itself: FFmpeg would ask one that is set."""
    kept = os.environ.get("no_proxy")
    os.environ["no_proxy"] = "127.0.0.1" if kept is None else f"{kept},127.0.0.1"
    try:
        yield
    finally:
        if kept is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = kept
