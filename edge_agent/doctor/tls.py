"""TLS: whether the broker's certificate holds here, and for how long all of them still do."""

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.common.errors import BrokerError, one_line
from edge_agent.doctor.certificate import Validity, file_validity, validity
from edge_agent.doctor.host import Host
from edge_agent.doctor.report import Finding, fail, ok, skip, warn
from edge_agent.mqtt.endpoint import Broker
from edge_agent.mqtt.tls import tls_context

# A slow link is no broken one.
TIMEOUT_S = 30.0
# Time enough to notice and to renew; authorities of the web begin to at 30.
SOON_DAYS = 30
RENEW = "renew it, or have its renewal looked at"


def tls(broker: Broker, host: Host) -> list[Finding]:
    """The handshake as the agent makes it, and the dates of every certificate in it."""
    own = [*_files(broker, host)]
    try:
        context = tls_context(broker)
    except BrokerError as error:
        remedy = "give PEM files: ca_file, and cert_file with its key_file, in agent.toml"
        return [*own, fail("tls", one_line(error), remedy)]
    endpoint = broker.endpoint
    try:
        plain = socket.create_connection((endpoint.host, endpoint.port), TIMEOUT_S)
    except OSError as error:
        return [*own, skip("tls", f"{endpoint}: {error}")]
    return [*own, _handshake(broker, host, context, plain)]


def _handshake(
    broker: Broker, host: Host, context: ssl.SSLContext, plain: socket.socket
) -> Finding:
    endpoint = broker.endpoint
    try:
        with plain, context.wrap_socket(plain, server_hostname=endpoint.host) as secure:
            version, der = secure.version(), secure.getpeercert(binary_form=True)
    except ssl.SSLCertVerificationError as error:
        return _unverified(broker, host, error)
    except OSError as error:  # an SSLError is one
        remedy = f"does the broker speak TLS on port {endpoint.port}? mqtt:// is without"
        return fail("tls", f"{endpoint}: no TLS: {error}", remedy)
    assert der is not None  # a verified peer has shown one
    return _dated("tls", f"{version}, the chain holds", validity(der), host)


def _files(broker: Broker, host: Host) -> list[Finding]:
    """The dates of the certificates in our own files."""
    found = []
    for check, path in (("tls ca_file", broker.ca_file), ("tls cert_file", broker.cert_file)):
        if path is not None:
            found.append(_file(check, path, host))
    return found


def _file(check: str, path: Path, host: Host) -> Finding:
    try:
        first_to_end = min(file_validity(path), key=lambda dates: dates.end)
    except (OSError, ValueError) as error:
        return fail(check, one_line(error), "give a file with a certificate in PEM")
    return _dated(check, str(path), first_to_end, host)


def _dated(check: str, text: str, dates: Validity, host: Host) -> Finding:
    now = datetime.fromtimestamp(host.now(), UTC)
    text = f"{text}; valid until {dates.end:%Y-%m-%d}"
    days = (dates.end - now).days
    if now > dates.end:
        return fail(check, f"{text}: expired {-days} day(s) ago", RENEW)
    if now < dates.begin:
        remedy = "is this machine's clock right?"
        return fail(check, f"{text}, from {dates.begin:%Y-%m-%d %H:%M} UTC only", remedy)
    if days < SOON_DAYS:
        return warn(check, f"{text}: {days} day(s) left", RENEW)
    return ok(check, text)


def _unverified(broker: Broker, host: Host, error: ssl.SSLCertVerificationError) -> Finding:
    endpoint, why = broker.endpoint, error.verify_message
    dates = _shown(broker)
    now = datetime.fromtimestamp(host.now(), UTC)
    if dates is not None and not dates.begin <= now <= dates.end:
        return _dated("tls", f"{endpoint}: {why}", dates, host)
    if "match" in why:
        remedy = "give the broker's address in agent.toml by a name that its certificate has"
    elif broker.ca_file is None:
        remedy = "set broker.ca_file to the certificate of the authority that signed the broker's"
    else:
        remedy = f"{broker.ca_file} has not signed it: ask for the certificate of who has"
    return fail("tls", f"{endpoint}: {why}", remedy)


def _shown(broker: Broker) -> Validity | None:
    """The dates of the certificate the broker shows, whoever signed it."""
    endpoint = broker.endpoint
    context = ssl.create_default_context()
    # Nothing is sent over this connection: it is to read what did not hold.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((endpoint.host, endpoint.port), TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=endpoint.host) as secure,
        ):
            return validity(secure.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError):
        return None
