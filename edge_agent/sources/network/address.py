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
        "trackid",
        "type",
        "unicast",
        "video",
        "view",
        "width",
    ]
)
# What says who we are, in no form of the message.
SECRET = re.compile(
    r"acc|auth|cred|key|hash|log|pas|pin|pw|secret|ses|sid|sig|tok|us(e)?r|^u$|^p$|^uname|code",
    re.IGNORECASE,
)
# What names a picture is a number, a size or one or two short words; a password seldom is.
SHORT = re.compile(
    r"\d{1,6}|\d{2,5}x\d{2,5}|[a-z]{1,8}([_-][a-z]{1,8})?([_-]\d{1,3})?"
    r"|(cam|ch|channel|h|mjpeg|profile|stream|track|video)\d{1,3}",
    re.IGNORECASE,
)
# Recorders have both in the path: /user=admin_password=..._channel=1_stream=0.sdp
PAIR = re.compile(r"([A-Za-z][A-Za-z-]*)=([^_&;,/=]*)")
NUMBERED = re.compile(r"([A-Za-z]+)=(\d{1,4})(?![^_&;,/.])")
# What follows such a folder is what it says: /token/..., /login/USER/PASSWORD.
SECRET_FOLDER = re.compile(
    r"(user(name)?|usr|login|pass(wor[dt]|wd)?|pwd?|secret|sid|session"
    r"|(api|access|stream)?[_-]?key|(access|api|auth|session)?[_-]?token)",
    re.IGNORECASE,
)
# A long mixture of letters and digits is a key, as that of a recorder's stream.
KEY = re.compile(r"(?=[^.]*\d)(?=[^.]*[A-Za-z])[A-Za-z0-9-]{16,}")
HIDDEN = "..."


def has_login(url: str) -> bool:
    """Whether a user or a password is in front of the host."""
    _, separator, rest = url.partition("://")
    return "@" in re.split("[/?#]", rest if separator else url, maxsplit=1)[0]


def shown(url: str) -> str:
    """`url` as messages have it: without user, password, and whatever may be one.

    What names a picture stays (`?channel=2`). Whatever else is behind the `?` becomes
    three digits of a checksum, by which two cameras can be told apart and nothing guessed; what
    is called like a password is not in it either.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    address, mark, query = rest.partition("#")[0].partition("?")
    host, slash, path = address.partition("/")
    if "@" in rest.removeprefix(host):
        # A password may have a / or a ? in it: where it ends cannot be told.
        return f"{scheme}{separator}{HIDDEN}"
    place = scheme + separator + host.rpartition("@")[2] + slash + _shown_path(path)
    return place + (_shown_query(query) if mark else "")


def _shown_path(path: str) -> str:
    plain = unquote(path)
    folders = plain.split("/")
    for index, folder in enumerate(folders):
        start = _secret_from(folder)
        if start is None and index and SECRET_FOLDER.fullmatch(folders[index - 1]):
            start = 0
        if start is not None:
            hidden = "/".join([folder[start:], *folders[index + 1 :]])
            before = "/".join([*folders[:index], folder[:start]])
            return before + HIDDEN + _told_apart(hidden)
    if any(KEY.fullmatch(folder) for folder in folders):
        return "/".join(f"~{_sum(f)}" if KEY.fullmatch(f) else f for f in folders)
    return path


def _secret_from(folder: str) -> int | None:
    """Where in it something begins that is not to be shown; None if nothing does."""
    for pair in PAIR.finditer(folder):
        harmless = pair[1].lower() in HARMLESS and SHORT.fullmatch(pair[2].partition(".")[0])
        if not harmless:
            return pair.start()
    # USER:PASSWORD as a folder.
    return 0 if re.search("[^:]:[^:]", folder) else None


def _told_apart(hidden: str) -> str:
    """What of a hidden end of a path tells two cameras apart: channels and their like."""
    numbers = [m[0] for m in NUMBERED.finditer(hidden) if m[1].lower() in HARMLESS]
    last = hidden.rpartition("/")[2] if "/" in hidden else ""
    word = re.fullmatch(r"([A-Za-z]+)\d{1,3}", last)
    if word is not None and word[1].lower() in HARMLESS:
        numbers.append(last)
    if not SECRET.search(hidden) and ":" not in hidden:
        numbers.append(f"~{_sum(hidden)}")
    return "_".join(numbers)


def _shown_query(query: str) -> str:
    kept, other = list[str](), list[str]()
    for key, value in parse_qsl(query.replace(";", "&"), keep_blank_values=True):
        if key.lower() in HARMLESS and SHORT.fullmatch(value):
            kept.append(f"{key}={value}")
        elif not SECRET.search(key):
            other.append(f"{key}={value}")
    if other:
        kept.append(f"~{_sum('&'.join(other))}")
    return "?" + "&".join(kept) if kept else ""


def _sum(text: str) -> str:
    return f"{zlib.crc32(text.encode(errors='replace')) & 0xFFF:03x}"


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
