"""The learning rate over a run: linear warm-up, then half a cosine down to zero."""

import math


def learning_rate(step: int, peak: float, warmup: int, total: int) -> float:
    """The rate of optimiser step `step`, counted from 0.

    Rises linearly over the first `warmup` steps, reaches `peak`, and follows
    Loshchilov & Hutter's cosine (2017, without restarts) down to nearly 0 at step
    `total - 1`. A warm-up as long as the run never gets past its ramp.
    """
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    share = (step - warmup) / max(1, total - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * share))
