"""The agent's life: prove a plan, open everything it needs, serve until it ends, leave.

Everything that happens reaches the main thread through one queue, so that it alone
decides when to end, and never polls.
"""

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from edge_agent.assembly import open_agent
from edge_agent.common.errors import AgentError
from edge_agent.config import AgentConfig
from edge_agent.events import Events, Prepared, first_plan, forget, signals, was_signalled
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.running import Departure
from edge_agent.service.manager import Manager
from edge_agent.service.notify import notifier
from edge_agent.service.plan import AgentPlan, OpenRecognizer
from edge_agent.service.reload import Reloader

STOPPED = Departure("stopped")


def run_agent(
    config: AgentConfig,
    recognizer: OpenRecognizer = TfliteRecognizer,
    load: Callable[[], AgentConfig] | None = None,
) -> bool:
    """Run until every stream has ended and all is delivered, or a signal or command comes.

    Args:
        config: what to run.
        recognizer: how to open a bundle's model.
        load: reads the configuration anew at SIGHUP; one that is wrong changes nothing.

    Returns:
        Whether a restart was asked for.

    Raises:
        AgentError: something is wrong that waiting does not mend: a bundle, a file that
            should be a source, the outbox. And whatever an inference raises.
    """
    manager, departure = Manager(notifier()), STOPPED
    with signals() as events, Succession(manager) as plans:
        reloader = Reloader(
            load, recognizer, manager, lambda plan, error: events.put(Prepared(plan, error))
        )
        reloader.first(config)
        plans.next = first_plan(events, lambda: manager.tick("proving the models"), manager.tick_s)
        if plans.next is None:
            manager.stopping(departure.reason)
        while plans.next is not None:
            departure = _serve(plans, plans.next, reloader, events, manager) or departure
    if departure.restart and was_signalled(events):
        manager.stopping(STOPPED.reason)
        return False
    return departure.restart


class Succession:
    """The plan that is to run next, and the one that ran until it does; a context manager.

    Args:
        manager: told of a plan that could not be opened.
    """

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self.next: AgentPlan | None = None
        self._before: AgentPlan | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in (self._before, self.next):
            if each is not None:
                each.close()

    def take_over(self) -> None:
        """The next plan is open: the one before it is needed no more."""
        if self._before is not None:
            self._before.close()
        self._before, self.next = self.next, None

    def fall_back(self, error: AgentError) -> None:
        """The next plan could not be opened: the one before it is the next again.

        Raises:
            AgentError: there is none before it.
        """
        if self._before is None or self.next is None:
            raise error
        self._manager.refused(error)
        self.next.close()
        self.next, self._before = self._before, None


def _serve(
    plans: Succession, plan: AgentPlan, reloader: Reloader, events: Events, manager: Manager
) -> Departure | None:
    """Run `plan` until it ends; None if it could not be opened, and the one before is next."""
    # Of the streams before, and of a plan that could not be opened.
    forget(events)
    manager.forget_streams()
    with ExitStack() as owned:
        try:
            agent = open_agent(plan, events, owned, manager)
        except AgentError as error:
            plans.fall_back(error)
            return None
        plans.take_over()
        departure = agent.run(reloader)
    plans.next = departure.following
    return departure
