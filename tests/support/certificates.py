"""Certificates as OpenSSL makes them."""

import shutil
import subprocess
from pathlib import Path

import pytest


def openssl(*arguments: str) -> None:
    """Run `openssl`; skips the test where there is none."""
    found = shutil.which("openssl")
    if found is None:
        pytest.skip("needs openssl")
    subprocess.run([found, *arguments], check=True, capture_output=True)


def certificate(
    folder: Path, name: str, *, days: int = 1, host: str = "IP:127.0.0.1"
) -> tuple[Path, Path]:
    """A self-signed certificate for `host`, valid from now, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days)),
        *("-subj", f"/CN={name}", "-addext", f"subjectAltName={host}"),
        *("-keyout", str(key), "-out", str(cert)),
    )
    return cert, key


def dated_certificate(folder: Path, name: str, begin: str, end: str) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 with these dates, and its key.

    Args:
        folder: for all of it.
        name: its common name, and the files' names.
        begin: from when, as 20200101000000Z.
        end: until when.
    """
    cert, key, request = (folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
    config = folder / f"{name}.cnf"
    config.write_text(
        f"[ca]\ndefault_ca = us\n[us]\nnew_certs_dir = {folder}\ndatabase = {folder}/index\n"
        "rand_serial = yes\ndefault_md = sha256\npolicy = any\nx509_extensions = names\n"
        "[any]\ncommonName = supplied\n[names]\nsubjectAltName = IP:127.0.0.1\n"
    )
    (folder / "index").write_text("")
    openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
        *("-keyout", str(key), "-out", str(request)),
    )
    openssl(
        *("ca", "-config", str(config), "-selfsign", "-batch", "-notext", "-keyfile", str(key)),
        *("-in", str(request), "-out", str(cert), "-startdate", begin, "-enddate", end),
    )
    return cert, key
