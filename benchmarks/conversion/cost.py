"""What a conversion cost its process; imports nothing, as it runs in the peers' environments."""

import json
import resource
import time
from pathlib import Path

STATUS = Path("/proc/self/status")


def write_cost(out: Path, begun: float, imported: float) -> None:
    """Write OUT/cost.json: seconds of imports and of work, and the peak memory in MB.

    The peak is the kernel's VmHWM of this process, or of its largest child if that is more.
    `ru_maxrss` of a process would not do: it starts at what its parent had.
    """
    done = time.perf_counter()
    line = next(x for x in STATUS.read_text().splitlines() if x.startswith("VmHWM:"))
    peak_kb = max(int(line.split()[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    cost = {"import_s": imported - begun, "work_s": done - imported, "peak_mb": peak_kb / 1000}
    (out / "cost.json").write_text(json.dumps(cost))
