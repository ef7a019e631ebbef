"""`list runtimes`, `list providers` and `doctor`: each runtime speaks for itself."""

import json

import pytest
from click.testing import CliRunner

from bench.runtimes import registry
from bench.runtimes.registry import RUNTIMES, list_providers
from cli import main


def printed(*words: str) -> str:
    return CliRunner().invoke(main, words, catch_exceptions=False).stdout


@pytest.mark.parametrize("what", ["runtimes", "providers"])
def test_every_runtime_is_there(what: str) -> None:
    assert {row["runtime"] for row in json.loads(printed("list", what, "--json"))} == {*RUNTIMES}


def test_providers_are_a_line_each() -> None:
    lines = [line.split("\t") for line in printed("list", "providers").splitlines()]
    assert lines == [list(row.values()) for row in list_providers()]


def test_doctor_shows_what_extras_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {part["what"]: part for part in json.loads(printed("doctor", "--json"))}
    assert {"runtime openvino", "runtime openvino:bf16"} <= set(found)
    monkeypatch.setattr(registry, "versions", lambda runtimes: {})
    found = {part["what"]: part for part in json.loads(printed("doctor", "--json"))}
    assert found["runtime openvino"]["status"] == "note"
    assert "pip install -e '.[openvino]'" in found["runtime openvino"]["text"]
