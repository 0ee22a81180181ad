"""`edgeward models`, behind its options; imports wait until it runs."""

import sys
from typing import Annotated

import typer

from pipeline.command_line.options import DataRoot


def models_command(
    measure: Annotated[
        bool,
        typer.Option(
            "--measure", help="Measure size and latency of what was not measured here; minutes."
        ),
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="With --measure: measure everything anew.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Show everything as JSON.")] = False,
    data_root: DataRoot = None,
) -> None:
    """List the architectures: how good, how large, how fast."""
    import msgspec
    from rich.console import Console

    from pipeline.architectures.measurements import kept, kept_file, measure_all, place_name
    from pipeline.architectures.rows import model_rows
    from pipeline.architectures.terminal import show
    from pipeline.catalogue.folder import recipe_folder
    from pipeline.common.progress import open_progress
    from pipeline.data.root import data_root as root_of
    from pipeline.models.zoo import ZOO

    if again and not measure:
        raise typer.BadParameter("expected --measure with it", param_hint="--again")
    path = kept_file()
    if measure:
        known = {} if again else kept(path)
        wanted = tuple(entry for entry in ZOO if entry.name not in known)
        measure_all(wanted, path, open_progress(sys.stderr))
    rows = list(model_rows(kept(path), recipe_folder(), root_of(data_root)))
    if json:
        text = msgspec.json.encode({"measured_on": place_name(), "models": rows})
        typer.echo(msgspec.json.format(text, indent=2).decode())
        return
    show(rows, place_name(), Console(file=sys.stdout, highlight=False))
