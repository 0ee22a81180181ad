"""`Login`: who we are, as servers ask for it: basic (RFC 7617) and digest (RFC 7616).

The standard library's digest looks at the first challenge only and knows MD5 alone; new cameras
offer SHA-256 and MD5 side by side. RTSP (RFC 2326) asks the same way.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias
from urllib.request import parse_http_list

from edge_agent.mqtt.endpoint import Credentials

Challenge: TypeAlias = Mapping[str, str]
"""A challenge's parameters by their names in small letters; its scheme under `""`."""

HASHES: Mapping[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}
SESSION = "-SESS"


class Login:
    """Answers a server's challenges, and remembers the last one for the next request.

    Args:
        credentials: user and password; None if there are none.
    """

    def __init__(self, credentials: Credentials | None) -> None:
        self.credentials = credentials
        self._challenge: Challenge | None = None
        self._count = 0

    def learn(self, headers: Iterable[str]) -> bool:
        """Take up the best of the challenges in `WWW-Authenticate`; whether it can be answered."""
        found = [c for header in headers for c in challenges(header)]
        rank = {"SHA-256": 3, "MD5": 2, "basic": 1}
        best = max(found, key=lambda c: rank.get(_kind(c), 0), default=None)
        if self.credentials is None or best is None or _kind(best) not in rank:
            return False
        self._challenge, self._count = best, 0
        return True

    def header(self, method: str, uri: str) -> str | None:
        """The value of `Authorization` for a request; None while nobody has asked for it."""
        challenge, who = self._challenge, self.credentials
        if challenge is None or who is None:
            return None
        if challenge[""] == "basic":
            pair = f"{who.user}:{who.password}".encode()
            return "Basic " + base64.b64encode(pair).decode()
        self._count += 1
        return _digest(challenge, who, (method, uri), self._count, secrets.token_hex(8))


def from_header(value: str) -> str:
    """A header's value as text: `http.client` takes its bytes for Latin-1.

    What is no UTF-8 is kept as it is, for `as_header`.
    """
    return value.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def as_header(value: str) -> str:
    """`value` as `http.client` sends its bytes of UTF-8."""
    return value.encode("utf-8", "surrogateescape").decode("latin-1")


def challenges(header: str) -> list[Challenge]:
    """The challenges in a `WWW-Authenticate` header; there may be several, by commas."""
    found = list[dict[str, str]]()
    for item in parse_http_list(header):
        name, equals, value = item.partition("=")
        scheme, blank, parameter = name.strip().partition(" ")
        if blank or not equals:
            found.append({"": scheme.lower()})
            name = parameter
        if equals and found:
            found[-1][name.strip().lower()] = value.strip().strip('"')
    return list(found)


def _kind(challenge: Challenge) -> str:
    if challenge[""] != "digest":
        return challenge[""]
    asks_for = challenge.get("qop", "auth").replace(" ", "").split(",")
    return _algorithm(challenge).removesuffix(SESSION) if "auth" in asks_for else ""


def _algorithm(challenge: Challenge) -> str:
    return challenge.get("algorithm", "MD5").upper()


def _digest(
    challenge: Challenge, who: Credentials, request: tuple[str, str], count: int, ours: str
) -> str:
    """RFC 7616 section 3.4; `ours` is our nonce, `request` the method and the address."""
    realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
    algorithm, number = _algorithm(challenge), f"{count:08x}"

    def digest(*parts: str) -> str:
        return HASHES[algorithm.removesuffix(SESSION)](
            ":".join(parts).encode("utf-8", "surrogateescape")
        )

    secret = digest(who.user, realm, who.password)
    if algorithm.endswith(SESSION):
        secret = digest(secret, nonce, ours)
    counted = (number, ours, "auth") if "qop" in challenge else ()
    fields = {
        "username": who.user,
        "realm": realm,
        "nonce": nonce,
        "uri": request[1],
        "response": digest(secret, nonce, *counted, digest(*request)),
    }
    if "opaque" in challenge:
        fields["opaque"] = challenge["opaque"]
    if counted:
        fields["cnonce"] = ours
    quoted = [f'{name}="{_escaped(value)}"' for name, value in fields.items()]
    if "algorithm" in challenge:
        quoted.append(f"algorithm={challenge['algorithm']}")
    if counted:
        quoted += ["qop=auth", f"nc={number}"]
    return "Digest " + ", ".join(quoted)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
