"""docs/benchmarks.md: its table, from the results that are kept."""

from collections.abc import Iterator
from pathlib import Path

from daemon.figures import Figure
from record.results import RESULTS, Run, runs

# The order of the page: each subject with the benchmarks that speak of it.
SUBJECTS = {
    "Accuracy": ("accuracy", "peer_accuracy", "made_to_hurt", "recurrent"),
    "Few pictures": ("transfer", "zoo"),
    "Reading": ("ocr", "dates", "false_readings", "dials"),
    "Conversion and training": ("converters", "training_loop"),
    "The agent": ("agent", "publishing", "soak", "capture", "device"),
    "All of it": ("demo",),
}
HEADER = "| figure | measured | target | met | by | date |\n|---|---|---|---|---|---|"


def text(folder: Path = RESULTS) -> str:
    """How many targets are met; for each subject its figures, and the commands that give them."""
    kept = {subject: _runs(names, folder) for subject, names in SUBJECTS.items()}
    shown = [
        figure
        for named in kept.values()
        for run in named.values()
        for figure in run.figures
        if figure.on_page
    ]
    judged = [figure.met for figure in shown if figure.met is not None]
    parts = [f"{sum(judged)} of {len(judged)} targets are met; those that are not stand out below."]
    for subject, named in kept.items():
        rows = [row for label, run in named.items() for row in _rows(label, run)]
        commands = [_command(label, run) for label, run in named.items()]
        if rows:
            parts.append("\n".join([f"### {subject}\n", HEADER, *rows, "", *commands]))
    return "\n\n".join(parts)


def _runs(names: tuple[str, ...], folder: Path) -> dict[str, Run]:
    """The runs of some benchmarks by a short label: the name, numbered where it has several."""
    found = {}
    for name in names:
        kept = runs(name, folder)
        words = name.replace("_", "-")
        for number, run in enumerate(kept, 1):
            found[words if len(kept) == 1 else f"{words} {number}"] = run
    return found


def _rows(label: str, run: Run) -> Iterator[str]:
    for figure in run.figures:
        if figure.on_page:
            met = {None: "", True: "met", False: "**not met**"}[figure.met]
            cells = (figure.name, _measured(figure), figure.target, met, label, run.date)
            yield f"| {' | '.join(cells)} |"


def _command(label: str, run: Run) -> str:
    where = f"{run.machine.cpu}; {run.machine.cores} cores"
    note = f". {run.note}" if run.note else ""
    return f"- {label}: `{run.command}` ({where}){note}"


def _measured(figure: Figure) -> str:
    beside = f" ({figure.beside})" if figure.beside else ""
    return f"**{figure.amount}**{beside}"
