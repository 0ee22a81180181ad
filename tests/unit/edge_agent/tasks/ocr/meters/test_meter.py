"""The meter's state machine, rule by rule; years of readings are in tests/property."""

import re
from itertools import product
from typing import Any

import msgspec
import pytest

from edge_agent.tasks.ocr.decode.pattern import compile_pattern
from edge_agent.tasks.ocr.meters.evidence import TicksSeen
from edge_agent.tasks.ocr.meters.meter import Verdict, judge, reset_to
from edge_agent.tasks.ocr.meters.rules import MeterRules, shown, ticks_of, to_ticks
from edge_agent.tasks.ocr.meters.state import MeterState

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


def test_a_leap_is_left_by_what_runs_back_behind_its_last_reading() -> None:
    """Once time has brought it within reach: what its last reading denies is no leap, but news."""
    state, verdicts = fed(["00110", "00111"], state=known("00100"), start=600)
    assert states(verdicts) == "HH"
    state, verdicts = fed(["00110", "00112", "00112", "00112"], state=state, start=1300)
    assert [v.why for v in verdicts] == [
        "1 of 3 readings agree",
        "1 of 3 readings agree",
        "2 of 3 readings agree",
        "",
    ]
    assert state.value(RULES) == 112


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


def test_a_lower_value_is_never_true_by_repetition() -> None:
    """Must not fire: a leading digit that is read wrong for a week is no other meter."""
    state, verdicts = fed(["00042"] * (7 * 24 * 60), state=known("00123"), start=600)
    assert set(states(verdicts)) == {"H"}
    assert verdicts[3].why == "runs backwards from 00123, 4 of 5 readings agree"
    why = "runs backwards from 00123, as another meter would: set its value"
    assert verdicts[4].why == verdicts[-1].why == why
    assert state.value(RULES) == 123
    assert len(state.jump) < 20  # however long it lasts


def test_another_meter_is_told_by_a_person_or_by_an_option_of_its_own() -> None:
    """A meter that begins at zero: by the option it takes its hours, and bears misreadings."""
    rules = msgspec.structs.replace(RULES, exchange_after_h=2)
    texts = [f"{minute // 10:05}" for minute in range(180)]
    texts[50] = texts[100] = "00077"
    state, verdicts = fed(texts, rules, known("00123", rules), start=600)
    assert verdicts[10].why == ("runs backwards from 00123, another meter after 2 h: 0.2 h")
    assert verdicts[50].why == "runs backwards from 00123, and does not fit those before it"
    assert states(verdicts[:120]) == "H" * 120
    assert state.value(rules) == 17
    assert "A" in states(verdicts[120:])


def test_of_many_other_values_only_one_that_stands_by_itself_is_another_meter() -> None:
    """Must not fire: hours of this and that, and ten minutes of something lower at their end."""
    rules = msgspec.structs.replace(RULES, exchange_after_h=4)
    texts = [value for value in ("00100", "00050", "00090", "00020") for _ in range(59)]
    state, verdicts = fed(texts + ["00042"] * 20, rules, known("00123", rules), start=600)
    assert verdicts[-1].why.startswith("runs backwards from 00123, another meter after 4 h: 4.")
    assert state.value(rules) == 123
    state, _ = fed(["00042"] * 50, rules, state, start=600 + 256 * MINUTE)
    assert (state.value(rules), state.came_from) == (42, "exchange")


def test_the_option_says_what_it_came_from() -> None:
    """Until the readings have made another value of it."""
    rules = msgspec.structs.replace(RULES, exchange_after_h=1)
    state, _ = fed(["00000"] * 80, rules, known("00123", rules), start=600)
    assert (state.value(rules), state.came_from) == (0, "exchange")
    state, _ = fed(["00001"] * 5, rules, state, start=600 + 80 * MINUTE)
    assert (state.value(rules), state.came_from) == (1, "readings")


def test_the_option_is_no_way_ahead() -> None:
    """Must not fire: a 9 read for a 0 is ahead, and another meter begins lower."""
    rules = msgspec.structs.replace(RULES, exchange_after_h=1)
    state, _ = fed(["90123"] * 600, rules, known("00123", rules), start=600)
    assert state.value(rules) == 123


