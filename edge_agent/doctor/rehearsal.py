"""What every stream relies on, tried without one: its modules, the runtime, and a camera's path.

Before there is a configuration this is all that can be proven; with one, its own bundles and
cameras are.
"""

import importlib
import pkgutil
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np

import edge_agent
from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError, one_line
from edge_agent.common.stop import Stop
from edge_agent.doctor.report import Finding, fail, ok, skip
from edge_agent.inference.runtime import Interpreter
from edge_agent.sources.config import CameraConfig, VideoConfig
from edge_agent.sources.open import open_source

REMEDY = "install the agent again: deploy/install.sh brings the versions it was tested with"
# tests/data/make_bright.py makes it: 8x8 RGB to two scores, the second for bright.
PROBE = Path(__file__).with_name("probe.tflite")
SIDE = 8
# Of the picture that our own camera shows: width, height, and its three levels.
SIZE, LEVELS = (64, 48), (40, 120, 200)
FRAMES = 3
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
                interpreter.infer(np.full((1, SIDE, SIDE, 3), level, np.int8))[0].reshape(-1)
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
    """Whether a camera's pictures get through: of one that this machine plays itself.

    By the camera's process, its shared memory and OpenCV's decoder, as of any network camera.
    """
    check = "camera software"
    try:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Camera)
    except OSError as error:
        return skip(check, f"no server can be opened here: {one_line(error)}")
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/stream.mjpg"
            image = _picture(
                CameraConfig(url=url, open_timeout_s=TIMEOUT_S, read_timeout_s=TIMEOUT_S)
            )
        except Exception as error:
            return fail(check, _what(error), REMEDY)
        finally:
            server.shutdown()
    return _judged(check, image)


def video() -> Finding:
    """Whether OpenCV reads a video, by FFmpeg, as it does the streams of rtsp cameras."""
    check = "video software"
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "known.avi"
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, SIZE)
            for number in range(FRAMES):
                writer.write(_known(number))
            writer.release()
            image = _picture(VideoConfig(path=path))
    except OSError as error:
        return skip(check, f"no file can be written here: {one_line(error)}")
    except Exception as error:
        return fail(check, _what(error), REMEDY)
    return _judged(check, image)


def _judged(check: str, image: U8) -> Finding:
    """Whether `image` is the known one, within what JPEG costs."""
    height, width = image.shape[:2]
    if (width, height) != SIZE or np.abs(image.mean((0, 1)) - LEVELS).max() > NEAR:
        return fail(check, "a known picture arrived as another", REMEDY)
    return ok(check, f"OpenCV {cv2.__version__}: a known picture came through, {width}x{height}")


def _known(number: int) -> U8:
    """The known picture, with a few grains of its own for each number, as a sensor has noise."""
    image = np.full((SIZE[1], SIZE[0], 3), LEVELS, np.uint8)
    image[:4, :4] = number % 200
    return image


def _what(error: Exception) -> str:
    """An error of the agent by its words, another by its name too."""
    text = one_line(error)
    return text if isinstance(error, SourceError) else f"{type(error).__name__}: {text}"


def _picture(config: CameraConfig | VideoConfig) -> U8:
    """The first picture of a source, in the order blue, green, red."""
    stop, problems = Stop(), list[str]()

    def report(available: bool, reason: str) -> None:
        if not available:
            problems.append(reason)
            stop.set()

    with open_source(config, stop, report) as source:
        for frame in source:
            return frame.image if frame.order == "bgr" else frame.image[:, :, ::-1]
    raise SourceError(problems[0] if problems else "no picture came")


class _Camera(BaseHTTPRequestHandler):
    """Shows the known picture until nobody looks any more."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        end, number = time.monotonic() + 4 * TIMEOUT_S, 0
        while time.monotonic() < end:
            number += 1
            jpeg = cv2.imencode(".jpg", _known(number))[1].tobytes()
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
