"""`DeviceTask`: what the device can do for a task, as a value; nothing else tells tasks apart.

A task is a folder beside this file:

    spec.py      what a manifest says of the network's outputs
    answer.py    what is answered; it goes over MQTT
    decode.py    outputs and spec to an answer: a pure function
    options.py   the task's own keys of a `[[stream]]` table in agent.toml
    entities.py  how its answers appear in Home Assistant
    task.py      all of it as one `DeviceTask`

The first two import `edge_agent.common` only: they are loaded with every bundle and message.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import F32, I8, U8
from edge_agent.common.strict import Strict
from edge_agent.contract.messages import BundleRef
from edge_agent.contract.topics import Topics
from edge_agent.sources.base import Frame
from edge_agent.tasks.kinds import Answer
from edge_agent.tasks.places import Corners

Json: TypeAlias = dict[str, Any]
# What Home Assistant is told of one thing: its key within the stream, and what it is.
Entity: TypeAlias = tuple[str, Json]
# How the memory of a task is opened: beside the outbox; and whether the clock is right.
OpenMemory: TypeAlias = Callable[[Path, Callable[[], bool]], AbstractContextManager[Any]]


class TaskOptions(Strict, frozen=True, tag_field="task"):
    """Base of a task's own keys in a stream's table of agent.toml; the tag is its name."""

    def check(self, stream: str) -> None:
        """Refuse what contradicts itself.

        Raises:
            ValueError: something does; the message names `stream`.
        """

    def keys(self) -> tuple[str, ...]:
        """The names of what answers are about; none where that is the whole frame."""
        return ()

    def outlines(self) -> list[Corners]:
        """Where the places are that have to be in every frame."""
        return []

    def check_inside(self, width: int, height: int, stream: str) -> None:
        """Refuse places outside a frame of this size, in pixels.

        Raises:
            ConfigError: one is outside.
        """

    def facts(self) -> Mapping[str, str]:
        """What a person should know of these options, by what it is about."""
        return {}


class Recognizer(Protocol):
    """A network, in two steps; one thread may prepare an image while another infers."""

    def prepare(self, image: U8, order: ColourOrder = "rgb") -> I8:
        """The network's (1, h, w, C) input for `image`, (H, W, 3) in `order` or (H, W) grey."""
        ...

    def scores(self, x: I8) -> tuple[F32, ...]:
        """The network's outputs for a prepared image, as numbers."""
        ...


@dataclass(frozen=True)
class Origin:
    """Where an answer comes from.

    Args:
        device, stream: where it was seen.
        captured_at: when, UTC.
        clock_set: whether the clock was right then, as far as can be told.
        bundle: what answered.
    """

    device: str
    stream: str
    captured_at: datetime
    clock_set: bool
    bundle: BundleRef


@dataclass(frozen=True, eq=False)
class Doubt:
    """A picture that was not understood, to be labelled.

    Args:
        image: in the frame's channel order.
        key: of what it is; few are kept of each.
        record: what is known of it; its `number` is given where it is kept.
    """

    image: U8
    key: str
    record: Callable[[Origin], msgspec.Struct]


@dataclass(frozen=True, eq=False)
class Sighting:
    """One answer about a frame, and the pictures behind it that are worth labelling."""

    answer: Answer
    doubts: tuple[Doubt, ...] = ()


class Settable(Protocol):
    """A value that lasts, and that a person may set: what a meter shows."""

    def check(self, value: float) -> None:
        """Refuse a value that it cannot have.

        Raises:
            ValueError: it cannot.
        """
        ...

    def set_to(self, value: float | None, at: float) -> str:
        """Take `value` for it at `at` seconds; None forgets it. What has changed, for people."""
        ...


class Looker(Protocol):
    """What looks at the frames of one stream, and owns what lasts from frame to frame."""

    @property
    def values(self) -> Mapping[str, Settable]:
        """What a person may set, by the key of the answers it is about."""
        ...

    def prepare(self, frame: Frame) -> Any:
        """What `answers` needs of a frame; of files, in a thread of its own, some frames ahead.

        Raises:
            ConfigError: what is looked at is not inside the frame.
        """
        ...

    def answers(self, frame: Frame, prepared: Any) -> Iterator[Sighting]:
        """The answers about a frame, in the order of the frames."""
        ...


SpecT = TypeVar("SpecT")
ResultT = TypeVar("ResultT")
OptionsT = TypeVar("OptionsT", bound=TaskOptions)
# What is opened with only reads them.
GivenSpec = TypeVar("GivenSpec", covariant=True)
GivenOptions = TypeVar("GivenOptions", bound=TaskOptions, covariant=True)


@dataclass(frozen=True)
class Opening(Generic[GivenSpec, GivenOptions]):
    """What a looker is opened with.

    Args:
        stream: the stream's name, for errors.
        spec: what the network's outputs mean, with the stream's own threshold.
        image: what the network looks at.
        options: the task's own keys of the stream.
        network: ready to run.
        timed: whether the time between two frames says anything.
        memory: of what lasted before this start; None begins anew.
    """

    stream: str
    spec: GivenSpec
    image: InputSpec
    options: GivenOptions
    network: Recognizer
    timed: bool = True
    memory: Any = None


@dataclass(frozen=True)
class DeviceTask(Generic[SpecT, ResultT, OptionsT]):
    """A task, as far as the device knows it.

    Args:
        name: of its folder; the tag of its specs and options.
        spec: the type of its specs.
        options: the type of its own keys in a stream's table.
        decode: what the network's outputs stand for, dequantised, in the model's order.
        difference: how two results differ that should be the same; empty if they do not.
        open: what looks at the frames of a stream.
        typical: usual answers about one frame, for whoever reckons with their size.
        entities: what Home Assistant is told of a stream: from its options, what the bundle's
            outputs mean, its name and topics.
        needs: what a stream has to say for this task, if anything, for people.
        rivals: whether an answer can be nearly another one, so that `publish.margin` means
            something.
        memory: opens what lasts over restarts; None has nothing that does.
    """

    name: str
    spec: type[SpecT]
    options: type[OptionsT]
    decode: Callable[[tuple[F32, ...], SpecT], ResultT]
    difference: Callable[[ResultT, ResultT, SpecT], str]
    open: Callable[[Opening[SpecT, OptionsT]], Looker]
    typical: Callable[[OptionsT], tuple[Answer, ...]]
    entities: Callable[[OptionsT, SpecT, str, Topics], Iterator[Entity]]
    needs: str = ""
    rivals: bool = False
    memory: OpenMemory | None = None
