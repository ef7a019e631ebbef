"""What takes long to make is made once for all tests, in whichever process asks for it first.

All of it is only looked at: a test that changes something makes a copy.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import onnx
    from torch import nn

    from zoo.artifacts.artifact import Artifact

Make = Callable[[Path], object]
CatalogGraph = Callable[[str, str], "tuple[nn.Module, onnx.ModelProto]"]
# Epochs on digits by which each recipe has learned them, and the accuracy that it then reaches with
# room to spare; tests/specs/test_recipes.py holds each model to it.
REACHED = {
    "mlp": (6, 0.93),
    "mlp-numpy": (20, 0.93),
    "mlp-sklearn": (6, 0.93),
    "logreg-sklearn": (30, 0.93),
    "mlp-keras": (8, 0.93),
    "cnn-keras": (20, 0.93),
    "cnn-jax": (4, 0.93),
    "cnn": (3, 0.93),
    "speednet": (2, 0.93),
    "dense": (6, 0.93),
}
# Digits are images of 8x8 pixels. Large networks learn them from a quarter of the 32x32 pixels that
# they are usually shown as, in a quarter of the time.
SHOWN_AT = {"cnn-keras": (16, 16), "cnn-jax": (16, 16), "speednet": (16, 16), "dense": (16, 16)}


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Make], Path]:
    """The folder of that name, filled by the first process that needs it, while others wait."""
    base = tmp_path_factory.getbasetemp()
    # The processes of pytest-xdist have a folder each, in one that they share.
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made-once"
    root.mkdir(exist_ok=True)

    def folder_of(name: str, make: Make) -> Path:
        from zoo.files import locked

        folder, made = root / name, root / f"{name}.made"
        with locked(root / f"{name}.lock"):
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of one that failed
                folder.mkdir()
                make(folder)
                made.touch()
        return folder

    return folder_of


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="session")
def digits_floors() -> dict[str, float]:
    """By model, the accuracy that its `digits_run` has to reach."""
    return {name: floor for name, (_, floor) in REACHED.items()}


@pytest.fixture(scope="session")
def digits_run(made_once: Callable[[str, Make], Path]) -> Callable[[str], Path]:
    """The folder of a model's run on digits, with a schedule by which it has learned them."""

    def run_of(name: str) -> Path:
        from zoo.specs.catalog import find_model

        framework = find_model(name).framework
        if framework in ("keras", "jax") and find_spec(framework) is None:
            pytest.skip(f"needs the extra {framework}")

        def fill(folder: Path) -> None:
            from zoo.actions.train import train
            from zoo.runs.options import TrainOptions

            in_torch = framework == "pytorch"  # the others know one number format
            options = TrainOptions(
                data="digits",
                size=SHOWN_AT.get(name),
                epochs=REACHED[name][0],
                precision="fp32" if in_torch else None,
            )
            train(name, options, run=folder)

        return made_once(f"{name}-digits", fill)

    return run_of


@dataclass(frozen=True)
class BegunRun:
    """A short training of a model that is too large to be trained to its end here."""

    folder: Path
    losses: list[float]  # of its steps, each summed over the images


@pytest.fixture(scope="session")
def begun_run(made_once: Callable[[str, Make], Path]) -> Callable[[str], BegunRun]:
    """Two epochs of a model on small grey digits."""

    def fill(folder: Path, name: str) -> None:
        from zoo.actions.train import train
        from zoo.frameworks.pytorch.loop import Hook, Trainer
        from zoo.runs.options import TrainOptions

        sums = [0.0]

        class Look(Hook):
            def stepped(self, trainer: Trainer) -> None:
                sums.append(trainer.loss_sum.item())

        options = TrainOptions(data="digits", size=(16, 16), grey=True, epochs=2, precision="fp32")
        train(name, options, run=folder / "run", hooks=(Look(),))
        losses = [after - before for before, after in pairwise(sums)]
        (folder / "losses.json").write_text(json.dumps(losses))

    def run_of(name: str) -> BegunRun:
        folder = made_once(f"{name}-begun", lambda folder: fill(folder, name))
        return BegunRun(folder / "run", json.loads((folder / "losses.json").read_text()))

    return run_of


@pytest.fixture(scope="session")
def digits_artifact(
    made_once: Callable[[str, Make], Path], digits_run: Callable[[str], Path]
) -> "Callable[[str], Artifact]":
    """A model's `digits_run`, published in every precision."""

    def artifact_of(name: str) -> "Artifact":
        from zoo.artifacts.artifact import find_artifact

        run = digits_run(name)

        def fill(folder: Path) -> None:
            from zoo.actions.export import export

            with _one_thread():
                export(name, run=run, exports=folder)

        return find_artifact(name, made_once(f"{name}-digits-exports", fill))

    return artifact_of


@pytest.fixture(scope="session")
def mlp_exports(made_once: Callable[[str, Make], Path], digits_run: Callable[[str], Path]) -> Path:
    """`mlp` of digits, published as fp32 and int8."""

    def fill(folder: Path) -> None:
        from zoo.actions.export import export

        with _one_thread():
            run, exports = digits_run("mlp"), folder / "exports"
            export("mlp", run=run, precisions=("fp32", "int8"), exports=exports)

    return made_once("mlp-exports", fill) / "exports"


@pytest.fixture(scope="session")
def transfer_exports(made_once: Callable[[str, Make], Path]) -> Path:
    """A transfer of digits on a random backbone, published as fp32."""

    def fill(folder: Path) -> None:
        from zoo.actions.export import export
        from zoo.actions.train import train
        from zoo.runs.options import TrainOptions

        options = TrainOptions(
            data="digits",
            epochs=1,
            backbone="squeezenet1_1",
            backbone_size=40,
            backbone_init="random",
            precision="fp32",
            head="linear",
        )
        with _one_thread():
            run = train("transfer", options, run=folder / "run").folder
            export("transfer", run=run, precisions=("fp32",), exports=folder / "exports")

    return made_once("transfer-exports", fill) / "exports"


@pytest.fixture(scope="session")
def catalog_graph(made_once: Callable[[str, Make], Path]) -> CatalogGraph:
    """A model of the catalog as it begins, for 32x32 pixels, and the graph of that input's form."""
    shape = (32, 32, 3)

    def network_of(name: str) -> "nn.Module":
        import torch

        from zoo.specs.catalog import find_model

        torch.manual_seed(0)
        network: nn.Module = find_model(name).build(shape, 10)
        return network

    def graph_of(name: str, form: str) -> "tuple[nn.Module, onnx.ModelProto]":
        import onnx

        def fill(folder: Path) -> None:
            import onnx_ir as ir

            from zoo.frameworks.pytorch.convert import convert

            model = convert(network_of(name), shape, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3), form)
            onnx.save(ir.to_proto(model), folder / "graph.onnx")

        folder = made_once(f"{name}-{form}", fill)
        return network_of(name), onnx.load(folder / "graph.onnx")

    return graph_of