def test_what_a_person_says_is_the_value() -> None:
    """Lower or higher; the next readings go on from there."""
    state = reset_to(known("00123"), 7, 600.0)
    assert (state.value(RULES), state.came_from) == (7, "command")
    state, verdicts = fed(["00007", "00008", "00008", "00008"], state=state, start=600)
    assert states(verdicts) == "AHHA"
    assert (state.value(RULES), state.came_from) == (8, "readings")


def test_a_digit_read_wrong_for_a_night_moves_nothing() -> None:
    """Must not fire, whichever digit: neither beyond the rate, nor by and by within it."""
    for wrong in ("90123", "00923", "00183"):
        state, verdicts = fed([wrong] * 600, state=known("00123"), start=600)
        assert set(states(verdicts)) == {"H"}, wrong
        assert state.value(RULES) == 123
        _, verdicts = fed(["00125"] * 3, state=state, start=600 + 600 * MINUTE)
        assert states(verdicts) == "HHA"


def test_of_two_readings_that_take_turns_neither_is_the_first_value() -> None:
    """Must not fire: an 8 that is read as 2 every second time, before anything is known."""
    state, verdicts = fed(["00128", "00122"] * 100)
    assert set(states(verdicts)) == {"H"}
    assert state.value(RULES) is None


def test_a_wrong_reading_now_and_then_does_not_keep_the_first_value_away() -> None:
    """One in twenty at five a second; and one of two seconds."""
    state = MeterState()
    for number in range(5 * 260):
        wrong = number % 20 == 7 or 500 <= number < 510
        text = f"00{100 + number % 900}" if wrong else "00123"
        state, _ = judge(state, RULES, text, number / 5)
    assert state.value(RULES) == 123


def test_why_a_leap_is_held() -> None:
    """How long it will be out of reach, and then how long it has to stand."""
    texts = ["00523"] * 26 * 60
    state, verdicts = fed(texts, state=known("00123"), start=600)
    assert verdicts[0].why == "faster than 60 an hour from 00123, 1 of 5 readings agree"
    assert verdicts[59].why == "faster than 60 an hour from 00123, out of reach for 5.6 h"
    assert verdicts[480].why == "leapt from 00123, believed after 24 h: 8.0 h"
    assert states(verdicts[: 24 * 60]) == "H" * 24 * 60
    assert state.value(RULES) == 523


def test_a_rate_that_is_a_little_too_tight_holds_until_the_value_is_within_reach() -> None:
    """Twelve ticks in ten minutes of a meter that makes ten: no day of waiting."""
    moving = [f"{123 + 2 * minute:05}" for minute in range(1, 11)]
    state, _ = fed(moving + ["00143"] * 20, state=known("00123"), start=600)
    assert state.value(RULES) == 143


def test_the_reach_is_what_the_rate_allows_and_one_tick_more() -> None:
    """Boundaries: three minutes since it was confirmed are three ticks, and one about to turn."""
    for text, why in (("00127", "1 of 3"), ("00128", "faster than")):
        _, verdicts = fed([text], state=known("00123"), start=600)
        assert verdicts[0].why.startswith(why)


def test_up_to_three_times_the_reach_a_leap_waits_for_its_time_alone() -> None:
    """Boundaries: twelve ticks where four were within reach, and thirteen."""
    for text, value in (("00135", 135), ("00136", 123)):
        state, _ = fed([text] * 60, state=known("00123"), start=600)
        assert state.value(RULES) == value


def test_a_meter_that_was_watched_is_believed_beyond_its_rate() -> None:
    """An hour at four times the rate, then rest: five readings, and the value has caught up."""
    moving = [f"{123 + 4 * minute:05}" for minute in range(1, 61)]
    moving[30] = "99243"  # one reading that is wrong stops nothing
    state, verdicts = fed(moving + ["00363"] * 8, state=known("00123"), start=600)
    assert set(states(verdicts[:60])) == {"H"}
    assert state.value(RULES) == 363


