"""`edgeward`: parse, build, one call, render; and an exit status for every kind of error.

Each command imports what it needs when it runs: `--help` loads no torch.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent import __version__
from edge_agent.common.errors import AgentError, one_line
from edge_agent.common.exit_codes import ExitCode
from pipeline.architectures.commands import models_command
from pipeline.broker.commands import tell_command, watch_command
from pipeline.catalogue.commands import recipes_command
from pipeline.catalogue.folder import recipe_folder
from pipeline.command_line.choices import CropState, option
from pipeline.command_line.layout import ExampleCommand, GroupedCommands, Panel
from pipeline.command_line.networks import convert_command, doctor_command
from pipeline.command_line.options import DataRoot
from pipeline.command_line.weights import weights_command
from pipeline.common.errors import (
    BudgetError,
    DataError,
    DemoError,
    GateError,
    PipelineError,
    RecipeError,
    RunError,
    TrainError,
    WeightsError,
)
from pipeline.compare.commands import compare_command
from pipeline.explain.commands import explain_command
from pipeline.predict.commands import evaluate_command, predict_command
from quantization.errors import QuantizationError

# The most specific first.
EXIT_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (RecipeError, ExitCode.RECIPE),
    (DataError, ExitCode.DATA),
    (BudgetError, ExitCode.BUDGET),
    (GateError, ExitCode.GATE),
    (RunError, ExitCode.RUN_FOLDER),
    (QuantizationError, ExitCode.QUANTIZATION),
    (WeightsError, ExitCode.WEIGHTS),
    (TrainError, ExitCode.TRAINING),
    (DemoError, ExitCode.DEMO),
)


class _Commands(GroupedCommands):
    """Says what Ctrl-C means; typer would take it for itself and end without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.stderr.write("edgeward: interrupted; the same command goes on from here\n")
            raise typer.Exit(ExitCode.INTERRUPTED) from None


app = typer.Typer(
    name="edgeward",
    cls=_Commands,
    help="Train, prune and quantise a small network, prove it, and run it on devices.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The run folder.")]
RecipeOption = Annotated[
    Path | None,
    typer.Option("--recipe", help="Start or change the run with this recipe."),
]


def main() -> None:
    """Run the command line; exits with a status of `ExitCode`."""
    try:
        app()
    except (PipelineError, QuantizationError, AgentError) as error:
        sys.stderr.write(f"edgeward: {one_line(error)}\n")
        sys.exit(exit_code(error))
    except (OSError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):
            raise
        # torch says with a RuntimeError that there is no memory.
        sys.stderr.write(f"edgeward: {one_line(error)}\n")
        sys.exit(ExitCode.MACHINE)


