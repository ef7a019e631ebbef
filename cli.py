"""The command line: the list of commands. Heavy imports happen inside them."""

import click

import zoo
from bench.commands.bench import bench
from bench.commands.compare import compare
from bench.commands.doctor import doctor
from bench.commands.list_ import list_
from bench.commands.quickstart import quickstart
from bench.commands.report import report
from zoo.commands.diff import diff
from zoo.commands.export import export
from zoo.commands.group import ZooGroup
from zoo.commands.predict import predict
from zoo.commands.samples import samples
from zoo.commands.show import show
from zoo.commands.test import test
from zoo.commands.train import train
from zoo.commands.verify import verify
from zoo.machine.threads import spin_briefly


@click.group(cls=ZooGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zoo.__version__, message="%(version)s")
def main() -> None:
    """Train image classifiers, export them to ONNX, and measure them on any runtime."""
    spin_briefly()


for command in (
    *(train, test, samples, export, verify, predict, show, diff),
    *(bench, compare, report, doctor, list_, quickstart),
):
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="cli.py")
