"""Cameras that are absent, stall, hang up, freeze, send damage, and come back."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import pytest
from agents import Agent, hear, write_config
from brokers import Mosquitto, free_port
from mjpeg import mjpeg_camera, red_jpeg
from network_camera import NetworkCamera
from patterns import pattern_source
from rtsp import rtsp_camera

from edge_agent.client import Subscriber
from edge_agent.messages import AvailabilityMessage, HealthMessage, ResultMessage
from edge_agent.sources.base import Frame
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.live import LiveSource
from edge_agent.sources.open import open_source
from edge_agent.stop import Stop

PATIENCE_S = 60.0
StartCamera: TypeAlias = Callable[[], AbstractContextManager[NetworkCamera]]
both_protocols = pytest.mark.parametrize("start", [mjpeg_camera, rtsp_camera], ids=["http", "rtsp"])


class Reports:
    """What a source said, and a way to wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.said: list[tuple[bool, str]] = []

    def __call__(self, available: bool, reason: str) -> None:
        with self._changed:
            self.said.append((available, reason))
            self._changed.notify_all()

    def wait_for(self, available: bool, reason: str = "") -> str:
        """The reason of the first such report, which is taken."""

        def found() -> int | None:
            hits = (i for i, (a, r) in enumerate(self.said) if a == available and reason in r)
            return next(hits, None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, PATIENCE_S), self.said
            index = found()
            assert index is not None
            return self.said.pop(index)[1]


def live(url: str, report: Reports, **options: float) -> LiveSource:
    """A source with short timeouts."""
    fields = {"open_timeout_s": 2.0, "read_timeout_s": 1.0} | options
    source = open_source(CameraConfig(url=url, **fields), Stop(), report)
    assert isinstance(source, LiveSource)
    return source


def process_of(source: LiveSource) -> int:
    """The camera's process."""
    process = source._supervisor._process
    assert process is not None
    return process.pid


def toml(camera: NetworkCamera | str) -> str:
    url = camera if isinstance(camera, str) else camera.url
    return f'{{ kind = "camera", url = "{url}", open_timeout_s = 1, read_timeout_s = 1 }}'


def available(subscriber: Subscriber) -> AvailabilityMessage:
    message = hear(subscriber, AvailabilityMessage, PATIENCE_S)
    assert isinstance(message, AvailabilityMessage)
    return message


def fresh(frames: Iterator[Frame], asked: float) -> Frame:
    """The next frame; it was taken after `asked`, less what may have waited."""
    frame = next(frames)
    assert frame.monotonic_s > asked - 0.5
    return frame


