"""`Automaton`: which texts are allowed, one character at a time.

A deterministic finite automaton over the characters a network can write, made of a
pattern (`edge_agent.tasks.ocr.decode.pattern`) or of a list of words. It has no dead ends: from
every state some allowed text can still be finished.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEAD = -1
# A table of 20,000 states over 100 characters is 8 MB: more belongs on another device.
MAX_STATES = 20_000


class LanguageError(ValueError):
    """A pattern or a list of words that cannot be used, and why."""


@dataclass(frozen=True, eq=False)
class Automaton:
    """The allowed texts over characters 0 to C - 1; the start is state 0.

    Args:
        table: (states, C) int32; the next state, or `DEAD`.
        accepting: (states,) bool; whether a text may end there.
    """

    table: NDArray[np.int32]
    accepting: NDArray[np.bool_]

    def step(self, state: int, character: int) -> int:
        """The state after one more character; `DEAD` if no allowed text goes on so."""
        return int(self.table[state, character])

    def accepts(self, characters: Iterable[int]) -> bool:
        """Whether the text of these characters is allowed."""
        state = 0
        for character in characters:
            state = self.step(state, character)
            if state == DEAD:
                return False
        return bool(self.accepting[state])

    def used(self) -> NDArray[np.bool_]:
        """(C,): whether a character is in any allowed text."""
        used: NDArray[np.bool_] = (self.table != DEAD).any(axis=0)
        return used

    def least_steps(self) -> int:
        """How many steps of CTC the allowed text takes that takes the fewest.

        One a character, and one more for the blank between two of the same.
        """
        ways: list[set[tuple[int, int]]] = [{(0, DEAD)}, set()]  # by steps: state, last character
        seen: set[tuple[int, int]] = set()
        steps = 0
        while not any(self.accepting[state] for state, _ in ways[steps]):
            ways.append(set())
            for state, last in ways[steps] - seen:
                for character in np.flatnonzero(self.table[state] != DEAD).tolist():
                    taken = 1 + (character == last)
                    ways[steps + taken].add((self.step(state, character), character))
            seen |= ways[steps]
            steps += 1
        return steps

    def overlaps(self, other: "Automaton") -> bool:
        """Whether a text over the same characters is allowed by both."""
        seen, new = {(0, 0)}, [(0, 0)]
        while new:
            mine, others = new.pop()
            if self.accepting[mine] and other.accepting[others]:
                return True
            both = (self.table[mine] != DEAD) & (other.table[others] != DEAD)
            for character in np.flatnonzero(both).tolist():
                pair = self.step(mine, character), other.step(others, character)
                if pair not in seen:
                    seen.add(pair)
                    new.append(pair)
        return False


def trimmed(rows: Sequence[dict[int, int]], accepting: set[int], characters: int) -> Automaton:
    """The automaton of `rows`, without the states that no allowed text passes through.

    Args:
        rows: of each state, the next by character; all can be reached from state 0.
        accepting: where a text may end.
        characters: C.

    Raises:
        LanguageError: no text at all is allowed.
    """
    alive = _finishing(rows, accepting)
    if 0 not in alive:
        raise LanguageError("cannot match: no text of the model's characters would do")
    order = [state for state in range(len(rows)) if state in alive]
    number = {state: place for place, state in enumerate(order)}
    table = np.full((len(order), characters), DEAD, np.int32)
    for place, state in enumerate(order):
        for character, following in rows[state].items():
            table[place, character] = number.get(following, DEAD)
    return Automaton(table, np.array([state in accepting for state in order]))


def _finishing(rows: Sequence[dict[int, int]], accepting: set[int]) -> set[int]:
    """The states from which an accepting one can be reached."""
    before: dict[int, set[int]] = {}
    for state, row in enumerate(rows):
        for following in row.values():
            before.setdefault(following, set()).add(state)
    alive, new = set(accepting), set(accepting)
    while new:
        new = {earlier for state in new for earlier in before.get(state, ())} - alive
        alive |= new
    return alive


def of_words(words: Iterable[str], charset: Sequence[str]) -> Automaton:
    """The automaton that allows exactly `words`.

    Raises:
        LanguageError: a word is empty or has a character that the model cannot write, there
            is no word, or there are too many.
    """
    number = {character: place for place, character in enumerate(charset)}
    rows: list[dict[int, int]] = [{}]
    accepting = set()
    for word in words:
        strange = [c for c in word if c not in number]
        if strange or not word:
            found = f"{word!r} with {strange[0]!r}" if strange else "an empty word"
            raise LanguageError(f"words: expected characters of the model's, found {found}")
        state = 0
        for character in word:
            if number[character] not in rows[state]:
                rows[state][number[character]] = len(rows)
                rows.append({})
            state = rows[state][number[character]]
        accepting.add(state)
        if len(rows) > MAX_STATES:
            raise LanguageError(
                f"words: expected at most {MAX_STATES} different beginnings, found more"
            )
    return trimmed(rows, accepting, len(charset))
