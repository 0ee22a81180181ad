"""How many threads one inference may use: measured once, remembered beside the outbox.

More is not always faster: small layers spend their time on handing out work, and on a machine
whose cores are not its own two threads have been four times slower than one.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
import numpy as np

from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.ports import Ports
from edge_agent.common.memory_file import recall, remember
from edge_agent.inference.network import Network
from edge_agent.inference.runtime import machine_name, runtime_name

log = logging.getLogger(__name__)

Threads: TypeAlias = Literal["auto"] | Annotated[int, msgspec.Meta(ge=1, le=64)]

# Interpreters of the networks in question gain nothing beyond: a Pi has four cores.
MAX_THREADS = 8
# More threads have to be worth it: they heat, and they take from the other streams.
GAIN = 0.9
# At a first start somebody is waiting; a slow network is bounded by the second.
SECONDS_PER_COUNT = 0.1
SECONDS_IN_ALL = 2.0
WARM_UP = 2
MIN_ROUNDS = 5
MEMORY_FILE = "threads.json"
# Bundles come and go; what is older has long been replaced.
MAX_REMEMBERED = 64


class ThreadChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was measured once.

    Args:
        bundle: SHA-256 of the bundle.
        machine, cores, runtime: where, on how many cores, and with what.
        threads: the choice.
        median_ms: of one inference, by thread count.
    """

    bundle: str
    machine: str
    cores: int
    runtime: str
    threads: Annotated[int, msgspec.Meta(ge=1, le=MAX_THREADS)]
    median_ms: dict[int, float]

    def key(self) -> tuple[str, str, int, str]:
        """What another measurement must have in common for this one to stand for it."""
        return self.bundle, self.machine, self.cores, self.runtime


def chosen_threads(threads: Threads, bundle: Bundle, folder: Path, *, quiet: bool = True) -> int:
    """The thread count for `bundle`: what the configuration says, or what was measured.

    Args:
        threads: a number, or `auto`.
        bundle: whose network.
        folder: where a measurement is remembered, and looked for.
        quiet: whether no stream of ours runs; a measurement beside one is not remembered.

    Raises:
        BundleError: the network does not run here.
    """
    if threads != "auto":
        return threads
    memory = folder / MEMORY_FILE
    remembered = recall(memory, ThreadChoice, "remembered thread counts")
    wanted = (bundle.id, machine_name(), usable_cores(), runtime_name())
    for choice in remembered:
        if choice.key() == wanted:
            return choice.threads
    choice = measure(bundle)
    log.info(
        "%s: %d thread(s), the median inference in ms by thread count is %s",
        *(bundle.short_id, choice.threads, choice.median_ms),
    )
    # Without the folder the outbox, which needs it too, says so.
    if quiet and folder.is_dir():
        newest = (*remembered, choice)[-MAX_REMEMBERED:]
        remember(memory, newest, "measured again at the next start")
    return choice.threads


def measure(bundle: Bundle, clock: Callable[[], float] = time.perf_counter) -> ThreadChoice:
    """Time `bundle`'s network with one thread, two, and so on; two seconds at most, or so.

    Raises:
        BundleError: it does not run here.
    """
    medians: dict[int, float] = {}
    end = clock() + SECONDS_IN_ALL
    for count in range(1, min(usable_cores(), MAX_THREADS) + 1):
        if medians and clock() > end:
            break
        medians[count] = _median_ms(bundle, count, end, clock)
    return ThreadChoice(
        bundle=bundle.id,
        machine=machine_name(),
        cores=usable_cores(),
        runtime=runtime_name(),
        threads=fewest_worth_it(medians),
        median_ms=medians,
    )


def fewest_worth_it(medians: Mapping[int, float]) -> int:
    """The least thread count that is not beaten by more than a tenth; times by thread count."""
    best = min(medians.values())
    return min(count for count, median in medians.items() if median * GAIN <= best)


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _median_ms(bundle: Bundle, threads: int, end: float, clock: Callable[[], float]) -> float:
    ports, place = Ports.of(bundle.manifest), str(bundle.path)
    with Network(bundle.model, ports, threads, place) as network:
        x = network.prepare(bundle.golden[0].image)
        for _ in range(WARM_UP):
            network.infer(x)
        seconds: list[float] = []
        stop = min(end, clock() + SECONDS_PER_COUNT)
        while len(seconds) < MIN_ROUNDS or clock() < stop:
            start = clock()
            network.infer(x)
            seconds.append(clock() - start)
    return round(float(np.median(seconds)) * 1000, 4)
