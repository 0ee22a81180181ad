"""A real Home Assistant, broker and agent; the first is what `make test-home-assistant` made."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.agents import Agent, write_config
from support.brokers import Mosquitto, free_port, mosquitto_binary
from support.home_core import PLACES, Core, Home
from support.proxy import Proxy

ROOT = "EDGEWARD_HOME_ASSISTANT"
METERS = {
    "water": 'kind = "water"\nunit = "m³"\ndecimals = 1\n',
    "gas": 'kind = "gas"\nunit = "m³"\ndecimals = 2\n',
    "power": 'kind = "electricity"\nunit = "kWh"\nmonotone = false\n',
}
CHANGED = 'interval_s = 0.2\npublish = { when = "changed", at_least_every_s = 600 }\n'


def _cellar(bundle: Path) -> str:
    regions = ""
    for name, (x, y) in PLACES.items():
        regions += f'[[stream.regions]]\nname = "{name}"\n'
        regions += f"rect = {{ x = {x}, y = {y}, w = 128, h = 32 }}\n"
        if name in METERS:
            rules = "digits = 4\nconfirm = 1\nconfirm_jump = 1\n"
            regions += f"[stream.regions.meter]\n{METERS[name]}{rules}"
    regions += '[[stream.regions]]\nname = "label"\nrect = { x = 0, y = 0, w = 160, h = 180 }\n'
    source = '{ kind = "images", path = "cellar.png", loop = true }'
    head = f'[[stream]]\nname = "cellar"\ntask = "ocr"\nbundle = "{bundle}"\nsource = {source}\n'
    return f"{head}{CHANGED}{regions}page = true\n"


@pytest.fixture(name="home", scope="session")
def _home(
    tmp_path_factory: pytest.TempPathFactory, bright_path: Path, stripes_path: Path
) -> Iterator[Home]:
    root = os.environ.get(ROOT)
    if root is None:
        pytest.skip("needs a Home Assistant: make test-home-assistant")
    folder = tmp_path_factory.mktemp("gate")
    broker = Mosquitto(tmp_path_factory.mktemp("broker"), mosquitto_binary())
    broker.start()
    source = '{ kind = "images", path = "front.png", loop = true }'
    metrics = free_port()
    fast = f'[[stream]]\nname = "fast"\nbundle = "{bright_path}"\nsource = {source}\n'
    more = f"{fast}interval_s = 0.05\n{_cellar(stripes_path)}"
    more += f"[metrics]\nport = {metrics}\n"
    with Core(Path(root), broker.port) as core, Proxy(broker.port) as link:
        config = write_config(
            folder, link.url, bright_path, source, stream=CHANGED, will_delay_s=30, more=more
        )
        config.write_text(
            config.read_text().replace('"outbox.db"', '"outbox.db"\nlate_after_s = 1')
        )
        agent = Agent(config)
        home = Home(core, broker, link, agent, folder, metrics)
        home.show()
        home.light(230)
        with agent:
            yield home
    broker.stop()
