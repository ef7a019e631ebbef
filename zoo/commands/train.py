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
    verbose_option,
)
from zoo.errors import command


@click.command(short_help="Train a model by its recipe.")
@click.argument("model")
@data_option
@data_dir_option
@size_option
@grey_option
@skip_bad_option
@click.option(
    "--validate", type=ShareType(), help="Training images to hold out for validation: 5000 or 10%."
)
@click.option("--epochs", type=float, help="Epochs to train.  [default: the recipe's]")
@click.option("--batch", type=int, help="Images per step.  [default: the recipe's]")
@click.option("--lr", type=float, help="Peak learning rate.  [default: the recipe's]")
@click.option("--quick", is_flag=True, default=None, help="Train the recipe's shorter schedule.")
@click.option(
    "--flip/--no-flip", default=None, help="Also train on mirror images (not for digits)."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Random seed; the same one gives the same weights (for transfer: with "
    "--latents-runtime and --precision fixed).  [default: 0]",
)
@device_option
@click.option(
    "--precision", metavar="auto|fp32|bf16|fp16", help="Precision to train in.  [default: auto]"
)
@click.option("--sub-batches", type=int, help="Split each batch into N parts to save memory.")
@click.option(
    "--compile", is_flag=True, default=None, help="Compile the network with torch.compile."
)
@click.option(
    "--cuda-graph/--no-cuda-graph",
    default=None,
    help="On a GPU, replay each step from a CUDA graph.",
)
@click.option(
    "--keras-backend",
    metavar="torch|tensorflow|jax",
    help="For Keras models: the backend of Keras.  [default: torch]",
)
@click.option(
    "--backbone",
    metavar="NAME",
    help="For transfer: a torchvision network or a model of this zoo; for transfer-keras: one of "
    "keras.applications.  [default: inception_v3, InceptionV3]",
)
@click.option(
    "--backbone-size", type=int, metavar="N", help="For transfer: image size shown to the backbone."
)
@click.option(
    "--backbone-resize",
    metavar="bilinear|bicubic",
    help="For transfer: how images are resized to that.",
)
@click.option(
    "--backbone-layer",
    metavar="pooled|maps|NAME",
    help="For transfer: take latents after or before the last pooling, or from the layer of that "
    "name, with all that follows it cut off.  [default: pooled]",
)
@click.option(
    "--backbone-grid",
    type=int,
    metavar="N",
    help="For transfer: average the maps of that layer to NxN values each.  [default: 1 for a "
    "named layer; maps as they are]",
)
@click.option(
    "--backbone-init",
    metavar="random",
    help="For transfer: random weights, as a baseline or for tests.",
)
@click.option(
    "--weights",
    metavar="FILE",
    help="For transfer: the backbone's weights (safetensors or a torch state dict; for "
    "transfer-keras: .weights.h5 or .keras).",
)
@click.option(
    "--flip-average",
    is_flag=True,
    default=None,
    help="For transfer: average the latents of an image and its mirror image.",
)
@click.option(
    "--head",
    metavar="linear|hidden|N",
    help="For transfer: a linear head, or one hidden layer of 512 or N units.  [default: the "
    "better of linear and hidden]",
)
@click.option(
    "--finetune",
    is_flag=True,
    default=None,
    help="For transfer: then train the whole network; --epochs, --batch and --lr apply to that "
    "stage.",
)
@click.option(
    "--latents-runtime",
    metavar="torch|onnxruntime",
    help="For transfer: what computes the latents; fix it and --precision to get the same weights "
    "again."
    "  [default: the one that computed the cached latents, else the fastest measured]",
)
@run_option
@exports_option
@click.option("--resume", is_flag=True, help="Continue a run that was stopped.")
@click.option("--overwrite", is_flag=True, help="Replace an existing run.")
@verbose_option
def train(
    model: str,
    data_dir: Path | None,
    run: Path | None,
    exports: Path | None,
    resume: bool,
    overwrite: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Train MODEL by its recipe, on CIFAR-10 by default."""
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
        progress=progress_for(verbose=verbose),
    )
    say(f"weights   {done.weights}")
    say(f"history   {done.history}")
    say(f"curves    {done.curves}")
    meant = (model, "--run", run) if run else (done.folder.name,)
    say(f"next      {command('test', *meant)}")
