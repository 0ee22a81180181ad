"""What an agent says over MQTT about a few pictures, without what differs from run to run."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

FORMAT1 = Path(__file__).parents[1] / "golden" / "format1"
CONFIG = """
[device]
name = "gate"
[broker]
url = "{url}"
[outbox]
path = "outbox.db"
[commands]
allow = ["snapshot", "restart", "set"]
[[stream]]
name = "digits.up"
bundle = "{format1}/digits.edgeward"
region = {{ x = 2, y = 1, w = 40, h = 30 }}
publish = {{ when = "changed", margin = 0.05 }}
source = {{ kind = "images", path = "digits" }}
[[stream]]
name = "whole"
bundle = "{format1}/digits.edgeward"
min_confidence = 0.99
source = {{ kind = "images", path = "digits" }}
[[stream]]
name = "cellar"
task = "ocr"
min_confidence = 0
bundle = "{format1}/counters.edgeward"
source = {{ kind = "images", path = "counters" }}
[[stream.regions]]
name = "plain"
rect = {{ x = 0, y = 0, w = 128, h = 32 }}
[[stream.regions]]
name = "water.1"
corners = [[0, 0], [128, 0], [128, 32], [0, 32]]
pattern = "[0-9]{{2,6}}"
[stream.regions.meter]
kind = "water"
unit = "m³"
decimals = 1
confirm = 1
confirm_jump = 1
[[stream.regions]]
name = "page"
page = true
rect = {{ x = 0, y = 0, w = 140, h = 70 }}
"""
# What a clock, a start or the bundle's format decides, and not the code that writes messages.
VOLATILE = re.compile(
    r'"(boot|captured_at|value_at|accepted_at|since|latency_ms|rate_per_h|clock_set|sw|id)":'
    r'("[^"]*"|[^,}]*)'
)
# Counters and the machine: as often as the clock says.
LEFT_OUT = "edgeward/gate/health"


def recorded(url: str, folder: Path) -> dict[str, list[str]]:
    """Run an agent on pictures; by topic all results, and the last of what is retained.

    Args:
        url: of a broker that keeps nothing of a device `gate`.
        folder: for its files.
    """
    _pictures(folder)
    (folder / "agent.toml").write_text(CONFIG.format(url=url, format1=FORMAT1), "utf-8")
    host, _, port = url.removeprefix("mqtt://").partition(":")
    heard: dict[str, list[str]] = {}
    ready = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _client, _data, message: _hear(heard, message)
    client.connect(host, int(port))
    client.subscribe("#", 1)
    client.loop_start()
    assert ready.wait(10)
    command = [sys.executable, "-m", "edge_agent.cli", "run", "--config", "agent.toml"]
    subprocess.run(command, cwd=folder, check=True, timeout=60, capture_output=True)
    # What the agent said before it left is here before this.
    done = threading.Event()
    client.message_callback_add("done", lambda *_: done.set())
    client.publish("done", b"", 1)
    assert done.wait(10)
    client.loop_stop()
    client.disconnect()
    return dict(sorted(heard.items()))


def _hear(heard: dict[str, list[str]], message: paho.MQTTMessage) -> None:
    if message.topic != LEFT_OUT:
        text = VOLATILE.sub(r'"\1":…', message.payload.decode())
        # Of what is retained the newest replaces what was not sent yet: only the last is certain.
        before = heard.get(message.topic, []) if message.topic.endswith("/result") else []
        heard[message.topic] = [*before, text]


def _pictures(folder: Path) -> None:
    """Digits and rows of digits, some of them legible, and one picture that is blank."""
    sizes = {"digits": (48, 36, 1.0), "counters": (144, 72, 1.1)}
    texts = {"digits": "7 3 3 0", "counters": "0123 0124 0124 0"}
    for name, (width, height, scale) in sizes.items():
        (folder / name).mkdir()
        for number, text in enumerate([*texts[name].split(), ""]):
            canvas = np.full((height, width, 3), 235, np.uint8)
            cv2.putText(canvas, text, (8, 28), cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 20, 20), 2)
            cv2.imwrite(str(folder / name / f"{number}.png"), canvas)
