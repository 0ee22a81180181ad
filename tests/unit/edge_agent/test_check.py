"""`check`: what it says of the outbox's room and of the port for Prometheus."""

import socket
from pathlib import Path

import pytest

from edge_agent.check import check
from edge_agent.service.endurance import Endurance

CONFIG = """
device.name = "gate"
broker.url = "mqtt://127.0.0.1:{broker}"
outbox = {{ path = "outbox.db", max_mb = {max_mb} }}
metrics.port = {metrics}
[[stream]]
name = "door"
bundle = "none"
source = {{ kind = "images", path = "none" }}
task = "ocr"
regions = [{regions}]
"""


def lines(tmp_path: Path, *, max_mb: float, metrics: int) -> dict[str, str]:
    """What is said, by what it is about."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        broker = free.getsockname()[1]
    path, said = tmp_path / "agent.toml", list[str]()
    page = '{ name = "r", page = true, corners = [[0, 0], [9, 0], [9, 9], [0, 9]] }'
    text = CONFIG.format(broker=broker, max_mb=max_mb, metrics=metrics, regions=page)
    path.write_text(text)
    check(path, said.append)
    return {line[8:].partition(":")[0]: line for line in said}


def test_a_port_that_another_program_has_is_a_warning(tmp_path: Path) -> None:
    """The agent runs without it; a port that is free is fine."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = lines(tmp_path, max_mb=64, metrics=port)["metrics"]
        assert said.startswith(f"warn    metrics: port {port} of 127.0.0.1 is taken by another")
    said = lines(tmp_path, max_mb=64, metrics=port)["metrics"]
    assert said == f"ok      metrics: port {port} of 127.0.0.1 is free"


def test_an_outbox_without_room_for_one_result_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below a bound by the configuration, above it by what the stream would send."""
    said = lines(tmp_path, max_mb=0.001, metrics=9)["config"]
    assert "Expected `float` >= 0.01 - at `$.outbox.max_mb`" in said
    assert lines(tmp_path, max_mb=0.01, metrics=9)["outbox"].startswith("ok")
    long = Endurance(None, 0, 0, 20_000, True, (), ())
    monkeypatch.setattr("edge_agent.check.endurance", lambda config: long)
    assert lines(tmp_path, max_mb=0.01, metrics=9)["outbox"] == (
        "failed  outbox: outbox.max_mb: expected room for one result of 20000 bytes, found 0.01; "
        "mend the file; see deploy/agent.example.toml"
    )