def exit_code(error: Exception) -> ExitCode:
    """The exit status that stands for `error`."""
    if isinstance(error, AgentError):
        from edge_agent.cli import exit_code as agent_exit_code

        return agent_exit_code(error)
    for kind, code in EXIT_CODES:
        if isinstance(error, kind):
            return code
    return ExitCode.UNEXPECTED


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edgeward {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Train, prune and quantise a small network, prove it, and run it on devices."""


def _command(name: str, group: Panel, example: str) -> Callable[[Any], Any]:
    """Register a command in a group, with a line that can be typed as it stands."""
    return app.command(name, cls=ExampleCommand, epilog=example, rich_help_panel=group)


_command("recipes", Panel.BUILD, "edgeward recipes")(recipes_command)
_command("weights", Panel.BUILD, "edgeward weights fetch mobilenet_v2")(weights_command)
_command("models", Panel.BUILD, "edgeward models")(models_command)


@_command("init", Panel.BUILD, "edgeward init ~/photos/parts")
def init_command(
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES_FOLDER", help="One sub-folder of images per class.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="The recipe to write; default NAME.toml.")
    ] = None,
    from_scratch: Annotated[
        bool,
        typer.Option("--from-scratch", help="Train from nothing, also for photographs."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing recipe.")] = False,
) -> None:
    """Look at a folder of images and write a commented recipe for it.

    Photographs get a network that was trained on others before.
    """
    from pipeline.begin.write import begin_of, missing_weights, write_recipe
    from pipeline.common.progress import open_progress

    begin = begin_of(images)
    summary = begin.inspect(images, open_progress(sys.stderr))
    for line in begin.lines(summary):
        typer.echo(line)
    path = out or Path(f"{images.resolve().name}.toml")
    text = begin.draft(summary, path.parent, from_scratch)
    write_recipe(text, path, overwrite=force)
    lacking = missing_weights(text, str(path))
    if lacking is not None:
        typer.echo(lacking)
    typer.echo(f"recipe {path}; next: edgeward build {path}")


@_command("build", Panel.BUILD, "edgeward build recipes/digits.toml")
def build_command(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.toml", help="The recipe.")],
    data_root: DataRoot = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="The run folder; default runs/NAME, with --arch runs/NAME-architectures."
        ),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            "--arch",
            metavar="NAME,NAME|all-small",
            help="Build each of these architectures, a run folder each, and compare them.",
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            "--tensorboard",
            metavar="FOLDER",
            envvar="EDGEWARD_TENSORBOARD",
            show_envvar=False,
            help="Write each epoch for TensorBoard here, too (edgeward[tensorboard]); "
            "else EDGEWARD_TENSORBOARD.",
        ),
    ] = None,
) -> None:
    """Run every stage whose inputs have changed, and write the report."""
    if tensorboard is not None:
        os.environ["EDGEWARD_TENSORBOARD"] = str(tensorboard)
    if arch is not None:
        _build_each(recipe, arch, out, data_root)
        return
    from pipeline.tasks.recipes import decode_recipe, read_recipe

    # What is wrong with a recipe is said before torch is loaded, which takes seconds.
    decode_recipe(read_recipe(recipe), str(recipe))
    from pipeline.run.build import build
    from pipeline.run.stages.report import report_path
    from pipeline.run.stages.verify import bundle_path
    from pipeline.run.start import open_recipe

    run = open_recipe(recipe, out, data_root, sys.stderr)
    build(run)
    typer.echo(f"bundle {bundle_path(run)}")
    typer.echo(f"report {report_path(run)}")


def _build_each(recipe: Path, arch: str, out: Path | None, data_root: Path | None) -> None:
    from pipeline.architectures.build_all import (
        build_all,
        named_architectures,
        raise_if_none_passed,
        show_outcome,
    )

    arches = named_architectures(arch, recipe, data_root)
    outcome = build_all(recipe, arches, out, data_root, sys.stderr)
    for path in show_outcome(outcome, sys.stdout):
        typer.echo(f"written {path}")
    raise_if_none_passed(outcome)


def _stage_command(name: str, what: str) -> Callable[..., None]:
    def command(run: RunFolder, recipe: RecipeOption = None, data_root: DataRoot = None) -> None:
        from pipeline.run.build import single
        from pipeline.run.start import open_run

        single(open_run(run, recipe, data_root, sys.stderr), name)

    command.__doc__ = f"{what}\n\nOne stage of a run folder; the ones before it must be done."
    return command


for _name, _what in (
    ("train", "Train the network."),
    ("prune", "Prune the trained network and fine-tune it."),
    ("quantize", "Calibrate and quantise the network to int8."),
    ("export", "Lower the network to TFLite and make a candidate bundle."),
    ("verify", "Prove the candidate on held-out data by the device's own code."),
    ("report", "Write the HTML report."),
):
    _command(_name, Panel.BUILD, f"edgeward {_name} runs/digits")(_stage_command(_name, _what))


_command("compare", Panel.BUILD, "edgeward compare runs/digits runs/digits-small")(compare_command)

_DIGITS = "runs/digits/verify/digits.edgeward"
_NETWORK = "model.onnx --calibration photos"
_command("convert", Panel.MODEL, f"edgeward convert {_NETWORK} -o model.tflite")(convert_command)
_command("doctor", Panel.MODEL, f"edgeward doctor {_NETWORK}")(doctor_command)
_command("predict", Panel.MODEL, f"edgeward predict {_DIGITS} photos")(predict_command)
_command("evaluate", Panel.MODEL, f"edgeward evaluate {_DIGITS} labelled")(evaluate_command)
_command("explain", Panel.MODEL, f"edgeward explain {_DIGITS} photo.jpg")(explain_command)
_command("watch", Panel.DEVICE, "edgeward watch --broker mqtt://raspberrypi.local")(watch_command)
_command("tell", Panel.DEVICE, "edgeward tell garage-pi snapshot --save .")(tell_command)


@_command("label", Panel.DEVICE, "edgeward label crops/garage-pi --out crops/labelled")
def label_command(
    crops: Annotated[
        Path, typer.Argument(metavar="CROPS_DIR", help="The crops of an agent, copied from it.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The text folder to make or extend; asks for each text."),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option("--texts", metavar="TSV", help="Take the texts from this file; ask nothing."),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", help="Write a page of the pictures, and a table to fill in, here."),
    ] = None,
    state: Annotated[
        CropState | None, option(CropState, "--state", "Only crops of readings in this state.")
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="With --out: only show what is there and labelled.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Show every crop as a line of JSON.")
    ] = False,
) -> None:
    """Show and label the crops that an agent kept, to train with them."""
    from pipeline.tasks import labeller
    from pipeline.tasks.task import LabelWishes

    if texts is not None and out is None:
        raise typer.BadParameter("expected --out FOLDER with it", param_hint="--texts")
    labeller()(crops, out, LabelWishes(texts, sheet, state, listing=list_, json=json), sys.stdout)


@_command("demo", Panel.BUILD, "edgeward demo --device-python .venv-device/bin/python")
def demo_command(
    broker: Annotated[
        str | None,
        typer.Option("--broker", help="Your own broker, mqtt://HOST[:PORT]; else one is started."),
    ] = None,
    device_python: Annotated[
        Path | None,
        typer.Option("--device-python", help="The device environment's Python interpreter."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="The run folder.")] = Path("runs/demo"),
    frames: Annotated[int, typer.Option("--frames", min=1, help="Scenes to film.")] = 100,
) -> None:
    """Build a reader of digits, and run an agent on it."""
    from pipeline.demo.demo import default_device_python, demo
    from pipeline.run.start import open_recipe

    run = open_recipe(recipe_folder() / "digits.toml", out, None, sys.stderr)
    outcome = demo(run, broker, device_python or default_device_python(), frames)
    typer.echo(f"scenes: {outcome.right} of {outcome.frames} read rightly")
    typer.echo(outcome.line())
    if outcome.lost or outcome.duplicated:
        raise typer.Exit(ExitCode.DEMO)


if __name__ == "__main__":
    main()
