"""Cameras over HTTP: streams of JPEGs, and stills that are asked for."""

import http.client
import math
import time
from collections.abc import Callable
from email.message import Message
from typing import Self

from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras.grabber import Grabber
from edge_agent.sources.cameras.still import StillCamera
from edge_agent.sources.cameras.stream_clock import Backlog, StreamClock
from edge_agent.sources.config import CameraConfig, StillConfig
from edge_agent.sources.network import jpeg
from edge_agent.sources.network.camera_login import address_and_login
from edge_agent.sources.network.http_get import HttpAnswer, HttpPlace
from edge_agent.sources.network.multipart import NoPartsError, Parts

# Our own timeouts come before the supervisor's: opening again is gentler than killing.
OWN_SHARE = 0.8
# What a picture that is the only one is followed by within this time: the end.
END_S = 1.0
START_BYTES = 64
# In seconds, by some clock of the camera's; mjpg-streamer and ESP32 cameras say it of each part.
TIMESTAMP = "x-timestamp"


class JpegStream:
    """An open stream of JPEGs; damage of each is seen by libjpeg.

    Args:
        answer: in whose body it is.
        parts: the same, taken apart.
        place: names it in errors.
        complaints: what the JPEG decoder has said since the last time, if it was of damage.
    """

    still = False

    def __init__(
        self, answer: HttpAnswer, parts: Parts, place: str, complaints: Callable[[], str]
    ) -> None:
        self._answer, self._parts = answer, parts
        self._place, self._complaints = place, complaints
        self._clock, self._backlog = StreamClock(place), Backlog(parts.waits)
        self._picture = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.__exit__()

    def pace(self, interval_s: float) -> None:
        """As `Grabber.pace`: what is not decoded costs next to nothing."""

    def grab(self) -> float:
        """As `Grabber.grab`; by the camera's clock where each part says it."""
        try:
            fields, self._picture = self._parts.next()
            now = time.monotonic()
            held = self._backlog.holds(now)
        except NoPartsError as error:
            raise SourceError(f"{self._place}: expected pictures, found {error}") from error
        except TimeoutError as error:
            raise SourceError(f"{self._place}: no more frames: nothing comes") from error
        except (EOFError, OSError, http.client.HTTPException) as error:
            raise SourceError(f"{self._place}: no more frames from the camera") from error
        if held:
            return -math.inf  # nobody knows when; a fresher one is there
        return self._clock.date(_seconds(fields.get(TIMESTAMP, "")), now)

    def retrieve(self, into: U8 | None) -> U8:
        """As `Grabber.retrieve`."""
        return jpeg.decode(self._picture, self._complaints)


def open_still(config: StillConfig, complaints: Callable[[], str]) -> StillCamera:
    """A camera that is asked for each picture; nothing is asked yet.

    Raises:
        SourceError: what is said of it is no address, or no credentials.
    """
    return StillCamera(_place(config), config, complaints)


def open_http(config: CameraConfig, complaints: Callable[[], str]) -> Grabber | None:
    """What is at an address over HTTP; None if it is a stream, but none of pictures.

    Args:
        config: which.
        complaints: what the JPEG decoder has said since the last time, if it was of damage.

    Raises:
        SourceError: it does not answer, or with what is neither pictures nor a stream.
    """
    at = _place(config)
    answer = at.get({}, OWN_SHARE * config.open_timeout_s)
    found: Grabber | None = None
    try:
        found = _understood(answer, at, config, complaints)
    except NoPartsError as error:
        raise SourceError(f"{config.place}: expected pictures, found {error}") from error
    except (EOFError, OSError, http.client.HTTPException) as error:
        raise SourceError(f"{config.place}: expected a picture, found none that comes") from error
    finally:
        if not isinstance(found, JpegStream):
            answer.__exit__()
    return found


def _place(config: CameraConfig | StillConfig) -> HttpPlace:
    return HttpPlace(*address_and_login(config), config.ca_file, config.place)


def _understood(
    answer: HttpAnswer, at: HttpPlace, config: CameraConfig, complaints: Callable[[], str]
) -> Grabber | None:
    kind = Message()
    kind["Content-Type"] = answer.header("Content-Type") or "application/octet-stream"
    parts = Parts(answer.response, answer.socket, str(kind.get_param("boundary", "")))
    stream = JpegStream(answer, parts, config.place, complaints)
    answer.socket.settimeout(OWN_SHARE * config.read_timeout_s)
    if answer.content_type.startswith("multipart/"):
        return stream
    start = parts.start(START_BYTES).lstrip()
    if start.startswith(b"--") or b"content-type:" in start.lower():
        return stream
    if start.startswith(jpeg.START) or answer.content_type.startswith("image/"):
        if not answer.header("Content-Length") and start.startswith(jpeg.START):
            # JPEGs may follow each other with nothing between; a still is the only one.
            _, picture = parts.next()
            if not parts.ends(END_S):
                return stream
        else:
            picture = bytearray(parts.rest())
        still = StillCamera(at, config, complaints)
        still.show(answer, bytes(picture))
        return still
    if start.startswith(b"<") or answer.content_type in ("text/html", "application/json"):
        said = answer.content_type or "no type"
        raise SourceError(
            f"{config.place}: expected a stream or a picture, found a page or data ({said})"
        )
    return None


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
