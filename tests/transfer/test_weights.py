"""Weights of others: from any file, nothing executed; three ways out where there are none."""

import pickle
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

from zoo.errors import UsageError, ZooError
from zoo.transfer import weights

TENSORS = {"conv.weight": torch.arange(4.0), "norm.bias": torch.ones(2)}


def same(found: dict[str, torch.Tensor]) -> bool:
    return found.keys() == TENSORS.keys() and all(torch.equal(found[n], TENSORS[n]) for n in found)


@pytest.mark.parametrize("ending", ["safetensors", "pth", "bin"])
def test_the_kind_of_file_is_seen_by_its_content(tmp_path: Path, ending: str) -> None:
    save_file(TENSORS, tmp_path / f"a.{ending}")
    assert same(weights.from_file(tmp_path / f"a.{ending}"))
    torch.save(TENSORS, tmp_path / f"b.{ending}")
    assert same(weights.from_file(tmp_path / f"b.{ending}"))
    torch.save(TENSORS, tmp_path / f"c.{ending}", _use_new_zipfile_serialization=False)
    assert same(weights.from_file(tmp_path / f"c.{ending}"))


@pytest.mark.parametrize("wrapping", ["state_dict", "model"])
def test_what_training_scripts_put_around_them_is_taken_off(tmp_path: Path, wrapping: str) -> None:
    parallel = {f"module.{name}": tensor for name, tensor in TENSORS.items()}
    torch.save({"epoch": 3, wrapping: parallel}, tmp_path / "a.pth")
    assert same(weights.from_file(tmp_path / "a.pth"))


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("executed"),))


def test_nothing_in_a_file_is_executed(in_folder: Path) -> None:
    torch.save({"conv.weight": Harmful()}, "a.pth")
    Path("b.pth").write_bytes(pickle.dumps(Harmful(), protocol=2))
    for name in ("a.pth", "b.pth"):
        with pytest.raises(UsageError, match=f"--weights {name}"):
            weights.from_file(Path(name))
    assert not Path("executed").exists()


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"\x80\x02", b"hello, world, this is no header", bytes(100)]
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(UsageError, match=r"--weights .*a\.pth (is damaged|holds)"):
        weights.from_file(tmp_path / "a.pth")


def test_a_file_without_tensors_by_name_is_refused(tmp_path: Path) -> None:
    for value in ([torch.ones(1)], {"a": 3}, torch.ones(2)):
        torch.save(value, tmp_path / "a.pth")
        with pytest.raises(UsageError, match="holds no state dict"):
            weights.from_file(tmp_path / "a.pth")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--weights .*none\.pth: there is no such file"):
        weights.from_file(tmp_path / "none.pth")


def test_without_internet_the_three_ways_out_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreachable(*arguments: object, **options: object) -> None:
        assert options["weights_only"] is True
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(ZooError) as caught:
        weights.downloaded("inception_v3")
    words = str(caught.value)
    assert "inception_v3 are unavailable here" in words
    for way in ("--weights FILE", "internet", "https://", "--backbone speednet-cifar100"):
        assert way in words
    assert caught.value.exit_code == 1
