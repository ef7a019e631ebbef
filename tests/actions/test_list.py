"""`list` says what the catalogs hold, and what it says of the data is true."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.actions.list_ import LISTINGS, as_texts, list_things, markdown_table
from zoo.artifacts.publishing import publish, publishing
from zoo.data import load
from zoo.errors import ZooError
from zoo.specs.catalog import MODELS


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """Two artifacts, of which one has no int8."""
    shares = {"correct": 98_765, "images": 100_000, "share": 0.98765, "low": 0.98, "high": 0.99}
    accuracy = {"accuracy": shares}
    for name, precisions in (("mlp", ["fp32", "int8"]), ("cnn", ["fp32"])):
        facts = {
            "model": name,
            "dataset": "digits",
            "parameters": 1234,
            "macs": 1000,
            "trained": {"epochs": 1.0, "pflop": 0.1, "seconds": 3.0},
            "with_views": None,
            "precisions": {key: accuracy | {"file": f"{key}.onnx"} for key in precisions},
        }
        with publishing(f"{name}-digits", tmp_path) as folder:
            for key in precisions:
                (folder / f"{key}.onnx").write_bytes(bytes(3000))
            publish(f"{name}-digits", facts, folder)
    return tmp_path


def test_exports_are_listed_with_accuracy_and_size(exports: Path) -> None:
    cnn, mlp = list_things("exports", exports=exports)
    assert (cnn["export"], cnn["parameters"], cnn["int8"]) == ("cnn-digits", 1234, None)
    assert mlp["fp32"] == {"accuracy": 0.98765, "bytes": 3000}
    mlp = as_texts(mlp)
    assert (mlp["fp32"], mlp["fp16"], mlp["int8"]) == ("98.77%, 2 KiB", "-", "98.77%, 2 KiB")
    assert mlp["parameters"] == "1,234"
    assert list_things("exports", exports=exports / "none") == []


def test_the_table_shows_fp16_where_a_model_has_it(exports: Path) -> None:
    def heads() -> list[str]:
        return [cell.strip() for cell in markdown_table(exports).split("\n")[0].split("|")][5:-1]

    assert heads() == ["with views", "accuracy, int8", "size, fp32 and int8", "to train"]
    path = exports / "manifest.json"
    manifest = json.loads(path.read_text())
    entry = manifest["artifacts"]["mlp-digits"]
    share = {"correct": 9, "images": 10, "share": 0.9, "low": 0.8, "high": 0.95}
    entry["precisions"]["fp16"] = {"accuracy": share, "file": "fp16.onnx"}
    entry["files"]["fp16.onnx"] = {"sha256": "0", "bytes": 150_000}
    path.write_text(json.dumps(manifest))
    rounded = ["accuracy, fp16", "accuracy, int8", "size, fp32, fp16 and int8"]
    assert heads() == ["with views", *rounded, "to train"]
    _, dashes, cnn, mlp = markdown_table(exports).split("\n")
    assert dashes == "|---" * 9 + "|"
    assert "| - | - | 3 kB, -, - |" in cnn
    assert "| 90.00% | 98.77% | 3 kB, 0.1 MB, 3 kB |" in mlp


@pytest.mark.parametrize("name", ["dataset", "parameters", "precisions", "trained"])
def test_a_manifest_that_lacks_something_is_named(exports: Path, name: str) -> None:
    path = exports / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["artifacts"]["cnn-digits"][name]
    path.write_text(json.dumps(manifest))
    with pytest.raises(ZooError, match=rf"manifest\.json is damaged.*{name}"):
        list_things("exports", exports=exports)


def test_runs_are_listed_with_what_became_of_them(
    digits_run: Callable[[str], Path], in_folder: Path
) -> None:
    from zoo.actions.test import test

    assert list_things("runs") == []
    run = Path(shutil.copytree(digits_run("mlp"), in_folder / "runs" / "mlp-digits"))
    (row,) = map(as_texts, list_things("runs"))
    assert (row["run"], row["state"], row["model"]) == ("mlp-digits", "finished", "mlp")
    assert (row["dataset"], row["seed"], row["accuracy"]) == ("digits", "0", "-")
    found = test("mlp-digits")
    assert list_things("runs")[0]["accuracy"] == found.accuracy.share
    (run / "run.json").write_text("{")
    (row,) = map(as_texts, list_things("runs"))
    assert (row["state"], row["model"]) == ("damaged", "-")


@pytest.mark.parametrize("what", LISTINGS)
def test_all_rows_have_the_same_filled_columns_the_name_first(
    what: str, exports: Path, digits_run: Callable[[str], Path], in_folder: Path
) -> None:
    shutil.copytree(digits_run("mlp"), in_folder / "runs" / "mlp-digits")
    rows = list_things(what, exports=exports)
    assert len({tuple(row) for row in rows}) == 1
    assert next(iter(rows[0])) == what.removesuffix("s")
    for row in map(as_texts, rows):
        assert all(isinstance(text, str) and text for text in row.values())
        assert not any(set(text) & set("\t\r\n") for text in row.values())


def test_every_model_of_the_catalog_is_listed() -> None:
    assert [row["model"] for row in list_things("models")] == list(MODELS)


def test_the_named_datasets_are_listed() -> None:
    names = {row["dataset"] for row in list_things("datasets")}
    assert names == {"digits", "cifar10", "cifar100", "mnist", "fashion-mnist"}


def test_what_is_said_of_the_digits_is_what_they_are() -> None:
    data = load("digits")
    (row,) = [row for row in list_things("datasets") if row["dataset"] == "digits"]
    assert row["classes"] == len(data.class_names)
    assert row["images"] == (len(data.train), len(data.test))
    assert row["size"] == data.image_shape
    texts = as_texts(row)
    assert texts["images"] == f"{len(data.train):,} + {len(data.test):,}"
    assert texts["size"] == "x".join(str(side) for side in data.image_shape)
    assert row["where"] == "embedded"


def test_a_local_copy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZOO_DATA", raising=False)
    (tmp_path / "cifar10" / "train").mkdir(parents=True)
    where = {row["dataset"]: row["where"] for row in list_things("datasets", tmp_path)}
    assert where["cifar10"] == str(tmp_path / "cifar10")
    assert where["cifar100"] == "download"
