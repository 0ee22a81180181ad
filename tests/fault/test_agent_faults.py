"""The agent and the broker are killed; every number is accounted for."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, free_port, wait_until
from support.own_time import end_within
from support.proxy import Proxy

from edge_agent.client import Account, Ledger, Subscriber
from edge_agent.contract.messages import ResultMessage, StatusMessage
from edge_agent.mqtt import session
from edge_agent.outbox.outbox import Outbox
from edge_agent.tasks.classify.answer import Classification

PERSISTENT = ("persistence true", "autosave_on_changes true", "autosave_interval 1")
FAST = "interval_s = 0.005"
# What has not come by then does not come, however busy the machine is.
PATIENCE_S = 60.0


@pytest.fixture(name="images")
def _images(tmp_path: Path) -> str:
    """A looped folder with a dark and a bright image, as TOML."""
    folder = tmp_path / "images"
    folder.mkdir()
    for level in (20, 230):
        cv2.imwrite(str(folder / f"{level}.png"), np.full((24, 32, 3), level, np.uint8))
    return f'{{ kind = "images", path = "{folder}", loop = true }}'


def drain(subscriber: Subscriber, ledger: Ledger, seconds: float) -> Iterator[ResultMessage]:
    """Enter the results of the next `seconds` in `ledger`."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        delivery = subscriber.receive(left)
        if delivery is not None and isinstance(delivery.message, ResultMessage):
            ledger.record(delivery.message)
            yield delivery.message


def rest(subscriber: Subscriber, ledger: Ledger, count: int, waiting: int = 0) -> None:
    """Enter all that still comes: `count` results in all, without a gap but for what is `waiting`.

    However long a busy broker takes for them; and what comes at once after the last.
    """

    def missing() -> bool:
        account = ledger.total()
        return account.received < count or account.lost > waiting

    while (delivery := subscriber.receive(PATIENCE_S if missing() else 0.3)) is not None:
        if isinstance(delivery.message, ResultMessage):
            ledger.record(delivery.message)


def assert_all_accounted_for(
    subscriber: Subscriber, ledger: Ledger, folder: Path, least: int = 0
) -> None:
    """Every number that an agent gave has come, or waits; more than `least` were given."""
    given, waiting = last_number(folder)
    rest(subscriber, ledger, given - waiting, waiting)
    account = ledger.total()
    # What could not be delivered in the seconds that an agent has for its end still waits; the
    # last of it may have come, and its acknowledgement not.
    assert given - waiting <= account.received <= given
    assert account.lost <= waiting
    assert account.resets == 0
    assert given > least


def hear_of(
    subscriber: Subscriber, ledger: Ledger, wanted: Callable[[ResultMessage], bool]
) -> ResultMessage:
    """Enter results up to one that is `wanted`."""
    while True:
        result = hear(subscriber, ResultMessage)
        ledger.record(result)
        if wanted(result):
            return result


def last_number(folder: Path) -> tuple[int, int]:
    """The last number the outbox gave, and how many results still wait in it."""
    with Outbox(folder / "outbox.db") as outbox:
        depth = outbox.state().depth
        return outbox.append("front", "t", lambda seq: b"") - 1, depth


@pytest.mark.parametrize("seed", [1, 2])
def test_killing_the_agent_loses_no_number(
    seed: int, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """Three times SIGKILL at random moments: a persistent subscriber has every result."""
    rng = random.Random(seed)
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=FAST)
    ledger, boots = Ledger(), set[str]()
    with Subscriber(mosquitto.url, "gate", client_id="proof") as subscriber, Agent(config) as agent:
        for _ in range(3):
            boots.add(hear_of(subscriber, ledger, lambda r: r.boot not in boots).boot)
            list(drain(subscriber, ledger, rng.uniform(0.1, 0.6)))
            agent.kill()
            agent.start()
        hear_of(subscriber, ledger, lambda r: r.boot not in boots)
        list(drain(subscriber, ledger, 1.0))
        assert agent.terminate() == 0
        assert_all_accounted_for(subscriber, ledger, tmp_path, 50)


def die_over_a_message(url: str, ledger: Ledger) -> None:
    with Subscriber(url, "gate", client_id="proof") as subscriber:
        for number, _ in enumerate(drain(subscriber, ledger, PATIENCE_S)):
            if number == 20:
                raise ZeroDivisionError


