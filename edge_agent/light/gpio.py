"""A lamp at a GPIO line, through libgpiod's own Python package, version 2.

Debian 12's python3-libgpiod is version 1, which is another interface; the package `gpiod` of the
Python index is version 2 on every system. It is imported when such a lamp is opened.
"""

import importlib
from typing import Any

from edge_agent.common.errors import SourceError
from edge_agent.light.config import GpioLight

HOW = 'pip install "gpiod>=2" in the environment of the agent'


class GpioLamp:
    """A line that is ours until it is closed.

    Args:
        config: which.

    Raises:
        SourceError: there is no gpiod, no such line, or somebody else has it.
    """

    def __init__(self, config: GpioLight) -> None:
        self._config = config
        self._place = f"light {config.chip} line {config.line}"
        try:
            gpiod = importlib.import_module("gpiod")
            self._values: Any = importlib.import_module("gpiod.line").Value
        except ImportError as error:
            raise SourceError(
                f"{self._place}: expected gpiod 2, found none ({error}): {HOW}"
            ) from error
        if not hasattr(gpiod, "request_lines"):
            raise SourceError(f"{self._place}: expected gpiod 2, found version 1: {HOW}")
        settings = gpiod.LineSettings(
            direction=importlib.import_module("gpiod.line").Direction.OUTPUT,
            output_value=self._values.INACTIVE,
            active_low=config.active_low,
        )
        try:
            self._request: Any = gpiod.request_lines(
                str(config.chip), consumer="edgeward", config={config.line: settings}
            )
        except (OSError, ValueError) as error:
            raise SourceError(
                f"{self._place}: expected a line to switch, found: {error}"
            ) from error

    def switch(self, on: bool, timeout_s: float | None = None) -> None:
        """As `Lamp.switch`.

        Raises:
            SourceError: the kernel refuses.
        """
        value = self._values.ACTIVE if on else self._values.INACTIVE
        try:
            self._request.set_value(self._config.line, value)
        except OSError as error:
            raise SourceError(
                f"{self._place}: expected to switch it {'on' if on else 'off'}, found: {error}"
            ) from error

    def close(self) -> None:
        """As `Lamp.close`; what the line does then is the board's affair, so it is off before."""
        self._request.release()
