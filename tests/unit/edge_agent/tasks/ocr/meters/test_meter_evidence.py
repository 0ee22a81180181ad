"""What counts as evidence: readings that are independent, and a way that was watched."""

import pytest

from edge_agent.tasks.ocr.meters.evidence import MOST_VALUES, Demand, TicksSeen, risen, seen_moving

THREE = Demand(readings=3, seconds=60, same_s=240)


def chain(*times: float, demand: Demand = THREE, picture: int | None = None) -> list[float]:
    """The moments that count of readings of 7 at `times`."""
    found: tuple[TicksSeen, ...] = ()
    for at in times:
        found = demand.grown(found, TicksSeen(7, at, picture))
    return [seen.at for seen in found]


def test_readings_that_come_together_count_once() -> None:
    """Half of an even distance lies between two that count."""
    assert chain(*(n / 5 for n in range(5 * 31))) == [0, 15, 30]
    assert chain(0, 14.9, 15) == [0, 15]


def test_readings_that_come_slowly_all_count() -> None:
    """Must not fire."""
    assert chain(0, 60, 120) == [0, 60, 120]


def test_the_same_picture_counts_again_only_after_long() -> None:
    """And another one at once."""
    assert chain(0, 60, 120, 239, 240, 300, picture=5) == [0, 240]
    first = THREE.grown((), TicksSeen(7, 0, 1))
    assert len(THREE.grown(first, TicksSeen(7, 60, 2))) == 2


def test_without_a_time_every_reading_counts() -> None:
    """Files that are read as fast as they come."""
    demand = Demand(readings=3, seconds=0, same_s=0)
    assert chain(0, 0, 0, demand=demand, picture=5) == [0, 0, 0]
    assert demand.met((TicksSeen(7, 0), TicksSeen(7, 0), TicksSeen(7, 0)))


def test_one_reading_needs_no_time() -> None:
    """Whoever asks for one reading wants it now."""
    assert Demand(readings=1, seconds=60, same_s=240).met((TicksSeen(7, 0),))
    assert not Demand(readings=1, seconds=60, same_s=240).met(())


def test_both_the_number_and_the_time_are_asked_for() -> None:
    """Boundaries: a reading that comes a little early is in time."""
    at = [TicksSeen(7, t) for t in (0, 30, 60)]
    assert THREE.met(tuple(at))
    assert not THREE.met((at[0], at[2]))
    assert THREE.met((at[0], at[1], TicksSeen(7, 59.5)))
    assert not THREE.met((at[0], at[1], TicksSeen(7, 59)))


def test_the_newest_reading_that_is_confirmed_settles() -> None:
    """As many readings behind it, over as long a time."""
    seen = tuple(TicksSeen(n, n * 20.0) for n in range(8))
    assert THREE.settled(seen) == seen[4:]
    assert THREE.settled(seen[:3]) == ()
    assert THREE.settled(seen[:4]) == seen[:4]


def test_a_chain_has_an_end() -> None:
    """However long it lasts: the first, and as many of the last as are ever needed."""
    seen: tuple[TicksSeen, ...] = ()
    for n in range(10_000):
        seen = THREE.grown(seen, TicksSeen(7, n * 20.0))
    assert len(seen) == 8
    assert (seen[0].at, seen[-1].at) == (0, 9999 * 20)
    assert THREE.settled(seen)[0].at == 9996 * 20


@pytest.mark.parametrize(
    ("agree", "times", "said"),
    [
        (1, (0.0,), "1 of 3 readings agree"),
        (3, (0.0, 15.0, 31.0), "readings agree for 31 of 60 s"),
    ],
)
def test_how_far_it_is_is_said(agree: int, times: tuple[float, ...], said: str) -> None:
    """First the number, then the time."""
    assert THREE.progress(agree, tuple(TicksSeen(7, at) for at in times)) == said


def climb(*values: int) -> tuple[int, ...]:
    found: tuple[int, ...] = ()
    for value in values:
        found = risen(0, found, value)
    return found


def test_a_way_that_was_watched_has_many_steps() -> None:
    """Must fire: eight values, none further than a quarter of the way from the one before."""
    assert seen_moving(0, climb(*range(1, 9)))
    assert not seen_moving(0, climb(*range(1, 8)))


def test_a_digit_that_is_read_wrong_goes_all_the_way_at_once() -> None:
    """Must not fire, though the last wheels go on behind it."""
    assert not seen_moving(0, climb(*range(9000, 9100)))
    assert not seen_moving(0, climb(3000, 6000, *range(9000, 9100)))


def test_what_lies_above_was_read_wrong() -> None:
    """A later reading is the judge of those before it."""
    assert climb(1, 2, 900, 3, 4) == (1, 2, 3, 4)


def test_few_values_of_a_long_way_are_kept() -> None:
    """And they still say that it was watched: uneven ones, too."""
    values = climb(*range(1, 20_000, 3))
    assert len(values) <= MOST_VALUES + 1
    assert seen_moving(0, values)
    assert not seen_moving(0, climb(*range(1, 200), *range(15_000, 20_000)))
