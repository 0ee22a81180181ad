"""`edgeward weights`, behind its options; imports wait until it runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.command_line.choices import Action, argument
from pipeline.command_line.options import DataRoot


def weights_command(
    action: Annotated[Action, argument(Action, "list, fetch, verify or import.")] = Action.LIST,
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="ARCH_or_FILE",
            help="The network whose weights to fetch or verify, or hf:…; the file to import.",
        ),
    ] = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="What an imported file is called.")
    ] = None,
    data_root: DataRoot = None,
) -> None:
    """List, fetch, verify or import trained weights to start from."""
    from pipeline.data.root import data_root as root_of

    if as_ is not None and action is not Action.IMPORT:
        raise typer.BadParameter("expected with import only", param_hint="--as")
    root = root_of(data_root)
    if action is Action.LIST:
        _list(what, root)
    elif action is Action.FETCH:
        _fetch(_needed(what, action), root)
    elif action is Action.VERIFY:
        _verify(what, root)
    else:
        _import(Path(_needed(what, action)), as_)


def _needed(what: str | None, action: Action) -> str:
    if what is None:
        raise typer.BadParameter(f"expected after {action}", param_hint="ARCH_or_FILE")
    return what


def _list(what: str | None, root: Path) -> None:
    from pipeline.weights.listing import listing

    if what is not None:
        raise typer.BadParameter("expected with fetch, verify or import", param_hint=what)
    for line in listing(root):
        typer.echo(line.rstrip())


def _fetch(what: str, root: Path) -> None:
    from pipeline.common.progress import open_progress
    from pipeline.weights.find import fetch_known, find_known
    from pipeline.weights.hub import find_in_hub, hub_weights
    from pipeline.weights.known import HUB
    from pipeline.weights.listing import row_of

    if what.startswith(HUB):
        try:
            wanted = hub_weights(what)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="ARCH_or_FILE") from error
        typer.echo(f"weights {find_in_hub(wanted)}")
        return
    row = row_of(what)
    found = find_known(row, root) or fetch_known(row, root, open_progress(sys.stderr))
    typer.echo(f"weights {found.path}")


def _verify(what: str | None, root: Path) -> None:
    from pipeline.common.errors import WeightsError
    from pipeline.weights.known import KNOWN
    from pipeline.weights.listing import row_of, verified

    wrong = []
    for row in KNOWN if what is None else [row_of(what)]:
        for line, error in verified(row, root):
            typer.echo(line)
            if error is not None:
                wrong.append(error)
    if wrong:
        raise WeightsError("; ".join(wrong))


def _import(path: Path, name: str | None) -> None:
    from pipeline.weights.keep import keep

    typer.echo(f"weights {keep(path, name)}")
