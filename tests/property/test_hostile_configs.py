"""25,000 configurations that are wrong or mean harm: refused with a word, or right."""

import copy
import math
import random
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from support.hostile import bounded_memory, draw, hurt, judged, numbers, report

from edge_agent.common.errors import ConfigError
from edge_agent.config import load_config
from edge_agent.stream.config import INNER
from edge_agent.tasks.ocr.dials.dials import MAX_TOLERANCE
from edge_agent.tasks.registry import task_for

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "deploy" / "agent.example.toml").read_text(encoding="utf-8")
COUNT = 25_000
SMALL = """
[device]
name = "a"
[broker]
url = "mqtts://broker:8883"
ca_file = "ca.pem"
[outbox]
path = "o.db"
max_age_h = 2
[[stream]]
name = "s"
bundle = "b"
frames_per_s = 0.5
threads = 2
relative_region = { x = 0.1, y = 0.1, w = 0.5, h = 0.5 }
source = { kind = "video", path = "v.mp4", loop = true }
"""
PIECES = [
    *(b"nan", b"-inf", b"1e400", b"-0.0", b"0x", b"9" * 40, b"1979-05-27T07:32:00Z", b"true"),
    *(b'"""', b"'''", b"[[", b"]]", b"{", b"}", b"[", b"=", b"#", b"\n", b"\r", b".", b"\\u0000"),
    *(b"\x00", b"\xff", b"\xed\xa0\x80", "\u202e".encode(), b"[device]\n", b'name = "x"\n'),
    *(b"[" * 3000, b"a." * 500, b'"' + b"x" * 5000 + b'"'),
]
VALUES: list[Any] = [
    *(0, 1, -1, 2**31, 2**63 - 1, -(2**63), 10**400, True, False, "", "x", "x" * 300, "\x00"),
    *(0.0, -0.0, 0.5, 1e-320, 1e308, math.nan, math.inf, -math.inf, "../..", "a/b", "+", "#"),
    *("%d/x", "~nobody/x", "\u202e", "é" * 70, [], [1, 2], {}, {"x": 1}, [[]], date(2026, 1, 1)),
    *("mqtt://u:p@h", "mqtt://[", "mqtt://h:0", "mqtt://h\n", "(a{1000}){1000}", "[z-a]", "\\"),
    *([[0, 0], [1e308, 0], [1e308, 1e308], [0, 1e308]], [[0, 0], [0, 9], [9, 9], [9, 0]]),
]
# What the documents promise of every number that is accepted, whoever checks it: by its key.
RANGES = {
    **dict.fromkeys(("x", "y"), (0, 65_536)),
    **dict.fromkeys(("w", "h"), (0, 65_536)),
    **dict.fromkeys(("width", "height"), (1, 16_384)),
    **dict.fromkeys(("interval_s", "late_after_s", "at_least_every_s"), (0, 1e8)),
    **dict.fromkeys(("frozen_after_s",), (0, 1e8)),
    **dict.fromkeys(("open_timeout_s", "read_timeout_s"), (0, 3600)),
    **dict.fromkeys(("fps", "frames_per_s"), (1e-6, 1000)),
    **dict.fromkeys(("min_confidence", "margin"), (0, 1)),
    **dict.fromkeys(("confirm_s", "confirm_jump_s"), (0, 86_400)),
    **dict.fromkeys(("centres", "radius"), (0, 65_536)),
    "count": (1, 12),
    "rotate": (0, 270),
    "tolerance": (0.05, MAX_TOLERANCE),
    "max_shift": (0, 0.25),
    **dict.fromkeys(("focus", "gain"), (-1e6, 1e6)),
    "exposure_ms": (0, 1e6),
    "white_balance_k": (1000, 20_000),
    "power_line_hz": (50, 60),
    "line": (0, 1023),
    "timeout_s": (0, 10),
    "settle_s": (0, 20),
    "exchange_after_h": (0, 10_000),
    "corners": (-65_536, 65_536),
    "keepalive_s": (5, 3600),
    "will_delay_s": (0, 3600),
    "max_mb": (0, 100_000),
    "max_age_h": (0, 87_600),
    "max_count": (1, 1_000_000),
    "per_minute": (0, 6000),
    "snapshot_kb": (4, 10_000),
    "max_kb": (16, 10_000),
    "port": (1, 65_535),
    "threads": (1, 64),
    "importance": (0, 9),
    "expires_s": (1, 2**32 - 1),
    "settle": (1, 100_000),
    "index": (0, 2**63),
    "decimals": (0, 9),
    "digits": (1, 15),
    "max_per_hour": (0, 1e12),
    "confirm": (1, 20),
    "confirm_jump": (1, 1000),
}


