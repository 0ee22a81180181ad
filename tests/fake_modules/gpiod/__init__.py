"""Stands for libgpiod's Python package, version 2: the part of its interface that we use."""

from typing import Any

from gpiod.line import Direction, Value

LINES = 28
# Of every line that somebody has: whether it is high.
HIGH: dict[int, bool] = {}
# Every level that a line has had, in order.
HISTORY: list[tuple[int, bool]] = []


class LineSettings:
    """How a line is requested."""

    def __init__(self, direction: Direction, output_value: Value, active_low: bool) -> None:
        assert direction is Direction.OUTPUT
        self.output_value, self.active_low = output_value, active_low


class LineRequest:
    """Lines that are the caller's until they are released."""

    def __init__(self, config: dict[int, LineSettings]) -> None:
        self._config = config
        for line, settings in config.items():
            self.set_value(line, settings.output_value)

    def set_value(self, line: int, value: Value) -> None:
        HIGH[line] = (value is Value.ACTIVE) != self._config[line].active_low
        HISTORY.append((line, HIGH[line]))

    def release(self) -> None:
        for line in self._config:
            del HIGH[line]


def request_lines(path: str, *, consumer: str, config: dict[int, Any]) -> LineRequest:
    if path != "/dev/gpiochip0":
        raise FileNotFoundError(2, "No such file or directory")
    if any(line >= LINES for line in config):
        raise ValueError("offset out of range")
    if any(line in HIGH for line in config):
        raise OSError(16, "Device or resource busy")
    assert consumer
    return LineRequest(config)
