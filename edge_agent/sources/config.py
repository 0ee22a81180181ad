"""A stream's `source` table: which kind, and what it needs to know.

The process that captures imports this and nothing else of the configuration.
"""

from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec

from edge_agent.common.strict import Seconds, Strict, Timeout
from edge_agent.sources.controls import CameraControls
from edge_agent.sources.network.address import has_login, shown

Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Side: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=16384)]
# From one in eleven days: what is between two has to stay a number of seconds.
Rate: TypeAlias = Annotated[float, msgspec.Meta(ge=1e-6, le=1000)]
Address: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
FROZEN_S = 60.0
FourCc: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{4}$")]


class ImagesConfig(Strict, frozen=True, tag_field="kind", tag="images"):
    """An image file, or a folder of them in the order of their names."""

    path: Path
    loop: bool = False

    @property
    def place(self) -> str:
        """How it is named to others."""
        return f"images {self.path}"


class VideoConfig(Strict, frozen=True, tag_field="kind", tag="video"):
    """A video file, read at the model's pace: no frame is dropped."""

    path: Path
    loop: bool = False

    @property
    def place(self) -> str:
        """How it is named to others."""
        return f"video {self.path}"


class _Live(Strict, frozen=True):
    """What all cameras have; a process of its own looks at each.

    Args:
        open_timeout_s: how long opening may take.
        read_timeout_s: how long to wait for a frame before the camera counts as lost.
        frozen_after_s: frames that do not differ by a bit for so long are not believed: a
            sensor is never that quiet. 0 never says so. Left out, it is a minute of what gives
            frames by itself, and never of a URL that turns out to give stills.
    """

    open_timeout_s: Timeout = 10
    read_timeout_s: Timeout = 10
    frozen_after_s: Seconds | None = None

    @property
    def frozen_s(self) -> float:
        """After how long frames that do not differ are not believed; 0 is never."""
        return FROZEN_S if self.frozen_after_s is None else self.frozen_after_s

    @property
    def local(self) -> bool:
        """Whether it is plugged into this machine, where it can be opened only once."""
        return False

    @property
    def most_per_s(self) -> float | None:
        """How many frames a second it gives at the most; None where that is not said."""
        return None


class _Sized(_Live, frozen=True):
    """What cameras have that can be set.

    Args:
        width, height: of the frames, if the camera can; both or neither.
        fps: frames a second, if the camera can.
        controls: how it shall take its pictures; one that cannot is refused.
    """

    width: Side | None = None
    height: Side | None = None
    fps: Rate | None = None
    controls: CameraControls | None = None

    def __post_init__(self) -> None:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height: expected both or neither, found one")

    @property
    def most_per_s(self) -> float | None:
        """As of every camera: what was asked of it."""
        return self.fps


class CameraConfig(_Sized, frozen=True, tag_field="kind", tag="camera"):
    """A camera by number, by device file or by URL: one of them.

    Args:
        index: the camera's number: `/dev/videoN`.
        device: its file; those in `/dev/v4l/by-id` stay the same when cameras are plugged in.
        url: the stream's address: RTSP, or MJPEG over HTTP.
        credentials_file: one line, user:password, for a URL that shall not have them.
        ca_file: who has signed the certificate of an https camera; left out, any is believed.
        fourcc: how a local camera shall send frames; many are fast at `MJPG` only.
    """

    index: Number | None = None
    device: Path | None = None
    url: Address | None = None
    credentials_file: Path | None = None
    ca_file: Path | None = None
    fourcc: FourCc | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        named = [key for key in ("index", "device", "url") if getattr(self, key) is not None]
        if len(named) != 1:
            raise ValueError(
                "camera: expected one of index, device and url, "
                f"found {' and '.join(named) or 'none'}"
            )
        if self.url is not None:
            for key in ("width", "height", "fps", "fourcc", "controls"):
                if getattr(self, key) is not None:
                    raise ValueError(f"camera: expected no {key} with url: the stream has its own")
            _check_login("camera", self.url, self.credentials_file)
        elif self.credentials_file is not None or self.ca_file is not None:
            raise ValueError("camera: expected url with credentials_file or ca_file, found none")

    @property
    def local(self) -> bool:
        """As of every camera: unless it is named by a URL."""
        return self.url is None

    @property
    def place(self) -> str:
        """How messages name the camera; what may be secret in a URL does not show."""
        if self.url is None:
            return f"camera {self.index if self.device is None else self.device}"
        return f"camera {shown(self.url)}"


class StillConfig(_Live, frozen=True, kw_only=True, tag_field="kind", tag="snapshot"):
    """A camera that gives one picture each time it is asked, as often as the stream looks.

    A picture that stays the same is none that is wrong: many cameras take one now and then.

    Args:
        url: http:// or https://, of the picture.
        credentials_file: one line, user:password, for a URL that shall not have them.
        ca_file: who has signed the certificate of an https camera; left out, any is believed.
    """

    url: Address
    credentials_file: Path | None = None
    ca_file: Path | None = None
    frozen_after_s: Seconds | None = 0

    def __post_init__(self) -> None:
        if not self.url.lower().startswith(("http://", "https://")):
            raise ValueError('snapshot: expected url = "http://..." or "https://..."')
        _check_login("snapshot", self.url, self.credentials_file)

    @property
    def place(self) -> str:
        """How messages name the camera; what may be secret in a URL does not show."""
        return f"snapshot {shown(self.url)}"


class PicameraConfig(_Sized, frozen=True, tag_field="kind", tag="picamera"):
    """A camera on the board's own connector, through the system's Picamera2.

    Args:
        index: which, if there are several.
    """

    index: Number = 0

    @property
    def local(self) -> bool:
        """As of every camera."""
        return True

    @property
    def place(self) -> str:
        """How messages name the camera."""
        return f"picamera {self.index}"


def _check_login(kind: str, url: str, credentials_file: Path | None) -> None:
    if credentials_file is not None and has_login(url):
        raise ValueError(
            f"{kind}: expected user and password in url or in credentials_file, found both"
        )


LiveConfig: TypeAlias = CameraConfig | PicameraConfig | StillConfig
FileConfig: TypeAlias = ImagesConfig | VideoConfig
SourceConfig: TypeAlias = FileConfig | LiveConfig
