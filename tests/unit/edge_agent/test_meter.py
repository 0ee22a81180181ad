"""The meter's state machine, rule by rule; years of readings are in tests/property."""

import re
from itertools import product

import msgspec
import pytest

from edge_agent.decode.pattern import compile_pattern
from edge_agent.meter import MeterRules, MeterState, Seen, Verdict, judge, shown, to_ticks

MINUTE = 60.0
# A tick a minute at most.
RULES = MeterRules(digits=5, max_per_hour=60, rollover=True, confirm=3, confirm_jump=5)


def fed(
    texts: list[str],
    rules: MeterRules = RULES,
    state: MeterState | None = None,
    *,
    start: float = 0.0,
) -> tuple[MeterState, list[Verdict]]:
    """The state and verdicts after readings a minute apart."""
    state, verdicts = state or MeterState(), []
    for number, text in enumerate(texts):
        state, verdict = judge(state, rules, text, start + number * MINUTE)
        verdicts.append(verdict)
    return state, verdicts


def known(value: str, rules: MeterRules = RULES) -> MeterState:
    """A meter that has shown `value` for a while, until second 540."""
    return fed([value] * 10, rules)[0]


def states(verdicts: list[Verdict]) -> str:
    """`AHR`: one letter each."""
    return "".join(verdict.state[0].upper() for verdict in verdicts)


def test_the_first_value_needs_many_readings() -> None:
    """Nothing is known that could contradict it."""
    state, verdicts = fed(["00123"] * 6)
    assert states(verdicts) == "HHHHAA"
    assert verdicts[0].why == "first readings, 1 of 5 readings agree"
    assert state.value(RULES) == 123


def test_a_new_value_is_held_until_it_is_confirmed() -> None:
    """Three readings in a row: it and two after it."""
    state, verdicts = fed(["00124"] * 3, state=known("00123"), start=600)
    assert states(verdicts) == "HHA"
    assert [v.why for v in verdicts] == ["1 of 3 readings agree", "2 of 3 readings agree", ""]
    assert state.value(RULES) == 124


def test_a_misread_digit_is_held_and_forgotten() -> None:
    """Must not fire: 8 for 0 in one frame, too much for a minute, then right again."""
    state, verdicts = fed(["00183", "00123", "00123"], state=known("00123"), start=600)
    assert states(verdicts) == "HAA"
    assert verdicts[0].why == "faster than 60 an hour from 00123, 1 of 5 readings agree"
    assert state.value(RULES) == 123
    assert state.jump == ()


def test_a_misread_within_the_rate_is_not_confirmed() -> None:
    """Must not fire: one tick is possible, but the readings after it deny it."""
    state, verdicts = fed(["00124", "00123", "00123", "00123"], state=known("00123"), start=600)
    assert states(verdicts) == "HAAA"
    assert state.value(RULES) == 123


def test_a_meter_in_motion_is_followed_two_readings_behind() -> None:
    """Every reading is another, and each confirms those before."""
    moving = [f"{123 + n:05}" for n in range(1, 8)]
    state, verdicts = fed(moving, state=known("00123"), start=600)
    assert states(verdicts) == "HHHHHHH"
    assert state.value(RULES) == 128


def test_running_backwards_is_held() -> None:
    """A meter that only counts up does not."""
    state, verdicts = fed(["00119"], state=known("00123"), start=600)
    assert verdicts == [Verdict("held", "runs backwards from 00123, 1 of 5 readings agree")]
    assert state.value(RULES) == 123


def test_a_jump_is_true_once_enough_readings_in_a_row_say_so() -> None:
    """Another meter, or a wrong value before: it must not be refused for ever."""
    state, verdicts = fed(["00042"] * 5, state=known("00123"), start=600)
    assert states(verdicts) == "HHHHA"
    assert state.value(RULES) == 42


def test_a_jump_that_is_interrupted_starts_again() -> None:
    """Must not fire: in a row means in a row."""
    texts = ["00042"] * 4 + ["00123"] + ["00042"] * 4
    state, verdicts = fed(texts, state=known("00123"), start=600)
    assert states(verdicts) == "HHHHAHHHH"
    assert state.value(RULES) == 123


