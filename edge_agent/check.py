"""`edgeward-agent check`: try everything that `run` needs, and say what to do about failures."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge_agent.bundle.archive import open_bundle
from edge_agent.common.errors import (
    AgentError,
    BrokerError,
    ConfigError,
    CropError,
    OutboxError,
    SourceError,
)
from edge_agent.common.stop import Stop
from edge_agent.config import AgentConfig, load_config
from edge_agent.contract.topics import Topics
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.inference.runtime import runtime_name
from edge_agent.light.light import lit
from edge_agent.mqtt.dialer import (
    ANSWER_TIMEOUT_S,
    Acked,
    ConnectionLost,
    Dialer,
    Identity,
    Refused,
    unique_id,
)
from edge_agent.service.endurance import SHORT_REMEDY, endurance, too_short
from edge_agent.service.plan import stream_looker
from edge_agent.sources.base import Frame
from edge_agent.sources.config import (
    FileConfig,
    SourceConfig,
)
from edge_agent.sources.open import open_source
from edge_agent.stream.config import StreamConfig

# Of a camera by URL, here and in `doctor`.
NETWORK_REMEDY = (
    "is it on and in this network, are address, user and password right? Try the same address "
    "with a browser, ffplay or VLC"
)
METRICS_REMEDY = "set another metrics.port; until then the agent runs without its counters there"
# Of whatever is wrong in the configuration, wherever it shows.
MEND = "mend the file; see deploy/agent.example.toml"


@dataclass(frozen=True)
class Caution:
    """It works, but not for long.

    Args:
        found: what was found.
        remedy: what to do about it.
    """

    found: str
    remedy: str


@dataclass(frozen=True)
class CheckStep:
    """One thing to try.

    Args:
        name: what it is about.
        attempt: does it; returns what was found, or raises an `AgentError`.
        remedy: what to do when it fails.
    """

    name: str
    attempt: Callable[[], str | Caution]
    remedy: str


def check(path: Path, say: Callable[[str], None]) -> AgentError | None:
    """Try everything, one line each through `say`; the first error, or None.

    Args:
        path: the agent's configuration.
        say: prints a line.
    """
    try:
        config = load_config(path)
    except AgentError as error:
        say(_failed("config", error, MEND))
        return error
    say(_ok("config", str(path)))
    errors: list[AgentError] = []
    for step in _steps(config):
        try:
            say(_said(step.name, step.attempt()))
        except AgentError as error:
            say(_failed(step.name, error, MEND if isinstance(error, ConfigError) else step.remedy))
            errors.append(error)
    return errors[0] if errors else None


def _ok(name: str, found: str) -> str:
    return f"ok      {name}: {found}"


def _said(name: str, found: str | Caution) -> str:
    if isinstance(found, Caution):
        return f"warn    {name}: {found.found}; {found.remedy}"
    return _ok(name, found)


def _failed(name: str, error: AgentError, remedy: str) -> str:
    return f"failed  {name}: {error}; {remedy}"


def _steps(config: AgentConfig) -> Iterator[CheckStep]:
    yield CheckStep("runtime", runtime_name, "install an interpreter as said")
    for stream in config.streams:
        yield CheckStep(
            f"bundle of {stream.name}",
            partial(prove_bundle, stream),
            "copy the bundle again from where it was verified",
        )
        yield CheckStep(
            f"source of {stream.name}", partial(look, stream), _source_remedy(stream.source)
        )
        for what, found in stream.options.facts().items():
            yield CheckStep(f"{what} of {stream.name}", partial(str, found), MEND)
    yield CheckStep(
        "outbox",
        partial(_outbox, config),
        "make the folder, or let this user write to it; the service makes /var/lib/edgeward",
    )
    if config.crops is not None:
        yield CheckStep(
            "crops",
            partial(_pictures, config.crops.folder),
            "make the folder, or let this user write to it",
        )
    if config.snapshots is not None:
        yield CheckStep(
            "snapshots",
            partial(_pictures, config.snapshots.folder),
            "make the folder, or let this user write to it",
        )
    if config.metrics is not None:
        yield CheckStep("metrics", partial(_metrics, config.metrics.port, config.device.name), MEND)
    yield CheckStep(
        "broker",
        partial(_broker, config),
        "is it running, is the address right, does it let this user in?",
    )


def _source_remedy(source: SourceConfig) -> str:
    if isinstance(source, FileConfig):
        return "mend its path"
    return "is it plugged in, free, and may this user read it?" if source.local else NETWORK_REMEDY


def prove_bundle(stream: StreamConfig) -> str:
    """Open the stream's bundle and replay its golden frames; what was found.

    Raises:
        AgentError: it is missing, damaged, for another task, or gives other answers here.
    """
    bundle = open_bundle(stream.bundle)
    # Any count proves it; which one is fastest is for the agent to measure.
    threads = 1 if stream.threads == "auto" else stream.threads
    with TfliteRecognizer(bundle, threads) as recognize:
        stream_looker(stream, bundle, recognize)
        quanta, golden = recognize.golden_quanta, bundle.manifest.golden
        return (
            f"{bundle.short_id}, {golden.frames} golden frames within {quanta} quanta "
            f"of {golden.tolerance_quanta} allowed"
        )


def look(stream: StreamConfig) -> str:
    """Take one frame of the stream's source; what was found.

    Raises:
        SourceError: there is none, or it cannot be aligned.
        ConfigError: the stream's regions are not inside it.
    """
    frame = first_frame(stream)
    if frame.doubt:
        raise SourceError(frame.doubt)
    height, width = frame.image.shape[:2]
    stream.options.check_inside(width, height, stream.name)
    return f"a frame of {width}x{height}"


def first_frame(stream: StreamConfig) -> Frame:
    """The first frame of the stream, as it sees it; a camera that is absent is not waited for.

    Raises:
        SourceError: there is none, and why.
    """
    stop = Stop()
    problems: list[str] = []

    def report(available: bool, reason: str) -> None:
        if not available:
            problems.append(reason)
            stop.set()

    with (
        open_source(stream.source, stop, report) as source,
        lit(stream.light, source, stop) as seen,
    ):
        for frame in seen:
            return stream.view()(frame)
    raise SourceError(problems[0] if problems else f"stream {stream.name!r}: no frame")


def _outbox(config: AgentConfig) -> str | Caution:
    path = config.outbox.path
    # Not opened: a running agent may have it.
    # Not by Path.is_dir(), which raises where a folder may not be looked into.
    if not os.path.isdir(path.parent):  # noqa: PTH112
        raise OutboxError(f"{path}: expected a folder {path.parent}, found none")
    place = path if os.path.exists(path) else path.parent  # noqa: PTH110
    if not os.access(place, os.W_OK):
        raise OutboxError(f"{place}: expected to be allowed to write, found that we are not")
    holds = endurance(config)
    if not holds.results:
        raise ConfigError(
            f"outbox.max_mb: expected room for one result of {holds.bytes_each:.0f} bytes, "
            f"found {config.outbox.max_mb:g}"
        )
    found = f"{path}, {holds}"
    return Caution(found, SHORT_REMEDY) if too_short(holds, config.outbox.when_full) else found


def _metrics(port: int, device: str) -> str | Caution:
    # An HTTP server is a megabyte that most devices do without.
    from edge_agent.service.metrics import holder

    found = holder(port, device)
    if found is None:
        return f"port {port} of 127.0.0.1 is free"
    if found == device:
        return f"port {port} of 127.0.0.1, served by the agent that runs"
    return Caution(f"port {port} of 127.0.0.1 is taken by {found}", METRICS_REMEDY)


def _pictures(folder: Path) -> str:
    # Not made: the agent does that, where it may.
    place = next((p for p in (folder, *folder.parents) if os.path.exists(p)), folder)  # noqa: PTH110
    if not os.path.isdir(place) or not os.access(place, os.W_OK):  # noqa: PTH112
        raise CropError(f"{place}: expected a folder that we may write to, found that we may not")
    return str(folder)


def _broker(config: AgentConfig) -> str:
    broker = config.broker.broker()
    # Not the agent's own id: that would drive out a running agent.
    session = Dialer(broker, Identity(unique_id("edgeward-check"))).dial()
    try:
        session.publish(Topics(config.device.name).check, b"")
        for event in session.events(ANSWER_TIMEOUT_S):
            match event:
                case Acked():
                    return f"{broker.endpoint}, MQTT {session.version}"
                case Refused(_, reason):
                    raise BrokerError(f"{broker.endpoint}: may not publish: {reason}")
                case ConnectionLost(reason):
                    raise BrokerError(reason)
                case _:
                    pass
    finally:
        session.close()
    raise BrokerError(f"{broker.endpoint}: expected an answer to PUBLISH, found none")
