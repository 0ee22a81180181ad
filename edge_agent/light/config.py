"""Which light burns while a frame is taken, as configured."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from edge_agent.common.strict import LEAST, Strict
from edge_agent.sources.config import LiveConfig, SourceConfig

Settle: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=20)]
WebAddress: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/]+\S*$")]


class HttpLight(Strict, frozen=True, tag_field="kind", tag="http"):
    """A lamp that is switched by requests.

    Args:
        on, off: where they go; without user and password, which an `@` is taken for.
        credentials_file: one line, user:password, for a lamp that asks for them.
        method: what they are.
        timeout_s: how long an answer may take; any status below 400 is one.
        settle_s: between switching on and the frame: what lamp and exposure need.
    """

    on: WebAddress
    off: WebAddress
    credentials_file: Path | None = None
    method: Literal["GET", "POST", "PUT"] = "GET"
    timeout_s: Annotated[float, msgspec.Meta(ge=LEAST, le=10)] = 5
    settle_s: Settle = 1

    def __post_init__(self) -> None:
        for key in ("on", "off"):
            if "@" in getattr(self, key):
                raise ValueError(
                    f"light: expected {key} without user and password, found an @: they go into "
                    "credentials_file; an @ of another kind is written %40"
                )


class GpioLight(Strict, frozen=True, tag_field="kind", tag="gpio"):
    """A lamp at a line of this machine.

    Args:
        line: its number on the chip; on a Raspberry Pi that of the GPIO.
        chip: the chip's file.
        active_low: whether it burns while the line is low.
        settle_s: as of `HttpLight`.
    """

    line: Annotated[int, msgspec.Meta(ge=0, le=1023)]
    chip: Path = Path("/dev/gpiochip0")
    active_low: bool = False
    settle_s: Settle = 1


LightConfig: TypeAlias = HttpLight | GpioLight


def check_light(light: LightConfig | None, source: SourceConfig, interval_s: float) -> None:
    """Refuse a light that no frame can be taken in.

    Raises:
        ValueError: there is no camera, or no time for the lamp to settle and to be off.
    """
    if light is None:
        return
    if not isinstance(source, LiveConfig):
        raise ValueError("light: expected a camera with it")
    if interval_s <= light.settle_s:
        raise ValueError(
            f"light: expected an interval_s above its settle_s, {light.settle_s:g}, "
            f"found {interval_s:g}"
        )