def test_a_result_that_was_taken_but_not_acknowledged_comes_again(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """A subscriber that dies over a message gets it again; one that returns misses nothing."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=FAST)
    ledger = Ledger()
    with Agent(config) as agent:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                die_over_a_message(mosquitto.url, ledger)
            time.sleep(0.2)
        assert agent.terminate() == 0
    given, waiting = last_number(tmp_path)
    before = 5  # results from before the first subscription
    with Subscriber(mosquitto.url, "gate", client_id="proof") as subscriber:
        rest(subscriber, ledger, given - waiting - before, waiting)
    account = ledger.total()
    assert account.lost <= waiting
    assert account.resets == 0
    assert 3 <= account.duplicated <= 3 * 20
    assert account.received >= given - waiting - before


@pytest.mark.parametrize("end", [Mosquitto.stop, Mosquitto.kill], ids=["restart", "kill"])
def test_losing_the_broker_loses_no_number(
    end: Callable[[Mosquitto], None],
    mosquitto_factory: Callable[..., Mosquitto],
    tmp_path: Path,
    bright_path: Path,
    images: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The broker goes and comes back, twice: agent and subscriber find it, nothing is lost."""
    broker = mosquitto_factory(*PERSISTENT)
    config = write_config(tmp_path, broker.url, bright_path, images, stream="interval_s = 0.02")
    ledger = Ledger()
    # What mosquitto has acknowledged and not saved when it is killed is with the subscriber, by
    # way of a proxy that passes on what a dying peer had sent (docs/log/daemon.md).
    monkeypatch.setattr(session, "WINDOW", 60_000)
    with (
        Proxy(broker.port) as relay,
        Subscriber(relay.url, "gate", client_id="proof") as subscriber,
        Agent(config) as agent,
    ):
        ledger.record(hear(subscriber, ResultMessage))
        for _ in range(2):
            # What the broker had stored comes first; the agent may still be on its way back.
            ledger.record(hear(subscriber, ResultMessage))
            list(drain(subscriber, ledger, 0.4))
            end(broker)
            time.sleep(0.5)
            broker.start()
            ledger.record(hear(subscriber, ResultMessage))
        ledger.record(hear(subscriber, ResultMessage))
        list(drain(subscriber, ledger, 1.0))
        assert agent.terminate() == 0
        assert_all_accounted_for(subscriber, ledger, tmp_path)


def test_without_a_broker_results_wait_and_the_end_is_in_time(
    tmp_path: Path, bright_path: Path, images: str
) -> None:
    """SIGTERM within five seconds, status 0; the next start delivers from number 1."""
    url = f"mqtt://127.0.0.1:{free_port()}"
    config = write_config(tmp_path, url, bright_path, images, stream="interval_s = 0.05")
    with Agent(config) as agent:
        wait_until(lambda: "cannot be reached" in agent.log.read_text(), "an attempt in vain")
        time.sleep(2)
        assert agent.terminate() == 0
        log = agent.log.read_text()
    assert "left before all was delivered" in log
    given, waiting = last_number(tmp_path)
    assert waiting == given > 5


def test_status_tells_online_killed_and_stopped(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """Online with its streams; the last will after SIGKILL; a reason after SIGTERM."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=FAST)
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        first = hear(subscriber, StatusMessage)
        agent.kill()
        second = hear(subscriber, StatusMessage)
        agent.start()
        third = hear(subscriber, StatusMessage)
        assert agent.terminate() == 0
        fourth = hear(subscriber, StatusMessage)
    told = [(m.state, m.reason) for m in (first, second, third, fourth)]
    assert told == [
        ("online", ""),
        ("offline", "connection lost"),
        ("online", ""),
        ("offline", "stopped"),
    ]
    assert first.streams == ("front",)
    assert first.boot == second.boot != third.boot == fourth.boot


def test_files_to_the_end_is_an_end_with_status_0(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """When every stream has ended and all is delivered the agent ends, saying why."""
    source = images.replace("loop = true", "loop = false")
    config = write_config(tmp_path, mosquitto.url, bright_path, source)
    ledger, labels = Ledger(), list[str]()
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        while True:
            delivery = subscriber.receive(PATIENCE_S)
            assert delivery is not None
            if isinstance(delivery.message, ResultMessage):
                ledger.record(delivery.message)
                assert isinstance(delivery.message.result, Classification)
                labels.append(delivery.message.result.label)
            if isinstance(delivery.message, StatusMessage) and delivery.message.state == "offline":
                break
        assert end_within(agent.process, 5) == 0
    assert delivery.message.reason == "done"
    # The files in the order of their names: 20.png, then 230.png.
    assert labels == ["dark", "bright"]
    assert ledger.total() == Account(received=2)
