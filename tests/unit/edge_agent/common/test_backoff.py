"""`Backoff`: the delays between attempts."""

import random

from edge_agent.common.backoff import Backoff


def test_delays_double_up_to_the_cap_and_are_cut_by_at_most_half() -> None:
    """Each delay is half to all of a ceiling that doubles and then stays."""
    backoff = Backoff(1.0, 8.0, random.Random(7))
    delays = [backoff.next() for _ in range(200)]
    ceilings = [1.0, 2.0, 4.0] + [8.0] * 197
    assert all(c / 2 <= d <= c for d, c in zip(delays, ceilings, strict=True))
    assert max(delays[3:]) - min(delays[3:]) > 3, "jitter uses the whole half"


def test_success_starts_over() -> None:
    """After a reset the next delay is a first one."""
    backoff = Backoff(1.0, 60.0)
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 1.0
