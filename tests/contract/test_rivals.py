"""Two agents of one name at one broker: noticed, said, and nothing is lost."""

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, write_config
from support.brokers import Mosquitto, wait_until
from support.door import Archive, result
from support.kept import kept
from support.proxy import OldProxy
from support.publishers import fail

from edge_agent.client import Subscriber
from edge_agent.common.backoff import Backoff
from edge_agent.config import load_config
from edge_agent.contract.messages import State, StatusMessage, decode_message, encode_message
from edge_agent.contract.topics import Topics
from edge_agent.doctor.broker import broker as doctor
from edge_agent.doctor.host import Host
from edge_agent.doctor.rivals import CHECK
from edge_agent.mqtt.dialer import Dialer, Identity, Options
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.outbox.outbox import Outbox
from edge_agent.publish.publisher import MqttPublisher
from edge_agent.publish.rivalry import ANOTHER, Rivalry

TOPICS = Topics("gate")


def status(boot: str, reason: str = "") -> bytes:
    return encode_message(
        StatusMessage(
            device="gate", boot=boot, state="online", reason=reason, version="1", streams=()
        )
    )


def stands(url: str) -> StatusMessage:
    """What the broker keeps of the name's status."""
    message = decode_message(kept(url, TOPICS.status)[TOPICS.status], TOPICS.status)
    assert isinstance(message, StatusMessage)
    return message


def agent(url: str, outbox: Outbox, boot: str) -> MqttPublisher:
    """An agent, as far as the broker knows it; its pauses are a fiftieth."""
    publisher: MqttPublisher

    def say(reason: str) -> None:
        publisher.retain(TOPICS.status, status(boot, reason))

    rivalry = Rivalry("gate", boot, say, Backoff(0.2, 0.6))
    dialer = Dialer(Broker(parse_endpoint(url)), Identity("edgeward-gate"))
    publisher = MqttPublisher(dialer, outbox, fail, Backoff(0.01, 0.05), "live-first", rivalry)
    publisher.listen([TOPICS.status], rivalry.hear)
    say("")
    return publisher


@pytest.mark.parametrize("wire", ["5", "3.1.1"])
def test_two_agents_of_one_name_lose_nothing_and_say_so(
    mosquitto: Mosquitto, tmp_path: Path, wire: str
) -> None:
    """They take turns, the status names the other, and the ledger knows that there are two."""
    archive = Archive(mosquitto.url)
    with ExitStack() as owned:
        url = mosquitto.url
        if wire == "3.1.1":
            url = owned.enter_context(OldProxy(mosquitto.port)).url
        owned.enter_context(archive.listening())
        outboxes = {
            boot: owned.enter_context(Outbox(tmp_path / f"{boot}.db")) for boot in ("one", "two")
        }
        agents = {
            boot: owned.enter_context(agent(url, outbox, boot)) for boot, outbox in outboxes.items()
        }

        def give(boot: str) -> None:
            for _ in range(100):
                topic = TOPICS.result("door")
                agents[boot].publish("door", topic, lambda seq: result(seq, boot))
                time.sleep(0.02)

        threads = [threading.Thread(target=give, args=(boot,)) for boot in agents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: all(o.state().depth == 0 for o in outboxes.values()), "all is sent")
        wait_until(lambda: archive.ledger.total().received == 200, "all has come")
        wait_until(lambda: stands(mosquitto.url).reason.startswith(ANOTHER), "it is said")
        told = stands(mosquitto.url)
        assert told.state == "online"
        other = {"one": "two", "two": "one"}[told.boot]
        assert told.reason in (ANOTHER, f"{ANOTHER}: boot {other}")
        # Pauses of half a second: without them there were hundreds.
        assert sum(each.connections for each in agents.values()) < 60
    account = archive.ledger.total()
    assert (account.lost, account.resets, account.rivals) == (0, 0, 1)


def test_two_real_agents_of_one_name(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """Each says once in its log who the other is, and they leave each other in peace."""
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "20.png"), np.full((24, 32, 3), 20, np.uint8))
    source = f'{{ kind = "images", path = "{folder}", loop = true }}'
    with ExitStack() as owned:
        agents = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            config = write_config(
                tmp_path / name, mosquitto.url, bright_path, source, stream="interval_s = 0.2"
            )
            agents.append(owned.enter_context(Agent(config)))

        def said(text: str) -> list[int]:
            return [each.log.read_text().count(text) for each in agents]

        wait_until(lambda: min(said(f"{ANOTHER}: boot ")) >= 1, "each knows the other")
        assert f"{ANOTHER}: boot " in stands(mosquitto.url).reason
        found = {f.check: f for f in doctor(load_config(agents[0].config), Host())}[CHECK]
        assert found.level == "warn"
        assert f"says: {ANOTHER}: boot " in found.found
        assert "device.name in agent.toml" in found.remedy
        time.sleep(1.5)
        # Once that there is another, and at most once more which one.
        assert max(said(ANOTHER)) <= 2
        assert sum(said("connected to")) < 8
        # Where the broker does not say so, it takes two takeovers to be sure.
        assert max(said("trying again")) <= 3
        assert [each.terminate() for each in agents] == [0, 0]


def test_the_doctor_sees_that_one_agent_is_online_and_none_runs_here(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Must not fire while the outbox here is held, or the one that spoke has left."""
    config = load_config(
        write_config(tmp_path, mosquitto.url, Path("b"), '{ kind = "images", path = "x" }')
    )
    dialer = Dialer(Broker(parse_endpoint(mosquitto.url)), Identity("edgeward-gate"))
    session = dialer.dial()

    def found() -> list[str]:
        return [f.found for f in doctor(config, Host()) if f.check == CHECK]

    def say(state: State) -> None:
        message = StatusMessage(device="gate", boot="them", state=state, version="1", streams=())
        session.publish(TOPICS.status, encode_message(message), Options(retain=True))
        list(session.events(60))

    with Outbox(config.outbox.path):
        say("online")
        assert found() == []
    assert found() == [f"gate: {ANOTHER}: boot them, and none runs here"]
    say("offline")
    assert found() == []
    session.close()


def test_two_subscribers_of_one_client_id_give_way_too(mosquitto: Mosquitto) -> None:
    """Coming back at once would drive out the other: the pauses grow though each gets in."""
    delays = Backoff(), Backoff()
    one, other = (Subscriber(mosquitto.url, client_id="archive", backoff=each) for each in delays)
    with one, other:
        end = time.monotonic() + 60
        while min(each.ceiling_s for each in delays) < 2:
            assert one.receive(0.05) is None
            assert other.receive(0.05) is None
            assert time.monotonic() < end
