import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from zoo.errors import ZooError
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint


def test_tensors_and_position_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    tensors = {"a": np.ones((3, 4)).T * np.arange(3), "b": np.arange(3), "c": np.array(2.5)}
    save_checkpoint(path, tensors, {"step": 7, "rows": [{"lr": 0.1 + 0.2}]})
    loaded, meta = load_checkpoint(path)
    assert meta == {"step": 7, "rows": [{"lr": 0.1 + 0.2}]}
    assert loaded.keys() == tensors.keys()
    assert all(np.array_equal(loaded[name], tensors[name]) for name in tensors)
    assert loaded["c"].shape == ()


@pytest.mark.parametrize("keep", [0, 7, 60, -1])
def test_a_truncated_file_is_refused_in_plain_words(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "state.safetensors"
    save_checkpoint(path, {"a": np.zeros(100)}, {"step": 1})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ZooError, match=r"damaged or not a safetensors file.*--overwrite"):
        load_checkpoint(path)


def test_a_strange_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "strange.safetensors"
    save_file({"a": np.zeros(2)}, path)
    with pytest.raises(ZooError, match="not one that this project wrote"):
        load_checkpoint(path)


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(ZooError, match="damaged or not a safetensors file"):
        load_checkpoint(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"there is no file .*gone\.safetensors"):
        load_checkpoint(tmp_path / "gone.safetensors")


def test_a_disk_that_takes_no_more_is_named_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_checkpoint(path, {"a": np.zeros(4)}, {"step": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(ZooError, match="cannot write"):
            save_checkpoint(path, {"a": np.zeros(100_000)}, {"step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_checkpoint(path)[1] == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_checkpoint_may_be_read_by_whom_other_files_may(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    save_checkpoint(tmp_path / "state.safetensors", {"a": np.zeros(4)}, {})
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1
