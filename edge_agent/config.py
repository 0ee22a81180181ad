"""`AgentConfig`: agent.toml as frozen values, decoded strictly.

Paths in the file are relative to the file's own folder, those of secrets first to the folder
in which systemd hands them over. `deploy/agent.example.toml` shows every key.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from edge_agent.bundle.manifest import Name
from edge_agent.endpoint import DEFAULT_URL, Broker, parse_endpoint, read_credentials
from edge_agent.errors import ConfigError
from edge_agent.regions import Offset, Region, TextRegion
from edge_agent.toml import decode_toml

# systemd.exec(5): where a service finds its credentials; `%d` in a unit's own words.
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
CREDENTIALS_PREFIX = "%d/"

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
Timeout: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Threads: TypeAlias = Literal["auto"] | Annotated[int, msgspec.Meta(ge=1, le=64)]


class _Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every configuration value: immutable and strict."""


class DeviceConfig(_Value, frozen=True):
    """Who this device is; `name` is part of every topic."""

    name: Name


class BrokerConfig(_Value, frozen=True):
    """Where results go; see `Broker` for what the fields mean."""

    url: str = DEFAULT_URL
    credentials_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30

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
            if path is not None and not path.is_file():
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
        max_mb: how much may wait; beyond it the oldest is dropped, and counted.
        synchronous: `full` loses nothing at a power cut and writes to the disk for every
            result; `normal` may lose the last moments at a power cut, never at a crash.
    """

    path: Path
    max_mb: Annotated[float, msgspec.Meta(gt=0, le=100_000)] = 64
    synchronous: Literal["full", "normal"] = "normal"


class HealthConfig(_Value, frozen=True):
    """How often the counters are published, in seconds."""

    interval_s: Timeout = 30


class CropsConfig(_Value, frozen=True):
    """Where pictures of readings that were held or rejected are kept, to be labelled.

    Args:
        folder: for them; made if it is missing. One agent a folder.
        max_count, max_mb: how many, and how much, at most; beyond it the oldest go.
        interval_s: the least time between two of the same region.
    """

    folder: Path
    max_count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 500
    max_mb: Annotated[float, msgspec.Meta(gt=0, le=100_000)] = 50
    interval_s: Seconds = 60


class ImagesConfig(_Value, frozen=True, tag_field="kind", tag="images"):
    """An image file, or a folder of them in the order of their names."""

    path: Path
    loop: bool = False


class VideoConfig(_Value, frozen=True, tag_field="kind", tag="video"):
    """A video file, read at the model's pace: no frame is dropped."""

    path: Path
    loop: bool = False


class CameraConfig(_Value, frozen=True, tag_field="kind", tag="camera"):
    """A camera by number (`/dev/videoN`) or by URL (RTSP, MJPEG over HTTP): one of them.

    Args:
        index: the camera's number.
        url: the stream's address.
        open_timeout_s: how long opening a URL may take.
        read_timeout_s: how long to wait for a frame before the camera counts as lost.
    """

    index: Offset | None = None
    url: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    open_timeout_s: Timeout = 10
    read_timeout_s: Timeout = 10

    def __post_init__(self) -> None:
        if (self.index is None) == (self.url is None):
            found = "neither" if self.index is None else "both"
            raise ValueError(f"camera: expected either index or url, found {found}")


SourceConfig: TypeAlias = ImagesConfig | VideoConfig | CameraConfig


class StreamConfig(_Value, frozen=True):
    """One source looked at by one model.

    Args:
        name: part of the stream's topics.
        bundle: a bundle directory or .edgeward file.
        source: where frames come from.
        task: what the bundle's model does; another one is refused.
        region: classify: the part of the frame to look at; the whole frame if left out.
        regions: ocr: where there is text; each is read in every frame.
        interval_s: the least time between two answers; 0 is as fast as the model.
        threads: how many threads one inference may use; `auto` measures once, and remembers.
    """

    name: Name
    bundle: Path
    source: SourceConfig
    task: Literal["classify", "ocr"] = "classify"
    region: Region | None = None
    regions: tuple[TextRegion, ...] = ()
    interval_s: Seconds = 0
    threads: Threads = "auto"

    def __post_init__(self) -> None:
        if self.task == "classify" and self.regions:
            raise ValueError(f'stream {self.name!r}: expected task = "ocr" with regions')
        if self.task == "ocr" and (self.region is not None or not self.regions):
            raise ValueError(
                f"stream {self.name!r}: expected one or more [[stream.regions]] with "
                f'task = "ocr", found {"none" if self.region is None else "region"}'
            )
        names = [region.name for region in self.regions]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"stream {self.name!r}: expected regions of distinct names, "
                    f"found {name!r} twice"
                )


class AgentConfig(_Value, frozen=True):
    """The whole of agent.toml; each stream is one `[[stream]]` table."""

    device: DeviceConfig
    outbox: OutboxConfig
    streams: Annotated[tuple[StreamConfig, ...], msgspec.Meta(min_length=1)] = msgspec.field(
        name="stream"
    )
    broker: BrokerConfig = BrokerConfig()
    health: HealthConfig = HealthConfig()
    crops: CropsConfig | None = None

    def __post_init__(self) -> None:
        names = [stream.name for stream in self.streams]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"stream: expected distinct names, found {name!r} twice")


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
    secrets = os.environ.get(CREDENTIALS_VARIABLE)
    if value.startswith(CREDENTIALS_PREFIX):
        if not secrets:
            raise ValueError(f"expected {CREDENTIALS_VARIABLE} to be set for {value!r}")
        return Path(secrets) / value.removeprefix(CREDENTIALS_PREFIX)
    # systemd's LoadCredential= puts each secret there under its name.
    if secrets and Path(value).name == value and (Path(secrets) / value).is_file():
        return Path(secrets) / value
    try:
        return folder / Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"expected a path, found {value!r}: no such user") from error
