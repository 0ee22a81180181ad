"""The agent under a service manager: ready, fed, reloaded, ended; real processes and sockets."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, free_port, wait_until
from support.managers import ServiceManager, short_address
from support.own_time import end_within
from support.proxy import Proxy

from edge_agent.client import Ledger, Subscriber
from edge_agent.client.remote import Remote
from edge_agent.contract.commands import RestartCommand
from edge_agent.contract.messages import ResultMessage

SLOW = "interval_s = 0.05\nthreads = 1"


@pytest.fixture(name="systemd")
def _systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mosquitto: Mosquitto
) -> Iterator[ServiceManager]:
    """A service manager with a watchdog of four seconds, for every agent the test starts.

    The broker is started before: mosquitto too tells a service manager when it is ready.
    """
    with ServiceManager(short_address(tmp_path)) as listening:
        monkeypatch.setenv("NOTIFY_SOCKET", listening.address)
        monkeypatch.setenv("WATCHDOG_USEC", "4000000")
        yield listening


@pytest.fixture(name="images")
def _images(tmp_path: Path) -> str:
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.full((24, 32, 3), 230, np.uint8))
    return f'{{ kind = "images", path = "{folder}", loop = true }}'


def test_from_ready_to_stopping_in_order(
    systemd: ServiceManager, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """READY once the streams run, food for the watchdog, STOPPING, status 0 within five seconds."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=SLOW)
    with Agent(config) as agent:
        # A start that takes long on a busy machine feeds the watchdog before.
        assert not any("STOPPING" in m for m in systemd.hear_until("READY", "1"))
        fed = [m for m in systemd.hear_until("STATUS", " results") if "WATCHDOG" in m]
        assert fed
        systemd.hear_until("WATCHDOG", "1")
        assert agent.terminate() == 0
        assert systemd.hear_until("STOPPING", "1")[-1]["STATUS"] == "stopped"


def test_without_broker_and_camera_it_is_ready_and_alive(
    systemd: ServiceManager, tmp_path: Path, bright_path: Path
) -> None:
    """Neither loss is one that a restart would mend; the line for people names the camera."""
    camera = (
        f'{{ kind = "camera", url = "http://127.0.0.1:{free_port()}/x", '
        "open_timeout_s = 1, read_timeout_s = 1 }"
    )
    config = write_config(tmp_path, f"mqtt://127.0.0.1:{free_port()}", bright_path, camera)
    with Agent(config) as agent:
        systemd.hear_until("READY", "1")
        said = systemd.hear_until("STATUS", "front lost: camera http://")[-1]["STATUS"]
        assert said.startswith("1 stream(s), 0 results, broker not reached yet; front lost: ")
        systemd.hear_until("WATCHDOG", "1")
        assert agent.terminate() == 0


