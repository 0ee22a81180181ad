"""The device in a real Home Assistant: what it shows, after what, and what its log says of it."""

import re
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from functools import partial
from typing import Any

from support.agents import AGENT, hear
from support.home_core import Home
from support.kept import kept

from edge_agent.client import Ledger, Subscriber
from edge_agent.contract.messages import ResultMessage
from edge_agent.mqtt.dialer import Acked, Dialer, Identity, Options
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.tasks.ocr.meters.kinds import KINDS, rate_facts

# What this machine, or so short a time, does not tell.
UNTOLD = {
    "gate_temperature",
    "gate_throttled",
    *(f"gate_cellar_{m}_rate" for m in ("gas", "power", "water")),
}
# Those have no state of their own: they are pressed, or show a picture once there is one.
STATELESS = ("button.", "image.")


def unknown(home: Home) -> set[str]:
    """The entities that say nothing, though something is known of them; or that are missing."""
    states = home.core.states()
    silent = {
        name
        for name, each in states.items()
        if each["state"] in ("unknown", "unavailable")
        and not each["entity_id"].startswith(STATELESS)
    }
    return (silent - UNTOLD) if "gate_cellar_water" in states else {"all"}


def test_all_that_is_known_is_shown(home: Home) -> None:
    """Every entity has a state, of the right kind, and nobody complains."""
    home.core.until(lambda: not unknown(home), "every entity has a state", 60)
    states = home.core.states()
    assert states["gate_front"]["state"] == "bright"
    water, power = states["gate_cellar_water"], states["gate_cellar_power"]
    assert (water["state"], states["gate_cellar_gas"]["state"]) == ("12.3", "1.0")
    assert water["attributes"]["device_class"] == "water"
    assert water["attributes"]["state_class"] == "total_increasing"
    assert (float(power["state"]), power["attributes"]["state_class"]) == (2031, "total")
    assert states["gate_cellar_plate"]["state"] == "31"
    assert states["gate_cellar_label"]["attributes"].keys() > {"reading", "why", "text", "held"}
    assert states["gate_cellar_water_last_accepted"]["attributes"]["device_class"] == "timestamp"
    assert states["gate_cellar_water_rate"]["attributes"]["device_class"] == "volume_flow_rate"
    assert states["gate_cellar_power_rate"]["attributes"]["device_class"] == "power"
    assert home.core.complaints() == []


def test_a_meter_that_cannot_be_read_says_so(home: Home) -> None:
    """Its value stays; beside it stand state, reason and age, and that it is over."""
    home.show(water="")

    def says(state: str) -> bool:
        found: str = home.core.states()["gate_cellar_water"]["attributes"].get("reading")
        return found == state

    home.core.until(lambda: says("rejected"), "the meter is rejected")
    water = home.core.states()["gate_cellar_water"]
    assert (water["state"], water["attributes"]["text"]) == ("12.3", "")
    assert water["attributes"]["why"]
    assert water["attributes"]["age_s"] >= 0
    home.show()
    home.core.until(lambda: says("accepted"), "it is read again")


def test_the_energy_dashboard_takes_the_meters(home: Home) -> None:
    """Water, gas, and a meter that runs both ways: nothing to complain of, once it has counted."""
    home.core.until(lambda: not unknown(home), "every entity has a state", 60)
    names = {name: f"sensor.gate_cellar_{name}" for name in ("water", "gas", "power")}
    grid = {
        "type": "grid",
        "flow_from": [
            {
                "stat_energy_from": names["power"],
                "stat_cost": None,
                "entity_energy_price": None,
                "number_energy_price": None,
            }
        ],
        "flow_to": [],
        "cost_adjustment_day": 0,
    }
    cost = {"stat_cost": None, "entity_energy_price": None, "number_energy_price": None}
    sources = [
        grid,
        {"type": "gas", "stat_energy_from": names["gas"], **cost},
        {"type": "water", "stat_energy_from": names["water"], **cost},
    ]
    saved = home.core.ask("energy/save_prefs", energy_sources=sources)
    assert "error" not in saved, saved

    def issues() -> Any:
        return home.core.ask("energy/validate")

    # Statistics are made every five minutes; before, there is none of a sensor that is new.
    patience = {"statistics_not_defined"}
    found = {issue["type"] for part in issues()["energy_sources"] for issue in part}
    assert found <= patience
    home.core.until(
        lambda: not any(issues()["energy_sources"]), "the dashboard has nothing to say", 330
    )


def test_a_restart_of_home_assistant_forgets_nothing(home: Home) -> None:
    """Within seconds all is there again, and who counts results has heard nothing twice."""
    home.core.until(lambda: not unknown(home), "every entity has a state", 60)
    with Subscriber(home.broker.url, "gate") as subscriber:
        ledger = Ledger()
        home.core.stop()
        home.core.start()
        took_s = home.core.until(lambda: not unknown(home), "all is there again", 20)
        home.core.until(lambda: births(home) > 0, "the agent hears of it")
        for _ in range(100):
            ledger.record(hear(subscriber, ResultMessage))
    sys.stderr.write(f"all was known {took_s:.1f} s after its start\n")
    total = ledger.total()
    assert (total.lost, total.duplicated, total.out_of_order) == (0, 0, 0)


