"""Cameras over HTTP: streams of JPEGs, and stills that are asked for."""

import http.client
import math
import time
from collections.abc import Callable, Mapping
from email.message import Message
from typing import Self

from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras.grabber import Grabber
from edge_agent.sources.cameras.still import NOT_MODIFIED, UNASKED, StillCamera
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
# A stream that has lasted so long, and ends, is lost.
LASTS_S = 10.0
# So many in a row that ended sooner, after a few pictures each, make a camera that is asked for
# each picture.
SHORT_ONES, FEW = 2, 10
# In seconds, by some clock of the camera's; mjpg-streamer and ESP32 cameras say it of each part.
TIMESTAMP = "x-timestamp"


class JpegStream:
    """An open stream of JPEGs; damage of each is seen by libjpeg.

    One that ends after a few pictures, as some cameras' do after each, is asked for anew; where it
    does so again, it is a camera that is asked for each picture: `still` from then on.

    Args:
        answer: in whose body it is.
        at: where it is asked for.
        config: its timeouts, and how messages name it.
        complaints: what the JPEG decoder has said since the last time, if it was of damage.
    """

    def __init__(
        self,
        answer: HttpAnswer,
        at: HttpPlace,
        config: CameraConfig,
        complaints: Callable[[], str],
    ) -> None:
        self._at, self._config, self._place = at, config, config.place
        self._complaints = complaints
        self.still = False
        self._short = 0  # so many ended too soon, in a row
        self._picture = bytearray()
        self._adopt(answer)

    def _adopt(self, answer: HttpAnswer) -> None:
        self._answer, self.parts = answer, _parts(answer)
        answer.socket.settimeout(OWN_SHARE * self._config.read_timeout_s)
        self._clock, self._backlog = StreamClock(self._place), Backlog(self.parts.waits)
        self._since_s, self._given = time.monotonic(), 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.__exit__()

    def pace(self, interval_s: float) -> None:
        """As `Grabber.pace`: what is not decoded costs next to nothing."""

    def grab(self) -> float:
        """As `Grabber.grab`; by the camera's clock where each part says it."""
        try:
            fields = self._next()
            now = time.monotonic()
            held = not self.still and self._backlog.holds(now)
        except NoPartsError as error:
            raise SourceError(f"{self._place}: expected pictures, found {error}") from error
        except TimeoutError as error:
            raise SourceError(f"{self._place}: no more frames: nothing comes") from error
        except (EOFError, OSError, http.client.HTTPException) as error:
            raise SourceError(f"{self._place}: no more frames from the camera") from error
        if self.still:
            self._answer.__exit__()  # nobody waits for another one
            return now
        if held:
            return -math.inf  # nobody knows when; a fresher one is there
        return self._clock.date(_seconds(fields.get(TIMESTAMP, "")), now)

    def _next(self) -> Mapping[str, str]:
        """Take the next picture; the fields of its head."""
        if self.still:
            return self._anew()
        if time.monotonic() - self._since_s >= LASTS_S:
            self._short = 0
        try:
            fields, self._picture = self.parts.next()
        except (EOFError, http.client.IncompleteRead):
            if not self._given or time.monotonic() - self._since_s >= LASTS_S:
                raise
            self._short = self._short + 1 if self._given <= FEW else 0
            self.still = self._short >= SHORT_ONES
            try:
                return self._anew()
            except SourceError as error:
                raise EOFError from error  # it has ended, whatever came of asking
        self._given += 1
        return fields

    def _anew(self) -> Mapping[str, str]:
        self._answer.__exit__()
        self._adopt(self._at.get({}, OWN_SHARE * self._config.read_timeout_s))
        fields, self._picture = self.parts.next()
        self._given = 1
        return fields

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
    if answer.response.status == NOT_MODIFIED:
        raise SourceError(f"{config.place}: expected a picture, found {UNASKED}")
    stream = JpegStream(answer, at, config, complaints)
    parts = stream.parts
    if answer.content_type.startswith("multipart/"):
        return stream
    start = parts.start(START_BYTES).lstrip()
    if start.startswith(b"--") or b"content-type:" in start.lower():
        return stream
    if jpeg.is_picture(start) or answer.content_type.startswith("image/"):
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
    page = start.startswith(b"<") or answer.content_type in ("text/html", "application/json")
    # Other texts may be the list of a stream's pieces, which is OpenCV's.
    if page or not start or start.startswith(jpeg.GZIP_START):
        problem = jpeg.no_picture(start, answer.content_type)
        raise SourceError(f"{config.place}: expected a stream or a picture, found {problem}")
    return None


def _parts(answer: HttpAnswer) -> Parts:
    kind = Message()
    kind["Content-Type"] = answer.header("Content-Type") or "application/octet-stream"
    return Parts(answer.response, answer.socket, str(kind.get_param("boundary", "")))


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
