"""The wheel for programs that listen: what is in it, what it asks for, and that it listens."""

import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from support.brokers import Mosquitto, wait_until
from support.door import result

from edge_agent.mqtt.dialer import Dialer, Identity
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.mqtt.values import Acked

ROOT = Path(__file__).parents[2]
# All that the wheel asks for, and what msgspec may look for.
INSTALLED = ("msgspec", "paho", "typing_extensions.py")
PROGRAM = """
import sys
from edge_agent.client import Ledger, Remote, Subscriber
from edge_agent.contract.messages import ResultMessage
ledger = Ledger()
with Subscriber(sys.argv[1], "gate") as subscriber:
    print("listening", flush=True)
    for delivery in subscriber:
        if isinstance(delivery.message, ResultMessage):
            print(delivery.message.seq, ledger.record(delivery.message).kind)
            break
print(sorted({name.partition(".")[0] for name in sys.modules} & {"cv2", "numpy", "ai_edge_litert"}))
"""


@pytest.fixture(name="build", scope="module")
def _build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_client", ROOT / "scripts/build_client.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="tree", scope="module")
def _tree(build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("client")
    build.write_tree(tree)
    return tree


@pytest.fixture(name="site", scope="module")
def _site(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with the wheel's modules, what it asks for, and nothing else."""
    site = tmp_path_factory.mktemp("site")
    (site / "edge_agent").symlink_to(tree / "edge_agent")
    for name in INSTALLED:
        for folder in map(Path, sys.path):
            if (folder / name).exists():
                (site / name).symlink_to(folder / name)
                break
    return site


def test_it_asks_for_two_packages_in_the_bounds_of_the_whole(tree: Path) -> None:
    """Msgspec and paho-mqtt; the version is that of the device."""
    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [need.partition(">")[0] for need in project["dependencies"]] == ["msgspec", "paho-mqtt"]
    assert set(project["dependencies"]) <= set(whole["dependencies"])
    assert "__version__" in (tree / "edge_agent" / "__init__.py").read_text(encoding="utf-8")


def test_it_has_what_listens_and_nothing_of_the_agent(tree: Path) -> None:
    """The client, the contract and the MQTT session, typed; neither sources nor runtimes."""
    names = {str(path.relative_to(tree)) for path in tree.rglob("*.py")}
    assert {"edge_agent/client/subscriber.py", "edge_agent/mqtt/session.py"} <= names
    for part in ("sources", "inference", "outbox", "stream", "doctor"):
        assert not [name for name in names if name.startswith(f"edge_agent/{part}/")]
    assert (tree / "edge_agent" / "py.typed").is_file()


def test_every_module_of_it_loads_with_those_two(site: Path) -> None:
    """In an environment without numpy, OpenCV or a runtime, each module by itself."""
    root = (site / "edge_agent").resolve().parent
    modules = sorted(
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for path in (root / "edge_agent").rglob("*.py")
    )
    assert len(modules) > 20
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    run(site, code, *modules)


def test_it_hears_a_result(site: Path, mosquitto: Mosquitto) -> None:
    """A program with the wheel alone hears a device by a real broker, and counts what it hears."""
    with subprocess.Popen(
        [*bare_python(), "-c", PROGRAM, mosquitto.url],
        env=environment(site),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        publish(mosquitto.url, result(1, "a" * 12))
        try:
            assert process.communicate(timeout=120)[0].splitlines() == ["1 new", "[]"]
        finally:
            process.kill()


def publish(url: str, payload: bytes) -> None:
    """Send a result as a device would, and wait until the broker has acknowledged it."""
    session = Dialer(Broker(parse_endpoint(url)), Identity("gate-test")).dial()
    session.publish("edgeward/gate/stream/door/result", payload)
    wait_until(lambda: any(isinstance(e, Acked) for e in session.events(0.2)), "it is there")
    session.close()


def bare_python() -> list[str]:
    """This Python without its packages and without this tree."""
    return [sys.executable, "-S", "-s", "-P"]


def environment(site: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(site)}


def run(site: Path, code: str, *arguments: str) -> None:
    done = subprocess.run(
        [*bare_python(), "-c", code, *arguments],
        env=environment(site),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
