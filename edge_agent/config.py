"""`AgentConfig`: agent.toml as frozen values, decoded strictly.

Paths in the file are relative to the file's own folder, those of secrets first to the folder
in which systemd hands them over; by hand, where systemd hands nothing over, also to where it
would take them from. `deploy/agent.example.toml` shows every key.
"""

import os
from pathlib import Path
from typing import Annotated, Any

import msgspec

from edge_agent.common.errors import ConfigError
from edge_agent.common.strict import LEAST, Name, Seconds, Strict, Timeout
from edge_agent.common.toml import decode_toml
from edge_agent.contract.commands import COMMANDS, Verb
from edge_agent.homeassistant.config import HomeAssistantConfig
from edge_agent.mqtt import DEFAULT_URL
from edge_agent.mqtt.endpoint import Broker, parse_endpoint, read_credentials
from edge_agent.outbox.outbox import Lane, Limits, Synchronous, WhenFull
from edge_agent.pictures.config import CropsConfig, SnapshotsConfig
from edge_agent.publish.schedule import Order
from edge_agent.sources.config import FileConfig, SourceConfig
from edge_agent.stream.config import StreamConfig, inner_options

# systemd.exec(5): where a service finds its credentials; `%d` in a unit's own words.
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
CREDENTIALS_PREFIX = "%d/"
# Where LoadCredential= takes them from: for who starts `doctor` or `check` by hand, as root.
CREDENTIALS_STORE = Path("/etc/credstore")


class DeviceConfig(Strict, frozen=True):
    """Who this device is; `name` is part of every topic."""

    name: Name


class BrokerConfig(Strict, frozen=True):
    """Where results go; see `Broker` for what the fields mean.

    `will_delay_s` is how long the broker waits for a lost agent to return before it says
    that it is offline.
    """

    url: str = DEFAULT_URL
    credentials_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    will_delay_s: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 10

    def __post_init__(self) -> None:
        endpoint = parse_endpoint(self.url)
        if not endpoint.tls and (self.ca_file or self.cert_file or self.key_file):
            raise ValueError("url: expected mqtts:// with ca_file, cert_file or key_file")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file: expected both or neither, found one")

    def broker(self) -> Broker:
        """The broker these fields name, its credentials read.

        Raises:
            ConfigError: the credentials file, or a TLS file, is missing or wrong.
        """
        for path in (self.ca_file, self.cert_file, self.key_file):
            # Not by Path.is_file(), which raises where a folder may not be looked into.
            if path is not None and not os.path.isfile(path):  # noqa: PTH113
                raise ConfigError(f"{path}: expected a PEM file, found nothing")
        secret = self.credentials_file
        return Broker(
            parse_endpoint(self.url),
            read_credentials(secret) if secret is not None else None,
            self.ca_file,
            self.cert_file,
            self.key_file,
            self.keepalive_s,
        )


class OutboxConfig(Strict, frozen=True):
    """Where results wait until the broker has acknowledged them.

    Args:
        path: the SQLite file; its folder must exist.
        max_mb: how much may wait; beyond it the least important is dropped, of that the
            oldest first, and counted.
        max_age_h: how long a result may wait while the agent runs; for ever if left out.
        late_after_s: results that waited for longer are marked `late`.
        synchronous: `full` loses nothing at a power cut and writes to the disk for every
            result; `normal` may lose the last moments at a power cut, never at a crash.
            A stream may say otherwise for itself.
        order: `live-first` sends what is new at once, and what is late beside it; `strict` sends
            all in the order of storing.
        when_full: `drop-oldest` gives up the oldest; `thin` keeps the newer half whole and of
            the older every 2nd, 4th, 8th and so on.
    """

    path: Path
    # Ten results: with less each new one would drive out the one that is being sent.
    max_mb: Annotated[float, msgspec.Meta(ge=0.01, le=100_000)] = 64
    max_age_h: Annotated[float, msgspec.Meta(ge=LEAST, le=87_600)] | None = None
    late_after_s: Seconds = 10
    synchronous: Synchronous = "normal"
    order: Order = "live-first"
    when_full: WhenFull = "drop-oldest"

    def limits(self) -> Limits:
        """What may wait, and when it counts as late."""
        age_h = self.max_age_h
        return Limits(
            round(self.max_mb * 1024**2),
            None if age_h is None else age_h * 3600,
            self.late_after_s,
            self.when_full,
        )


