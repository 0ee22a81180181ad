"""Fixtures of every area: a real broker on loopback and a tiny real bundle."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.archive import Bundle, bundle_files, open_bundle, write_bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import (
    ClassifySpec,
    Golden,
    InputSpec,
    Manifest,
    Provenance,
    Quantisation,
)
from edge_agent.runtime import Interpreter

DATA = Path(__file__).parent / "data"


class Mosquitto:
    """A real mosquitto on a free loopback port, which a test may kill and start again.

    Args:
        folder: for its configuration, log and, with `persistence`, its sessions.
        lines: more lines for its configuration.
    """

    def __init__(self, folder: Path, binary: str, lines: tuple[str, ...] = ()) -> None:
        self._folder, self._binary = folder, binary
        self._lines = lines
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        """How clients reach it."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        config = self._folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", *self._lines]
        if not any(line.startswith("allow_anonymous") for line in lines):
            lines.append("allow_anonymous true")
        config.write_text("\n".join(lines) + "\n")
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([self._binary, "-c", str(config)], stderr=log)
        wait_until(lambda: listens(self.port), "mosquitto listens")

    def kill(self) -> None:
        """SIGKILL it: no goodbye to its clients."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM it: it saves its sessions."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether something accepts connections on loopback `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 10) -> None:
    """Return once `condition` holds; fail the test, naming `what`, if it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.01)


def mosquitto_binary() -> str:
    """Where mosquitto is; skips the test where it is not."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip("needs mosquitto: install the system's package `mosquitto`")
    return found


@pytest.fixture(name="mosquitto_factory")
def _mosquitto_factory(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Makes brokers, each in its own folder, all killed afterwards."""
    binary = mosquitto_binary()
    made: list[Mosquitto] = []

    def make(*lines: str) -> Mosquitto:
        folder = tmp_path / f"mosquitto-{len(made)}"
        folder.mkdir()
        broker = Mosquitto(folder, binary, lines)
        made.append(broker)
        broker.start()
        return broker

    yield make
    for broker in made:
        broker.kill()


@pytest.fixture(name="mosquitto")
def _mosquitto(mosquitto_factory: Callable[..., Mosquitto]) -> Mosquitto:
    """A running broker that anybody may use."""
    return mosquitto_factory()


def bright_manifest() -> Manifest:
    """The manifest of the tiny model in tests/data: `dark` or `bright`, 8x8 RGB."""
    digest = "0" * 64
    return Manifest(
        format=1,
        name="bright",
        input=InputSpec(height=8, width=8, colour="rgb", mean=(0.0,) * 3, std=(1.0,) * 3),
        output=ClassifySpec(labels=("dark", "bright"), temperature=0.1, min_confidence=0.6),
        quantisation=Quantisation(
            input=Affine(0.003921568859368563, -128), output=Affine(0.012500000186264515, 0)
        ),
        golden=Golden(frames=2, tolerance_quanta=1),
        files={},
        provenance=Provenance(
            recipe_sha256=digest, data_sha256=digest, code_version="test", created="2026-01-01"
        ),
    )


@pytest.fixture(name="bright_path", scope="session")
def _bright_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle as a directory."""
    model = (DATA / "bright.tflite").read_bytes()
    golden = []
    with Interpreter(model) as interpreter:
        for level in (40, 220):
            image = np.full((24, 32, 3), level, np.uint8)
            raw = interpreter.infer(np.full((1, 8, 8, 3), level - 128, np.int8))
            golden.append(GoldenFrame(image, raw.reshape(-1)))
    path = tmp_path_factory.mktemp("bundles") / "bright"
    write_bundle(bundle_files(bright_manifest(), model, tuple(golden)), path)
    return path


@pytest.fixture(name="bright_bundle", scope="session")
def _bright_bundle(bright_path: Path) -> Bundle:
    """The tiny bundle, opened."""
    return open_bundle(bright_path)