@both_protocols
def test_a_camera_that_stalls_is_offline_until_it_goes_on(
    start: StartCamera, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """Online, offline with a reason while it says nothing, online again, results again."""
    with start() as camera:
        config = write_config(tmp_path, mosquitto.url, bright_path, toml(camera))
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            assert available(subscriber).state == "online"
            hear(subscriber, ResultMessage, PATIENCE_S)
            camera.pause()
            stalled = available(subscriber)
            assert stalled.state == "offline"
            assert stalled.reason.startswith(f"camera {camera.url}: no ")
            camera.resume()
            while available(subscriber).state == "offline":
                pass
            hear(subscriber, ResultMessage, PATIENCE_S)
            assert agent.terminate() == 0
        assert camera.asked >= 2


def test_an_absent_camera_is_waited_for_and_ends_in_time(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """The agent stays, says which camera is missing, and ends on SIGTERM."""
    url = f"http://127.0.0.1:{free_port()}/stream.mjpg"
    config = write_config(tmp_path, mosquitto.url, bright_path, toml(url))
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        message = available(subscriber)
        assert message.state == "offline"
        assert message.reason == f"camera {url}: expected a camera, found none that opens"
        time.sleep(0.5)
        assert agent.process.poll() is None
        assert agent.terminate() == 0


def test_a_stalled_camera_does_not_delay_the_end(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """SIGTERM while OpenCV waits for a frame that never comes."""
    with mjpeg_camera() as camera:
        patient = toml(camera).replace("read_timeout_s = 1", "read_timeout_s = 600")
        config = write_config(tmp_path, mosquitto.url, bright_path, patient)
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            hear(subscriber, ResultMessage, PATIENCE_S)
            camera.pause()
            time.sleep(0.3)
            assert agent.terminate() == 0


def test_health_tells_what_befell_the_camera(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """Its process's memory, the frames it damaged, and how often it was replaced."""
    with mjpeg_camera() as camera:
        config = write_config(tmp_path, mosquitto.url, bright_path, toml(camera))
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            hear(subscriber, ResultMessage, PATIENCE_S)
            camera.jpeg = red_jpeg()[:-20]
            while not (health := hear(subscriber, HealthMessage, PATIENCE_S)).streams[0].corrupt:
                pass
            rss = health.streams[0].capture_rss_mb
            assert rss is None or 10 < rss < 200
            for pid in children(agent.process.pid):
                os.kill(pid, signal.SIGKILL)
            while not hear(subscriber, HealthMessage, PATIENCE_S).streams[0].respawned:
                pass
            assert agent.terminate() == 0


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


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
    with mjpeg_camera() as camera, live(camera.url, reports) as source:
        frames = iter(source)
        next(frames)
        reports.wait_for(True)
        stopped = process_of(source)
        os.kill(stopped, signal.SIGSTOP)
        assert reports.wait_for(False) == f"camera {camera.url}: no frame for 1 s"
        reports.wait_for(True)
        fresh(frames, time.monotonic())
        assert process_of(source) != stopped
        with pytest.raises(ProcessLookupError):
            os.kill(stopped, 0)


@pytest.mark.parametrize(("behaviour", "waited"), [("hang", "1"), ("hang-open", "3")])
def test_a_read_that_hangs_for_ever_is_killed(behaviour: str, waited: str) -> None:
    """Beyond every timeout of OpenCV's: noticed within ours, again and again."""
    reports = Reports()
    options = {"open_timeout_s": 2.0, "read_timeout_s": 1.0}
    with pattern_source(behaviour, report=reports, **options) as source:
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
        with live(url, reports):
            assert reports.wait_for(False).startswith(f"camera {url}: ")
            server.settimeout(PATIENCE_S)
            connections = [server.accept()[0] for _ in range(3)]
    for connection in connections:
        connection.close()


@both_protocols
def test_a_stream_that_ends_is_opened_again_in_the_same_process(start: StartCamera) -> None:
    """The gentlest rung: no new process for a camera that has hung up."""
    reports = Reports()
    with start() as camera, live(camera.url, reports) as source:
        frames = iter(source)
        next(frames)
        pid = process_of(source)
        camera.hang_up.set()
        assert reports.wait_for(False) == f"camera {camera.url}: no more frames from the camera"
        camera.hang_up.clear()
        reports.wait_for(True)  # the first, and
        reports.wait_for(True)
        fresh(frames, time.monotonic())
        assert process_of(source) == pid
        assert source.counters.reopened >= 1


def test_reopening_in_vain_ends_in_another_process() -> None:
    """After a few times the process itself is not trusted any more."""
    reports = Reports()
    url = f"http://127.0.0.1:{free_port()}/stream.mjpg"
    with live(url, reports) as source:
        pid = None
        deadline = time.monotonic() + PATIENCE_S
        while source.counters.respawned == 0 and time.monotonic() < deadline:
            pid = process_of(source) if source._supervisor._process is not None else pid
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


def test_a_camera_that_is_set_to_another_size_is_followed() -> None:
    """First that is damage; when it lasts, another process takes the new size."""
    reports = Reports()
    with mjpeg_camera() as camera, live(camera.url, reports) as source:
        frames = iter(source)
        assert next(frames).image.shape == (48, 64, 3)
        camera.size = (96, 80)
        assert reports.wait_for(False) == (
            f"camera {camera.url}: expected frames of 64x48, found 96x80"
        )
        assert next(frames).image.shape == (80, 96, 3)
        assert source.counters.corrupt >= 9


def test_frozen_frames_are_reported_and_not_given() -> None:
    """The same content while time passes, also in a new process; a change ends it."""
    reports = Reports()
    with mjpeg_camera() as camera, live(camera.url, reports, frozen_after_s=1.0) as source:
        frames = iter(source)
        next(frames)
        reports.wait_for(True)
        camera.frozen.set()
        reason = reports.wait_for(False, "frozen")
        assert reason == (
            f"camera {camera.url}: frozen: expected a change within 1 s, found none for 1 s"
        )
        deadline = time.monotonic() + PATIENCE_S
        while source.counters.respawned == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert source.counters.respawned >= 1
        # The first frame of the new process is the old picture: it must not pass for a fresh one.
        before = source.counters.frozen
        while source.counters.frozen == before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert source.counters.frozen > before
        assert not [said for said in reports.said if said[0]]
        changed = time.monotonic()
        camera.frozen.clear()
        reports.wait_for(True)
        assert [f for f in (next(frames), next(frames)) if f.monotonic_s >= changed]


def test_frozen_is_not_minded_when_told_so() -> None:
    """Must not fire: 0 turns it off."""
    with pattern_source("static", frozen_after_s=0) as source:
        frames = iter(source)
        first = next(frames)
        while next(frames).monotonic_s < first.monotonic_s + 1:
            pass
        assert source.counters.frozen == 0


def damaged(kind: str) -> bytes:
    whole = red_jpeg((640, 480))
    match kind:
        case "truncated":
            return whole[: len(whole) // 2]
        case "truncated, with an end":
            return whole[: len(whole) // 2] + b"\xff\xd9"
        case "no picture":
            return b"\xff\xd8 hello \xff\xd9"
    raise ValueError(kind)


@pytest.mark.parametrize("kind", ["truncated", "truncated, with an end", "no picture"])
def test_corrupt_frames_are_counted_and_never_given(kind: str) -> None:
    """Whatever is wrong with it; and a camera that gives nothing else is lost."""
    reports = Reports()
    with mjpeg_camera() as camera:
        camera.size = (640, 480)
        with live(camera.url, reports) as source:
            frames = iter(source)
            next(frames)
            reports.wait_for(True)
            camera.jpeg = damaged(kind)
            reason = reports.wait_for(False)
            assert reason.startswith(f"camera {camera.url}: no frame for 1 s, but: expected a ")
            assert source.counters.corrupt > 0
            camera.jpeg = None
            reports.wait_for(True)
            for _ in range(5):
                image = next(frames).image
                assert image[:, :, 2].min() > 150
                assert image[:, :, :2].max() < 60


def test_single_corrupt_frames_do_no_harm() -> None:
    """They are left out; the camera stays."""
    reports = Reports()
    with pattern_source("mixed", report=reports) as source:
        seen = [frame.seq for frame, _ in zip(source, range(10), strict=False)]
        assert all(number % 2 == 0 for number in seen)
        assert source.counters.corrupt >= 9
        assert source.counters.respawned == 0
    assert reports.said == [(True, "")]


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
from patterns import pattern_source
with pattern_source(sys.argv[1]) as source:
    if sys.argv[1] == "hang":
        next(iter(source))
    while source._supervisor._process is None:
        time.sleep(0.01)
    print(source._supervisor._process.pid, flush=True)
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


def test_a_password_in_a_camera_url_is_not_shown() -> None:
    """Reasons are published, and logged."""
    assert CameraConfig(url="rtsp://me:hunter2@cam.local/a").place == "camera rtsp://cam.local/a"
    assert CameraConfig(index=3).place == "camera 3"
