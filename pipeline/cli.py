"""`edgeward`: parse, build, one call, render; and an exit status for every kind of error.

Each command imports what it needs when it runs: `--help` loads no torch.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from edge_agent import __version__
from edge_agent.cli import exit_code as agent_exit_code
from edge_agent.common.errors import AgentError, one_line
from edge_agent.common.exit_codes import ExitCode
from pipeline.broker.commands import tell_command, watch_command
from pipeline.common.errors import (
    BudgetError,
    DataError,
    DemoError,
    GateError,
    PipelineError,
    RecipeError,
    RunError,
    TrainError,
)
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
    (TrainError, ExitCode.TRAINING),
    (DemoError, ExitCode.DEMO),
)


class _Commands(TyperGroup):
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
    help="From labelled images to a proven int8 model on the device, publishing over MQTT.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data-root", help="Where data sets are; else EDGEWARD_DATA, else the user's cache."
    ),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The run folder.")]
Mean = Annotated[
    str, typer.Option("--mean", help="Of images: (pixel / 255 - mean) / std; by channel.")
]
Std = Annotated[str, typer.Option("--std", help="Likewise.")]
Resize = Annotated[str, typer.Option("--resize", help="Of images: stretch, crop or letterbox.")]
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
    """From labelled images to a proven int8 model on the device, publishing over MQTT."""


@app.command("build")
def build_command(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.toml", help="The recipe.")],
    data_root: DataRoot = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The run folder; default runs/NAME.")
    ] = None,
) -> None:
    """Run every stage whose inputs have changed, from the data to the report."""
    from pipeline.run.build import build
    from pipeline.run.stages.report import report_path
    from pipeline.run.stages.verify import bundle_path
    from pipeline.run.start import open_recipe

    run = open_recipe(recipe, out, data_root, sys.stderr)
    build(run)
    typer.echo(f"bundle {bundle_path(run)}")
    typer.echo(f"report {report_path(run)}")


def _stage_command(name: str, what: str) -> Callable[..., None]:
    def command(run: RunFolder, recipe: RecipeOption = None, data_root: DataRoot = None) -> None:
        from pipeline.run.build import single
        from pipeline.run.start import open_run

        single(open_run(run, recipe, data_root, sys.stderr), name)

    command.__doc__ = f"{what} One stage of a run folder; the ones before it must be done."
    return command


for _name, _what in (
    ("train", "Train the network."),
    ("prune", "Prune the trained network and fine-tune it."),
    ("quantize", "Calibrate and quantise the network to int8."),
    ("export", "Lower the network to TFLite and make a candidate bundle."),
    ("verify", "Prove the candidate on held-out data with the device's own code."),
    ("report", "Write the HTML report."),
):
    app.command(_name)(_stage_command(_name, _what))


@app.command("init")
def init_command(
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES_FOLDER", help="One sub-folder of images per class.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="The recipe to write; default NAME.toml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing recipe.")] = False,
) -> None:
    """Look at a folder of images and write a commented recipe for it."""
    from pipeline.begin.draft import write_recipe
    from pipeline.begin.init import inspect, summary_lines
    from pipeline.common.progress import open_progress

    summary = inspect(images, open_progress(sys.stderr))
    for line in summary_lines(summary):
        typer.echo(line)
    path = out or Path(f"{images.resolve().name}.toml")
    write_recipe(summary, path, overwrite=force)
    typer.echo(f"recipe {path}; next: edgeward build {path}")


@app.command("convert")
def convert_command(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="The network.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The TFLite file to write.")],
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration",
            metavar="FOLDER_or_NPZ",
            help="Images, or an array (N, ...) as the network takes it; "
            "not needed where the model brings its scales, or with --float.",
        ),
    ] = None,
    mean: Mean = "0",
    std: Std = "1",
    resize: Resize = "stretch",
    method: Annotated[
        str,
        typer.Option("--method", help="minmax, percentile, entropy, mse, or auto."),
    ] = "minmax",
    in_float: Annotated[
        bool, typer.Option("--float", help="Leave the network in float32.")
    ] = False,
    float_layers: Annotated[
        str,
        typer.Option(
            "--float-layers",
            metavar="NAME,NAME",
            help="Leave these layers in float32, by the names of the values they compute.",
        ),
    ] = "",
    equalize: Annotated[
        bool, typer.Option("--equalize", help="Scale channels to like ranges across layers.")
    ] = False,
    correct_bias: Annotated[
        bool,
        typer.Option("--correct-bias", help="Let biases make up for quantised weights."),
    ] = False,
    learned_rounding: Annotated[
        bool, typer.Option("--learned-rounding", help="Round weights as their outputs want it.")
    ] = False,
) -> None:
    """Convert any ONNX network to TFLite, full int8 by default."""
    from pipeline.convert import convert_file, preprocessing_of, recipe_of, summary

    preprocessing = preprocessing_of(mean, std, resize)
    recipe = recipe_of(
        method,
        in_float=in_float,
        float_layers=float_layers,
        equalize=equalize,
        correct_bias=correct_bias,
        learned_rounding=learned_rounding,
    )
    made = convert_file(model, calibration, out, preprocessing, recipe)
    for line in summary(made):
        typer.echo(line)
    typer.echo(f"tflite {out}, {len(made.tflite)} bytes")


@app.command("doctor")
def doctor_command(
    target: Annotated[
        Path, typer.Argument(metavar="RUN_or_MODEL.onnx", help="A run folder, or a network.")
    ],
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration",
            metavar="FOLDER_or_NPZ",
            help="Of a network: images, or an array (N, ...) as it takes it; a run has its own.",
        ),
    ] = None,
    mean: Mean = "0",
    std: Std = "1",
    resize: Resize = "stretch",
    method: Annotated[
        str, typer.Option("--method", help="Of a network: how to quantise it, as for convert.")
    ] = "minmax",
    samples: Annotated[int, typer.Option("--samples", min=1, help="As many are measured on.")] = 32,
    remedies: Annotated[
        bool,
        typer.Option("--remedies/--no-remedies", help="Try what helps a network; it takes time."),
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The HTML page to write; default RUN/doctor/doctor.html."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the findings as JSON, too.")
    ] = None,
    data_root: DataRoot = None,
) -> None:
    """Say what int8 costs a network, layer by layer, and why."""
    from pipeline.convert import preprocessing_of, recipe_of
    from pipeline.doctor.cases import open_case
    from pipeline.doctor.examine import report

    preprocessing = preprocessing_of(mean, std, resize)
    recipe = recipe_of(method)
    case = open_case(target, calibration, preprocessing, recipe, samples, data_root, sys.stderr)
    for path in report(case, target, out, json, sys.stdout, remedies=remedies):
        typer.echo(f"written {path}")


app.command("predict")(predict_command)
app.command("evaluate")(evaluate_command)
app.command("watch")(watch_command)
app.command("tell")(tell_command)


@app.command("label")
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
        str | None, typer.Option("--state", help="Only what was held, or rejected.")
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="With --out: only show what is there and labelled.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Show every crop as a line of JSON.")
    ] = False,
) -> None:
    """Show the crops that an agent kept, and label them to train with them."""
    from pipeline.label.command import Wishes, label

    if texts is not None and out is None:
        raise typer.BadParameter("expected --out FOLDER with it", param_hint="--texts")
    if state not in (None, "held", "rejected"):
        raise typer.BadParameter(f"expected held or rejected, found {state}", param_hint="--state")
    label(crops, out, Wishes(texts, sheet, state, listing=list_, json=json), sys.stdout)


@app.command("demo")
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
    """Train, prune, quantise, verify, run the agent and receive its results, on real digits."""
    from pipeline.demo.demo import default_device_python, demo
    from pipeline.run.start import open_recipe, recipe_folder

    run = open_recipe(recipe_folder() / "digits.toml", out, None, sys.stderr)
    outcome = demo(run, broker, device_python or default_device_python(), frames)
    typer.echo(f"scenes: {outcome.right} of {outcome.frames} read rightly")
    typer.echo(outcome.line())
    if outcome.lost or outcome.duplicated:
        raise typer.Exit(ExitCode.DEMO)


if __name__ == "__main__":
    main()
