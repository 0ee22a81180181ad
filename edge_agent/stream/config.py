"""`StreamConfig`: a `[[stream]]` table of agent.toml."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from edge_agent.common.strict import Name, Probability, Seconds, Strict
from edge_agent.common.toml import Inner
from edge_agent.inference.threads import Threads
from edge_agent.light.config import LightConfig, check_light
from edge_agent.outbox.outbox import Synchronous
from edge_agent.pictures.config import SnapshotConfig
from edge_agent.sources.config import FileConfig, Rate, SourceConfig
from edge_agent.stream.align import Align
from edge_agent.stream.view import Flip, Rotation, View
from edge_agent.tasks.registry import DEFAULT_OPTIONS, TASKS, Options, task_for
from edge_agent.tasks.task import DeviceTask

# Not a key of the file: what stands in it there stands in the stream's own table.
INNER = "(task)"


class PublishConfig(Strict, frozen=True):
    """Which of a stream's answers are published.

    Args:
        when: `always`: every one; `changed`: one that is news, and those that are due.
        settle: how often in a row something new must be seen to be news.
        margin: by how much an answer must lead the one that stands; with less it counts as the
            same. Only for tasks whose answers can be nearly another one: of classes it is how
            much more probable the new one is.
        at_least_every_s: with `changed`: so long after the last one, the next answer that says
            the same is published too, and after twice as long any; 0 never.

    Raises:
        ValueError: a field has no meaning beside another.
    """

    when: Literal["always", "changed"] = "always"
    settle: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1
    margin: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0
    at_least_every_s: Seconds = 0

    def __post_init__(self) -> None:
        if self.when == "always" and self.at_least_every_s:
            raise ValueError('at_least_every_s: expected it with when = "changed" only')


class StreamConfig(Strict, frozen=True):
    """One source looked at by one model.

    Args:
        name: part of the stream's topics.
        bundle: a bundle directory or .edgeward file.
        source: where frames come from.
        rotate: by how much each frame is turned clockwise, in degrees, before all else.
        flip: how it is mirrored after that; not at all if left out.
        align: to which picture frames are moved then; to none if left out.
        light: what burns while a frame is taken; nothing if left out.
        options: what is looked at, and by which task: `task` and the task's own keys stand in the
            stream's own table. A bundle for another task is refused.
        interval_s: the least time between two answers; 0 is as fast as the model.
        frames_per_s: the same said the other way round; at most one of the two.
        min_confidence: below it an answer is not sure; as the bundle says if left out.
        publish: which answers are published.
        snapshot: of which the frame is kept; none if left out.
        threads: how many threads one inference may use; `auto` measures once, and remembers.
        importance: where the outbox is full, results of the least important go first.
        synchronous: as the outbox's, for this stream; the outbox's if left out.
        expires_s: how long the broker keeps a result for a subscriber that is away; for
            as long as the broker likes if left out.
    """

    name: Name
    bundle: Path
    source: SourceConfig
    rotate: Rotation = 0
    flip: Flip | None = None
    align: Align | None = None
    light: LightConfig | None = None
    options: Options = msgspec.field(default=DEFAULT_OPTIONS, name=INNER)
    interval_s: Seconds = 0
    frames_per_s: Rate | None = None
    min_confidence: Probability | None = None
    publish: PublishConfig = PublishConfig()
    snapshot: SnapshotConfig | None = None
    threads: Threads = "auto"
    importance: Annotated[int, msgspec.Meta(ge=0, le=9)] = 5
    synchronous: Synchronous | None = None
    expires_s: Annotated[int, msgspec.Meta(ge=1, le=4_294_967_295)] | None = None

    def __post_init__(self) -> None:
        self._check_pace()
        check_light(self.light, self.source, self.interval_s)
        self.options.check(self.name)
        if self.publish.margin and not task_for(self.options).rivals:
            raise ValueError(
                f'stream {self.name!r}: expected no publish.margin with task = "{self.task}"'
            )

    @property
    def task(self) -> str:
        """The name of the task that it is about."""
        return task_for(self.options).name

    @property
    def timed(self) -> bool:
        """Whether the time between two frames says anything: files are read as fast as can be."""
        return not isinstance(self.source, FileConfig) or bool(self.interval_s)

    def view(self) -> View:
        """How the stream sees the frames of its source.

        Raises:
            ConfigError: the picture to align to cannot be used.
        """
        return View(self.rotate, self.flip, self.align, self.options.outlines())

    def _check_pace(self) -> None:
        if self.frames_per_s is None:
            return
        if self.interval_s:
            raise ValueError(
                f"stream {self.name!r}: expected one of interval_s and frames_per_s, found both"
            )
        # From here on there is one word for it.
        msgspec.structs.force_setattr(self, "interval_s", 1 / self.frames_per_s)


def inner_options() -> Inner:
    """How the keys that are one task's are told from those of every stream."""
    keys = dict.fromkeys(key for task in TASKS for key in task.options.__struct_fields__)
    return Inner(INNER, ("task", *keys), _fold)


def _fold(document: dict[str, Any]) -> dict[str, Any]:
    """`document` with the keys of each stream's task in a table of their own.

    Raises:
        ValueError: a stream has a key that is another task's.
    """
    streams = document.get("stream")
    if not isinstance(streams, list):
        return document
    return {**document, "stream": [_folded(table, at) for at, table in enumerate(streams)]}


def _folded(table: object, at: int) -> object:
    if not isinstance(table, dict):
        return table
    name = table.get("task", TASKS[0].name)
    # What is no task's name msgspec refuses.
    own = next((task for task in TASKS if task.name == name), TASKS[0])
    keys = own.options.__struct_fields__
    if own.name == name:
        _refuse_others(table, own, at)
    options = {"task": name, **{key: table[key] for key in keys if key in table}}
    rest = {key: value for key, value in table.items() if key not in ("task", *keys)}
    return {**rest, INNER: options}


def _refuse_others(table: dict[str, Any], own: DeviceTask[Any, Any, Any], at: int) -> None:
    for key in table:
        others = [task.name for task in TASKS if key in task.options.__struct_fields__]
        if not others or own.name in others:
            continue
        if own.needs:
            expected = f'{own.needs} with task = "{own.name}", found {key}'
        else:
            named = " or ".join(f'"{name}"' for name in others)
            expected = f"task = {named} with {key}"
        raise ValueError(f"stream {table.get('name')!r}: expected {expected} - at `$.stream[{at}]`")
