"""`edgeward demo`: the whole product on real input, from handwritten digits to MQTT results.

Build the digits recipe, film held-out digits, start a broker and the agent as a process of
its own from the device environment, and subscribe to what it publishes.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_agent.client import Subscriber
from edge_agent.client.ledger import Ledger
from edge_agent.contract.messages import ResultMessage
from edge_agent.mqtt.endpoint import Broker, Endpoint
from pipeline.broker.broker import broker_at, running_broker
from pipeline.broker.watch import show
from pipeline.common.errors import DemoError
from pipeline.common.progress import Progress
from pipeline.demo.scenes import REGION, Scene, write_scenes
from pipeline.run.build import build
from pipeline.run.run import Run
from pipeline.run.stages.report import report_path
from pipeline.run.stages.verify import bundle_path, load_proof

DEVICE, STREAM = "demo", "panel"
FILM = "scenes.avi"
AGENT_COMMAND = "edgeward-agent"
# An agent that neither publishes nor ends for this long is stuck: the demo says so.
PATIENCE_S = 30.0
# What is still on its way once the agent has ended arrives well within this.
LINGER_S = 1.0


@dataclass(frozen=True)
class Outcome:
    """What the demo ends with.

    Args:
        frames: filmed.
        received: distinct results.
        lost: frames whose result never came.
        duplicated: results that came again.
        right: results that name the digit that was filmed.
        trained_accuracy, int8_accuracy: on the held-out split, in [0, 1].
        report: the HTML report.
    """

    frames: int
    received: int
    lost: int
    duplicated: int
    right: int
    trained_accuracy: float
    int8_accuracy: float
    report: Path

    def line(self) -> str:
        """One line for a person and for a script."""
        return (
            f"demo: {self.frames} frames, {self.received} results received, {self.lost} lost, "
            f"{self.duplicated} duplicated; trained {100 * self.trained_accuracy:.1f} %, "
            f"int8 {100 * self.int8_accuracy:.1f} % on held-out; report {self.report}"
        )


def demo(run: Run, broker_url: str | None, device_python: Path, frames: int) -> Outcome:
    """Run the whole product once.

    Args:
        run: the digits recipe in its run folder; finished stages are reused.
        broker_url: the user's own broker; None starts one.
        device_python: the interpreter of the device environment.
        frames: how many scenes to film.

    Raises:
        DemoError: the agent is missing, fails or falls silent.
        PipelineError, QuantizationError, AgentError: as the stages and the broker do.
    """
    command = agent_command(device_python)
    if broker_url is not None:
        broker_at(broker_url)  # a mistyped address is better said before the training
    build(run)
    folder = run.folder / "device"
    scenes = _film(run, folder, frames)
    with running_broker(broker_url) as broker:
        run.progress.say(f"broker: {broker.kind} at {broker.endpoint}")
        ledger, seen = _watch_agent(run, command, folder, broker.endpoint)
    return _outcome(run, scenes, ledger, seen)


def _film(run: Run, folder: Path, frames: int) -> tuple[Scene, ...]:
    """Film the scenes into `folder`, emptied before."""
    # The last demo's outbox would go on counting where it ended.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return write_scenes(run.dataset.test, folder / FILM, frames=frames, seed=run.recipe.seed)


def _watch_agent(
    run: Run, command: Path, folder: Path, endpoint: Endpoint
) -> tuple[Ledger, dict[int, ResultMessage]]:
    """Run the agent in `folder` to its end; what was received, the results by frame."""
    ledger, seen = Ledger(), dict[int, ResultMessage]()
    config = folder / "agent.toml"
    config.write_text(agent_config(str(endpoint), folder, run), encoding="utf-8")
    with Subscriber(Broker(endpoint), DEVICE) as subscriber:
        run.progress.say(f"agent: {command} run --config {config}")
        with _agent(command, config) as process:
            for message in _results(subscriber, process, ledger, run.progress):
                seen[message.frame] = message
    return ledger, seen


def _outcome(
    run: Run, scenes: tuple[Scene, ...], ledger: Ledger, seen: dict[int, ResultMessage]
) -> Outcome:
    said = dict(zip(run.dataset.test.ids, run.task.brief("test"), strict=True))
    right = sum(
        scene.number in seen and seen[scene.number].result.brief() == said[scene.id]
        for scene in scenes
    )
    metrics = load_proof(run).metrics
    return Outcome(
        frames=len(scenes),
        received=len(seen),
        lost=len(scenes) - len(seen),
        duplicated=ledger.total().duplicated,
        right=right,
        trained_accuracy=metrics.before_pruning.value,
        int8_accuracy=metrics.int8_score.value,
        report=report_path(run),
    )


def agent_command(device_python: Path) -> Path:
    """The agent of the environment that `device_python` belongs to.

    Raises:
        DemoError: there is none.
    """
    # Not resolved: an environment's python is a link to the system's.
    command = device_python.absolute().parent / AGENT_COMMAND
    if not command.exists():
        raise DemoError(
            f"{command}: expected the agent of the device environment, found nothing; "
            "`make demo` makes that environment"
        )
    return command


def agent_config(broker_url: str, folder: Path, run: Run) -> str:
    """The agent's configuration in `folder`: one stream that reads the film there."""
    # Relative to the configuration, as its paths are: no name of a folder needs escaping.
    bundle = os.path.relpath(bundle_path(run), folder)
    return f"""\
[device]
name = "{DEVICE}"

[broker]
url = "{broker_url}"

[outbox]
path = "outbox.sqlite"

[[stream]]
name = "{STREAM}"
bundle = "{bundle}"
source = {{ kind = "video", path = "{FILM}" }}
interval_s = 0.05
region = {{ x = {REGION.x}, y = {REGION.y}, w = {REGION.w}, h = {REGION.h} }}
"""


@contextmanager
def _agent(command: Path, config: Path) -> Iterator["subprocess.Popen[str]"]:
    """The agent as a process of its own, ended with the block whatever happens."""
    log = config.with_name("agent.log")
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [command, "run", "--config", config],
            stdout=stream,
            stderr=stream,
            text=True,
            env=_clean_environment(),
        )
        try:
            yield process
            status = process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise DemoError("agent: expected it to end after the film, found it running") from None
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(10)
    if status != 0:
        last = log.read_text(encoding="utf-8").strip().splitlines()[-1:] or ["no output"]
        raise DemoError(f"agent: expected exit status 0, found {status}: {last[0]} (log: {log})")


def _results(
    subscriber: Subscriber, process: "subprocess.Popen[str]", ledger: Ledger, progress: Progress
) -> Iterator[ResultMessage]:
    """Results until the agent has ended and nothing more arrives."""
    heard = time.monotonic()
    while True:
        delivery = subscriber.receive(timeout_s=LINGER_S)
        if delivery is not None:
            heard = time.monotonic()
            show(delivery, ledger, progress.say)
            if isinstance(delivery.message, ResultMessage):
                yield delivery.message
        elif process.poll() is not None:
            return
        elif time.monotonic() - heard > PATIENCE_S:
            raise DemoError(f"agent: expected results, found none for {PATIENCE_S:.0f} s")


def _clean_environment() -> dict[str, str]:
    """Ours, without what would let the device see the host's packages."""
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    return {key: value for key, value in os.environ.items() if key not in hidden}


def default_device_python() -> Path:
    """The device environment that `make` built beside this checkout, else this one."""
    built = Path(".venv-device/bin/python")
    return built if built.exists() else Path(sys.executable)
