"""Models are found in any folder: exported there, published there, or the zoo's own."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.artifacts.artifact import find_artifact, list_artifacts
from zoo.artifacts.places import LOCAL, PUBLISHED, is_default, places, target_of
from zoo.errors import ZooError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hub(mlp_exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of published models elsewhere, that ZOO_HUB names."""
    folder = Path(shutil.copytree(mlp_exports, tmp_path / "hub"))
    monkeypatch.setenv("ZOO_HUB", str(folder))
    return folder


def copied(exports: Path, to: Path) -> Path:
    to.parent.mkdir(exist_ok=True)
    return Path(shutil.copytree(exports, to))


@pytest.mark.usefixtures("in_folder")
class TestPlaces:
    def test_an_export_goes_to_a_folder_of_its_own_unless_it_is_to_be_published(self) -> None:
        assert target_of(None) == Path("exports/local")
        assert target_of(None, publish=True) == Path("exports")
        assert target_of(Path("mine")) == Path("mine")

    def test_the_zoo_s_own_models_are_those_of_the_checkout(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("ZOO_HUB")
        assert places(None) == (LOCAL, PUBLISHED, ROOT / "exports")
        assert find_artifact("cnn").folder == ROOT / "exports" / "cnn-cifar10"
        monkeypatch.chdir(ROOT)
        assert places(None) == (LOCAL, PUBLISHED)
        assert find_artifact("cnn").folder == Path("exports/cnn-cifar10")

    def test_the_nearest_of_two_with_one_id_is_meant(self, hub: Path) -> None:
        (there,) = list_artifacts()
        assert (there.root, there.place) == (hub, None)
        for place in (PUBLISHED, LOCAL):
            copied(hub, place)
            (there,) = list_artifacts()
            assert (there.root, there.place) == (place, None)
        assert [one.root for one in list_artifacts(hub)] == [hub]

    def test_a_folder_that_is_named_is_the_only_one(self, hub: Path, tmp_path: Path) -> None:
        assert list_artifacts(tmp_path / "none") == []
        elsewhere = copied(hub, tmp_path / "elsewhere")
        (found,) = list_artifacts(elsewhere)
        assert found.place == elsewhere
        assert is_default(hub)
        assert not is_default(elsewhere)

    def test_where_there_is_none_all_places_are_named(self) -> None:
        with pytest.raises(ZooError, match="no artifact of cnn in exports/local/ or exports/ or /"):
            find_artifact("cnn")

    def test_a_hub_that_is_no_folder_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ZOO_HUB", "nowhere")
        with pytest.raises(ZooError, match="ZOO_HUB is set to nowhere, which is not a folder"):
            list_artifacts()


def test_the_zoo_s_own_models_work_in_any_folder(
    hub: Path, call: Callable[..., Any], in_folder: Path
) -> None:
    from PIL import Image

    Image.new("RGB", (16, 16)).save("grey.png")
    said = call("predict", "mlp", "grey.png")
    assert said.exit_code == 0, said.output
    assert [path.name for path in Path.cwd().iterdir()] == ["grey.png", "hub"]
