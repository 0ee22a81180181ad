"""`edgeward watch`: results as they arrive, and the proof that none is missing."""

from collections.abc import Callable

from edge_agent.client import Delivery
from edge_agent.client.ledger import Ledger
from edge_agent.common.errors import printable
from edge_agent.contract.messages import (
    AvailabilityMessage,
    HealthMessage,
    ResultMessage,
    StatusMessage,
    encode_message,
)

Say = Callable[[str], None]


def show(delivery: Delivery, ledger: Ledger, say: Say) -> None:
    """Say one delivery in a line, and enter a result into `ledger`."""

    # Whoever may publish could else write on this terminal with control characters.
    def line(text: str) -> None:
        say(printable(text))

    match delivery.message:
        case ResultMessage() as message:
            entry = ledger.record(message)
            if entry.reset:
                line(f"{message.device}/{message.stream}: numbering began anew (outbox was lost)")
            if entry.rival:
                line(f"{message.device}/{message.stream}: two agents speak under this name")
            if entry.gap:
                line(f"{message.device}/{message.stream}: {entry.gap} missing before {message.seq}")
            # Late: it filled a gap, or it waited before it was sent.
            notes = dict.fromkeys((entry.kind, "late" if message.late else "new"))
            note = ", ".join(note for note in notes if note != "new")
            line(result_line(message) + (f"  ({note})" if note else ""))
            for detail in message.result.details():
                line(f"    {detail}")
        case StatusMessage() as message:
            reason = f" ({message.reason})" if message.reason else ""
            line(f"{message.device}: {message.state}{reason}")
        case AvailabilityMessage() as message:
            reason = f" ({message.reason})" if message.reason else ""
            line(f"{message.device}/{message.stream}: source {message.state}{reason}")
        case HealthMessage() as message:
            waits = f"{message.outbox.depth} waiting, {message.outbox.evicted} evicted"
            line(f"{message.device}: up {message.uptime_s:.0f} s, {waits}")


def show_json(delivery: Delivery, ledger: Ledger, say: Say) -> None:
    """Say one delivery as a line of JSON, as it came, and enter a result into `ledger`."""
    if isinstance(delivery.message, ResultMessage):
        ledger.record(delivery.message)
    say(encode_message(delivery.message).decode())


def result_line(message: ResultMessage) -> str:
    """One result for a reader: `door/front #12  cat  98.3 %  4.1 ms`."""
    place = f"{message.device}/{message.stream} #{message.seq:<5}"
    return f"{place} {message.result.headline()}  {message.latency_ms:6.1f} ms"


def account_line(ledger: Ledger) -> str:
    """What was received, lost and duplicated in all."""
    total = ledger.total()
    counted = f"{total.received} received, {total.lost} lost, {total.duplicated} duplicated"
    counted += f", {total.rivals} agents of the same name" if total.rivals else ""
    away = "lost includes what was evicted, and what was sent while nobody watched"
    return f"{counted} ({away})" if total.lost else counted