def test_wrong_readings_between_right_ones_are_no_way_that_was_watched() -> None:
    """Must not fire: each is refuted before the next comes."""
    texts = [text for step in range(2, 19, 2) for text in (f"{123 + 100 * step:05}", "00123")]
    state, _ = fed(texts + ["01923"] * 20, state=known("00123"), start=600)
    assert state.value(RULES) == 123


def test_five_readings_a_second_are_one_piece_of_evidence() -> None:
    """Must not fire: what is read for two seconds, or for most of a minute, moves nothing."""
    rules = MeterRules(digits=5)
    state = MeterState()
    for number in range(5 * 300):
        state, _ = judge(state, rules, "00123", number / 5)
    for seconds, wrong in ((2, "00124"), (2, "00184"), (55, "00125"), (55, "90123")):
        start = 300.0
        for number in range(5 * seconds):
            state, verdict = judge(state, rules, wrong, start + number / 5)
            assert verdict.state == "held", wrong
        state, verdict = judge(state, rules, "00123", start + seconds)
        assert (verdict.state, state.value(rules)) == ("accepted", 123)


def test_five_readings_a_second_are_confirmed_in_a_minute() -> None:
    """Must fire: it takes the time, and no more."""
    rules = MeterRules(digits=5)
    state, first = MeterState(), 0.0
    for number in range(5 * 330):
        state, verdict = judge(state, rules, "00123", number / 5)
        if verdict.state == "accepted" and not first:
            first = number / 5
    assert 235 < first < 260
    for number in range(5 * 70):
        state, verdict = judge(state, rules, "00124", 330 + number / 5)
    assert (verdict.state, state.value(rules)) == ("accepted", 124)


def test_a_picture_that_stands_still_is_one_piece_of_evidence() -> None:
    """A minute apart, but the same to the last bit.

    Some sources have no noise: it counts again after as long as a leap has to stand.
    """
    rules = MeterRules(digits=5)
    state, _ = fed(["00123"] * 10, rules)
    verdicts = []
    for minute in range(10):
        state, verdict = judge(state, rules, "00124", 600 + minute * MINUTE, picture=7)
        verdicts.append(verdict)
    assert states(verdicts) == "H" * 8 + "AA"
    assert verdicts[3].why == "1 of 3 readings agree"
    for minute in range(3):
        state, verdict = judge(state, rules, "00125", 1200 + minute * MINUTE, picture=minute)
    assert verdict.state == "accepted"


def test_without_a_largest_rate_it_is_held_to_what_it_was_seen_to_do() -> None:
    """Ten times of that is nothing to wonder at, more has to stand for longer than a night."""
    rules = MeterRules(digits=6)
    counting = [f"{1000 + minute:06}" for minute in range(180)]
    state, _ = fed(counting, rules)
    after, verdicts = fed(["001500"] * 3, rules, state, start=4 * 3600)
    assert states(verdicts) == "HHA"
    wrong, verdicts = fed(["901500"] * 600, rules, state, start=4 * 3600)
    assert set(states(verdicts)) == {"H"}
    assert verdicts[0].why == (
        "further than it was ever seen to count from 001177, 1 of 10 readings agree"
    )
    assert verdicts[-1].why == (
        "further than it was ever seen to count from 001177, believed after 24 h: 10.0 h"
    )
    _, verdicts = fed(["001500"] * 3, rules, wrong, start=15 * 3600)
    assert states(verdicts) == "HHA"
    assert after.value(rules) == 1500


def test_without_a_largest_rate_one_that_has_rested_may_begin_to_count() -> None:
    """Ten readings on its way say that it does, until its pace is known; or it stands for a day."""
    rules = MeterRules(digits=6)
    state, _ = fed(["001000"] * 60, rules)
    counting = [f"{1000 + 33 * minute:06}" for minute in range(1, 601)]
    moved, _ = fed(counting[:20], rules, state, start=3600)
    assert moved.value(rules) == 1000 + 33 * 9
    moved, _ = fed(counting[20:], rules, moved, start=3600 + 20 * MINUTE)
    assert moved.value(rules) == 1000 + 33 * 598
    daily = MeterState()
    for day, text in enumerate(["001000"] * 12 + ["001700"] * 4):
        daily, verdict = judge(daily, rules, text, day * 86_400.0)
    assert (daily.value(rules), verdict.state) == (1700, "accepted")


