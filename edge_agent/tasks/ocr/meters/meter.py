"""What a meter can have counted: a small pure state machine over its readings.

A reading that is sure of itself can still be wrong: a reflection makes an 8 of a 0, in one frame
or for a whole night. A meter has more to go by. It counts up, at most so fast, rolls over from
99999 to 00000, and turns its digits together at a carry. So a value counts only once `confirm`
independent readings stand by it, over `confirm_s` seconds (see `evidence`): itself
and those after it, each the same or onward by no more than the largest rate allows. A meter at
rest is confirmed by the same reading again; one in motion some readings behind.

What the meter cannot have counted to is a *leap*, and repetition alone makes none true:

- one ahead has to come within reach: of the largest rate since the value was last seen, or of
  what the meter was seen to do, where no rate is given. Or it was seen moving all the way;
- one back is never true of a meter that only counts up, but where it is the rollover, or where
  `exchange_after_h` says how long another meter has to show. Else a person sets it (`reset_to`).

Values are integers, in units of the last digit shown ("ticks"). Times are seconds of a clock
that never goes back.
"""

from dataclasses import dataclass, replace

from edge_agent.tasks.ocr.answer import ReadingState, ValueFrom
from edge_agent.tasks.ocr.meters.evidence import NEARLY, Chain, TicksSeen, risen, seen_moving
from edge_agent.tasks.ocr.meters.motion import Motion, motion
from edge_agent.tasks.ocr.meters.rest import LEAST_S, NO_REST, behind, needed, rested
from edge_agent.tasks.ocr.meters.rules import BETWEEN, MeterRules, shown, to_ticks
from edge_agent.tasks.ocr.meters.state import MeterState

# Where no largest rate is given: how much faster than it was ever seen a meter may count, and how
# many ticks are nothing to wonder at.
FASTER, LAST_WHEEL = 10.0, 10.0
# Over how long that is measured at least, and how much more it becomes at once.
HOUR_S, GROWTH = 3600.0, 2.0
# A leap that stood so long is no misreading of a night: it is believed once it is within reach,
# or where no largest rate is there to say what that is.
UNSEEN_S = 86_400.0
# How much of the time that another meter has to show, its value has to stand without a break.
OWN_SHARE = 0.25
# How many readings in a row that do not fit, or every second, end a leap.
MOST_DOUBT = 1.5


@dataclass(frozen=True)
class Verdict:
    """Whether a reading is the meter's value, and if not, why."""

    state: ReadingState
    why: str = ""


ACCEPTED = Verdict("accepted")
TURNING = Verdict("held", "its digits are turning")


def judge(
    state: MeterState, rules: MeterRules, text: str, at: float, picture: int | None = None
) -> tuple[MeterState, Verdict]:
    """One more reading.

    Args:
        state: what was known before.
        rules: how the meter counts.
        text: what its display says.
        at: when, in seconds.
        picture: a number that is the same for the same picture; None is like no other.

    Returns:
        What is known now; and whether this reading is the confirmed value (accepted), might
        become it (held), or is no reading of this meter (rejected).
    """
    if BETWEEN in text:
        return state, TURNING
    try:
        seen = TicksSeen(to_ticks(text, rules), at, picture)
    except ValueError as error:
        return state, Verdict("rejected", str(error))
    confirmed = state.confirmed
    if confirmed is None:
        return _leap(state, rules, seen, "first readings", possible=True)
    state = replace(state, rest=rested(state.rest, rules, seen))
    match _moved(state, rules, confirmed, seen):
        case "onward" if _was_ahead(state, rules, seen):
            why = f"leapt from {shown(confirmed, rules)}"
            state = _climbed(state, seen)
            possible = _was_near(state, rules, seen) or _was_watched(state, seen)
            return _leap(state, rules, seen, why, possible=possible)
        case "onward":
            return _go_on(state, rules, seen)
        case "turning":
            return _turns(state, rules, confirmed, seen)
        case "backwards":
            why = f"runs backwards from {shown(confirmed, rules)}"
            return _leap(state, rules, seen, why, possible=_rolled_over(state, rules, seen))
        case "too fast":
            state = _climbed(state, seen)
            possible = rules.monotone and _was_watched(state, seen)
            return _leap(state, rules, seen, _too_fast(rules, confirmed), possible=possible)


def reset_to(state: MeterState, value: int, at: float) -> MeterState:
    """A meter of which a person says that it shows `value` ticks at `at` seconds."""
    return MeterState(TicksSeen(value, at), pace=state.pace, came_from="command")


