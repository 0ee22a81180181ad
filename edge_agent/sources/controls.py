"""`CameraControls`: what a camera is told about how to take its pictures, as configured."""

from typing import Annotated, Literal, TypeAlias

import msgspec

from edge_agent.common.strict import LEAST, Strict

Setting: TypeAlias = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]


class CameraControls(Strict, frozen=True):
    """What is set when a camera is opened; what is left out stays as it is, or automatic.

    A camera that has no such control, or does not keep it, is refused: its pictures would
    not be those that were meant.

    Args:
        focus: where it stays; of a USB camera in the driver's units, of Picamera2 in
            dioptres: 0 is far away, 10 is 10 cm.
        exposure_ms: how long each picture is exposed.
        gain: of a USB camera in the driver's units, of Picamera2 as a factor.
        white_balance_k: the colour of the light, in kelvin.
        power_line_hz: of the mains that the light flickers with.
    """

    focus: Setting | None = None
    exposure_ms: Annotated[float, msgspec.Meta(ge=LEAST, le=1e6)] | None = None
    gain: Setting | None = None
    white_balance_k: Annotated[int, msgspec.Meta(ge=1000, le=20_000)] | None = None
    power_line_hz: Literal[50, 60] | None = None

    def named(self) -> dict[str, float]:
        """Those that are set, by their keys."""
        return {
            key: value for key, value in msgspec.structs.asdict(self).items() if value is not None
        }
