"""`Parts`: the JPEGs of a stream over HTTP, however a camera separates them."""

import http.client
import re
import select
import socket
import ssl
from collections.abc import Mapping

from edge_agent.sources.network import jpeg

CHUNK = 64 * 1024
# More than any camera's picture; what claims more is none.
MAX_PICTURE = 64 * 1024**2
# So much without a picture is no stream of pictures.
MAX_BETWEEN = 256 * 1024
MAX_LINE = 8 * 1024
FIELD = re.compile(rb"([A-Za-z][A-Za-z0-9-]*)[ \t]*:[ \t]*(.*)")


class NoPartsError(Exception):
    """What comes is no stream of pictures; the message says what was found."""


class Parts:
    """The parts of a `multipart/x-mixed-replace`, or JPEGs one after the other.

    The boundary may be missing before the first part, have more or fewer dashes than was said,
    or be another one; lengths may be missing: a JPEG tells by itself where it ends.

    Args:
        response: whose body it is.
        sock: beneath it.
        boundary: as the header says it; empty if it does not.
    """

    def __init__(
        self, response: http.client.HTTPResponse, sock: socket.socket, boundary: str = ""
    ) -> None:
        self._response, self._socket = response, sock
        bare = boundary.strip().strip('"').lstrip("-")
        self._boundary = b"--" + bare.encode("latin-1", "replace") if bare else b"\r\n--"
        self._buffer = bytearray()

    def next(self) -> tuple[Mapping[str, str], bytearray]:
        """The next part's header fields, by names in small letters, and its picture.

        Raises:
            EOFError: the stream has ended.
            NoPartsError: there is none in what comes.
            OSError, http.client.HTTPException: of the connection.
        """
        passed = 0
        while True:
            fields, read = self._head()
            passed += read
            if "content-length" in fields:
                picture = self._exactly(_number(fields["content-length"]))
            else:
                picture = self._by_itself()
            kind = fields.get("content-type", "image/jpeg")
            if picture and kind.startswith("image/"):
                return fields, picture
            passed += len(picture)
            if passed > MAX_BETWEEN:
                raise NoPartsError(f"parts of type {kind[:60]!r} and none with a picture")

    def waits(self) -> bool:
        """Whether another picture has begun to come already; the end of the stream counts."""
        try:
            while jpeg.START not in self._buffer:
                if not self._readable(0):
                    return False
                self._fill()
        except EOFError:
            pass
        return True

    def ends(self, timeout_s: float) -> bool:
        """Whether it ends here; what does not end within `timeout_s` goes on."""
        try:
            while not self._buffer.strip():
                if not self._readable(timeout_s):
                    return False
                self._fill()
        except EOFError:
            return True
        return False

    def _readable(self, timeout_s: float) -> bool:
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        return bool(select.select([self._socket], [], [], timeout_s)[0])

    def start(self, count: int) -> bytes:
        """The first bytes of what comes, `count` or all there are."""
        try:
            while len(self._buffer) < count:
                self._fill()
        except EOFError:
            pass
        return bytes(self._buffer[:count])

    def rest(self) -> bytes:
        """All that comes.

        Raises:
            NoPartsError: it is larger than any picture.
        """
        try:
            while len(self._buffer) <= MAX_PICTURE:
                self._fill()
        except EOFError:
            return self._taken(len(self._buffer))
        raise NoPartsError(f"more than {MAX_PICTURE >> 20} MB without an end")

    def _fill(self) -> None:
        data = self._response.read1(CHUNK)
        if not data:
            raise EOFError
        self._buffer += data

    def _head(self) -> tuple[dict[str, str], int]:
        """The fields before a picture, if it has any, and how many bytes were read for them."""
        fields, passed = dict[str, str](), 0
        while passed <= MAX_BETWEEN:
            while len(self._buffer) < len(jpeg.START):
                self._fill()
            if self._buffer.startswith(jpeg.START):
                return fields, passed
            line = self._line()
            passed += len(line)
            said = FIELD.match(line)
            if said is not None:
                fields[said[1].decode().lower()] = said[2].strip().decode("latin-1")
            elif not line.strip() and "content-length" in fields:
                return fields, passed
            elif line.startswith(b"--"):
                fields.clear()
        raise NoPartsError(f"neither a boundary nor a JPEG in the first {MAX_BETWEEN >> 10} kB")

    def _line(self) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0 and len(self._buffer) < MAX_LINE:
            searched = len(self._buffer)
            self._fill()
        return self._taken(end + 1 if end >= 0 else MAX_LINE)

    def _exactly(self, count: int) -> bytearray:
        if count > MAX_PICTURE:
            raise NoPartsError(f"a picture of {count} bytes")
        picture = bytearray(count)
        had = min(count, len(self._buffer))
        picture[:had] = self._taken(had)
        rest = memoryview(picture)[had:]
        while rest:
            read = self._response.readinto(rest)
            if not read:
                raise EOFError
            rest = rest[read:]
        return picture

    def _by_itself(self) -> bytearray:
        """A picture whose length nobody has said: to its own end, or to the next boundary."""
        while True:
            border = self._buffer.find(self._boundary)
            end = jpeg.length(self._buffer)
            ends = [at for at in (border if border >= 0 else None, end) if at is not None]
            if ends:
                return bytearray(self._taken(min(ends)))
            if len(self._buffer) > MAX_PICTURE:
                raise NoPartsError(f"more than {MAX_PICTURE >> 20} MB without an end")
            self._fill()

    def _taken(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(MAX_PICTURE)):
        raise NoPartsError(f"a part of {text[:20]!r} bytes")
    return int(text)