def test_nothing_hangs_on_what_a_broker_keeps(home: Home) -> None:
    """As where a pattern is answered with nothing that was kept: the agent says it all again."""
    home.core.until(lambda: not unknown(home), "every entity has a state", 60)
    home.core.stop()
    before = births(home)
    for topic in kept(home.broker.url):
        clear(home.broker.url, topic)
    assert not kept(home.broker.url, "homeassistant/#")
    home.core.start()
    took_s = home.core.until(lambda: not unknown(home), "all is there again", 40)
    sys.stderr.write(f"without what a broker keeps, {took_s:.1f} s after its start\n")
    assert births(home) == before + 1


def births(home: Home) -> int:
    """How often the agent has heard Home Assistant start."""
    return home.agent.log.read_text().count("Home Assistant has started")


def clear(url: str, topic: str) -> None:
    session = Dialer(Broker(parse_endpoint(url)), Identity("clearing")).dial()
    session.publish(topic, b"", Options(retain=True))
    for event in session.events(5):
        if isinstance(event, Acked):
            break
    session.close()


def test_the_doctor_leaves_no_trace(home: Home) -> None:
    """Must not fire: no line in any log, no state touched, and the picture is there after it."""
    home.core.ask(
        "call_service",
        domain="button",
        service="press",
        target={"entity_id": "button.gate_front_snapshot"},
    )

    def picture() -> Any:
        return home.core.get("/api/image_proxy/image.gate_front_picture")

    home.core.until(lambda: picture()["status"] == 200, "there is a picture")
    before, size = picture(), home.core.log.stat().st_size
    said = len(home.agent.log.read_text())
    command = [*AGENT, "doctor", "--config", str(home.agent.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "acl publish" in done.stdout, done.stdout
    home.core.until(lambda: home.core.log.stat().st_size > size, "something else is logged", 60)
    assert home.core.complaints(size) == []
    assert picture() == before
    assert "refused" not in home.agent.log.read_text()[said:]


def test_what_is_late_is_not_shown_as_now(home: Home) -> None:
    """A thousand results that waited are one state, and it is the newest."""
    home.light(230)
    home.core.until(lambda: home.core.states()["gate_fast"]["state"] == "bright", "it is bright")
    begin = datetime.now(UTC).isoformat()
    with Subscriber(home.broker.url, "gate") as subscriber:
        home.link.cut()
        late = 0

        def more_stored(than: int) -> bool:
            return stored_results(home) > than

        for level in (40, 230, 40, 230, 40):
            home.light(level)
            stored = stored_results(home)
            home.core.until(partial(more_stored, stored + 60), "results wait", 60)
        home.link.mend()
        while late < 300:
            late += hear(subscriber, ResultMessage).late
    home.core.until(lambda: home.core.states()["gate_fast"]["state"] == "dark", "it is dark")

    def shown() -> list[str]:
        found = home.core.ask(
            "history/history_during_period",
            start_time=begin,
            entity_ids=["sensor.gate_fast"],
            minimal_response=True,
        )
        return [each["s"] for each in found["sensor.gate_fast"]]

    home.core.until(lambda: shown()[-1] == "dark", "it is remembered")
    # What stood at the begin, whatever the outage made of it, and what stands now.
    assert shown().count("dark") == 1
    assert len(shown()) <= 5, shown()


def stored_results(home: Home) -> int:
    """How many wait, as the agent's own metrics say."""
    with urllib.request.urlopen(f"http://127.0.0.1:{home.metrics}/metrics") as answer:
        found = re.search(r"^edgeward_outbox_messages\S* (\d+)", answer.read().decode(), re.M)
    assert found is not None
    return int(found[1])


def test_kinds_and_units_are_those_that_it_has(home: Home) -> None:
    """Neither one too many, which it would refuse, nor one too few."""
    tables = home.core.tables()
    for facts in KINDS.values():
        assert sorted(facts.units) == tables[facts.device_class], facts.device_class
        for unit in facts.units:
            rate = rate_facts("water" if facts.device_class == "water" else "energy", unit)
            if rate.device_class is not None:
                assert rate.unit in tables[rate.device_class]


def test_all_comes_at_the_quality_that_is_promised(home: Home) -> None:
    """QoS 1, as the log says of every message; set where it has an effect."""
    home.core.until(lambda: not unknown(home), "every entity has a state", 60)
    log = home.core.log.read_text()
    found = re.findall(r"Received.* message on (edgeward/\S+) .*?\(qos=(\d)\)", log)
    assert len(found) > 10, "the log says it in other words"
    assert {qos for _, qos in found} == {"1"}
