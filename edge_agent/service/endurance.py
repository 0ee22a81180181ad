"""How long the outbox holds without a broker: an estimate, before it is needed."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.config import AgentConfig
from edge_agent.contract.messages import BundleRef, ResultMessage, encode_message
from edge_agent.contract.topics import Topics
from edge_agent.outbox.outbox import WhenFull
from edge_agent.sources.config import FileConfig
from edge_agent.stream.config import StreamConfig
from edge_agent.tasks.kinds import Answer
from edge_agent.tasks.registry import task_for

# A weekend away is common; a night is the least.
ENOUGH_H = 24.0
SHORT_REMEDY = (
    "raise outbox.max_mb, publish less (interval_s, publish.when), or keep a coarse history of "
    'longer with outbox.when_full = "thin"'
)
# Of a source that does not say how fast it is, at `interval_s = 0`.
FASTEST_PER_S = 30.0
# By so many of the newest stored results it is measured how long they are.
SAMPLE = 200


@dataclass(frozen=True)
class Endurance:
    """How long the outbox holds.

    Args:
        hours: at `per_s`, from empty; None where no results come at a known rate.
        results: how many fit.
        per_s: results a second, as configured, at the most.
        bytes_each: of a result, on average.
        measured: whether those are of stored results; else of typical ones.
        news: streams that publish what is new, which no rate tells.
        guessed: streams whose rate is not known: as fast as their model, of any source.
    """

    hours: float | None
    results: int
    per_s: float
    bytes_each: float
    measured: bool
    news: tuple[str, ...]
    guessed: tuple[str, ...]

    def __str__(self) -> str:
        size = f"{self.bytes_each:.0f} bytes each, {'measured' if self.measured else 'estimated'}"
        if self.hours is None:
            text = f"holds about {self.results} results ({size})"
        else:
            rate = f"{self.per_s:.3g} result{'' if self.per_s == 1 else 's'} a second"
            text = f"holds about {_hours(self.hours)} at {rate} ({size})"
        if self.guessed:
            text += (
                f"; {', '.join(self.guessed)}: as fast as the model, if that is {FASTEST_PER_S:g}"
            )
        if self.news:
            text += f"; what is news of {', '.join(self.news)} comes on top"
        return text


def too_short(holds: Endurance, when_full: WhenFull) -> bool:
    """Whether a day without a broker leaves nothing of its beginning, as far as is known."""
    if holds.hours is None or holds.guessed or when_full == "thin":
        return False
    return holds.hours < ENOUGH_H


def endurance(config: AgentConfig) -> Endurance:
    """How long the outbox that `config` describes holds."""
    known = {stream.name: _per_s(stream) for stream in config.streams}
    guessed = tuple(name for name, per_s in known.items() if per_s is None)
    rates = {
        stream.name: len(_usual(stream)) * FASTEST_PER_S
        if (per_s := known[stream.name]) is None
        else per_s
        for stream in config.streams
    }
    per_s = sum(rates.values())
    measured = _measured(config.outbox.path)
    if measured is not None:
        bytes_each = measured
    else:
        # Where no rate is known all count alike.
        weights = [rates[stream.name] if per_s else 1.0 for stream in config.streams]
        sizes = [_typical(config.device.name, stream) for stream in config.streams]
        bytes_each = sum(w * s for w, s in zip(weights, sizes, strict=True)) / sum(weights)
    results = int(config.outbox.limits().max_bytes / bytes_each)
    hours = results / per_s / 3600 if per_s else None
    if hours is not None and config.outbox.max_age_h is not None:
        hours = min(hours, config.outbox.max_age_h)
    return Endurance(
        hours,
        results,
        per_s,
        bytes_each,
        measured is not None,
        tuple(s.name for s in config.streams if s.publish.when == "changed"),
        guessed,
    )


def _per_s(stream: StreamConfig) -> float | None:
    """Results a second at the most; of a stream that publishes news, its heartbeats.

    None where that depends on the model alone.
    """
    regions = len(_usual(stream))
    if stream.publish.when == "changed":
        every_s = stream.publish.at_least_every_s
        return regions / every_s if every_s else 0.0
    if stream.interval_s:
        return regions / stream.interval_s
    most_per_s = None if isinstance(stream.source, FileConfig) else stream.source.most_per_s
    return None if most_per_s is None else regions * most_per_s


def _measured(path: Path) -> float | None:
    """Bytes of a stored result; None where none are stored, or they cannot be looked at."""
    if not path.is_file():
        return None
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)
    except sqlite3.Error:
        return None
    try:
        (found,) = db.execute(
            "SELECT avg(size) FROM (SELECT length(CAST(topic AS BLOB)) + length(payload) AS size "
            "FROM message ORDER BY id DESC LIMIT ?)",
            (SAMPLE,),
        ).fetchone()
    except sqlite3.Error:
        return None  # a running agent has it
    finally:
        db.close()
    return None if found is None else float(found)


def _typical(device: str, stream: StreamConfig) -> float:
    """Bytes of topic and payload of a usual result of `stream`."""
    answers = _usual(stream)
    topic = Topics(device).result(stream.name)
    lengths = [len(_message(device, stream.name, answer)) for answer in answers]
    return len(topic.encode()) + sum(lengths) / len(lengths)


def _usual(stream: StreamConfig) -> tuple[Answer, ...]:
    """Usual answers about one frame."""
    return task_for(stream.options).typical(stream.options)


def _message(device: str, stream: str, answer: Answer) -> bytes:
    return encode_message(
        ResultMessage(
            device=device,
            stream=stream,
            boot="0" * 12,
            seq=100_000,
            frame=100_000,
            captured_at=datetime(2026, 1, 1, 0, 0, 0, 123456, UTC),
            latency_ms=11.517,
            bundle=BundleRef(name="digits", id="0" * 12),
            result=answer,
        )
    )


def _hours(hours: float) -> str:
    return f"{hours:.0f} h" if hours >= 2 else f"{60 * hours:.0f} min"
