"""Where a broker is and how to prove who we are: read from a URL and a credentials file."""

import errno
import logging
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from edge_agent.common.errors import ConfigError

log = logging.getLogger(__name__)

ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class Endpoint:
    """A broker's address; `tls` for `mqtts://`."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


@dataclass(frozen=True)
class Credentials:
    """A user name and password; the password never shows in a log or an error."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Broker:
    """One broker and how to reach it.

    Args:
        endpoint: host, port, and whether TLS is spoken.
        credentials: user and password, if it asks for them.
        ca_file: the authority that signed the broker's certificate; the system's if None.
        cert_file, key_file: this client's own certificate, if the broker asks for one.
        keepalive_s: how long silence may last before the connection counts as lost.
    """

    endpoint: Endpoint
    credentials: Credentials | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: int = 30


def parse_endpoint(url: str) -> Endpoint:
    """The address in `url`, mqtt://HOST[:PORT] or mqtts://HOST[:PORT].

    Raises:
        ValueError: another scheme, no host, a bad port, or anything after the port. A
            password in the URL is refused: URLs end in logs.
    """
    expected = "expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"
    if "@" in url:
        # Before anything is made of it: no error may show what stands there.
        raise ValueError(f"url: {expected}, found user and password: use credentials_file")
    # `urlsplit` leaves out what does not show, and no resolver takes it.
    if not url.isprintable() or " " in url:
        raise ValueError(f"url: {expected}, found {url!r}")
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"url: {expected}, found {url!r}: {error}") from error
    extra = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or port == 0 or extra:
        raise ValueError(f"url: {expected}, found {url!r}")
    return Endpoint(parts.hostname, port or DEFAULT_PORTS[parts.scheme], parts.scheme == "mqtts")


def read_credentials(path: Path) -> Credentials:
    """The `user:password` on the only line of `path`; the password may contain colons.

    A byte-order mark before it, and blank lines behind it, do not count. A file
    that every user may read is complained about in the log.

    Raises:
        ConfigError: the file is missing, or is not one such line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        if path.stat().st_mode & stat.S_IROTH:
            log.warning("%s: every user of this machine may read it: chmod 600 %s", path, path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        if isinstance(error, OSError) and ":" in str(path):
            # Perhaps not a file's name, but what should be in the file.
            found = "no such file" if error.errno in ABSENT else reason
            expected = "credentials_file: expected a file with user:password"
            raise ConfigError(f"{expected}, found {found}") from None
        raise ConfigError(f"{path}: expected a credentials file, found: {reason}") from error
    while lines and not lines[-1].strip():
        lines.pop()
    user, colon, password = lines[0].partition(":") if len(lines) == 1 else ("", "", "")
    if not (user and colon):
        # Never the content: it is, or is nearly, a password.
        raise ConfigError(f"{path}: expected one line user:password, found {len(lines)} line(s)")
    return Credentials(user, password)
