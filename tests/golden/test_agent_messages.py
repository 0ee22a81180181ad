"""What the agent says, byte for byte as the build before the tasks became plugs said it.

`agent_messages.json` was recorded from that build by the same function, with the bundles of
format 1. It holds every topic, retained or not, and Home Assistant's announcement; what a clock or
a start decides is left out.
"""

import json
from pathlib import Path

from support.brokers import Mosquitto
from support.recorded_agent import recorded

RECORD = Path(__file__).with_name("agent_messages.json")


def test_an_agent_says_what_it_said_before(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Results of classes, readings, a meter and a page; states; availability; the announcement."""
    before = json.loads(RECORD.read_bytes())
    now = recorded(mosquitto.url, tmp_path)
    assert now.keys() == before.keys()
    for topic, said in before.items():
        assert now[topic] == said, topic


def test_the_record_holds_every_kind_of_answer() -> None:
    """Must fire: a record without one would say nothing of it."""
    text = "\n".join(line for said in json.loads(RECORD.read_bytes()).values() for line in said)
    for kind in ("classification", "reading", "page"):
        assert f'"kind":"{kind}"' in text
    for state in ("accepted", "rejected"):
        assert f'"state":"{state}"' in text
    assert '"value_from":"readings"' in text
    assert '"unit_of_measurement":"m³"' in text
