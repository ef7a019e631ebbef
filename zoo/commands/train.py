"""`train`: a network or a head, by its recipe."""

from pathlib import Path
from typing import Any

import click

from zoo.commands.console import say
from zoo.commands.parameters import (
    ShareType,
    data_dir_option,
    data_option,
    device_option,
    exports_option,
    grey_option,
    run_option,
    size_option,
    skip_bad_option,
)
from zoo.errors import command


@click.command()
@click.argument("model")
@data_option
@data_dir_option
@size_option
@grey_option
@skip_bad_option
@click.option("--validate", type=ShareType(), help="Hold out images to validate on: 5000 or 10%.")
@click.option("--epochs", type=float, help="Passes over the data.  [default: the recipe's]")
@click.option("--batch", type=int, help="Images a step.  [default: the recipe's]")
@click.option("--lr", type=float, help="Peak learning rate.  [default: the recipe's]")
@click.option("--quick", is_flag=True, default=None, help="The recipe's shorter schedule.")
@click.option(
    "--flip/--no-flip", default=None, help="Whether mirror images keep their class (digits do not)."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Another seed, other weights; the same one, the same weights (of a transfer: with "
    "--latents-runtime and --precision).  [default: 0]",
)
@device_option
@click.option("--precision", metavar="auto|fp32|bf16|fp16", help="Number format.  [default: auto]")
@click.option("--sub-batches", type=int, help="Compute each batch in N parts, to save memory.")
@click.option("--compile", is_flag=True, default=None, help="Go through torch.compile.")
@click.option(
    "--backbone",
    metavar="NAME",
    help="For transfer: a network of torchvision or of this zoo.  [default: inception_v3]",
)
@click.option("--backbone-size", type=int, metavar="N", help="Show it images of this side.")
@click.option(
    "--backbone-resize", metavar="bilinear|bicubic", help="How images get there, if not as usual."
)
@click.option(
    "--backbone-layer",
    metavar="pooled|maps",
    help="Latents behind, or before, its last pooling.",
)
@click.option(
    "--backbone-init", metavar="random", help="Take random weights, as a baseline or for tests."
)
@click.option(
    "--weights", metavar="FILE", help="The backbone's: safetensors, or a torch state dict."
)
@click.option(
    "--flip-average",
    is_flag=True,
    default=None,
    help="Average the latents of an image and its mirror image.",
)
@click.option(
    "--head",
    metavar="linear|hidden|N",
    help="On the backbone, N: hidden units instead of 512.  [default: the better of the two]",
)
@click.option(
    "--finetune",
    is_flag=True,
    default=None,
    help="Then train the whole network; --epochs, --batch and --lr are about that.",
)
@click.option(
    "--latents-runtime",
    metavar="torch|onnxruntime",
    help="What computes its latents. For the same weights again, pin --precision fp32 or bf16, too."
    "  [default: what is cached, else the faster by a measurement, stored with the run]",
)
@run_option
@exports_option
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@click.option("--overwrite", is_flag=True, help="Replace a run that exists.")
def train(
    model: str,
    data_dir: Path | None,
    run: Path | None,
    exports: Path | None,
    resume: bool,
    overwrite: bool,
    **options: Any,
) -> None:
    """Train MODEL by its recipe, on CIFAR-10 unless told otherwise."""
    from zoo.progress import progress_for
    from zoo.specs.catalog import find_model

    find_model(model)
    from zoo.actions.train import train as train_model
    from zoo.runs.options import TrainOptions

    done = train_model(
        model,
        TrainOptions(**options),
        run=run,
        resume=resume,
        overwrite=overwrite,
        data_dir=data_dir,
        exports=exports,
        progress=progress_for(),
    )
    say(f"weights   {done.weights}")
    say(f"history   {done.history}")
    say(f"curves    {done.curves}")
    meant = (model, "--run", run) if run else (done.folder.name,)
    say(f"next      {command('test', *meant)}")
