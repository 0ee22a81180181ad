"""Exit statuses of `edgeward` and `edgeward-agent`: one table for both commands.

`deploy/` relies on the device half: systemd must not restart an agent whose
configuration or bundle is wrong, since a restart cannot mend either.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """One status per kind of failure, stable across releases."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    # `edgeward-agent doctor` found something that keeps the agent from its work.
    DOCTOR = 3
    # The device: 10 to 19.
    CONFIG = 10
    BUNDLE = 11
    BUNDLE_TASK = 12
    RUNTIME = 13
    SOURCE = 14
    BROKER = 15
    MESSAGE = 16
    OUTBOX = 17
    # Either: no disk space, no permission, no memory.
    MACHINE = 18
    # The device again.
    CROPS = 19
    # The host: 20 to 29.
    RECIPE = 20
    DATA = 21
    BUDGET = 22
    GATE = 23
    QUANTIZATION = 24
    RUN_FOLDER = 25
    TRAINING = 26
    DEMO = 27
    # `edgeward` where only the device's packages are installed.
    HOST_EXTRA = 28
    WEIGHTS = 29
    # The shell's convention for SIGINT.
    INTERRUPTED = 130
