"""Write anew the parts of README.md and docs/ that are made from other files.

Each stands between two marks: the figures of the benchmarks (benchmarks/results), the table of
recipes (recipes/measured.json), that of the architectures (pipeline/models/zoo.py), every key of
agent.toml (deploy/agent.example.toml). A test compares, so none of them can fall behind.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))


def main() -> None:
    """Write every page that would differ."""
    for path, text in pages():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}: written\n")


def pages() -> Iterator[tuple[Path, str]]:
    """Each page, as it should be."""
    from record.page import text

    yield page(ROOT / "docs" / "benchmarks.md", "figures", text())
    yield page(ROOT / "README.md", "recipes", recipes())
    yield page(ROOT / "docs" / "reference" / "zoo.md", "zoo", zoo())
    example = (ROOT / "deploy" / "agent.example.toml").read_text(encoding="utf-8")
    yield page(ROOT / "docs" / "reference" / "agent.md", "example", f"```toml\n{example}```")


def page(path: Path, part: str, text: str) -> tuple[Path, str]:
    """The page at `path` with what stands between the marks of `part` replaced.

    Raises:
        ValueError: the page does not have the marks.
    """
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{path}: expected {begin} and {end}, found none")
    return path, f"{before}{begin}\n{text}\n{end}{after}"


def recipes() -> str:
    """A row a recipe: what it does, its data, how good it is, what it takes."""
    from pipeline.catalogue.folder import recipe_folder
    from pipeline.catalogue.measured import measured

    head = "| recipe | task | data | int8, by the device's code | file | takes |\n|" + "---|" * 6
    rows = [
        f"| `{name}` | {row.reads} | {row.data} | {row.answers} | {row.size} | {row.time} |"
        for name, row in measured(recipe_folder()).items()
    ]
    return "\n".join([head, *rows])


def zoo() -> str:
    """A row an architecture: who described it, what it takes, and what others got out of it."""
    from pipeline.models.zoo import ZOO

    head = (
        "| `arch` | family | described by | parameters | million MACs | at | top-1 of others "
        "| `all-small` |\n|" + "---|" * 8
    )
    rows = [
        f"| `{known.name}` | {known.family} | {known.paper} | {known.parameters:,} "
        f"| {known.macs / 1e6:.0f} | {known.side} "
        f"| {'' if known.top1 is None else f'{known.top1:.2f} % ({known.top1_source})'} "
        f"| {'yes' if known.small else ''} |"
        for known in ZOO
    ]
    return "\n".join([head, *rows])


if __name__ == "__main__":
    main()