def test_the_rollover_needs_no_rule_where_it_is_one() -> None:
    """99999 to 00000 is what such a display does; 99999 to 09999 is a digit read wrong."""
    rules = msgspec.structs.replace(RULES, rollover=False)
    state, verdicts = fed(["00000"] * 6, rules, known("99999", rules), start=600)
    assert states(verdicts) == "HHHHAA"
    assert (state.value(rules), state.came_from) == (0, "readings")
    for wrong in ("09999", "00999"):
        state, _ = fed([wrong] * 600, rules, known("99999", rules), start=600)
        assert state.value(rules) == 99999


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (99_999, 0, 1),
        (99_500, 500, 1000),
        (99_500, 501, -98_999),
        (500, 99_500, -1000),
        (501, 99_500, 98_999),
    ],
)
def test_a_rollover_is_a_hundredth_of_all_it_shows(old: int, new: int, change: int) -> None:
    """Boundaries, both ways; beyond them it is what the digits say."""
    assert RULES.change(old, new) == change


def test_two_readings_behind_drop_one_ahead_that_waits() -> None:
    """Must not fire: what is read wrong now and then, ahead, does not add up to a value."""
    texts = ["00125", "00121", "00121"] * 20
    state, verdicts = fed(texts, state=known("00123"), start=600)
    assert set(states(verdicts)) == {"H"}
    assert state.value(RULES) == 123


def test_a_rollover_stays_one_while_it_stands() -> None:
    """What it might have counted to meanwhile makes no digits turning of it."""
    rules = MeterRules(digits=5, decimals=2, max_per_hour=1)
    state, _ = fed(["00000"] * 10, rules, known("99999", rules), start=600)
    assert state.value(rules) == 0


def test_what_stood_behind_says_nothing_of_what_is_ahead() -> None:
    """Must not fire: a day of less, then one reading of more, is no value of less."""
    rules = MeterRules(digits=5, confirm=2, confirm_jump=2)
    state, _ = fed(["00002"] * 10, rules)
    state, _ = fed(["00000"] * 10, rules, state, start=600)
    state, verdict = judge(state, rules, "00000", 90_000)
    state, verdict = judge(state, rules, "00013", 90_300)
    assert (verdict.state, state.value(rules)) == ("held", 2)


def test_a_leading_nine_read_as_zero_is_no_rollover() -> None:
    """Must not fire, however long it lasts: a tenth of all it shows is no way to have come."""
    rules = MeterRules(digits=4, decimals=2, max_per_hour=2.5, rollover=True)
    state, verdicts = fed(["0449"] * 3000, rules, known("9449", rules), start=600)
    assert set(states(verdicts)) == {"H"}
    assert state.value(rules) == 94.49
    _, verdicts = fed(["9451"] * 3, rules, state, start=600 + 3000 * MINUTE)
    assert states(verdicts) == "HHA"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1234.5, "12345"),
        (1234.1 + 0.2, "12343"),
        (0, "0"),
        (1234.56, "expected at most 1 digits behind the point, found 1234.56"),
        (-1, "expected no sign, found -1"),
        (100_000, "expected 6 digits, found 100000"),
    ],
)
def test_a_value_is_what_the_display_can_show(value: float, found: str) -> None:
    """What a person types: to the digits behind the point, and no more than fits."""
    rules = MeterRules(digits=6, decimals=1)
    try:
        said = str(ticks_of(value, rules))
    except ValueError as error:
        said = str(error)
    assert said == found


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


