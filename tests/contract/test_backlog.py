"""A backlog on a slow link: what is new does not wait for it, and all of it comes."""

import time
from functools import partial
from pathlib import Path

from support.brokers import Mosquitto, wait_until
from support.door import Archive, result
from support.proxy import Proxy
from support.publishers import fail

from edge_agent.client.ledger import Account
from edge_agent.common.backoff import Backoff
from edge_agent.contract.topics import Topics
from edge_agent.mqtt.dialer import Dialer, Identity, unique_id
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.outbox.outbox import Outbox
from edge_agent.publish.publisher import MqttPublisher
from edge_agent.publish.schedule import Order

BACKLOG = 400
# About sixty results a second.
BYTES_PER_S, RESULTS_PER_S = 25_000, 60


def store(outbox: Outbox, count: int, boot: str) -> None:
    topic = Topics("gate").result("door")
    for _ in range(count):
        outbox.append("door", topic, lambda seq: result(seq, boot))


def publisher(url: str, outbox: Outbox, order: Order = "live-first") -> MqttPublisher:
    dialer = Dialer(Broker(parse_endpoint(url)), Identity(unique_id("test")))
    return MqttPublisher(dialer, outbox, fail, Backoff(0.05, 0.2), order)


def test_what_is_new_does_not_wait_for_a_backlog(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Beside a backlog of seven seconds each new one comes at once, and the link is not idle."""
    path, archive = tmp_path / "o.db", Archive(mosquitto.url)
    with Outbox(path) as outbox:
        store(outbox, BACKLOG, "before")
    with (
        archive.listening(),
        Proxy(mosquitto.port, BYTES_PER_S) as proxy,
        Outbox(path) as outbox,
        publisher(proxy.url, outbox) as talker,
    ):
        wait_until(lambda: len(archive.came) > 0, "the backlog begins")
        sent_s = {}
        for number in range(BACKLOG + 1, BACKLOG + 31):
            sent_s[number] = time.monotonic()
            topic = Topics("gate").result("door")
            talker.publish("door", topic, lambda seq: result(seq, "now"))
            time.sleep(0.1)
        beside = len(archive.came)
        waiting = outbox.state().depth
        assert talker.flush(60)
        wait_until(lambda: archive.ledger.total().received == BACKLOG + 30, "all has come")
    # By what came first, as a busy machine makes the link slower than it is told to be.
    backlog_s = [at for r, at in archive.came if r.boot == "before"]
    first = [
        sum(sent_s[r.seq] < before_s < at for before_s in backlog_s)
        for r, at in archive.came
        if r.boot == "now"
    ]
    delays = sorted(count / RESULTS_PER_S for count in first)
    assert waiting > 100, "the backlog was gone before anything new could wait for it"
    assert delays[len(delays) // 2] < 1.0, delays
    assert delays[-1] < 2.5, delays
    assert beside > 60
    assert {r.late for r, _ in archive.came if r.boot == "now"} == {False}
    assert {r.late for r, _ in archive.came if r.boot == "before"} == {True}
    account = archive.ledger.total()
    assert (account.lost, account.resets, account.rivals) == (0, 0, 0)


def test_strict_keeps_the_order(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """What is new comes behind all that waited."""
    path, archive = tmp_path / "o.db", Archive(mosquitto.url)
    with Outbox(path) as outbox:
        store(outbox, 50, "before")
    with archive.listening(), Outbox(path) as outbox:
        store(outbox, 5, "now")
        with publisher(mosquitto.url, outbox, "strict") as talker:
            assert talker.flush(60)
        wait_until(lambda: len(archive.came) == 55, "all has come")
    assert [r.seq for r, _ in archive.came] == list(range(1, 56))
    assert archive.ledger.total() == Account(received=55)


def test_a_backlog_that_is_cut_off_again_and_again_comes_whole(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Restarts and cuts in the middle of it, with new ones beside: none is lost or new twice."""
    path, archive = tmp_path / "o.db", Archive(mosquitto.url)
    with Outbox(path) as outbox:
        store(outbox, BACKLOG, "before")
    with archive.listening(), Proxy(mosquitto.port, 4 * BYTES_PER_S) as proxy:

        def more_came(than: int) -> bool:
            return len(archive.came) > than

        for start in range(3):
            with Outbox(path) as outbox, publisher(proxy.url, outbox) as talker:
                for _ in range(2):
                    seen = len(archive.came)
                    wait_until(partial(more_came, seen + 10), "some have come")
                    store(outbox, 5, f"start {start}")
                    talker.retain("gate/wake", b"")
                    proxy.cut()
                    proxy.mend()
        with Outbox(path) as outbox, publisher(proxy.url, outbox) as talker:
            proxy.pace(None)
            assert talker.flush(60)
        wait_until(lambda: archive.ledger.total().received == BACKLOG + 30, "all has come")
    account = archive.ledger.total()
    assert (account.lost, account.resets, account.rivals) == (0, 0, 0)
