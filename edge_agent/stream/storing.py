"""Storing a result on a disk that may be full: nobody is told that it is safe before it is."""

import logging
from collections.abc import Callable

from edge_agent.common.backoff import Backoff
from edge_agent.common.errors import DiskFullError
from edge_agent.common.stop import Stop
from edge_agent.sources.base import Report

log = logging.getLogger(__name__)

# Trying costs little, and the next frames wait.
FIRST_S, CAP_S = 0.1, 5.0


def store_in_time(
    store: Callable[[], object], stream: str, report: Report, stop: Stop, backoff: Backoff
) -> bool:
    """Call `store` until the disk has room for what it stores.

    Meanwhile the stream stands still: a camera's frames are dropped, files wait.

    Args:
        store: raises `DiskFullError` if there is none.
        stream: whose result it is.
        report: told of every attempt that failed, and of the one that did not.
        stop: ends the waiting.
        backoff: the pauses between attempts, from the first on.

    Returns:
        Whether it is stored; if not, `stop` was set.
    """
    waited = False
    while True:
        try:
            store()
        except DiskFullError as error:
            if not waited:
                log.warning("stream %s waits: %s", stream, error)
            waited = True
            report(False, str(error))
            if stop.wait(backoff.next()):
                return False
        else:
            if waited:
                log.info("stream %s: its results are stored again", stream)
                backoff.reset()
                report(True, "")
            return True
