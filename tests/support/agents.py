"""`edgeward-agent` as a process of its own, and what a test hears of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TypeVar

from edge_agent.client import Delivery, Subscriber
from support.own_time import end_within

M = TypeVar("M")

AGENT = (sys.executable, "-m", "edge_agent.cli")


def write_config(
    folder: Path,
    url: str,
    bundle: Path,
    source: str,
    *,
    stream: str = "",
    device: str = "gate",
    will_delay_s: int = 0,
    more: str = "",
) -> Path:
    """An agent.toml with one stream, `front`.

    Args:
        folder: for it, and for the outbox.
        url: the broker's.
        bundle: what answers.
        source: TOML of the source.
        stream: more lines for the stream.
        device: the device's name.
        will_delay_s: of the last will.
        more: other tables.
    """
    path = folder / "agent.toml"
    path.write_text(
        f"""
[device]
name = "{device}"
[broker]
url = "{url}"
keepalive_s = 5
will_delay_s = {will_delay_s}
[outbox]
path = "outbox.db"
[health]
interval_s = 0.5
[[stream]]
name = "front"
bundle = "{bundle}"
source = {source}
{stream}
{more}
"""
    )
    return path


class Agent:
    """A running `edgeward-agent run`; a context manager that kills it."""

    def __init__(
        self,
        config: Path,
        log_level: str = "info",
        environment: dict[str, str] | None = None,
        command: tuple[str, ...] = AGENT,
    ) -> None:
        self.config, self._log_level, self._command = config, log_level, command
        self._environment = {**os.environ, **(environment or {})}
        self.log = config.with_suffix(".log")

    def __enter__(self) -> "Agent":
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it (again)."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(*self._command, "--log-level", self._log_level),
                    *("run", "--config", str(self.config)),
                ],
                stderr=log,
                env=self._environment,
            )

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit status, which must come within the promised five seconds of its own."""
        self.process.send_signal(signal.SIGTERM)
        return end_within(self.process, 5)


def hear(subscriber: Subscriber, kind: type[M], timeout_s: float = 60) -> M:
    """The next message of `kind`; others are passed over."""
    while True:
        delivery: Delivery | None = subscriber.receive(timeout_s)
        assert delivery is not None, f"no {kind.__name__} within {timeout_s:g} s"
        if isinstance(delivery.message, kind):
            return delivery.message