def written(value: Any) -> str:
    """A value as TOML; tables inline."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            escaped = "".join(c if c.isprintable() and c not in '"\\' else _code(c) for c in value)
            return f'"{escaped}"'
        case list():
            return f"[{', '.join(map(written, value))}]"
        case dict():
            return f"{{{', '.join(f'{_key(k)} = {written(v)}' for k, v in value.items())}}}"
        case _:
            return str(value)  # numbers, NaN and infinity, dates


def _code(character: str) -> str:
    return f"\\U{ord(character):08x}"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else written(key)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every table or list with each of its keys, at all depths."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places(node[key])


def changed(text: str, rng: random.Random) -> bytes:
    """A document with values, keys and tables exchanged for others."""
    document = tomllib.loads(text)
    for _ in range(rng.choice((1, 1, 2, 4))):
        everywhere = list(places(document))
        if not everywhere:
            break
        node, key = rng.choice(everywhere)
        match rng.randrange(5):
            case 0:
                del node[key]
            case 1 if isinstance(node, dict):
                node[rng.choice(("", "nane", "x" * 50, str(key).upper(), "é"))] = node[key]
            case 2:
                other, there = rng.choice(everywhere)
                node[key] = copy.deepcopy(other[there])
            case _:
                node[key] = copy.deepcopy(rng.choice(VALUES))
    return "\n".join(f"{_key(k)} = {written(v)}" for k, v in document.items()).encode()


def leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no table or list, by the last key above it."""
    match node:
        case dict():
            for name, value in node.items():
                yield from leaves(value, name)
        case list() | tuple():
            for value in node:
                yield from leaves(value, key)
        case _:
            yield key, node


def unsaid(said: Any, meant: Any) -> list[str]:
    """What a document says and its configuration does not mean: nothing, if it was accepted."""
    match said, meant:
        case dict(), dict():
            return [
                f"{key}: {found}"
                for key, value in said.items()
                for found in (unsaid(value, meant[key]) if key in meant else ["not there"])
            ]
        case list(), list() | tuple() if len(said) == len(meant):
            return [found for a, b in zip(said, meant, strict=True) for found in unsaid(a, b)]
        case str(), str():
            same = said == meant or Path(meant).is_absolute()  # a path, resolved
            return [] if same else [f"{said!r} as {meant!r}"]
    return (
        []
        if said == meant and isinstance(said, bool) == isinstance(meant, bool)
        else [f"{said!r} as {meant!r}"]
    )


def check(text: str, path: Path) -> None:
    """That an accepted configuration means what its file says, is in range and can be used."""
    config = load_config(path)
    meant = msgspec.to_builtins(config, enc_hook=str)
    for stream in meant["stream"]:
        stream |= stream.pop(INNER)  # in the file its task's keys stand among the others
    assert not unsaid(tomllib.loads(text.removeprefix("\ufeff")), meant)
    for key, value in leaves(meant):
        if isinstance(value, int | float) and not isinstance(value, bool):
            low, high = RANGES[key]
            assert low <= value <= high, f"{key} = {value}"
        if isinstance(value, str):
            assert "\x00" not in value or key == "url", f"{key} = {value!r}"
    config.lanes()
    config.outbox.limits()
    for stream in config.streams:
        assert len(task_for(stream.options).typical(stream.options)) >= 1
        for corners in stream.options.outlines():
            assert all(abs(side) <= 10**6 for corner in corners for side in corner)


def test_a_mutated_configuration_is_refused_or_means_what_it_says(tmp_path: Path) -> None:
    """Bytes, tokens, values of other types, depths and sizes: a `ConfigError`, or all as said."""
    path, taken = tmp_path / "agent.toml", 0
    with bounded_memory():
        for number in numbers(COUNT):
            rng = draw("config", number)
            text = rng.choice((EXAMPLE, SMALL, SMALL))
            by_bytes = rng.random() < 0.5
            data = hurt(text.encode(), rng, PIECES) if by_bytes else changed(text, rng)
            path.write_bytes(data)
            with judged("config", number, data):
                try:
                    load_config(path)
                except ConfigError as refusal:
                    words = str(refusal)
                    assert words.startswith(f"{path}: ")
                    continue
                taken += 1
                check(data.decode(), path)
    report("configurations", taken, len(numbers(COUNT)))
    assert len(numbers(COUNT)) / 50 < taken < len(numbers(COUNT)) * 0.9


def test_the_judge_of_configurations_judges() -> None:
    """Must fire: a key that is dropped, a value that is another, a type that is another."""
    assert unsaid({"a": 1}, {}) == ["a: not there"]
    assert unsaid({"a": [1, 2]}, {"a": [1, 3]}) == ["a: 2 as 3"]
    assert unsaid({"a": True}, {"a": 1}) == ["a: True as 1"]
    assert unsaid({"a": "x"}, {"a": "y"}) == ["a: 'x' as 'y'"]
    assert not unsaid({"a": "x", "b": [1.5]}, {"a": "/etc/x", "b": [1.5], "c": 3})
    assert list(leaves({"a": {"b": [1, [2]]}})) == [("b", 1), ("b", 2)]
    value = {"é": [1.5, "\x00", True]}
    assert tomllib.loads(f"a = {written(value)}") == {"a": value}