def _moved(state: MeterState, rules: MeterRules, confirmed: TicksSeen, seen: TicksSeen) -> Motion:
    """How the meter would have come to `seen`, by its value and by two readings that wait."""
    moved = motion(rules, confirmed, seen, _reach(state, rules, seen.at))
    if moved == "turning" and len(state.pending) > 1:
        # What it was seen to have passed does not turn any more.
        passed = _comes(rules, state.pending[-2], seen)
        return "onward" if passed == "onward" else moved
    return moved


def _turns(
    state: MeterState, rules: MeterRules, confirmed: TicksSeen, seen: TicksSeen
) -> tuple[MeterState, Verdict]:
    """A reading that may be digits turning: itself only if it rests there for long."""
    chain = state.rest.chain
    if chain[0].value != seen.value:
        return state, TURNING
    at_first, by_now = (_reach(state, rules, each.at) for each in (chain[0], seen))
    demand = needed(rules, confirmed, chain[0], at_first, by_now)
    if demand is None:
        return state, TURNING
    if demand.met(chain):
        state = replace(
            _settled(state, rules, chain), behind=behind(rules, confirmed, seen, by_now)
        )
        return _verdict(state, rules, seen)
    state = replace(state, pending=tuple(p for p in state.pending if p.value <= seen.value))
    stood_h = (chain[-1].at - chain[0].at) / 3600
    waits = f"believed if it rests for {demand.seconds / 3600:.3g} h: {stood_h:.1f} h"
    return state, Verdict("held", f"{TURNING.why}, {waits}")


def _reach(state: MeterState, rules: MeterRules, at: float) -> float:
    """The most ticks that the meter can have counted by `at` seconds since it was confirmed."""
    assert state.confirmed is not None
    seconds = at - state.confirmed.at
    if rules.max_per_hour is not None or not rules.monotone:
        return rules.allowed(seconds) + state.behind
    # While its display was read, if otherwise, it did not race.
    contrary_s = min(seconds, _contrary_s(state, rules))
    return _learnt(state, seconds - contrary_s) + contrary_s * state.pace


def _learnt(state: MeterState, seconds: float) -> float:
    """The most ticks in `seconds` of a meter that was only watched."""
    return max(0.0, seconds) * FASTER * state.pace + LAST_WHEEL


def _was_ahead(state: MeterState, rules: MeterRules, seen: TicksSeen) -> bool:
    """Whether `seen` goes on from a leap ahead that only time has brought within reach."""
    assert state.confirmed is not None
    if not state.jump or not rules.monotone:
        return False
    ahead = rules.change(state.confirmed.value, state.jump[0].value) > 0
    return ahead and _follows(rules, state.jump[-1], seen)


def _was_near(state: MeterState, rules: MeterRules, seen: TicksSeen) -> bool:
    """Whether a leap that is within reach by now was nearly so when it came, or stood for long."""
    assert state.confirmed is not None
    first = state.jump[0]
    change = rules.change(state.confirmed.value, first.value)
    nearly = 1.0 if rules.max_per_hour is None else NEARLY
    near = change <= nearly * _reach(state, rules, first.at)
    return near or seen.at - first.at >= UNSEEN_S


def _was_watched(state: MeterState, seen: TicksSeen) -> bool:
    """Whether the meter was seen moving up to `seen`."""
    assert state.confirmed is not None
    return seen.value == state.climb[-1] and seen_moving(state.confirmed.value, state.climb)


def _rolled_over(state: MeterState, rules: MeterRules, seen: TicksSeen) -> bool:
    """Whether a reading that runs back is the start from zero of which the rules say nothing."""
    assert state.confirmed is not None
    known = state.jump and _follows(rules, state.jump[-1], seen)
    first = state.jump[0] if known else seen
    limit = _reach(state, rules, first.at)
    return motion(rules, state.confirmed, first, limit, wraps=True) == "onward"


def _climbed(state: MeterState, seen: TicksSeen) -> MeterState:
    """`seen` among the values on the way up; of those above it one low reading says nothing."""
    assert state.confirmed is not None
    climb = state.climb
    if climb and seen.value < climb[-1] and not (state.jump and state.jump[-1].value < climb[-1]):
        return state
    return replace(state, climb=risen(state.confirmed.value, climb, seen.value))


def _too_fast(rules: MeterRules, confirmed: TicksSeen) -> str:
    if rules.max_per_hour is None:
        return f"further than it was ever seen to count from {shown(confirmed, rules)}"
    limit = f"{rules.max_per_hour:g} {rules.unit}".rstrip()
    return f"faster than {limit} an hour from {shown(confirmed, rules)}"


