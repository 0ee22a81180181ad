"""`Core`: a real Home Assistant in the Debian that `scripts/test_home_assistant.sh` made.

And `Home`: it beside a broker and an agent.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
import pytest

from edge_agent.common.arrays import U8
from support.agents import Agent
from support.brokers import Mosquitto, free_port
from support.proxy import Proxy
from support.stripes import stripes

INSIDE = Path(__file__).parent / "home_assistant" / "inside"
PYTHON = "/opt/ha/bin/python"
# Its own view of mounts, gone with it. As of `exec`, the process that is started is the program.
ENTER = (
    'mount --make-rprivate / && mount --rbind /dev "$0/dev" && mount --rbind /proc "$0/proc" && '
    "exec env -i PATH=/opt/ha/bin:/usr/bin:/usr/sbin HOME=/root LANG=C.UTF-8 "
    'OMP_NUM_THREADS=1 chroot "$0" "$@"'
)
# Where each region is in the picture, and what it shows at first.
PLACES = {"water": (10, 10), "gas": (10, 50), "power": (10, 90), "plate": (10, 130)}
SHOWN = {"water": "0123", "gas": "0100", "power": "2031", "plate": "31"}
START_S, END_S = 120.0, 60.0


class Core:
    """One Home Assistant with a folder of its own; a context manager that stops it.

    Args:
        root: the Debian.
        broker: the port of its broker, on loopback.
    """

    def __init__(self, root: Path, broker: int) -> None:
        self._root, self._broker, self._port = root, broker, free_port()
        self._folder = f"/srv/core-{self._port}"
        self.log = root / self._folder[1:] / "home-assistant.log"
        self._running: subprocess.Popen[bytes] | None = None
        self._asker: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        for script in INSIDE.glob("*.py"):
            shutil.copy(script, self._root / "srv" / script.name)
        ports = (str(self._broker), str(self._port))
        subprocess.run(self._enter("/srv/prepare.py", self._folder, *ports), check=True)
        asker = self._enter("/srv/ask.py", self._folder, str(self._port))
        pipe = subprocess.PIPE
        self._asker = subprocess.Popen(asker, stdin=pipe, stdout=pipe, text=True)
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._asker is not None:
            self._asker.kill()
            self._asker.communicate()

    def start(self) -> None:
        """Start it, and wait until it is up; its MQTT is then about to be."""
        core = self._enter("-m", "homeassistant", "--skip-pip", "-c", self._folder)
        self._running = subprocess.Popen(core, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.until(lambda: self.ask("get_config").get("state") == "RUNNING", "it runs", START_S)

    def stop(self) -> None:
        """End it in good order."""
        if self._running is not None:
            self._running.terminate()
            self._running.wait(END_S)
            self._running = None

    def ask(self, kind: str, **fields: Any) -> Any:
        """The answer to a command of its WebSocket API; `{"error": …}` if it has none."""
        return self._answer({"type": kind, **fields})

    def get(self, path: str) -> Any:
        """The status of an HTTP request, and the length of what came."""
        return self._answer({"get": path})

    def states(self, device: str = "gate") -> dict[str, dict[str, Any]]:
        """Every entity of a device by its id without the platform: `gate_front_confidence`."""
        found = self.ask("get_states")
        names = {each["entity_id"]: each for each in found if isinstance(each, dict)}
        short = {name.partition(".")[2]: each for name, each in names.items()}
        return {name: each for name, each in short.items() if name.startswith(device)}

    def tables(self) -> Any:
        """Its units, by the device class of a sensor, as its own code has them."""
        script = (
            "import json\n"
            "from homeassistant.components.sensor.const import DEVICE_CLASS_UNITS as u\n"
            "print(json.dumps({str(k): sorted(map(str, v)) for k, v in u.items()}))"
        )
        done = subprocess.run(self._enter("-c", script), capture_output=True, check=True)
        return json.loads(done.stdout)

    def complaints(self, since: int = 0) -> list[str]:
        """The warnings and errors in its log of its MQTT, from byte `since` on."""
        lines = self.log.read_bytes()[since:].decode().splitlines()
        levels = (" WARNING ", " ERROR ", " CRITICAL ")
        return [line for line in lines if "mqtt" in line and any(le in line for le in levels)]

    def until(self, condition: Callable[[], Any], what: str, timeout_s: float = 30) -> float:
        """Wait until `condition` holds; how long it took."""
        begin = time.monotonic()
        while not condition():
            if time.monotonic() - begin > timeout_s:
                lines = self.log.read_text().splitlines()
                tail = "\n".join([line for line in lines if " DEBUG " not in line][-20:])
                pytest.fail(f"{what}: not within {timeout_s:g} s\n{tail}")
            time.sleep(0.2)
        return time.monotonic() - begin

    def _answer(self, command: dict[str, Any]) -> Any:
        assert self._asker is not None
        assert self._asker.stdin is not None
        assert self._asker.stdout is not None
        self._asker.stdin.write(json.dumps(command) + "\n")
        self._asker.stdin.flush()
        return json.loads(self._asker.stdout.readline())

    def _enter(self, *arguments: str) -> list[str]:
        return ["unshare", "--mount", "sh", "-c", ENTER, str(self._root), PYTHON, *arguments]


@dataclass
class Home:
    """What a test has at hand.

    Args:
        core: Home Assistant.
        broker: its broker.
        link: between agent and broker; a test may cut it, and mends it.
        agent: the device `gate`: streams `front` (classes), `fast` (the same, every answer) and
            `cellar` (meters, a text and a page), which say something at a change only.
        folder: of the agent.
        metrics: the port of its metrics.
    """

    core: Core
    broker: Mosquitto
    link: Proxy
    agent: Agent
    folder: Path
    metrics: int

    def show(self, **texts: str) -> None:
        """Have the cellar's camera see other texts."""
        image = np.full((180, 160, 3), 255, np.uint8)
        for name, text in {**SHOWN, **texts}.items():
            x, y = PLACES[name]
            image[y : y + 32, x : x + 128] = stripes(text, scale=2)[:, :, np.newaxis]
        self._write("cellar", image)

    def light(self, level: int) -> None:
        """Have the cameras of the classifiers see a grey of this level."""
        self._write("front", np.full((24, 32, 3), level, np.uint8))

    def _write(self, name: str, image: U8) -> None:
        fresh = self.folder / f"{name}.new.png"
        cv2.imwrite(str(fresh), image)
        fresh.rename(self.folder / f"{name}.png")
