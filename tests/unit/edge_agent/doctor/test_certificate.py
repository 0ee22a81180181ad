"""Certificates' dates, read from bytes that OpenSSL wrote."""

import random
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.certificates import certificate, dated_certificate

from edge_agent.doctor.certificate import file_validity, validity


def der(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def test_the_dates_are_opensslls(tmp_path: Path) -> None:
    """From now, for as many days as were asked for."""
    cert, _ = certificate(tmp_path, "a", days=40)
    found = validity(der(cert))
    assert abs(found.begin - datetime.now(UTC)) < timedelta(minutes=5)
    assert found.end - found.begin == timedelta(days=40)


@pytest.mark.parametrize(
    ("begin", "end"),
    [("20200102030405Z", "20210102030405Z"), ("20200101000000Z", "20991231235959Z")],
    ids=["utc-time", "generalized-time"],
)
def test_both_ways_to_write_a_time(begin: str, end: str, tmp_path: Path) -> None:
    """Up to 2049 with two digits of the year, beyond with four."""
    cert, _ = dated_certificate(tmp_path, "a", begin, end)
    found = validity(der(cert))
    assert f"{found.begin:%Y%m%d%H%M%SZ}" == begin
    assert f"{found.end:%Y%m%d%H%M%SZ}" == end


def test_a_file_of_several(tmp_path: Path) -> None:
    """All of a chain, in their order; other text between them does not matter."""
    one, _ = certificate(tmp_path, "a", days=10)
    two, _ = certificate(tmp_path, "b", days=20)
    both = tmp_path / "both.pem"
    both.write_text(f"Certificate:\n{one.read_text()}\nanother\n{two.read_text()}")
    assert [(v.end - v.begin).days for v in file_validity(both)] == [10, 20]


def test_a_file_of_none(tmp_path: Path) -> None:
    """A key is no certificate."""
    _, key = certificate(tmp_path, "a")
    with pytest.raises(ValueError, match=r"a\.key: expected a certificate in PEM, found none"):
        file_validity(key)


def test_hostile_bytes_are_one_error(tmp_path: Path) -> None:
    """Cut and changed at random: a validity, or one kind of error; nothing else."""
    cert, _ = certificate(tmp_path, "a")
    good = der(cert)
    rng = random.Random(5)
    refused = 0
    for _ in range(3000):
        data = bytearray(good[: rng.randrange(len(good) + 1)])
        for _ in range(rng.randrange(4)):
            if data:
                data[rng.randrange(min(len(data), 160))] = rng.randrange(256)
        try:
            validity(bytes(data))
        except ValueError:
            refused += 1
    assert refused > 1000
