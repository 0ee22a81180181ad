r"""What a person says of crops: in the terminal one by one, or all at once in a file.

An answer is the text that the crop shows, with these exceptions: `-` passes the crop over, and a
backslash takes a meaning away: `\-` is the text `-`, `\\` a backslash, and `\` alone says that
nothing is to be read there, which is worth learning, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.common.errors import printable
from pipeline.common.errors import DataError
from pipeline.tasks.ocr.label.folder import LabelEntry, LabelFolder, check_label, source_of

HEADER = ("PATH", "TEXT")
SKIP, QUIT, ESCAPE = "-", "q", "\\"
KEYS = r"Enter: as read   -: skip   q: quit   \: nothing to read there   \-, \q, \\: that text"


@dataclass(frozen=True)
class Done:
    """What has come of some answers.

    Args:
        labelled: how many crops have a label now that had none.
        left: how many have none yet.
    """

    labelled: int
    left: int


def ask(
    entries: Sequence[LabelEntry],
    folder: LabelFolder,
    answer: Callable[[str], str],
    say: Callable[[str], None],
) -> Done:
    """Ask for the text of every crop that has none; each answer is on disk before the next.

    Args:
        entries: the crops.
        folder: where labels go.
        answer: shows a prompt and returns what was typed; EOFError ends.
        say: shows a line.

    Raises:
        CropError: a crop's picture is missing or damaged.
    """
    open_ = [entry for entry in entries if entry.label is None]
    labelled = 0
    if open_:
        say(KEYS)
    for number, entry in enumerate(open_, start=1):
        for line in _introduction(entry, f"{number}/{len(open_)}"):
            say(line)
        try:
            text = _text(entry, answer, say)
        except EOFError:
            say("")  # the prompt's line is still open
            break
        if text is not None:
            folder.add(entry, text)
            labelled += 1
    return Done(labelled, len(open_) - labelled)


def _introduction(entry: LabelEntry, place: str) -> tuple[str, str]:
    record = entry.crop.record
    return (
        f"{place}  {source_of(record)}  {entry.seen:%Y-%m-%d %H:%M:%S}  "
        f"{record.state}: {printable(record.why)}",
        f"  {entry.crop.picture}",
    )


def _text(
    entry: LabelEntry, answer: Callable[[str], str], say: Callable[[str], None]
) -> str | None:
    """What is typed for one crop; None passes it over.

    Raises:
        EOFError: nothing more is to be asked.
    """
    read = entry.crop.record.text
    prompt = f"  text [{printable(read)}]: " if read else "  text (nothing was read; Enter skips): "
    while True:
        typed = answer(prompt)
        if typed == QUIT:
            raise EOFError
        text = (read or None) if not typed else unescaped(typed)
        try:
            check_label(text or "", "label")
        except DataError as error:
            say(f"  {error}")
        else:
            return text


def unescaped(answer: str) -> str | None:
    """The text that an answer stands for; None where it passes the crop over."""
    if answer in ("", SKIP):
        return None
    return answer.removeprefix(ESCAPE)


def take(entries: Sequence[LabelEntry], folder: LabelFolder, table: Path) -> Done:
    """Label crops by the lines PATH tab TEXT of a file, as `edgeward label --sheet` begins one.

    What follows a second tab is for the reader. Lines whose text is empty are for later. The
    whole file is checked before the first label is written.

    Raises:
        DataError: a line that is none, a crop that is not there, or one with another label.
        CropError: a crop's picture is missing or damaged.
    """
    known = {entry.name: entry for entry in entries}
    new: dict[str, str] = {}
    for place, name, text in _answers(table):
        label = folder.labels.get(name)
        if name in new or (name not in known and label is None):
            found = f"{name!r} again" if name in new else f"{name!r}"
            raise DataError(f"{place}: expected a crop that is there, each once, found {found}")
        check_label(text, place)
        if label not in (None, text):
            raise DataError(
                f"{place}: expected {label!r}, the label that {name} has in {folder.path}, "
                f"found {text!r}"
            )
        if label is None:
            new[name] = text
    for name, text in new.items():
        folder.add(known[name], text)
    return Done(len(new), sum(entry.label is None for entry in entries) - len(new))


def _answers(table: Path) -> list[tuple[str, str, str]]:
    """Of each line that answers: its place for errors, the crop's name and its text."""
    try:
        lines = table.read_bytes().decode("utf-8-sig").split("\n")
    except OSError as error:
        raise DataError(f"{table}: expected a table of texts, found: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{table}: expected UTF-8, found otherwise: {error}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        columns = line.rstrip("\r").split("\t")
        place = f"{table}: line {number}"
        if columns == [""] or tuple(columns[:2]) == HEADER:
            continue
        if len(columns) < 2:
            raise DataError(f"{place}: expected PATH tab TEXT, found {len(columns)} column")
        text = unescaped(columns[1])
        if text is not None:
            found.append((place, columns[0], text))
    return found