@pytest.mark.parametrize("mixture", ["00299", "00190", "00109", "00209", "00100"])
def test_digits_that_turn_behind_a_tick_that_was_read_early_are_no_value(mixture: str) -> None:
    """At 00200, which was confirmed while 00199 still turned: the carry lies one behind."""
    state, verdicts = fed([mixture] * 20, state=known("00200"), start=600)
    assert {v.why for v in verdicts} == {"its digits are turning"}
    assert state.value(RULES) == 200


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
    """00220 may be itself or 00229 turning: it is held until the meter moves, or for an hour."""
    texts = ["00220"] * 20 + ["00221"] * 3
    state, verdicts = fed(texts, state=known("00123"), start=2 * 3600)
    why = "its digits are turning, believed if it rests for 1 h"
    assert verdicts[12].why == f"{why}: 0.0 h"
    assert verdicts[19].why == f"{why}: 0.2 h"
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
    _, verdicts = fed(["00130"] * 3, rules, known("00123", rules), start=600)
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
    rules = MeterRules(digits=6, decimals=1, confirm_jump=3, confirm_jump_s=60, unit="m³")
    state, _ = fed([text] * 3, rules)
    assert state.value(rules) == 123.4
    assert to_ticks(text, rules) == 1234


def test_a_thermometer_goes_both_ways_and_below_zero() -> None:
    """Not monotone: the rate holds in both directions."""
    rules = MeterRules(
        decimals=1, monotone=False, max_per_hour=60, confirm=2, confirm_jump=3, confirm_jump_s=60
    )
    state, verdicts = fed(["0.3"] * 3 + ["-0.4"] * 2 + ["25.0"] * 20, rules)
    assert states(verdicts) == "HHAHA" + "H" * 20
    assert verdicts[5].why == "faster than 60 an hour from -0.4, 1 of 3 readings agree"
    assert verdicts[8].why == "faster than 60 an hour from -0.4, out of reach for 0.3 h"
    assert state.value(rules) == -0.4
    state, _ = fed(["25.0"] * 10, rules, state, start=25 * MINUTE)
    assert state.value(rules) == 25.0


def test_a_thermometer_that_was_exchanged_may_show_anything() -> None:
    """Both ways: the option is about every value beyond reach."""
    rules = MeterRules(monotone=False, max_per_hour=1, exchange_after_h=1)
    state, _ = fed(["900"] * 10, rules)
    state, _ = fed(["20"] * 70, rules, state, start=600)
    assert (state.value(rules), state.came_from) == (20, "exchange")


def test_a_display_without_any_rule_obeys_confirm_where_it_is_written() -> None:
    """With nothing else to go by only the same again confirms; a misreading moves nothing."""
    rules = MeterRules(monotone=False, confirm=3, confirm_jump=3, confirm_jump_s=120)
    texts = ["20"] * 3 + ["90", "20", "21", "21", "21"]
    state, verdicts = fed(texts, rules)
    assert states(verdicts) == "HHAHAHHA"
    assert verdicts[3].why == "1 of 3 readings agree"
    assert state.value(rules) == 21
    timed = MeterRules(monotone=False, confirm_s=120)
    assert (timed.confirm, timed.confirm_s) == (3, 120)
    bare = MeterRules(monotone=False)
    assert (bare.confirm, bare.confirm_s) == (1, 0)
    assert (MeterRules().confirm, MeterRules().confirm_s) == (3, 60)
    _, verdicts = fed(["20"] * 10 + ["90", "-3"], bare)
    assert states(verdicts[-2:]) == "AA"


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
        (
            {"confirm_s": 600},
            "confirm_jump_s: expected at least confirm_s, 600, found 240",
        ),
        ({"digits": 2, "decimals": 3}, "digits: expected at least decimals, 3, found 2"),
    ],
)
def test_rules_that_contradict_each_other_are_refused(fields: dict[str, Any], message: str) -> None:
    """Each is a mistake that would show as wrong or missing values months later."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        MeterRules(**fields)


def test_a_value_is_shown_as_the_meter_would() -> None:
    """With leading zeros and the point."""
    rules = MeterRules(digits=6, decimals=1)
    assert shown(TicksSeen(1234, 0), rules) == "00123.4"
    assert shown(TicksSeen(-5, 0), MeterRules(decimals=1, monotone=False, max_per_hour=1)) == "-0.5"


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