def _go_on(state: MeterState, rules: MeterRules, seen: TicksSeen) -> tuple[MeterState, Verdict]:
    """A reading that the meter can have counted to."""
    # Later readings are the judges of earlier ones: what this one contradicts is dropped.
    pending = tuple(p for p in state.pending if _went_on(state, rules, p, seen))
    pending = rules.usual().grown(pending, seen)
    climb = tuple(value for value in state.climb if value < seen.value)
    contrary_s = _contrary_s(state, rules)
    state = replace(
        state,
        pending=pending,
        jump=(),
        stray=None,
        doubt=0.0,
        climb=climb,
        contrary_s=contrary_s,
    )
    return _verdict(_settled(state, rules, pending), rules, seen)


def _leap(
    state: MeterState, rules: MeterRules, seen: TicksSeen, why: str, *, possible: bool
) -> tuple[MeterState, Verdict]:
    """A reading that the meter could not have counted to when it, or one like it, first came.

    Args:
        state: what was known before.
        rules: how the meter counts.
        seen: the reading.
        why: what speaks against it.
        possible: whether it can have come there after all.
    """
    state = _put(state, rules, seen)
    demand, jump = rules.leap(), state.jump
    if state.stray is not None:
        return state, Verdict("held", f"{why}, and does not fit those before it")
    if not possible and _is_unseen(state, rules, seen):
        return _verdict(_settled(state, rules, jump), rules, seen)
    if not demand.met(jump):
        return state, Verdict("held", f"{why}, {demand.progress(len(jump), jump)}")
    if possible:
        return _verdict(_settled(state, rules, jump), rules, seen)
    if _is_exchange(state, rules, seen):
        return _verdict(_settled(state, rules, jump, "exchange"), rules, seen)
    return state, Verdict("held", f"{why}{_waits_for(state, rules, seen)}")


def _put(state: MeterState, rules: MeterRules, seen: TicksSeen) -> MeterState:
    """`seen` among the readings of a leap: behind those it follows, or the first of another.

    What does not fit casts doubt on a leap, of which each reading that does takes half away: of
    two readings that take turns neither is true, and a wrong one now and then stops nothing.
    """
    demand, jump, stray = rules.leap(), state.jump, state.stray
    if jump and _is_back(state, rules, jump[0]) != _is_back(state, rules, seen):
        contrary_s = _contrary_s(state, rules)
        state = replace(state, jump=(), stray=None, doubt=0.0, contrary_s=contrary_s)
        jump = ()
    comes = "onward" if not jump else _comes(rules, jump[-1], seen)
    if comes == "turning" and seen.at - jump[-1].at < LEAST_S:
        return state
    if comes == "turning":  # and nothing else for long: it rests there
        state = replace(state, contrary_s=_contrary_s(state, rules))
        jump, comes = (), "onward"
    if comes == "onward":
        # Two in a row that go on from each other are judges of what was read before.
        pending = tuple(p for p in state.pending if not jump or _follows(rules, p, seen))
        doubt = max(0.0, state.doubt - 0.5)
        jump = demand.grown(jump, seen)
        return replace(state, jump=jump, pending=pending, stray=None, doubt=doubt)
    doubt = state.doubt
    if stray is None or len(demand.grown((stray,), seen)) > 1:
        stray, doubt = seen, doubt + 1
    if doubt > MOST_DOUBT:
        contrary_s = _contrary_s(state, rules)
        return replace(state, jump=(seen,), stray=None, doubt=0.0, contrary_s=contrary_s)
    return replace(state, stray=stray, doubt=doubt)


def _is_back(state: MeterState, rules: MeterRules, seen: TicksSeen) -> bool:
    confirmed = state.confirmed
    return confirmed is not None and rules.change(confirmed.value, seen.value) < 0


def _is_exchange(state: MeterState, rules: MeterRules, seen: TicksSeen) -> bool:
    """Whether a leap that the meter cannot have made is another meter, by what the rules say."""
    back = _is_back(state, rules, seen)
    if rules.exchange_after_h is None or (rules.monotone and not back):
        return False
    # It may be read wrong, too: of the time in which other values stood the last part is its own.
    asked_s, stood_s = rules.exchange_after_h * 3600, seen.at - state.jump[0].at
    return stood_s >= OWN_SHARE * asked_s and _contrary_s(state, rules) >= asked_s


