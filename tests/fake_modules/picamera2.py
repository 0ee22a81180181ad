"""Stands for the system's Picamera2: the part of its documented interface that we use.

It insists on the order of calls and on releasing requests, as the real one does, and gives red
frames whose last pixels differ from one to the next.
"""

import time
from typing import Any

import numpy as np

SIZE = (64, 48)
# A real camera has this many buffers; one that is not released is lost.
BUFFERS = 4


class Request:
    """A frame that belongs to the application until it is released."""

    def __init__(self, camera: "Picamera2", number: int) -> None:
        self._camera, self._number = camera, number

    def make_array(self, name: str) -> np.ndarray[Any, Any]:
        assert name == "main"
        width, height = self._camera.size
        image = np.zeros((height, width, 3), np.uint8)
        image[:, :, 2] = 255  # "RGB888" is blue, green, red in memory
        image[-1, -1, 2] = self._number % 256
        return image

    def get_metadata(self) -> dict[str, int]:
        dated_s = time.clock_gettime(time.CLOCK_BOOTTIME) - 0.005
        return {"SensorTimestamp": int(dated_s * 1e9), "ExposureTime": 5000}

    def release(self) -> None:
        self._camera.lent -= 1


class Picamera2:
    """A camera; there is only number 0."""

    opened = 0

    def __init__(self, camera_num: int = 0) -> None:
        if camera_num != 0:
            raise IndexError("list index out of range")
        self.size = (0, 0)
        self.lent, self._number, self._running = 0, 0, False
        self.configuration: dict[str, Any] = {}
        Picamera2.opened += 1

    @property
    def camera_controls(self) -> dict[str, tuple[Any, Any, Any]]:
        return {
            "ExposureTime": (60, 66_666, 20_000),
            "AnalogueGain": (1.0, 16.0, 1.0),
            "AeFlickerPeriod": (100, 1_000_000, None),
            "LensPosition": (0.0, 15.0, 1.0),
        }

    def create_video_configuration(
        self, main: dict[str, Any], controls: dict[str, Any]
    ) -> dict[str, Any]:
        return {"main": main, "controls": controls}

    def configure(self, configuration: dict[str, Any]) -> None:
        assert not self._running
        assert configuration["main"]["format"] == "RGB888"
        self.configuration = configuration
        self.size = configuration["main"]["size"]
        if self.size[0] > 4000:
            raise RuntimeError("Failed to configure the camera")

    def start(self) -> None:
        assert self.configuration
        self._running = True

    def capture_request(self) -> Request:
        if not self._running:
            raise RuntimeError("Camera is not running")
        assert self.lent < BUFFERS, "no buffer left: a request was not released"
        time.sleep(0.01)
        self.lent += 1
        self._number += 1
        return Request(self, self._number)

    def stop(self) -> None:
        self._running = False

    def close(self) -> None:
        assert not self._running
        Picamera2.opened -= 1