class CommandsConfig(Strict, frozen=True):
    """What the agent may be told over MQTT by whoever may write to its command topics.

    Args:
        allow: the verbs it obeys; none for an agent that cannot be told anything.
        per_minute: how many commands it takes; a few more at once.
        snapshot_kb: how large the picture of a `snapshot` may be.
    """

    allow: tuple[Verb, ...] = tuple(COMMANDS)
    per_minute: Annotated[float, msgspec.Meta(ge=LEAST, le=6000)] = 30
    snapshot_kb: Annotated[int, msgspec.Meta(ge=4, le=10_000)] = 200


class HealthConfig(Strict, frozen=True):
    """How often the counters are published, in seconds."""

    interval_s: Timeout = 30


class MetricsConfig(Strict, frozen=True):
    """Where Prometheus finds the counters: http://127.0.0.1:PORT/metrics, on loopback only."""

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]


class AgentConfig(Strict, frozen=True):
    """The whole of agent.toml; each stream is one `[[stream]]` table."""

    device: DeviceConfig
    outbox: OutboxConfig
    streams: Annotated[tuple[StreamConfig, ...], msgspec.Meta(min_length=1)] = msgspec.field(
        name="stream"
    )
    broker: BrokerConfig = BrokerConfig()
    commands: CommandsConfig = CommandsConfig()
    health: HealthConfig = HealthConfig()
    home_assistant: HomeAssistantConfig = HomeAssistantConfig()
    metrics: MetricsConfig | None = None
    crops: CropsConfig | None = None
    snapshots: SnapshotsConfig | None = None

    def __post_init__(self) -> None:
        for stream in self.streams:
            if stream.snapshot is not None and self.snapshots is None:
                raise ValueError(
                    f"stream {stream.name!r}: expected [snapshots] with a folder for its snapshot"
                )
        names = [stream.name for stream in self.streams]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"stream: expected distinct names, found {name!r} twice")
        self._check_cameras()

    def _check_cameras(self) -> None:
        """A local camera can be opened once; streams that say the same of it share it."""
        said: dict[str, SourceConfig] = {}
        for stream in self.streams:
            source = stream.source
            if isinstance(source, FileConfig) or not source.local:
                continue
            if said.setdefault(source.place, source) != source:
                raise ValueError(
                    f"stream {stream.name!r}: expected the same source as in the other "
                    f"streams of {source.place}, found one that differs"
                )

    def lanes(self) -> dict[str, Lane]:
        """How the results of each stream wait."""
        return {
            stream.name: Lane(
                stream.importance,
                stream.synchronous or self.outbox.synchronous,
                stream.expires_s,
            )
            for stream in self.streams
        }


def load_config(path: Path) -> AgentConfig:
    """The configuration in `path`, its relative paths resolved against its folder.

    Raises:
        ConfigError: no such file, not TOML, or a key missing, unknown or of the wrong
            type or range; the message names the file and the key.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path}: expected an agent configuration file, found: {error.strerror}"
        ) from error
    folder = path.resolve().parent
    try:
        return decode_toml(
            data, AgentConfig, lambda kind, value: _path(folder, kind, value), inner_options()
        )
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error


def _path(folder: Path, kind: type[Any], value: object) -> Path:
    if kind is not Path or not isinstance(value, str) or not value:
        raise ValueError(f"expected a path, found {value!r}")
    if "\0" in value:
        raise ValueError(f"expected a path without a zero byte, found {value!r}")
    delivered = os.environ.get(CREDENTIALS_VARIABLE)
    secrets = Path(delivered) if delivered else CREDENTIALS_STORE
    if value.startswith(CREDENTIALS_PREFIX):
        return secrets / value.removeprefix(CREDENTIALS_PREFIX)
    # systemd's LoadCredential= puts each secret there under its name. What it delivered goes
    # before what is beside the file; the store comes last: nobody configured it.
    bare = Path(value).name == value and os.path.isfile(secrets / value)  # noqa: PTH113
    if bare and (delivered or not os.path.lexists(folder / value)):
        return secrets / value
    try:
        return folder / Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"expected a path, found {value!r}: no such user") from error
