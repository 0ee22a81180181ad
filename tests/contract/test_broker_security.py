"""Passwords and TLS, with a real broker that asks for them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.brokers import Mosquitto
from support.certificates import certificate

from edge_agent.common.errors import BrokerError
from edge_agent.config import BrokerConfig
from edge_agent.mqtt.dialer import Dialer, Identity


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}")
    return found


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def dial(config: BrokerConfig) -> str:
    session = Dialer(config.broker(), Identity("test")).dial()
    session.close()
    return session.version


def test_a_password_opens_the_door(
    mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    """The one in the credentials file does, another or none does not."""
    known = tmp_path / "known"
    run(tool("mosquitto_passwd"), "-b", "-c", str(known), "me", "a:b")
    broker = mosquitto_factory("allow_anonymous false", f"password_file {known}")
    secret = tmp_path / "secret"
    secret.write_text("me:a:b\n")
    assert dial(BrokerConfig(url=broker.url, credentials_file=secret)) == "5"
    secret.write_text("me:a\n")
    for config in (
        BrokerConfig(url=broker.url, credentials_file=secret),
        BrokerConfig(url=broker.url),
    ):
        with pytest.raises(BrokerError, match="refuses this client: Not authorized"):
            dial(config)


# paho drops its socket unclosed when the handshake fails; the garbage collector closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_is_spoken_with_those_we_trust(
    mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    """The right authority opens, another, or the system's, does not."""
    cert, key = certificate(tmp_path, "broker")
    stranger, _ = certificate(tmp_path, "stranger")
    broker = mosquitto_factory(f"certfile {cert}", f"keyfile {key}")
    url = broker.url.replace("mqtt://", "mqtts://")
    assert dial(BrokerConfig(url=url, ca_file=cert)) == "5"
    for config in (BrokerConfig(url=url, ca_file=stranger), BrokerConfig(url=url)):
        with pytest.raises(BrokerError, match=r"cannot be reached: .*certificate verify failed"):
            dial(config)


def test_a_client_certificate_is_shown(
    mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    """A broker that asks for one lets in whoever has it."""
    cert, key = certificate(tmp_path, "broker")
    ours, our_key = certificate(tmp_path, "device")
    broker = mosquitto_factory(
        f"certfile {cert}", f"keyfile {key}", f"cafile {ours}", "require_certificate true"
    )
    url = broker.url.replace("mqtt://", "mqtts://")
    assert dial(BrokerConfig(url=url, ca_file=cert, cert_file=ours, key_file=our_key)) == "5"
    with pytest.raises(BrokerError):
        dial(BrokerConfig(url=url, ca_file=cert))


def test_tls_files_that_are_none_are_named(tmp_path: Path) -> None:
    """A file without a certificate is found before anything is sent."""
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    with pytest.raises(BrokerError, match="the TLS files cannot be used"):
        dial(BrokerConfig(url="mqtts://127.0.0.1:1", ca_file=empty))
