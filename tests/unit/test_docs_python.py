"""The Python in the documents: every piece runs as it stands, beside the files it reads."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto
from support.onnx_nets import converted, device_input, net, node, normal

from edge_agent.client import Subscriber
from edge_agent.contract.messages import ResultMessage
from quantization.reference import trace

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"(?m)^```python\n([\s\S]*?)^```$")
URL = "mqtt://localhost:1883"
# What such a piece does for ever.
LISTENS = "for delivery in subscriber:"


def blocks(listening: bool) -> list[object]:
    """The pieces that need a broker, or those that need files."""
    return [
        pytest.param(block, id=f"{page.stem}-{number}")
        for page in PAGES
        for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
        if (URL in block) == listening
    ]


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """What the pieces read: a network with samples, and its TFLite file with an input."""
    weights = {"w": normal(4, 3, 3, 3, seed=1)}
    network = net([node("Conv", "input", "w", pads=[1, 1, 1, 1])], (1, 3, 8, 8), weights)
    (tmp_path / "model.onnx").write_bytes(network.SerializeToString())
    np.save(tmp_path / "samples.npy", normal(4, 3, 8, 8))
    made = converted(network)
    (tmp_path / "model.tflite").write_bytes(made.tflite)
    x = device_input(made, normal(1, 3, 8, 8))
    np.save(tmp_path / "input.npy", x)
    found: dict[str, Any] = {**trace(made.tflite, x)}
    np.savez(tmp_path / "found.npz", **found)
    return tmp_path


@pytest.mark.parametrize("block", blocks(listening=False))
def test_a_piece_runs_as_it_stands(block: str, folder: Path) -> None:
    """With its own imports, beside the files that it reads; it fails if it leaves anything out."""
    (folder / "piece.py").write_text(block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "piece.py"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def agent_online(url: str) -> Iterator[None]:
    """An agent that is asked before it is there does not answer: wait for its first result."""
    with Subscriber(url, "garage-pi") as subscriber:
        hear(subscriber, ResultMessage)
    yield


@pytest.mark.parametrize("block", blocks(listening=True))
def test_a_piece_with_a_broker_runs_as_it_stands(
    block: str, tmp_path: Path, bright_path: Path, mosquitto: Mosquitto
) -> None:
    """Beside an agent of the name that the page uses; what listens shows what the agent says."""
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((8, 8, 3), np.uint8))
    source = f'{{ kind = "images", path = "{tmp_path / "0.png"}", loop = true }}'
    config = write_config(
        tmp_path, mosquitto.url, bright_path, source, stream="interval_s = 0.1", device="garage-pi"
    )
    (tmp_path / "piece.py").write_text(block.replace(URL, mosquitto.url), encoding="utf-8")
    command = [sys.executable, "-u", "piece.py"]
    with (
        Agent(config),
        agent_online(mosquitto.url),
        subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            if LISTENS in block:
                shown = [process.stdout.readline(), process.stdout.readline()]
                assert shown[1].startswith("Account(received=1, lost=0")
            else:
                said, failed = process.communicate(timeout=60)
                assert process.returncode == 0, failed
                assert "print(" not in block or said.startswith("True ")
        finally:
            process.kill()


def test_pieces_are_found_and_mistakes_in_them_too(folder: Path) -> None:
    """Must fire: on a name that the piece does not define, as one of them once did."""
    assert len(blocks(listening=False)) >= 4
    assert len(blocks(listening=True)) >= 3
    with pytest.raises(AssertionError, match="NameError"):
        test_a_piece_runs_as_it_stands("print(samples)\n", folder)
