"""The commands of `edgeward` that take any network: `convert` and `doctor`.

Each imports what it needs when it runs, as those in `pipeline.cli` do, which lists them.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.command_line.choices import Method, Resize, option
from pipeline.command_line.options import DataRoot

Mean = Annotated[
    str,
    typer.Option(
        "--mean",
        metavar="NUMBERS",
        help="Mean per channel of images: the network sees (pixel / 255 - mean) / std.",
    ),
]
Std = Annotated[
    str,
    typer.Option("--std", metavar="NUMBERS", help="Standard deviation per channel of images."),
]
ResizeOption = Annotated[
    Resize, option(Resize, "--resize", "How an image is brought to the network's size.")
]


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
    resize: ResizeOption = Resize.STRETCH,
    method: Annotated[
        Method, option(Method, "--method", "How each value's range is found on the samples.")
    ] = Method.MINMAX,
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
        bool,
        typer.Option(
            "--equalize", help="Scale channels so that those of one layer have like ranges."
        ),
    ] = False,
    correct_bias: Annotated[
        bool,
        typer.Option(
            "--correct-bias", help="Take the mean error of rounded weights off each bias."
        ),
    ] = False,
    learned_rounding: Annotated[
        bool,
        typer.Option(
            "--learned-rounding",
            help="Choose up or down for each weight so that the layer's output changes least.",
        ),
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
    resize: ResizeOption = Resize.STRETCH,
    method: Annotated[
        Method, option(Method, "--method", "How each value's range is found; a run has its own.")
    ] = Method.MINMAX,
    samples: Annotated[
        int, typer.Option("--samples", min=1, help="Number of samples to measure on.")
    ] = 32,
    remedies: Annotated[
        bool,
        typer.Option(
            "--remedies/--no-remedies", help="Try which remedies help an ONNX network; minutes."
        ),
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The HTML page to write; default RUN/doctor/doctor.html."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the findings to this file as JSON.")
    ] = None,
    data_root: DataRoot = None,
) -> None:
    """Show what int8 costs a network, layer by layer, and why."""
    from pipeline.convert import preprocessing_of, recipe_of
    from pipeline.doctor.cases import open_case
    from pipeline.doctor.examine import report

    preprocessing = preprocessing_of(mean, std, resize)
    recipe = recipe_of(method)
    case = open_case(target, calibration, preprocessing, recipe, samples, data_root, sys.stderr)
    for path in report(case, target, out, json, sys.stdout, remedies=remedies):
        typer.echo(f"written {path}")
