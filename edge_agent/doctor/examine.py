"""The doctor's round: from Python to the broker, each finding as soon as there is one.

What needs numpy, OpenCV or MQTT is imported only once Python and the packages have been looked
at: on a machine where they are broken the doctor says so, and does not break with them.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.common.errors import AgentError, one_line
from edge_agent.doctor import python
from edge_agent.doctor.host import Host
from edge_agent.doctor.report import Finding, fail, failed, ok, skip, warn

if TYPE_CHECKING:
    from edge_agent.config import AgentConfig
    from edge_agent.stream.config import StreamConfig

# Where the installer and the package put it.
CONFIG = Path("/etc/edgeward/agent.toml")
BUNDLE_REMEDY = "copy the bundle again from where it was verified, and look at its path"


def examine(path: Path | None, host: Host) -> Iterator[Finding]:
    """Everything that can be looked at, most basic first.

    Args:
        path: the agent's configuration; None for the usual one, if there is one.
        host: the machine.
    """
    software = [*python.interpreter(python.this_interpreter())]
    yield from software
    for finding in python.packages(python.this_interpreter()):
        software.append(finding)
        yield finding
    if failed(software):
        yield skip("the rest", "needs what failed above: mend that first, and ask again")
        return
    yield from python.runtime()
    from edge_agent.doctor import rehearsal

    yield rehearsal.modules()
    yield from _machine(host)
    path = path or (CONFIG if CONFIG.exists() else None)
    if path is None:
        yield rehearsal.inference()
        yield rehearsal.camera()
        yield rehearsal.video()
        yield skip("config", f"no --config given and no {CONFIG}: bundle, camera and broker unseen")
        return
    yield from _configured(path, host)


def _machine(host: Host) -> Iterator[Finding]:
    from edge_agent.doctor import machine

    for check in (machine.clock, machine.power, machine.temperature):
        yield from check(host)


def _configured(path: Path, host: Host) -> Iterator[Finding]:
    from edge_agent.config import load_config

    try:
        config = load_config(path)
    except AgentError as error:
        yield fail("config", one_line(error), "mend the file; see deploy/agent.example.toml")
        return
    yield ok("config", str(path))
    yield from _stores(config, host)
    for stream in config.streams:
        yield _bundle(stream)
        yield from _source(stream, host)
    from edge_agent.doctor.broker import broker

    yield from broker(config, host)


def _stores(config: "AgentConfig", host: Host) -> Iterator[Finding]:
    from edge_agent.doctor.machine import StorageFolder, disk

    box = config.outbox
    yield from disk(host, StorageFolder("outbox", box.path.parent, _bytes(box.max_mb)))
    yield _endurance(config)
    if config.metrics is not None:
        yield _metrics(config.metrics.port, config.device.name)
    if config.crops is not None and os.path.isdir(config.crops.folder):  # noqa: PTH112
        crops = config.crops
        yield from disk(host, StorageFolder("crops", crops.folder, _bytes(crops.max_mb)))


def _endurance(config: "AgentConfig") -> Finding:
    from edge_agent.service.endurance import SHORT_REMEDY, endurance, too_short

    holds = endurance(config)
    if not holds.results:
        return fail("outbox room", str(holds), SHORT_REMEDY)
    if too_short(holds, config.outbox.when_full):
        return warn("outbox room", str(holds), SHORT_REMEDY)
    return ok("outbox room", str(holds))


def _metrics(port: int, device: str) -> Finding:
    from edge_agent.check import METRICS_REMEDY
    from edge_agent.service.metrics import holder

    found = holder(port, device)
    if found in (None, device):
        return ok("metrics", f"port {port} of 127.0.0.1 is {'free' if found is None else 'ours'}")
    return warn("metrics", f"port {port} of 127.0.0.1 is taken by {found}", METRICS_REMEDY)


def _bytes(megabytes: float) -> int:
    return round(megabytes * 1024**2)


def _bundle(stream: "StreamConfig") -> Finding:
    from edge_agent.check import prove_bundle

    check = f"bundle {stream.name}"
    try:
        return ok(check, prove_bundle(stream))
    except AgentError as error:
        return fail(check, one_line(error), BUNDLE_REMEDY)
    # tflite-runtime built for another numpy ends in a SystemError, and who knows in what else.
    except Exception as error:
        remedy = "the runtime is there and does not run: install the agent again"
        return fail(check, f"{type(error).__name__}: {one_line(error)}", remedy)


def _source(stream: "StreamConfig", host: Host) -> list[Finding]:
    from edge_agent.doctor.camera import source

    return source(stream, host)
