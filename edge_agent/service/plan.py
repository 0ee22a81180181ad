"""`AgentPlan`: a configuration that has been proven to work, up to what only one agent may hold.

Everything that can be wrong with a configuration is found here, while another one may still
run: bundles are opened and proven, regions and credentials are read, files are looked for. What
is left to open is the outbox, the meters' memory, the cameras and the connection.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import TypeAlias

from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.common.stop import Stop
from edge_agent.config import AgentConfig
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.inference.threads import chosen_threads
from edge_agent.mqtt.endpoint import Broker
from edge_agent.sources.config import FileConfig, SourceConfig
from edge_agent.sources.open import open_source
from edge_agent.stream.config import StreamConfig
from edge_agent.tasks.registry import open_looker
from edge_agent.tasks.task import Looker, Opening, Recognizer

OpenRecognizer: TypeAlias = Callable[[Bundle, int], AbstractContextManager[Recognizer]]


@dataclass(frozen=True)
class Part:
    """One stream's share: its model, ready."""

    config: StreamConfig
    bundle: Bundle
    model: Recognizer

    def looker(self, memory: object = None) -> Looker:
        """What looks at the stream's frames.

        Args:
            memory: of what lasted before this start, as the task opens it; None begins anew.

        Raises:
            TaskError: the bundle is for another task than the stream.
            ConfigError: the stream's options do not fit the network.
        """
        return stream_looker(self.config, self.bundle, self.model, memory)


@dataclass(frozen=True)
class AgentPlan:
    """A configuration with its models opened; `close` frees them.

    Args:
        config: what was read.
        broker: where it says to publish, the credentials read.
        parts: one per stream, in their order.
        owned: what `close` closes.
    """

    config: AgentConfig
    broker: Broker
    parts: tuple[Part, ...]
    owned: ExitStack

    def close(self) -> None:
        """Free the models; harmless a second time."""
        self.owned.close()

    def same_as(self, other: "AgentPlan") -> bool:
        """Whether going from one to the other would change nothing."""
        return (self.config, self.broker, self._ids()) == (
            other.config,
            other.broker,
            other._ids(),
        )

    def _ids(self) -> list[str]:
        return [part.bundle.id for part in self.parts]


def prepare(
    config: AgentConfig, recognizer: OpenRecognizer = TfliteRecognizer, *, quiet: bool = True
) -> AgentPlan:
    """The plan for `config`.

    Args:
        config: what to run.
        recognizer: how to open a bundle's model.
        quiet: whether no stream runs meanwhile, so that what is measured may be remembered.

    Raises:
        AgentError: something is wrong with it: a bundle, a region, the credentials.
    """
    broker = config.broker.broker()
    with ExitStack() as owned:
        parts = tuple(
            _part(stream, config, recognizer, owned, quiet=quiet) for stream in config.streams
        )
        return AgentPlan(config, broker, parts, owned.pop_all())


def stream_looker(
    stream: StreamConfig, bundle: Bundle, model: Recognizer, memory: object = None
) -> Looker:
    """What looks at the frames of `stream` by the network of `bundle`; see `Part.looker`."""
    opening = Opening(
        stream.name,
        bundle.manifest.output,
        bundle.manifest.input,
        stream.options,
        model,
        stream.timed,
        memory,
    )
    return open_looker(opening, stream.min_confidence, str(bundle.path))


def _look_for(source: SourceConfig) -> None:
    """See that files are there; a camera may come later."""
    if isinstance(source, FileConfig):
        with open_source(source, Stop()):
            pass


def _part(
    stream: StreamConfig,
    config: AgentConfig,
    recognizer: OpenRecognizer,
    owned: ExitStack,
    *,
    quiet: bool,
) -> Part:
    bundle = open_bundle(stream.bundle)
    threads = chosen_threads(stream.threads, bundle, config.outbox.path.parent, quiet=quiet)
    model = owned.enter_context(recognizer(bundle, threads))
    _look_for(stream.source)
    # To see that the picture to align to is there.
    stream.view()
    part = Part(stream, bundle, model)
    # To see that its options fit the network; what it remembers only one agent may have.
    part.looker()
    return part
