"""`StillCamera`: a camera that gives one picture each time it is asked over HTTP."""

import http.client
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Self

from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError
from edge_agent.sources.config import CameraConfig, StillConfig
from edge_agent.sources.network import jpeg
from edge_agent.sources.network.http_get import HttpAnswer, HttpPlace

# All of one request, its picture too, comes before the supervisor loses patience.
OWN_SHARE = 0.8
MAX_PICTURE = 64 * 1024**2
CHUNK = 64 * 1024
# A picture that is said to be older is not dated by what says so.
MAX_AGE_S = 86_400.0
NOT_MODIFIED = 304
UNASKED = "status 304: not modified, though it has given none yet"
# What a server says of its picture, and how it is asked whether there is another (RFC 9110).
VALIDATORS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


class StillCamera:
    """Asks for a picture at each grab, and for as little as the camera allows.

    A picture that has not changed is given again with its own date: it is not newer for being
    asked for.

    Args:
        at: where it is.
        config: its timeouts, and how messages name it.
        complaints: what the JPEG decoder has said since the last time, if it was of damage.
    """

    still = True

    def __init__(
        self, at: HttpPlace, config: CameraConfig | StillConfig, complaints: Callable[[], str]
    ) -> None:
        self._at, self._config, self._complaints = at, config, complaints
        self._picture = b""
        self._taken_s = time.monotonic()
        self._validators: dict[str, str] = {}
        self._dating = ""  # the Last-Modified of the picture before
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def pace(self, interval_s: float) -> None:
        """As `Grabber.pace`: it is asked when a look is due, whenever that is."""

    def grab(self) -> float:
        """As `Grabber.grab`."""
        if self._shown:  # the one that came when the camera was opened
            self._shown = False
            return self._taken_s
        budget_s = OWN_SHARE * self._config.read_timeout_s
        deadline_s = time.monotonic() + budget_s
        with self._at.get(self._validators, budget_s) as answer:
            if answer.response.status == NOT_MODIFIED and not self._picture:
                raise SourceError(f"{self._config.place}: expected a picture, found {UNASKED}")
            if answer.response.status != NOT_MODIFIED:
                self._take(answer, self.body(answer, deadline_s))
        return self._taken_s

    def retrieve(self, into: U8 | None) -> U8:
        """As `Grabber.retrieve`."""
        return jpeg.decode(self._picture, self._complaints)

    def show(self, answer: HttpAnswer, picture: bytes) -> None:
        """Give `picture`, which came already, at the next grab."""
        self._take(answer, picture)
        self._shown = True

    def body(self, answer: HttpAnswer, deadline_s: float, start: bytes = b"") -> bytes:
        """The picture of an answer of which `start` was read.

        Raises:
            SourceError: it is none, too large, or does not come in time.
        """
        place, parts, read = self._config.place, [start], len(start)
        try:
            while data := answer.response.read1(CHUNK):
                parts.append(data)
                read += len(data)
                if read > MAX_PICTURE:
                    raise SourceError(
                        f"{place}: expected a picture, found more than {MAX_PICTURE >> 20} MB"
                    )
                # From Python 3.13 on the connection is closed with its last byte.
                if answer.response.isclosed():
                    break
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError
                answer.socket.settimeout(left_s)
        except TimeoutError as error:
            raise SourceError(
                f"{place}: expected a picture within {self._config.read_timeout_s:g} s, "
                f"found {read} bytes of it"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(
                f"{place}: expected a picture, found that it hangs up after {read} bytes"
            ) from error
        return b"".join(parts)

    def _take(self, answer: HttpAnswer, picture: bytes) -> None:
        kind = answer.content_type
        problem = jpeg.no_picture(picture, kind)
        if kind.startswith(("multipart/", "video/", "audio/")):
            raise SourceError(
                f'{self._config.place}: expected a picture, found a stream: use kind = "camera"'
            )
        if problem:
            raise SourceError(f"{self._config.place}: expected a picture, found {problem}")
        self._validators = {
            asked: answer.header(said) for said, asked in VALIDATORS.items() if answer.header(said)
        }
        if picture == self._picture:
            return
        now = time.monotonic()
        modified = answer.header("Last-Modified")
        # A header that stands still while the picture changes dates nothing.
        believed = modified != self._dating or not self._picture
        self._taken_s = max(self._earliest(), now - (_age_s(answer, modified) if believed else 0))
        self._picture, self._dating = picture, modified

    def _earliest(self) -> float:
        return self._taken_s if self._picture else -float("inf")


def _age_s(answer: HttpAnswer, modified: str) -> float:
    """How old a picture is, both moments by the server's clock; 0 if it does not say."""
    try:
        then = parsedate_to_datetime(modified).timestamp()
        now = parsedate_to_datetime(answer.header("Date")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return now - then if 0 <= now - then <= MAX_AGE_S else 0.0
