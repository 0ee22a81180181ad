"""A process's time without what others made it wait: limits that hold on a busy machine too."""

import subprocess
import time
from pathlib import Path

# What has not ended by then hangs.
HANGS_S = 120.0


def waited_s(pid: int) -> dict[str, float]:
    """How long each thread of a process could have run and had no core, in seconds, by its id.

    Nothing where the system does not tell: then all time is the process's own.
    """
    found = dict[str, float]()
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            found[file.parent.name] = int(file.read_text().split()[1]) / 1e9
        except (OSError, IndexError):  # the thread has ended
            continue
    return found


def end_within(process: "subprocess.Popen[bytes] | subprocess.Popen[str]", most_s: float) -> int:
    """The exit status of a process, which must come within `most_s` of time that it had.

    What its threads wait for a core from now on does not count.
    """
    start_s, before = time.monotonic(), waited_s(process.pid)
    waited = dict(before)
    while process.poll() is None:
        assert time.monotonic() - start_s < HANGS_S, f"no end within {HANGS_S:g} s"
        waited |= waited_s(process.pid)
        time.sleep(0.01)
    passed_s = time.monotonic() - start_s
    others_s = sum(each - before.get(thread, 0.0) for thread, each in waited.items())
    assert passed_s - others_s < most_s, f"{passed_s:.1f} s, {others_s:.1f} of them without a core"
    return process.returncode
