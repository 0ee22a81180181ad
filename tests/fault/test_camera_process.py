"""The process that captures: killed, stopped, hanging, dying, and what it has of the agent."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, free_port
from support.live_cameras import PATIENCE_S, Reports, children, fresh, live, process_of, toml
from support.mjpeg import mjpeg_camera
from support.patterns import pattern_source

from edge_agent.client import Subscriber
from edge_agent.contract.messages import ResultMessage


def test_a_killed_process_is_replaced() -> None:
    """What killed it is said, frames resume with higher numbers."""
    reports = Reports()
    with mjpeg_camera() as camera, live(camera.url, reports) as source:
        frames = iter(source)
        first = next(frames)
        reports.wait_for(True)
        os.kill(process_of(source), signal.SIGKILL)
        assert reports.wait_for(False) == (
            f"camera {camera.url}: its process was killed by SIGKILL"
        )
        reports.wait_for(True)
        assert fresh(frames, time.monotonic()).seq > first.seq
        assert source.counters.respawned == 1


def test_a_process_that_is_stopped_is_killed_and_replaced() -> None:
    """SIGSTOP, which no timeout of its own can end: noticed from outside."""
    reports = Reports()
    with mjpeg_camera() as camera, live(camera.url, reports, read_timeout_s=2.0) as source:
        frames = iter(source)
        next(frames)
        reports.wait_for(True)
        stopped = process_of(source)
        os.kill(stopped, signal.SIGSTOP)
        assert reports.wait_for(False) == f"camera {camera.url}: no frame for 2 s"
        reports.wait_for(True)
        fresh(frames, time.monotonic())
        assert process_of(source) != stopped
        with pytest.raises(ProcessLookupError):
            os.kill(stopped, 0)


@pytest.mark.parametrize(("behaviour", "waited"), [("hang", "1"), ("hang-open", "3")])
def test_a_read_that_hangs_for_ever_is_killed(behaviour: str, waited: str) -> None:
    """Beyond every timeout of OpenCV's: noticed within ours, again and again."""
    reports = Reports()
    source = pattern_source(behaviour, reports, open_timeout_s=2.0, read_timeout_s=1.0)
    with source:
        for _ in range(2):
            reason = reports.wait_for(False)
            assert reason == f"camera test://{behaviour}: no frame for {waited} s"
            reports.said.clear()
            killed = source.counters.respawned
            deadline = time.monotonic() + PATIENCE_S
            while source.counters.respawned == killed and time.monotonic() < deadline:
                time.sleep(0.05)
            source._supervisor._state = None  # so that the same words are said again
        assert source.counters.respawned >= 2


def test_a_server_that_accepts_and_never_answers() -> None:
    """No frame, no end: reported, and tried again."""
    reports = Reports()
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/stream.mjpg"
        with live(url, reports, open_timeout_s=1.0):
            assert reports.wait_for(False).startswith(f"camera {url}: ")
            server.settimeout(PATIENCE_S)
            connections = [server.accept()[0] for _ in range(3)]
    for connection in connections:
        connection.close()


def test_reopening_in_vain_ends_in_another_process() -> None:
    """After a few times the process itself is not trusted any more."""
    reports = Reports()
    url = f"http://127.0.0.1:{free_port()}/stream.mjpg"
    with live(url, reports) as source:
        pid = None
        deadline = time.monotonic() + PATIENCE_S
        while source.counters.respawned == 0 and time.monotonic() < deadline:
            pid = source.process_id or pid
            time.sleep(0.05)
        assert source.counters.respawned == 1
        assert source.counters.reopened == 3


@pytest.mark.parametrize(
    ("behaviour", "ended"), [("crash", "ended with status 1"), ("exit", "was killed by SIGSEGV")]
)
def test_a_process_that_dies_of_itself_is_replaced(behaviour: str, ended: str) -> None:
    """A bug, or a crash of native code, costs a moment and not the agent."""
    reports = Reports()
    with pattern_source(behaviour, report=reports) as source:
        frames = iter(source)
        next(frames)
        assert reports.wait_for(False) == f"camera test://{behaviour}: its process {ended}"
        next(frames)
        assert source.counters.respawned >= 1


def test_signals_for_the_agent_are_not_for_the_process() -> None:
    """Ctrl-C, or a service manager that tells all: the agent ends its cameras itself, in order."""
    with pattern_source("static", frozen_after_s=0) as source:
        frames = iter(source)
        next(frames)
        pid = process_of(source)
        assert os.getsid(pid) == pid  # what a terminal sends to its group does not come here
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, number)
        for _ in range(10):
            next(frames)
        assert process_of(source) == pid


PARENT = """
import sys, time
from support.patterns import pattern_source
with pattern_source(sys.argv[1]) as source:
    if sys.argv[1] == "hang":
        next(iter(source))
    while source.process_id is None:
        time.sleep(0.01)
    print(source.process_id, flush=True)
    time.sleep(3600)
"""


@pytest.mark.parametrize("behaviour", ["fast", "hang"])
def test_the_process_does_not_outlive_the_agent(behaviour: str) -> None:
    """Also when the agent is killed while the camera's process hangs in a read."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, behaviour],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + PATIENCE_S
    while exists(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not exists(pid)


def exists(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_the_process_inherits_nothing_of_the_agent(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """No broker's connection, no outbox, no bundle; and it loads neither client nor runtime."""
    with mjpeg_camera() as camera:
        config = write_config(tmp_path, mosquitto.url, bright_path, toml(camera))
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            hear(subscriber, ResultMessage, PATIENCE_S)
            (pid,) = children(agent.process.pid)
            open_files = [
                str(file.readlink())
                for file in Path(f"/proc/{pid}/fd").iterdir()
                if file.is_symlink()
            ]
            mapped = Path(f"/proc/{pid}/maps").read_text()
            commands = Path(f"/proc/{pid}/cmdline").read_text()
            assert agent.terminate() == 0
        assert not any("outbox" in name for name in open_files)
        # Its own to the agent, and its own to the camera.
        assert sum(name.startswith("socket:") for name in open_files) == 2
        assert "litert" not in mapped
        assert "tflite" not in mapped
        assert "sqlite" not in mapped
        assert camera.url not in commands
