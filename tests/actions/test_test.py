"""Where an artifact is computed when it is tested: as told, else where ONNX Runtime is fastest."""

from pathlib import Path

import pytest

import zoo
from zoo.actions import test
from zoo.artifacts.artifact import Artifact
from zoo.errors import UnavailableError, UsageError
from zoo.ort.session import Session


@pytest.mark.parametrize(
    ("device", "problem", "provider"),
    [
        (None, None, "cuda"),
        (None, "there is no NVIDIA driver", "cpu"),
        ("cpu", None, "cpu"),
        ("cuda", None, "cuda"),
    ],
)
def test_an_artifact_is_tested_on_cuda_where_it_works(
    monkeypatch: pytest.MonkeyPatch,
    in_folder: Path,
    mlp_exports: Path,
    device: str | None,
    problem: str | None,
    provider: str,
) -> None:
    asked: list[str] = []
    session = Artifact.session

    def on_cpu(artifact: Artifact, *, provider: str) -> Session:
        asked.append(provider)
        return session(artifact, provider="cpu")

    monkeypatch.setattr(Artifact, "session", on_cpu)
    monkeypatch.setattr(test, "known_providers", lambda: {"cpu": None, "cuda": problem})
    zoo.test("mlp", exports=mlp_exports, device=device)
    assert asked == [provider]


def test_cuda_that_cannot_run_is_refused_by_the_option_that_asked_for_it(
    monkeypatch: pytest.MonkeyPatch, in_folder: Path, mlp_exports: Path
) -> None:
    monkeypatch.setattr(test, "known_providers", lambda: {"cpu": None, "cuda": "no driver"})
    with pytest.raises(UnavailableError, match=r"^--device cuda cannot run here: no driver\.$"):
        zoo.test("mlp", exports=mlp_exports, device="cuda")


def test_a_device_that_nobody_knows_is_refused(in_folder: Path, mlp_exports: Path) -> None:
    with pytest.raises(UsageError, match=r"no device 'cud'\. Did you mean cuda"):
        zoo.test("mlp", exports=mlp_exports, device="cud")