def test_it_rolls_over() -> None:
    """99999 is followed by 00000, and that is no running backwards."""
    state, verdicts = fed(["00000"] * 3, state=known("99999"), start=600)
    assert states(verdicts) == "HHA"
    assert state.value(RULES) == 0


def test_without_rollover_zero_behind_the_highest_is_backwards() -> None:
    """Must not fire where it is not configured."""
    rules = msgspec.structs.replace(RULES, rollover=False)
    _, verdicts = fed(["00000"], rules, known("99999", rules), start=600)
    assert verdicts[0].why == "runs backwards from 99999, 1 of 5 readings agree"


@pytest.mark.parametrize("mixture", ["00299", "00190", "00109", "00209", "00100"])
def test_digits_that_turn_together_are_never_a_value(mixture: str) -> None:
    """At 00199 going on to 00200, each may be read as old or new, and a meter can rest there."""
    state, verdicts = fed([mixture] * 50, state=known("00199"), start=600)
    assert {v.state for v in verdicts} == {"held"}
    assert {v.why for v in verdicts} == {"its digits are turning"}
    assert state.value(RULES) == 199


def test_a_wheel_between_two_digits_is_no_value_and_no_other_reading() -> None:
    """A network trained on wheels says `?`; the meter waits, and what is pending stays."""
    texts = ["00124", "0012?", "00124", "?????", "00124"]
    state, verdicts = fed(texts, state=known("00123"), start=600)
    assert states(verdicts) == "HHHHA"
    assert verdicts[1].why == "its digits are turning"
    assert state.value(RULES) == 124


def test_all_digits_turning_at_the_rollover_are_no_value() -> None:
    """99999 to 00000: every digit is one or the other."""
    state, verdicts = fed(["90099"] * 20, state=known("99999"), start=600)
    assert {v.why for v in verdicts} == {"its digits are turning"}
    assert state.value(RULES) == 99999


def test_a_digit_read_early_and_then_late_does_not_run_backwards() -> None:
    """Between 3 and 4 the network may say either; the value stays."""
    state, verdicts = fed(["00124"] * 3 + ["00123"] * 20, state=known("00123"), start=600)
    assert states(verdicts) == "HHA" + "H" * 20
    assert verdicts[-1].why == "its digits are turning"
    assert state.value(RULES) == 124


def test_after_an_outage_it_may_have_counted_on() -> None:
    """Two hours are 120 ticks: no jump, only three readings."""
    state, verdicts = fed(["00221"] * 3, state=known("00123"), start=2 * 3600)
    assert states(verdicts) == "HHA"
    assert state.value(RULES) == 221


def test_after_an_outage_what_could_be_turning_waits_for_the_next_digit() -> None:
    """00220 may be itself or 00229 turning: it is held for as long as the meter rests there."""
    texts = ["00220"] * 20 + ["00221"] * 3
    state, verdicts = fed(texts, state=known("00123"), start=2 * 3600)
    assert {v.why for v in verdicts[:20]} == {"its digits are turning"}
    assert states(verdicts[20:]) == "HHA"
    assert state.value(RULES) == 221


def test_a_value_it_rests_at_is_not_called_turning() -> None:
    """Must not fire: 00120 again and again is 00120, even where 00129 is within reach."""
    rules = msgspec.structs.replace(RULES, max_per_hour=6000.0)
    _, verdicts = fed(["00120"] * 5, rules, known("00120", rules), start=600)
    assert states(verdicts) == "AAAAA"


def test_without_a_largest_rate_only_the_next_carry_is_minded() -> None:
    """Else every value that ends in 0 or 9 might be two digits turning, somewhere."""
    rules = MeterRules(digits=5, confirm_jump=5)
    _, verdicts = fed(["00150"] * 3, rules, known("00123", rules), start=600)
    assert states(verdicts) == "HHA"
    _, verdicts = fed(["00140"] * 3, rules, known("00149", rules), start=600)
    assert {v.why for v in verdicts} == {"its digits are turning"}


def test_after_an_outage_it_may_not_have_counted_more_than_it_can() -> None:
    """Must not fire: 500 ticks do not fit into two hours."""
    _, verdicts = fed(["00623"], state=known("00123"), start=2 * 3600)
    assert verdicts[0].why == "faster than 60 an hour from 00123, 1 of 5 readings agree"


