"""`Reloader`: a configuration is proven in a thread of its own.

The first one, so that whoever wants to leave meanwhile may; and any new one while the old one
runs, to be refused if it is wrong.
"""

import logging
import threading
from collections.abc import Callable

from edge_agent.config import AgentConfig
from edge_agent.service.manager import Manager
from edge_agent.service.plan import AgentPlan, OpenRecognizer, prepare

log = logging.getLogger(__name__)


class Reloader:
    """Prepares plans in a thread of its own, one at a time.

    Args:
        load: reads the configuration; None if there is no file to read again.
        recognizer: how to open a bundle's model.
        manager: told when a reload begins and how it ends.
        done: given the plan, or the error, from the thread.
    """

    def __init__(
        self,
        load: Callable[[], AgentConfig] | None,
        recognizer: OpenRecognizer,
        manager: Manager,
        done: Callable[[AgentPlan | None, Exception | None], None],
    ) -> None:
        self._load, self._recognizer, self._manager, self._done = load, recognizer, manager, done
        self._busy = self._again = False

    def first(self, config: AgentConfig) -> None:
        """Prove what the agent begins with; `done` is given what comes of it.

        That is `config`, read once more if it can be: it may have changed before a SIGHUP could
        be heard.
        """
        self._start(self._load or (lambda: config), quiet=True)

    def begin(self) -> None:
        """Read and prove the configuration; asked again meanwhile, do it once more."""
        if self._load is None:
            log.warning("SIGHUP: there is no configuration file to read again")
        elif self._busy:
            self._again = True
        else:
            self._busy = True
            self._manager.reloading()
            self._start(self._load, quiet=False)

    @property
    def busy(self) -> bool:
        """Whether a configuration is being proven that somebody waits for."""
        return self._busy

    def finish(
        self, current: AgentPlan, plan: AgentPlan | None, error: Exception | None
    ) -> AgentPlan | None:
        """What `done` was given has come: the plan to change to, or None to go on as we are."""
        again, self._busy, self._again = self._again, False, False
        if plan is not None and (again or plan.same_as(current)):
            plan.close()
            plan = None
        if again:
            self.begin()
        elif error is not None:
            self._manager.refused(error)
        else:
            self._manager.accepted(changed=plan is not None)
        return plan

    def _start(self, load: Callable[[], AgentConfig], *, quiet: bool) -> None:
        args = load, quiet
        threading.Thread(target=self._prepare, args=args, name="prepare", daemon=True).start()

    def _prepare(self, load: Callable[[], AgentConfig], quiet: bool) -> None:
        try:
            plan = prepare(load(), self._recognizer, quiet=quiet)
        # Whatever is wrong with the new configuration, the old one has done nothing to deserve it.
        except Exception as error:
            self._done(None, error)
        else:
            self._done(plan, None)
