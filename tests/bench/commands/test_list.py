"""`list runtimes`, `list providers` and `doctor`: each runtime speaks for itself."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.runtimes import registry
from bench.runtimes.registry import RUNTIMES, list_providers
from cli import main
from zoo.errors import UsageError


def printed(*words: str) -> str:
    return CliRunner().invoke(main, words, catch_exceptions=False).stdout


@pytest.mark.parametrize("what", ["runtimes", "providers"])
def test_every_runtime_is_there(what: str) -> None:
    assert {row["runtime"] for row in json.loads(printed("list", what, "--json"))} == {*RUNTIMES}


def test_providers_are_a_line_each() -> None:
    lines = [line.split("\t") for line in printed("list", "providers").splitlines()]
    assert lines == [list(row.values()) for row in list_providers()]


def test_models_are_kept_to_a_family_and_a_framework() -> None:
    def models(*words: str) -> list[str]:
        return [row["model"] for row in json.loads(printed("list", "models", "--json", *words))]

    assert models("--framework", "numpy") == ["mlp-numpy"]
    assert models("--family", "mlp") == ["mlp", "mlp-numpy", "mlp-sklearn", "mlp-keras"]
    assert models("--family", "mlp", "--framework", "pytorch") == ["mlp"]


def test_exports_are_kept_to_a_framework_too() -> None:
    exports = Path(__file__).parents[3] / "exports"
    words = ("list", "exports", "--exports", str(exports))
    every = {row["model"] for row in json.loads(printed(*words, "--json"))}
    rows = json.loads(printed(*words, "--json", "--framework", "pytorch"))
    beside = {"mlp-numpy", "mlp-sklearn", "logreg-sklearn", "cnn-keras", "cnn-jax"}
    assert {row["model"] for row in rows} == every - beside
    table = printed(*words, "--markdown", "--family", "dense")
    assert "dense-cifar10" in table
    assert "cnn-cifar10" not in table


@pytest.mark.parametrize("what", ["runtimes", "providers", "datasets"])
def test_what_is_no_model_has_no_family(what: str) -> None:
    done = CliRunner().invoke(main, ["list", what, "--family", "mlp"])
    assert isinstance(done.exception, UsageError) or done.exit_code == 2
    assert (
        "--family mlp applies to these lists only: list models, list runs, list exports."
        in done.output
    )


def test_doctor_shows_what_extras_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {part["what"]: part for part in json.loads(printed("doctor", "--json"))}
    assert {"runtime openvino", "runtime openvino:bf16"} <= set(found)
    monkeypatch.setattr(registry, "versions", lambda runtimes: {})
    found = {part["what"]: part for part in json.loads(printed("doctor", "--json"))}
    assert found["runtime openvino"]["status"] == "note"
    assert "pip install -e '.[openvino]'" in found["runtime openvino"]["text"]