def test_a_clock_that_stands_still_allows_one_tick() -> None:
    """Times may be equal, and even go back, without dividing by anything."""
    state, verdict = judge(known("00123"), RULES, "00124", 0.0)
    assert verdict.state == "held"
    assert state.value(RULES) == 123


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0123", "expected 5 digits, found '0123'"),
        ("001234", "expected 5 digits, found '001234'"),
        ("OO123", "expected a number, found 'OO123'"),
        ("", "expected a number, found ''"),
        ("001.23", "expected 0 digits behind the point, found '001.23'"),
        ("-00123", "expected no sign, found '-00123'"),
        ("٠٠١٢٣", "expected a number, found '٠٠١٢٣'"),
    ],
)
def test_what_is_no_reading_of_this_meter_is_rejected(text: str, why: str) -> None:
    """It changes nothing of what is known."""
    before = known("00123")
    assert judge(before, RULES, text, 600.0) == (before, Verdict("rejected", why))


@pytest.mark.parametrize("text", ["00123.4", "00123,4", "001234"])
def test_a_point_may_be_drawn_or_not(text: str) -> None:
    """Decimals count from the right; the value has its unit's size."""
    rules = MeterRules(digits=6, decimals=1, confirm_jump=3, unit="m³")
    state, _ = fed([text] * 3, rules)
    assert state.value(rules) == 123.4
    assert to_ticks(text, rules) == 1234


def test_a_thermometer_goes_both_ways_and_below_zero() -> None:
    """Not monotone: the rate holds in both directions."""
    rules = MeterRules(decimals=1, monotone=False, max_per_hour=60, confirm=2, confirm_jump=3)
    state, verdicts = fed(["0.3"] * 3 + ["-0.4"] * 2 + ["25.0"], rules)
    assert states(verdicts) == "HHAHAH"
    assert verdicts[-1].why == "faster than 60 an hour from -0.4, 1 of 3 readings agree"
    assert state.value(rules) == -0.4


def test_a_display_without_any_rule_is_taken_as_it_is() -> None:
    """Neither monotone nor limited: after the first, there is nothing to hold it against."""
    rules = MeterRules(monotone=False, confirm=1, confirm_jump=1)
    state, verdicts = fed(["5", "900", "-3"], rules)
    assert states(verdicts) == "AAA"
    assert state.value(rules) == -3


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rollover": True}, "rollover: expected digits, monotone = true and max_per_hour with it"),
        (
            {"rollover": True, "digits": 5, "max_per_hour": 1, "monotone": False},
            "rollover: expected digits, monotone = true and max_per_hour with it",
        ),
        ({"confirm_jump": 2}, "confirm_jump: expected at least confirm, 3, found 2"),
        ({"digits": 2, "decimals": 3}, "digits: expected at least decimals, 3, found 2"),
    ],
)
def test_rules_that_contradict_each_other_are_refused(
    fields: dict[str, object], message: str
) -> None:
    """Each is a mistake that would show as wrong or missing values months later."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        MeterRules(**fields)  # type: ignore[arg-type]


def test_a_value_is_shown_as_the_meter_would() -> None:
    """With leading zeros and the point."""
    rules = MeterRules(digits=6, decimals=1)
    assert shown(Seen(1234, 0), rules) == "00123.4"
    assert shown(Seen(-5, 0), MeterRules(decimals=1, monotone=False, max_per_hour=1)) == "-0.5"


@pytest.mark.parametrize(
    "rules",
    [
        MeterRules(),
        MeterRules(decimals=1),
        MeterRules(digits=3),
        MeterRules(digits=3, decimals=1),
        MeterRules(digits=2, decimals=2),
        MeterRules(decimals=1, monotone=False),
    ],
    ids=str,
)
def test_the_pattern_of_a_meter_is_what_it_counts(rules: MeterRules) -> None:
    """Of every text of up to four of these characters, exactly those with a value."""
    characters = ("1", ".", ",", "-")
    allowed = compile_pattern(rules.pattern(), characters)
    for length in range(5):
        for places in product(range(len(characters)), repeat=length):
            text = "".join(characters[place] for place in places)
            try:
                to_ticks(text, rules)
            except ValueError:
                assert not allowed.accepts(places), text
            else:
                assert allowed.accepts(places), text