def _is_unseen(state: MeterState, rules: MeterRules, seen: TicksSeen) -> bool:
    """Whether a leap ahead stood for so long that the meter must have counted as never before."""
    assert state.confirmed is not None
    if rules.max_per_hour is not None or seen.value < state.confirmed.value:
        return False
    long = seen.at - state.jump[0].at >= UNSEEN_S
    return long and len(state.jump) >= rules.confirm


def _waits_for(state: MeterState, rules: MeterRules, seen: TicksSeen) -> str:
    """What would make a leap true that is not, for people."""
    assert state.confirmed is not None
    stood_h, contrary_h = (seen.at - state.jump[0].at) / 3600, _contrary_s(state, rules) / 3600
    ahead = rules.change(state.confirmed.value, seen.value)
    if rules.monotone and ahead < 0:
        if rules.exchange_after_h is None:
            return ", as another meter would: set its value"
        return f", another meter after {rules.exchange_after_h:g} h: {contrary_h:.1f} h"
    allowed = rules.allowed(seen.at - state.confirmed.at)
    if ahead <= allowed:
        return f", believed after {UNSEEN_S / 3600:g} h: {stood_h:.1f} h"
    assert rules.max_per_hour is not None
    ticks_per_h = rules.max_per_hour * float(10**rules.decimals)
    left_h = (abs(ahead) - allowed) / ticks_per_h
    return f", out of reach for {left_h:.1f} h"


def _went_on(state: MeterState, rules: MeterRules, old: TicksSeen, new: TicksSeen) -> bool:
    """Whether the meter can have counted from `old` to `new`, by all that is known of it."""
    if rules.max_per_hour is not None or not rules.monotone:
        return _follows(rules, old, new)
    return motion(rules, old, new, _learnt(state, new.at - old.at)) == "onward"


def _follows(rules: MeterRules, old: TicksSeen, new: TicksSeen) -> bool:
    return _comes(rules, old, new) == "onward"


def _comes(rules: MeterRules, old: TicksSeen, new: TicksSeen) -> Motion:
    if rules.is_free and rules.confirm > 1:  # only the same again says that it is right
        return "onward" if old.value == new.value else "too fast"
    return motion(rules, old, new, rules.allowed(new.at - old.at))


def _contrary_s(state: MeterState, rules: MeterRules) -> float:
    """For how long other values than the confirmed one have stood since."""
    stands = rules.leap().met(state.jump)
    return state.contrary_s + (state.jump[-1].at - state.jump[0].at if stands else 0.0)


def _settled(
    state: MeterState, rules: MeterRules, chain: Chain, came_from: ValueFrom = "readings"
) -> MeterState:
    """The newest reading of `chain` that those behind it confirm is the value, if there is one."""
    found = rules.usual().settled(chain)
    if not found:
        return state
    first, old = found[0], state.confirmed
    if old is not None and old.value == first.value:
        came_from = state.came_from
    same = old is not None and old.value == first.value
    state = _paced(state, rules, old if old is not None else chain[0], first)
    return MeterState(
        first,
        found[1:],
        pace=state.pace,
        since=state.since,
        came_from=came_from,
        behind=state.behind if same else 0,
        rest=state.rest if same else NO_REST,
    )


def _paced(state: MeterState, rules: MeterRules, old: TicksSeen, new: TicksSeen) -> MeterState:
    """How fast the meter was seen to count in an hour, or from one value to the next."""
    if rules.max_per_hour is not None:
        return state  # nobody asks
    since = state.since or old
    counted, seconds = rules.change(since.value, new.value), new.at - since.at
    if counted < 0:  # another meter, or a rollover
        return replace(state, since=new)
    if seconds < HOUR_S and state.confirmed is not None:
        return replace(state, since=since)
    pace = counted / max(seconds, HOUR_S)
    if state.confirmed is not None:
        # A value that was wrong after all must not open the door to one that is more so.
        pace = min(pace, GROWTH * max(state.pace, LAST_WHEEL / HOUR_S))
    return replace(state, pace=max(state.pace, pace), since=new)


def _verdict(state: MeterState, rules: MeterRules, seen: TicksSeen) -> tuple[MeterState, Verdict]:
    """What is known, and whether `seen` is the value that is confirmed."""
    if state.confirmed is not None and state.confirmed.value == seen.value:
        return state, ACCEPTED
    alike = tuple(p for p in state.pending if p.value == seen.value)
    agree = rules.usual().progress(max(1, len(alike)), alike or (seen,))
    return state, Verdict("held", agree)
