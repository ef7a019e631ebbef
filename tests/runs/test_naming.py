"""What a run is called, and which one a name means."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from zoo.errors import UsageError, ZooError
from zoo.files import write_json
from zoo.runs.naming import find_run, known_run, list_runs, run_id
from zoo.runs.options import DEFAULTS, TrainOptions
from zoo.runs.run import Run, RunCard
from zoo.specs.recipe import Recipe

CARD = RunCard(
    id="mlp-digits",
    model="mlp",
    options=DEFAULTS,
    recipe=Recipe(3, 1, 32, 0.1),
    dataset="digits",
    fingerprint="f" * 64,
    view="",
    class_names=("0", "1"),
    image_shape=(32, 32, 3),
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    machine="here",
    versions={"torch": "2"},
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Runs of mlp on two datasets, of cnn on one, and beside them what is not one."""
    root = tmp_path / "runs"
    for name, model in (("mlp-digits", "mlp"), ("mlp-mnist", "mlp"), ("cnn-digits", "cnn")):
        write_json(root / name / "run.json", asdict(replace(CARD, id=name, model=model)))
    (root / "notes").mkdir()
    (root / "notes" / "a.txt").write_text("no run")
    return root


@pytest.mark.parametrize(
    ("model", "dataset", "view", "options", "wanted"),
    [
        ("cnn", "cifar10", "", {}, "cnn-cifar10"),
        ("cnn", "cifar10", "16x16", {"seed": 0}, "cnn-cifar10-16x16"),
        ("cnn", "cifar10", "", {"quick": True, "seed": 3}, "cnn-cifar10-quick-s3"),
        ("cnn-keras", "cifar10", "", {"keras_backend": "torch"}, "cnn-keras-cifar10"),
        ("cnn-keras", "digits", "", {"keras_backend": "jax", "seed": 1}, "cnn-keras-digits-jax-s1"),
        ("transfer", "cifar10", "", {"backbone": "inception_v3"}, "transfer-cifar10"),
        ("transfer", "cifar10", "", {"backbone": "mobilenet_v2"}, "transfer-cifar10-mobilenet_v2"),
        (
            *("transfer", "cifar10", "", {"backbone": "speednet-cifar100"}),
            "transfer-cifar10-speednet-cifar100",
        ),
        (
            *("transfer", "cifar10", "", {"backbone_layer": "maps", "backbone_init": "random"}),
            "transfer-cifar10-maps-random",
        ),
        (
            *("transfer", "cifar10", "", {"backbone_layer": "layer2", "backbone_grid": 2}),
            "transfer-cifar10-layer2-2x2",
        ),
        (
            *("transfer", "cifar10", "", {"backbone": "mobilenet_v2", "finetune": True}),
            "transfer-cifar10-mobilenet_v2-finetuned",
        ),
    ],
)
def test_an_id_says_what_is_not_the_default(
    model: str, dataset: str, view: str, options: dict[str, object], wanted: str
) -> None:
    told = TrainOptions(**options)  # type: ignore[arg-type]
    assert run_id(model, dataset, view, told) == wanted


def test_a_finetuned_one_may_be_quick() -> None:
    options = TrainOptions(backbone="mobilenet_v2", finetune=True, quick=True)
    wanted = "transfer-cifar10-mobilenet_v2-finetuned-quick"
    assert run_id("transfer", "cifar10", "", options) == wanted


def test_runs_are_listed_by_name_and_nothing_else_is(root: Path) -> None:
    names = [run.folder.name for run in list_runs(root)]
    assert names == ["cnn-digits", "mlp-digits", "mlp-mnist"]
    assert list_runs(root / "gone") == []


def test_an_id_means_itself_and_a_model_its_only_run(root: Path) -> None:
    assert find_run("mlp-mnist", root=root) == Run(root / "mlp-mnist")
    assert find_run("cnn", root=root) == Run(root / "cnn-digits")


def test_one_of_several_has_to_be_named(root: Path) -> None:
    with pytest.raises(UsageError, match=r"several runs of mlp .*--run \S+/mlp-digits or"):
        find_run("mlp", root=root)
    with pytest.raises(UsageError, match="--backbone mlp-digits or --backbone mlp-mnist"):
        known_run("mlp", root, told="--backbone {}")


def test_a_damaged_run_is_not_in_the_way_of_the_others(root: Path) -> None:
    card = root / "mlp-digits" / "run.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "mean": []}))
    assert find_run("mlp", root=root) == Run(root / "mlp-mnist")
    assert known_run("mlp-digits", root) == Run(root / "mlp-digits")


def test_what_is_not_there_is_said_with_what_to_do(root: Path) -> None:
    assert known_run("speednet", root) is None
    with pytest.raises(ZooError, match=r"no run of speednet in .*Train it first.*train speednet"):
        find_run("speednet", root=root)
    with pytest.raises(UsageError, match=r"there is no model 'spednet'\. Did you mean speednet"):
        find_run("spednet", root=root)


def test_a_folder_that_is_named_has_to_be_a_run(root: Path) -> None:
    assert find_run("mlp", root / "mlp-digits", root) == Run(root / "mlp-digits")
    with pytest.raises(ZooError, match="is not the folder of a run: it has no run"):
        find_run("mlp", root / "notes", root)
