"""Fixtures of every area: a real broker on loopback and a tiny real bundle."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.bright import write_bright
from support.brokers import Mosquitto, mosquitto_binary
from support.stripes import write_stripes

from edge_agent.bundle.archive import Bundle, open_bundle

if TYPE_CHECKING:
    from support.tflite_graphs import Runtime


@pytest.fixture(autouse=True)
def _product_logger() -> Iterator[None]:
    """Agents and commands set up the product's logger; the next test has it as it was.

    A handler that is left would write to a stream that was closed with its test.
    """
    logger = logging.getLogger("edge_agent")
    level, handlers, propagate = logger.level, [*logger.handlers], logger.propagate
    yield
    logger.setLevel(level)
    logger.handlers[:], logger.propagate = handlers, propagate


@pytest.fixture(name="mosquitto_factory")
def _mosquitto_factory(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Makes running brokers, each in its own folder, all killed afterwards."""
    binary = mosquitto_binary()
    made: list[Mosquitto] = []

    def make(*lines: str) -> Mosquitto:
        folder = tmp_path / f"mosquitto-{len(made)}"
        folder.mkdir()
        made.append(Mosquitto(folder, binary, lines))
        made[-1].start()
        return made[-1]

    yield make
    for broker in made:
        broker.kill()


@pytest.fixture(name="mosquitto")
def _mosquitto(mosquitto_factory: Callable[..., Mosquitto]) -> Mosquitto:
    """A running broker that anybody may use."""
    return mosquitto_factory()


@pytest.fixture(name="mosquitto_tool")
def _mosquitto_tool() -> Callable[[str], str]:
    """Where a program that comes with mosquitto is; skips the test where it is not."""

    def find(name: str) -> str:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"needs {name}: install the system's package `mosquitto-clients`")
        return found

    return find


@pytest.fixture(name="bright_path", scope="session")
def _bright_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle as a directory."""
    path = tmp_path_factory.mktemp("bundles") / "bright"
    write_bright(path)
    return path


@pytest.fixture(name="bright_bundle", scope="session")
def _bright_bundle(bright_path: Path) -> Bundle:
    """The tiny bundle, opened."""
    return open_bundle(bright_path)


@pytest.fixture(name="stripes_path", scope="session")
def _stripes_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny text bundle as a directory."""
    path = tmp_path_factory.mktemp("bundles") / "stripes"
    write_stripes(path)
    return path


@pytest.fixture(name="stripes_bundle", scope="session")
def _stripes_bundle(stripes_path: Path) -> Bundle:
    """The tiny text bundle, opened."""
    return open_bundle(stripes_path)


@pytest.fixture(name="runtime", params=["tflite-runtime", "LiteRT"], scope="module")
def _runtime(request: pytest.FixtureRequest) -> Iterator[tuple[str, "Runtime"]]:
    """The reference kernels of one TFLite runtime, and its name."""
    # Imported here: a device's environment lacks the schema that files are written by.
    from support.tflite_graphs import OTHER_RUNTIME, Runtime, runtimes

    python = runtimes()[request.param]
    if python is None:
        pytest.skip(f"{OTHER_RUNTIME} names no Python that has tflite-runtime")
    with Runtime(python) as running:
        yield request.param, running