def test_a_stream_that_hangs_is_not_fed_for(
    systemd: ServiceManager, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """A model that never answers: the watchdog hears nothing more, and the line says of whom."""
    config = write_config(tmp_path, f"mqtt://127.0.0.1:{free_port()}", bright_path, images)
    code = f"""
import contextlib, pathlib, time
from edge_agent import agent, config
from edge_agent.service import liveness, manager
liveness.SLACK_S, manager.STATUS_INTERVAL_S = 0.5, 0.1
class Hanging:
    def prepare(self, image, order): return image
    def scores(self, x): time.sleep(1000)
agent.run_agent(config.load_config(pathlib.Path({str(config)!r})),
                lambda bundle, threads: contextlib.nullcontext(Hanging()))
"""
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as process:
        try:
            systemd.hear_until("STATUS", "hanging: front")
            until = time.monotonic() + 2.5
            while time.monotonic() < until:
                assert "WATCHDOG" not in systemd.hear()
        finally:
            process.kill()


def test_sigterm_is_heard_while_the_models_are_proven(
    systemd: ServiceManager, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """A network that takes minutes to prove: nobody waits for it who wants to leave."""
    config = write_config(tmp_path, f"mqtt://127.0.0.1:{free_port()}", bright_path, images)
    code = f"""
import pathlib, time
from edge_agent import agent, config
def opener(bundle, threads):
    print("proving", flush=True)
    time.sleep(1000)
assert agent.run_agent(config.load_config(pathlib.Path({str(config)!r})), opener) is False
print("left", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "proving\n"
            process.send_signal(signal.SIGHUP)  # must not count as an end
            process.terminate()
            assert end_within(process, 5) == 0
            assert process.stdout.readline() == "left\n"
        finally:
            process.kill()
    heard = systemd.hear_until("STOPPING", "1")
    assert not any("READY" in m for m in heard)


def test_a_restart_that_is_asked_for_is_no_end(
    systemd: ServiceManager, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """Must not say STOPPING: a manager kills whoever says so and goes on; it is READY once more."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=SLOW)
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        boot = hear(subscriber, ResultMessage).boot
        systemd.hear_until("READY", "1")
        with Remote(mosquitto.url, "gate") as remote:
            assert remote.ask(RestartCommand()).ok
        heard = systemd.hear_until("READY", "1")
        assert any(m.get("RELOADING") == "1" for m in heard)
        assert not any("STOPPING" in m for m in heard)
        while hear(subscriber, ResultMessage).boot == boot:
            pass
        assert agent.terminate() == 0


def test_a_reload_amid_a_restart_is_no_end(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """SIGHUP at any moment between one program and the next: without a handler it kills."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=SLOW)
    done = threading.Event()
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        boot = hear(subscriber, ResultMessage).boot

        def hammer() -> None:
            while not done.wait(0.002):
                agent.process.send_signal(signal.SIGHUP)

        hammering = threading.Thread(target=hammer)
        hammering.start()
        try:
            with Remote(mosquitto.url, "gate") as remote:
                assert remote.ask(RestartCommand()).ok
            while hear(subscriber, ResultMessage).boot == boot:
                assert agent.process.poll() is None
        finally:
            done.set()
            hammering.join()
        assert agent.terminate() == 0
    assert agent.log.read_text().count("leaving: restarting") == 1


def test_a_good_configuration_takes_over_at_sighup(
    systemd: ServiceManager, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """The same process says RELOADING and READY; the streams are the new ones, no number lost."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=SLOW)
    ledger = Ledger()
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        ledger.record(hear(subscriber, ResultMessage))
        text = config.read_text()
        stream = text[text.index("[[stream]]") :]
        config.write_text(text + stream.replace('"front"', '"back"'))
        systemd.forget()
        agent.process.send_signal(signal.SIGHUP)
        heard = systemd.hear_until("READY", "1")
        assert "MONOTONIC_USEC" in next(m for m in heard if m.get("RELOADING") == "1")
        seen = set[str]()
        while seen != {"front", "back"}:
            message = hear(subscriber, ResultMessage)
            ledger.record(message)
            seen.add(message.stream)
        assert agent.terminate() == 0
        # What fills a gap may be on its way for long on a busy machine.
        while (delivery := subscriber.receive(60 if ledger.total().lost else 1.0)) is not None:
            if isinstance(delivery.message, ResultMessage):
                ledger.record(delivery.message)
    assert (ledger.total().lost, ledger.total().resets) == (0, 0)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ('"outbox.db"', "agent.toml: "),
        ('[outbox]\npath = "none/outbox.db"', "none/outbox.db: unable to open database file"),
    ],
    ids=["not-toml", "no-folder"],
)
def test_a_bad_configuration_changes_nothing(
    wrong: str,
    why: str,
    systemd: ServiceManager,
    mosquitto: Mosquitto,
    tmp_path: Path,
    bright_path: Path,
    images: str,
) -> None:
    """The old one goes on, whether the file is wrong or what only opening shows; both say so."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=SLOW)
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        hear(subscriber, ResultMessage)
        config.write_text(config.read_text().replace('[outbox]\npath = "outbox.db"', wrong))
        systemd.forget()
        agent.process.send_signal(signal.SIGHUP)
        heard = systemd.hear_until("READY", "1")
        assert "new configuration refused: " in heard[-1]["STATUS"]
        assert why in heard[-1]["STATUS"]
        refused_at = datetime.now(UTC)
        while hear(subscriber, ResultMessage).captured_at < refused_at:
            pass
        assert agent.terminate() == 0
        assert "ERROR new configuration refused: " in agent.log.read_text()


def test_streams_of_a_refused_configuration_are_not_waited_for(
    systemd: ServiceManager, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """Only opening shows it to be wrong, and it has a new stream: the watchdog is fed still."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=SLOW)
    code = f"""
import sys
from edge_agent import cli
from edge_agent.service import liveness, manager
liveness.SLACK_S, manager.STATUS_INTERVAL_S = 3.0, 0.1
sys.exit(cli.main(["run", "--config", {str(config)!r}]))
"""
    with (
        Subscriber(mosquitto.url, "gate") as subscriber,
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as process,
    ):
        try:
            hear(subscriber, ResultMessage)
            # Its bundle, its files and its regions are sound; the crops have a file for a folder.
            (tmp_path / "file").touch()
            stream = f'[[stream]]\nname = "extra"\nbundle = "{bright_path}"\nsource = {images}\n'
            crops = f'[crops]\nfolder = "{tmp_path / "file" / "crops"}"\n'
            config.write_text(config.read_text() + stream + crops)
            systemd.forget()
            process.send_signal(signal.SIGHUP)
            heard = systemd.hear_until("STATUS", "new configuration refused: ")
            until = time.monotonic() + 6
            while time.monotonic() < until:
                heard.append(systemd.hear())
            assert "WATCHDOG" in heard[-1] or "WATCHDOG" in heard[-2]
            assert not any("hanging" in m.get("STATUS", "") for m in heard)
            process.terminate()
            assert end_within(process, 5) == 0
        finally:
            process.kill()


def test_whoever_ends_an_agent_that_restarts_is_heard(
    systemd: ServiceManager, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """SIGTERM while it leaves to begin anew: it leaves, and does not begin."""
    with Proxy(mosquitto.port) as proxy:
        config = write_config(tmp_path, proxy.url, bright_path, images, stream=SLOW)
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            hear(subscriber, ResultMessage)
            with Remote(mosquitto.url, "gate") as remote:
                assert remote.ask(RestartCommand()).ok
            # Its last words find no way: that takes its time.
            proxy.stall()
            wait_until(lambda: "leaving: restarting" in agent.log.read_text(), "it leaves")
            assert agent.terminate() == 0
            assert agent.log.read_text().count(" looks at ") == 1
    systemd.hear_until("STOPPING", "1")


def test_an_unchanged_configuration_disturbs_nobody(
    systemd: ServiceManager, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """The same start goes on: the results' boot stays."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=SLOW)
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        boot = hear(subscriber, ResultMessage).boot
        systemd.forget()
        agent.process.send_signal(signal.SIGHUP)
        systemd.hear_until("READY", "1")
        time.sleep(0.3)
        assert agent.terminate() == 0
        boots = set[str]()
        while (delivery := subscriber.receive(1.0)) is not None:
            if isinstance(delivery.message, ResultMessage):
                boots.add(delivery.message.boot)
        assert boots <= {boot}
        assert "changes nothing" in agent.log.read_text()
