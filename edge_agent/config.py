"""`AgentConfig`: agent.toml as frozen values, decoded strictly.

Paths in the file are relative to the file's own folder, those of secrets first to the folder
in which systemd hands them over; by hand, where systemd hands nothing over, also to where it
would take them from. `deploy/agent.example.toml` shows every key.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from edge_agent.common.errors import ConfigError
from edge_agent.common.strict import LEAST, Name, Probability, Seconds, Timeout
from edge_agent.common.strict import Strict as _Value
from edge_agent.common.toml import decode_toml
from edge_agent.contract.commands import COMMANDS, Verb
from edge_agent.contract.publishing import PublishConfig, SnapshotConfig, SnapshotsConfig
from edge_agent.light.config import LightConfig, check_light
from edge_agent.mqtt.endpoint import DEFAULT_URL, Broker, parse_endpoint, read_credentials
from edge_agent.outbox.outbox import Lane, Limits, Synchronous, WhenFull
from edge_agent.publish.schedule import Order
from edge_agent.sources.config import CameraConfig, PicameraConfig, Rate, SourceConfig
from edge_agent.stream.align import Align
from edge_agent.stream.view import Flip, Rotation, View
from edge_agent.tasks.ocr.regions import Region, RelativeRegion, TextRegion, check_wheels

# systemd.exec(5): where a service finds its credentials; `%d` in a unit's own words.
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
CREDENTIALS_PREFIX = "%d/"
# Where LoadCredential= takes them from: for who starts `doctor` or `check` by hand, as root.
CREDENTIALS_STORE = Path("/etc/credstore")

HomeTopic: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[^+#\x00-\x1f]{1,64}$(?!\n)")]
Threads: TypeAlias = Literal["auto"] | Annotated[int, msgspec.Meta(ge=1, le=64)]


class DeviceConfig(_Value, frozen=True):
    """Who this device is; `name` is part of every topic."""

    name: Name


class BrokerConfig(_Value, frozen=True):
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


class OutboxConfig(_Value, frozen=True):
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


class CommandsConfig(_Value, frozen=True):
    """What the agent may be told over MQTT by whoever may write to its command topics.

    Args:
        allow: the verbs it obeys; none for an agent that cannot be told anything.
        per_minute: how many commands it takes; a few more at once.
        snapshot_kb: how large the picture of a `snapshot` may be.
    """

    allow: tuple[Verb, ...] = tuple(COMMANDS)
    per_minute: Annotated[float, msgspec.Meta(ge=LEAST, le=6000)] = 30
    snapshot_kb: Annotated[int, msgspec.Meta(ge=4, le=10_000)] = 200


class HealthConfig(_Value, frozen=True):
    """How often the counters are published, in seconds."""

    interval_s: Timeout = 30


class MetricsConfig(_Value, frozen=True):
    """Where Prometheus finds the counters: http://127.0.0.1:PORT/metrics, on loopback only."""

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]


class HomeAssistantConfig(_Value, frozen=True):
    """How the device appears in Home Assistant by itself.

    Args:
        enabled: whether it does; switched off, it disappears there.
        prefix: Home Assistant's own discovery prefix.
        birth_topic, birth_payload: what it says when it has started, as set there.
    """

    enabled: bool = True
    prefix: HomeTopic = "homeassistant"
    birth_topic: HomeTopic = "homeassistant/status"
    birth_payload: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] = "online"


class CropsConfig(_Value, frozen=True):
    """Where pictures of readings that were held or rejected are kept, to be labelled.

    Args:
        folder: for them; made if it is missing. One agent a folder.
        max_count, max_mb: how many, and how much, at most; beyond it the oldest go.
        interval_s: the least time between two of the same region.
    """

    folder: Path
    max_count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 500
    max_mb: Annotated[float, msgspec.Meta(ge=LEAST, le=100_000)] = 50
    interval_s: Seconds = 60


