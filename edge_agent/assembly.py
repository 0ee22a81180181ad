"""Opening an agent: everything a plan needs, put together; `owned` closes it in reverse order."""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

from edge_agent.bundle.archive import Bundle
from edge_agent.common.stop import Stop
from edge_agent.config import AgentConfig
from edge_agent.contract.messages import BundleRef, HealthMessage
from edge_agent.contract.topics import Topics
from edge_agent.events import (
    Events,
    Failed,
    Restart,
)
from edge_agent.homeassistant.announcer import Announcer
from edge_agent.homeassistant.discovery import discovery_topic
from edge_agent.homeassistant.former import announced_path, former_topics
from edge_agent.light.light import lit
from edge_agent.mqtt.dialer import Dialer, Identity, Will
from edge_agent.outbox.outbox import Outbox
from edge_agent.pictures.crops import CropStore
from edge_agent.pictures.snapshots import SnapshotStore
from edge_agent.publish.kept_topics import gone_topics, kept_path
from edge_agent.publish.publisher import MqttPublisher
from edge_agent.publish.rivalry import Rivalry
from edge_agent.publish.sender import Sender
from edge_agent.publish.status import AgentStatus
from edge_agent.remote.perform import CommandPerformer
from edge_agent.running import RunningAgent
from edge_agent.service.manager import Manager
from edge_agent.service.plan import AgentPlan
from edge_agent.sources.base import FrameSource
from edge_agent.sources.live import Cameras
from edge_agent.sources.open import open_source
from edge_agent.stream.sink import PictureStores
from edge_agent.stream.stream import Stream
from edge_agent.system.wall_clock import WallClock
from edge_agent.tasks.registry import task_for

# What the agent hears is short: commands, and retained states of its own.
MAX_PACKET_BYTES = 256 * 1024


def open_agent(plan: AgentPlan, events: Events, owned: ExitStack, manager: Manager) -> RunningAgent:
    """Everything else that the agent needs, opened; `owned` closes it in reverse order.

    Raises:
        AgentError: as `run_agent`.
    """
    config, box = plan.config, plan.config.outbox
    clock = WallClock()
    memories = _memories(plan, clock, owned)
    outbox = owned.enter_context(Outbox(box.path, box.limits(), config.lanes()))
    names = tuple(stream.name for stream in config.streams)
    status = AgentStatus(config.device.name, names, outbox, clock)
    rivalry = Rivalry(config.device.name, status.boot, status.trouble)
    publisher = MqttPublisher(
        _dialer(plan, status),
        outbox,
        lambda error: events.put(Failed(error)),
        order=box.order,
        rivalry=rivalry,
    )
    publisher.listen([status.topics.status], rivalry.hear)
    stop, sender = Stop(), Sender(config.device.name, status.boot, publisher, clock)
    streams = _streams(plan, memories, sender, stop, manager)
    sources = _sources(streams, stop, manager, owned)
    _obey(config, streams, sender, events, owned)
    home, name = config.home_assistant, config.device.name
    former = former_topics(announced_path(box.path), discovery_topic(home.prefix, name))
    former += gone_topics(
        kept_path(box.path), Topics(name), {s.name: s.options.keys() for s in config.streams}
    )
    specified = [(part.config, part.bundle.manifest.output) for part in plan.parts]
    Announcer(home, name, specified, config.commands.allow, publisher, former).announce()

    def health() -> HealthMessage:
        return status.health(tuple(s.health() for s in streams), publisher.connections)

    if config.metrics is not None:
        # An HTTP server is a megabyte that most devices do without.
        from edge_agent.service.metrics import serve_metrics

        owned.enter_context(serve_metrics(config.metrics.port, health))
    owned.enter_context(publisher)
    pairs = list(zip(streams, sources, strict=True))
    return RunningAgent(status, publisher, pairs, stop, events, plan, manager)


def _dialer(plan: AgentPlan, status: AgentStatus) -> Dialer:
    lost = status.status("offline", "connection lost")
    will = Will(status.topics.status, lost, plan.config.broker.will_delay_s)
    name = f"edgeward-{plan.config.device.name}"
    return Dialer(plan.broker, Identity(name, will, max_packet_bytes=MAX_PACKET_BYTES))


def _memories(plan: AgentPlan, clock: WallClock, owned: ExitStack) -> dict[str, object]:
    """What each task of the plan knows from before, by the task's name."""
    tasks = {part.config.task: task_for(part.config.options) for part in plan.parts}
    path = plan.config.outbox.path
    return {
        name: owned.enter_context(task.memory(path, clock.is_set))
        for name, task in tasks.items()
        if task.memory is not None
    }


def _streams(
    plan: AgentPlan, memories: Mapping[str, object], sender: Sender, stop: Stop, manager: Manager
) -> list[Stream]:
    config = plan.config
    pictures = PictureStores(
        None if config.crops is None else CropStore(config.crops),
        None if config.snapshots is None else SnapshotStore(config.snapshots),
    )
    return [
        Stream(
            part.config,
            _ref(part.bundle),
            part.looker(memories.get(part.config.task)),
            sender,
            stop,
            pictures,
            partial(manager.hears, part.config),
        )
        for part in plan.parts
    ]


def _sources(
    streams: list[Stream], stop: Stop, manager: Manager, owned: ExitStack
) -> list[FrameSource]:
    """The source of each of `streams`, entered; those of the same camera share it."""
    cameras, sources = Cameras(), list[FrameSource]()
    for stream in streams:
        report = manager.hears(stream.config, stream.report)
        pace = stream.controls.between_looks_s
        source = open_source(stream.config.source, stop, report, cameras, pace)
        bright = lit(stream.config.light, owned.enter_context(source), stop)
        sources.append(manager.watch(stream.config, owned.enter_context(bright), pace))
    return sources


def _obey(
    config: AgentConfig, streams: list[Stream], sender: Sender, events: Events, owned: ExitStack
) -> None:
    """Listen to commands, if any are allowed."""
    told = config.commands
    if told.allow:
        limits = told.per_minute, told.snapshot_kb * 1024
        control = CommandPerformer(
            sender, streams, told.allow, *limits, lambda: events.put(Restart())
        )
        filters = [sender.topics.command("+")]
        sender.publisher.listen(filters, owned.enter_context(control).receive)


def _ref(bundle: Bundle) -> BundleRef:
    return BundleRef(name=bundle.manifest.name, id=bundle.id[:12])
