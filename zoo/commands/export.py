"""`export`: a run as ONNX files."""

import sys
from pathlib import Path

import click

from zoo.commands.console import print_artifact, print_json, print_reproductions
from zoo.commands.parameters import (
    NamesType,
    data_dir_option,
    exports_option,
    json_option,
    run_option,
    verbose_option,
)
from zoo.errors import UsageError


@click.command(short_help="Write a trained model as ONNX files, if they pass the gate.")
@click.argument("model")
@run_option
@data_dir_option
@exports_option
@click.option(
    "--precision",
    type=NamesType(),
    help="Precisions to write.  [default: fp32,fp16,int8, or those that the model supports]",
)
@click.option(
    "--input",
    "form",
    metavar="uint8-nhwc|float32-nchw",
    help="Input: raw pixels, or floats that the caller normalises.  [default: uint8-nhwc]",
)
@click.option("--opset", type=int, help="ONNX opset.  [default: 20]")
@click.option(
    "--publish",
    is_flag=True,
    help="Write to exports/, which git tracks, instead of exports/local/.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Export again, without writing, and say whether the files come out byte for byte the "
    "same.",
)
@click.option(
    "--mend",
    is_flag=True,
    help="Make files from the published fp32 file, without the run: those of --precision that are "
    "missing, with all of the model's files in exports/local/ (or --publish, --exports); without "
    "--precision, in place, an int8 file that some CPUs compute wrongly.",
)
@verbose_option
@json_option
def export(
    model: str,
    run: Path | None,
    data_dir: Path | None,
    exports: Path | None,
    precision: tuple[str, ...] | None,
    form: str | None,
    opset: int | None,
    publish: bool,
    check: bool,
    mend: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Publish the run of MODEL as ONNX files, if they pass the gate.

    With --mend, files of a published model are made from its fp32 file instead.
    """
    from zoo.ort.signature import PIXELS
    from zoo.progress import progress_for

    if publish and exports is not None:
        raise UsageError("--publish and --exports name two folders. Leave one of them out.")
    if mend and (check or form or opset is not None or run is not None):
        raise UsageError(
            "--mend takes a model's name, --precision, --publish, --exports and --data-dir."
        )
    form, progress = form or PIXELS, progress_for(verbose=verbose)
    if check:
        from zoo.actions.check import check as export_again
        from zoo.artifacts.places import PUBLISHED

        if precision or opset is not None:
            raise UsageError(
                "--check rebuilds what was published; leave out --precision and --opset."
            )
        where = PUBLISHED if publish else exports
        found = export_again(model, run=run, form=form, exports=where, progress=progress)
        if as_json:
            print_json(found)
        else:
            print_reproductions(found)
        if not all(file.same for file in found):
            sys.exit(1)
        return
    if mend:
        from zoo.actions.mend import mend as mend_published

        artifact = mend_published(
            model,
            precisions=precision,
            exports=exports,
            publish=publish,
            data_dir=data_dir,
            progress=progress,
        )
    else:
        from zoo.actions.export import export as export_run
        from zoo.ort.compatibility import OPSET

        artifact = export_run(
            model,
            run=run,
            precisions=precision or None,
            form=form,
            opset=OPSET if opset is None else opset,
            exports=exports,
            publish=publish,
            data_dir=data_dir,
            progress=progress,
        )
    if as_json:
        print_json({"id": artifact.id, **artifact.entry})
    else:
        print_artifact(artifact, "in" if mend else "wrote")
