r"""Patterns: a small subset of regular expressions, compiled to an `Automaton`.

A pattern is always about the whole text. It is made of

- a character that stands for itself: ``A``, ``7``, ``-``
- ``.`` any character that the model can write; ``\d`` a digit, 0 to 9
- ``\`` before a character that has a meaning here, to take the meaning away: ``\.`` ``\[``
- ``[0-9A-F.]`` one of these; inside, ``\d`` and escapes work, ``^`` has no meaning
- ``(...)`` a group, ``|`` either side of it
- after any of these ``?`` none or one, ``*`` any number, ``+`` one or more, ``{3}`` exactly
  three, ``{2,5}`` two to five, ``{2,}`` two or more

Example: ``[0-9]{5}\.[0-9]`` is five digits, a point and a digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from edge_agent.tasks.ocr.decode.automaton import MAX_STATES, Automaton, LanguageError, trimmed

SPECIAL = frozenset("\\.[](){}|?*+^$")
MAX_LENGTH, MAX_REPEAT, MAX_DEPTH = 1000, 1000, 50


@dataclass(frozen=True)
class Chars:
    """One character out of ranges of code points, both ends included; None is any."""

    ranges: tuple[tuple[int, int], ...] | None

    def has(self, character: str) -> bool:
        """Whether it is one of these."""
        if self.ranges is None:
            return True
        return any(low <= ord(character) <= high for low, high in self.ranges)


@dataclass(frozen=True)
class Chain:
    """One after the other."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Either:
    """One of these."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Repeat:
    """A part, `low` to `high` times; None is without end."""

    part: "Node"
    low: int
    high: int | None


Node: TypeAlias = Chars | Chain | Either | Repeat

DIGITS = (ord("0"), ord("9"))


def parse_pattern(pattern: str) -> Node:
    """The structure of `pattern`.

    Raises:
        LanguageError: it is malformed; the message says where and how.
    """
    if len(pattern) > MAX_LENGTH:
        raise LanguageError(
            f"pattern: expected at most {MAX_LENGTH} characters, found {len(pattern)}"
        )
    parser = _Parser(pattern)
    node = parser.either(0)
    if parser.place < len(pattern):
        raise parser.error("expected a group to be opened before", "`)`")
    return node


class _Parser:
    """Recursive descent over a pattern."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.place = pattern, 0

    def error(self, expected: str, found: str | None = None) -> LanguageError:
        if found is None:
            next_ = self.peek()
            found = f"`{next_}`" if next_ else "its end"
        return LanguageError(f"pattern {self.pattern!r} at {self.place}: {expected}, found {found}")

    def peek(self) -> str:
        return self.pattern[self.place : self.place + 1]

    def take(self) -> str:
        character = self.peek()
        self.place += 1
        return character

    def either(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.error(f"expected groups at most {MAX_DEPTH} deep", "more")
        parts = [self.chain(depth)]
        while self.peek() == "|":
            self.take()
            parts.append(self.chain(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def chain(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.repeated(self.atom(depth)))
        return parts[0] if len(parts) == 1 else Chain(tuple(parts))

    def atom(self, depth: int) -> Node:
        character = self.peek()
        if character == "(":
            self.take()
            node = self.either(depth + 1)
            if self.peek() != ")":
                raise self.error("expected `)`")
            self.take()
            return node
        if character == "[":
            return self.one_of()
        if character in "^$":
            raise self.error("expected no anchor, as a pattern is always the whole text")
        if character in "?*+{":
            raise self.error("expected something before it to repeat")
        if character in "]}":
            raise self.error(f"expected `\\{character}` for the character itself")
        self.take()
        if character == ".":
            return Chars(None)
        if character == "\\":
            return Chars((self.escaped(),))
        return Chars(((ord(character), ord(character)),))

    def escaped(self) -> tuple[int, int]:
        character = self.peek()
        if character == "d":
            self.take()
            return DIGITS
        if not character or character.isalnum():
            raise self.error("expected `d` or a character that is no letter after a backslash")
        self.take()
        return ord(character), ord(character)

    def one_of(self) -> Node:
        self.take()
        ranges: list[tuple[int, int]] = []
        if self.peek() == "^":
            raise self.error("expected what is allowed, not what is not (`\\^` is the character)")
        while self.peek() != "]":
            low = self.member()
            if self.peek() == "-" and self.pattern[self.place + 1 : self.place + 2] != "]":
                self.take()
                high = self.member()
                if low[0] != low[1] or high[0] != high[1] or low[0] > high[0]:
                    raise self.error("expected a range from a lower to a higher character before")
                low = (low[0], high[0])
            ranges.append(low)
        if not ranges:
            raise self.error("expected a character in the brackets")
        self.take()
        return Chars(tuple(ranges))

    def member(self) -> tuple[int, int]:
        character = self.take()
        if not character:
            raise self.error("expected `]`", "its end")
        if character == "\\":
            return self.escaped()
        return ord(character), ord(character)

    def repeated(self, node: Node) -> Node:
        character = self.peek()
        simple = {"?": (0, 1), "*": (0, None), "+": (1, None)}
        if character in simple:
            self.take()
            node = Repeat(node, *simple[character])
        elif character == "{":
            self.take()
            low = self.number()
            high: int | None = low
            if self.peek() == ",":
                self.take()
                high = None if self.peek() == "}" else self.number()
            if self.peek() != "}":
                raise self.error("expected `}`")
            self.take()
            if high is not None and high < low:
                raise self.error("expected the lower count first", f"{low},{high}")
            node = Repeat(node, low, high)
        if self.peek() and self.peek() in "?*+{":
            raise self.error("expected one repetition; put brackets around the first")
        return node

    def number(self) -> int:
        digits = ""
        while self.peek().isascii() and self.peek().isdigit():
            digits += self.take()
        if not digits:
            raise self.error("expected a count")
        if len(digits) > 4 or int(digits) > MAX_REPEAT:
            raise self.error(f"expected a count of at most {MAX_REPEAT}", digits)
        return int(digits)


def compile_pattern(pattern: str, charset: Sequence[str]) -> Automaton:
    """The automaton of the texts over `charset` that `pattern` matches.

    Raises:
        LanguageError: it is malformed, too large, or no text of these characters matches.
    """
    machine = _Machine(pattern)
    start, end = machine.state(), machine.state()
    machine.add(parse_pattern(pattern), start, end)
    try:
        return _determined(machine, start, end, charset)
    except LanguageError as error:
        raise LanguageError(f"pattern {pattern!r} {error}") from error


@dataclass
class _Machine:
    """A non-deterministic automaton as Thompson builds it: empty edges and edges of `Chars`."""

    pattern: str
    empty: list[list[int]] = field(default_factory=list)
    edges: list[list[tuple[Chars, int]]] = field(default_factory=list)

    def state(self) -> int:
        if len(self.empty) >= MAX_STATES:
            raise LanguageError(f"pattern {self.pattern!r} is too large: its counts multiply")
        self.empty.append([])
        self.edges.append([])
        return len(self.empty) - 1

    def add(self, node: Node, start: int, end: int) -> None:
        """Paths for `node` from `start` to `end`."""
        match node:
            case Chars():
                self.edges[start].append((node, end))
            case Chain(parts):
                for part in parts:
                    between = self.state()
                    self.add(part, start, between)
                    start = between
                self.empty[start].append(end)
            case Either(parts):
                for part in parts:
                    first, last = self.state(), self.state()
                    self.empty[start].append(first)
                    self.add(part, first, last)
                    self.empty[last].append(end)
            case Repeat(part, low, high):
                self._repeat(part, low, high, start, end)

    def _repeat(self, part: Node, low: int, high: int | None, start: int, end: int) -> None:
        here = self._fresh(start)
        for _ in range(low):
            here = self._once(part, here)
        self.empty[here].append(end)
        if high is None:
            self.empty[self._once(part, here)].append(here)
            return
        for _ in range(high - low):
            here = self._once(part, here)
            self.empty[here].append(end)

    def _fresh(self, start: int) -> int:
        """A state behind `start` with no other way in, so that loops cannot leak."""
        state = self.state()
        self.empty[start].append(state)
        return state

    def _once(self, part: Node, start: int) -> int:
        end = self.state()
        self.add(part, start, end)
        # Loops return to the state they are given: the next part starts behind them.
        return self._fresh(end)


def _determined(machine: _Machine, start: int, end: int, charset: Sequence[str]) -> Automaton:
    """Subset construction over `charset`."""
    has = _Members(charset)
    first = _closure(machine, {start})
    numbers, rows, queue = {first: 0}, [dict[int, int]()], [first]
    for states in queue:
        targets: dict[int, set[int]] = {}
        for state in states:
            for chars, following in machine.edges[state]:
                for character in has(chars):
                    targets.setdefault(character, set()).add(following)
        for character, reached in targets.items():
            whole = _closure(machine, reached)
            if whole not in numbers:
                if len(numbers) >= MAX_STATES:
                    raise LanguageError("is too large: it has too many ways to match")
                numbers[whole] = len(rows)
                rows.append({})
                queue.append(whole)
            rows[numbers[states]][character] = numbers[whole]
    accepting = {number for states, number in numbers.items() if end in states}
    return trimmed(rows, accepting, len(charset))


class _Members:
    """The characters of a charset that `Chars` have, each kind worked out once."""

    def __init__(self, charset: Sequence[str]) -> None:
        self._charset, self._known = charset, dict[Chars, list[int]]()

    def __call__(self, chars: Chars) -> list[int]:
        if chars not in self._known:
            self._known[chars] = [i for i, c in enumerate(self._charset) if chars.has(c)]
        return self._known[chars]


def _closure(machine: _Machine, states: set[int]) -> frozenset[int]:
    """`states` and all that empty edges lead to."""
    found, new = set(states), list(states)
    while new:
        for following in machine.empty[new.pop()]:
            if following not in found:
                found.add(following)
                new.append(following)
    return frozenset(found)
