"""From when to when a certificate is valid, read from its bytes.

Python shows the dates of a certificate only after it has verified it; an expired one is just
what a doctor must be able to read. The layout is RFC 5280's `Certificate`, in DER (X.690).
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
VERSION = 0xA0


@dataclass(frozen=True)
class Validity:
    """The first and the last moment, UTC."""

    begin: datetime
    end: datetime


def validity(der: bytes) -> Validity:
    """When the certificate in `der` is valid.

    Raises:
        ValueError: it is no certificate.
    """
    try:
        certificate = next(_elements(der))[1]
        body = next(_elements(certificate))[1]
        fields = [content for tag, content in _elements(body) if tag != VERSION]
        # serialNumber, signature, issuer, validity
        begin, end = (_moment(tag, text) for tag, text in _elements(fields[3]))
    except (StopIteration, IndexError, UnicodeDecodeError, ValueError) as error:
        raise ValueError("expected a certificate in DER, found something else") from error
    return Validity(begin, end)


def file_validity(path: Path) -> list[Validity]:
    """Those of all certificates in the PEM file at `path`.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds none.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    end = "-----END CERTIFICATE-----"
    begin = "-----BEGIN CERTIFICATE-----"
    blocks = [block[block.index(begin) :] for block in text.split(end) if begin in block]
    if not blocks:
        raise ValueError(f"{path}: expected a certificate in PEM, found none")
    return [validity(ssl.PEM_cert_to_DER_cert(f"{block}{end}\n")) for block in blocks]


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The tag and the content of each element of `der`, one after another."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        if at + length > len(der):
            raise ValueError("an element is longer than what holds it")
        yield tag, der[at : at + length]
        at += length


def _moment(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == UTC_TIME:
        # Two digits of the year: 50 and above are 19xx (RFC 5280, 4.1.2.5.1).
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif tag != GENERALIZED_TIME:
        raise ValueError(f"expected a time, found tag {tag:#x}")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
