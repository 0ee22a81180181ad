"""The demo where no mosquitto is installed: the broker that comes with it serves the agent."""

import io
import shutil
import sys
from pathlib import Path

import pytest

from edge_agent.outbox.outbox import Outbox
from pipeline.broker import broker
from pipeline.demo.demo import demo
from pipeline.run.start import open_run


def test_the_demo_runs_without_a_mosquitto(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broker and agent as processes, in MQTT 3.1.1: each frame's result, once; none kept back."""
    monkeypatch.setattr(broker, "find_mosquitto", lambda: None)
    folder = shutil.copytree(finished, tmp_path / "run")
    said = io.StringIO()
    outcome = demo(open_run(folder, None, None, said), None, Path(sys.executable), frames=10)
    counts = (outcome.frames, outcome.received, outcome.lost, outcome.duplicated)
    assert counts == (10, 10, 0, 0)
    assert "broker: embedded at mqtt://127.0.0.1:" in said.getvalue()
    assert "demo: offline (done)" in said.getvalue()
    with Outbox(folder / "device" / "outbox.sqlite") as outbox:
        assert outbox.state().depth == 0
