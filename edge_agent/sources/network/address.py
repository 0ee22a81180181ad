"""A camera's URL: what of it may be shown, and what is secret in it."""

import re
import zlib
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from edge_agent.common.errors import SourceError
from edge_agent.mqtt.endpoint import Credentials

# What says which picture of a camera is meant; vendors name it so behind the `?`.
HARMLESS = frozenset(
    [
        "action",
        "cam",
        "camera",
        "cameraid",
        "camid",
        "ch",
        "channel",
        "channelid",
        "chn",
        "cmd",
        "compression",
        "device",
        "fps",
        "height",
        "id",
        "index",
        "input",
        "instance",
        "lens",
        "mode",
        "monitor",
        "no",
        "nr",
        "number",
        "profile",
        "quality",
        "res",
        "resolution",
        "scale",
        "size",
        "source",
        "src",
        "stream",
        "streamid",
        "streamtype",
        "subtype",
        "track",
        "type",
        "unicast",
        "video",
        "view",
        "width",
    ]
)
# What says who we are, in no form of the message.
SECRET = re.compile(
    r"acc|auth|cred|key|hash|log|name|pas|pin|pw|secret|ses|sid|sig|tok|us(e)?r|^u$|^p$|code",
    re.IGNORECASE,
)
SHORT = re.compile(r"[A-Za-z0-9_.:x-]{1,24}")


def shown(url: str) -> str:
    """`url` as messages have it: without user, password, and whatever may be one.

    Behind the `?` what names a picture stays (`?channel=2`). Whatever else is there becomes
    two digits of a checksum, by which two cameras can be told apart and nothing guessed; what
    is called like a password is not in it either.
    """
    scheme, separator, rest = url.partition("://")
    address, mark, query = rest.partition("#")[0].partition("?")
    host, slash, path = address.partition("/")
    if "@" in rest.removeprefix(host):
        # A password may have a / or a ? in it: where it ends cannot be told.
        return f"{scheme}{separator}..."
    place = scheme + separator + host.rpartition("@")[2] + slash + path
    return place + (_shown_query(query) if mark else "")


def _shown_query(query: str) -> str:
    kept, other = list[str](), list[str]()
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key.lower() in HARMLESS and SHORT.fullmatch(value):
            kept.append(f"{key}={value}")
        elif not SECRET.search(key):
            other.append(f"{key}={value}")
    if other:
        kept.append(f"~{zlib.crc32('&'.join(other).encode()) & 0xFF:02x}")
    return "?" + "&".join(kept) if kept else ""


def without_credentials(url: str, place: str) -> tuple[str, Credentials | None]:
    """`url` without user and password, and these.

    Args:
        url: SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/PATH][?QUERY].
        place: names the camera in errors.

    Raises:
        SourceError: it is none; nothing of it is shown, since a part may be a password.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # asking for the port is what checks it
    except ValueError:
        host = None
    if not host or not url.isprintable() or " " in url:
        raise SourceError(
            f"{place}: expected SCHEME://HOST[:PORT]/PATH, found an address that is none; a user "
            "and password with / ? # @ or a blank in them go into credentials_file"
        )
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    if parts.username is None:
        return bare, None
    return bare, Credentials(unquote(parts.username), unquote(parts.password or ""))


def with_credentials(url: str, credentials: Credentials | None) -> str:
    """`url` with user and password in it, for a library that takes them nowhere else."""
    if credentials is None:
        return url
    parts = urlsplit(url)
    who = ":".join(quote(part, safe="") for part in (credentials.user, credentials.password))
    return urlunsplit(parts._replace(netloc=f"{who}@{parts.netloc.rpartition('@')[2]}"))