class StreamConfig(_Value, frozen=True):
    """One source looked at by one model.

    Args:
        name: part of the stream's topics.
        bundle: a bundle directory or .edgeward file.
        source: where frames come from.
        rotate: by how much each frame is turned clockwise, in degrees, before all else.
        flip: how it is mirrored after that; not at all if left out.
        align: to which picture frames are moved then; to none if left out.
        light: what burns while a frame is taken; nothing if left out.
        task: what the bundle's model does; another one is refused.
        region: classify: the part of the frame to look at; the whole frame if left out.
        relative_region: the same in shares of the frame; at most one of the two.
        regions: ocr: where there is text; each is read in every frame.
        interval_s: the least time between two answers; 0 is as fast as the model.
        frames_per_s: the same said the other way round; at most one of the two.
        min_confidence: below it an answer is not sure; as the bundle says if left out.
        publish: which answers are published.
        snapshot: of which the frame is kept; none if left out.
        threads: how many threads one inference may use; `auto` measures once, and remembers.
        importance: where the outbox is full, results of the least important go first.
        synchronous: as the outbox's, for this stream; the outbox's if left out.
        expires_s: how long the broker keeps a result for a subscriber that is away; for
            as long as the broker likes if left out.
    """

    name: Name
    bundle: Path
    source: SourceConfig
    rotate: Rotation = 0
    flip: Flip | None = None
    align: Align | None = None
    light: LightConfig | None = None
    task: Literal["classify", "ocr"] = "classify"
    region: Region | None = None
    relative_region: RelativeRegion | None = None
    regions: tuple[TextRegion, ...] = ()
    interval_s: Seconds = 0
    frames_per_s: Rate | None = None
    min_confidence: Probability | None = None
    publish: PublishConfig = PublishConfig()
    snapshot: SnapshotConfig | None = None
    threads: Threads = "auto"
    importance: Annotated[int, msgspec.Meta(ge=0, le=9)] = 5
    synchronous: Synchronous | None = None
    expires_s: Annotated[int, msgspec.Meta(ge=1, le=4_294_967_295)] | None = None

    def __post_init__(self) -> None:
        self._check_pace()
        check_light(self.light, self.source, self.interval_s)
        if self.region is not None and self.relative_region is not None:
            raise ValueError(
                f"stream {self.name!r}: expected one of region and relative_region, found both"
            )
        if self.task == "classify" and self.regions:
            raise ValueError(f'stream {self.name!r}: expected task = "ocr" with regions')
        part = "region" if self.region is not None else "relative_region"
        if self.task == "ocr" and (self.looks_at_a_part or not self.regions):
            raise ValueError(
                f"stream {self.name!r}: expected one or more [[stream.regions]] with "
                f'task = "ocr", found {part if self.looks_at_a_part else "none"}'
            )
        if self.task == "ocr" and self.publish.margin:
            raise ValueError(f'stream {self.name!r}: expected no publish.margin with task = "ocr"')
        check_wheels(self.regions, self.name)
        names = [region.name for region in self.regions]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"stream {self.name!r}: expected regions of distinct names, "
                    f"found {name!r} twice"
                )

    @property
    def looks_at_a_part(self) -> bool:
        """Whether a region is cut out of every frame."""
        return self.region is not None or self.relative_region is not None

    def region_in(self, width: int, height: int) -> Region | None:
        """The part to look at of a frame of this size; None for all of it."""
        if self.relative_region is not None:
            return self.relative_region.pixels(width, height)
        return self.region

    def view(self) -> View:
        """How the stream sees the frames of its source.

        Raises:
            ConfigError: the picture to align to cannot be used.
        """
        inside = [region.outline() for region in self.regions if not region.page]
        if self.region is not None:
            inside.append(self.region.corners())
        return View(self.rotate, self.flip, self.align, inside)

    def _check_pace(self) -> None:
        if self.frames_per_s is None:
            return
        if self.interval_s:
            raise ValueError(
                f"stream {self.name!r}: expected one of interval_s and frames_per_s, found both"
            )
        # From here on there is one word for it.
        msgspec.structs.force_setattr(self, "interval_s", 1 / self.frames_per_s)


class AgentConfig(_Value, frozen=True):
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
            match stream.source:
                case CameraConfig(url=None) | PicameraConfig():
                    place = stream.source.place
                    if said.setdefault(place, stream.source) != stream.source:
                        raise ValueError(
                            f"stream {stream.name!r}: expected the same source as in the other "
                            f"streams of {place}, found one that differs"
                        )
                case _:
                    pass

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
        return decode_toml(data, AgentConfig, lambda kind, value: _path(folder, kind, value))
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
    # before what is beside the file; the store, which is nobody's word, after it.
    bare = Path(value).name == value and os.path.isfile(secrets / value)  # noqa: PTH113
    if bare and (delivered or not os.path.lexists(folder / value)):
        return secrets / value
    try:
        return folder / Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"expected a path, found {value!r}: no such user") from error
