"""What is measured: everything published, what is named, or a file of other origin."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.subjects import FOREIGN, Given, find_subjects
from zoo.errors import UsageError, ZooError


def names(targets: list[str], exports: Path, *options: list[str] | None) -> list[tuple[str, str]]:
    return [(one.name, one.precision) for one in find_subjects(targets, exports, *options)]


class TestArtifacts:
    def test_without_a_target_all_that_is_published(self, mlp_exports: Path) -> None:
        assert names([], mlp_exports) == [("mlp-digits", "fp32"), ("mlp-digits", "int8")]

    def test_a_model_means_its_artifact_and_counts_once(self, mlp_exports: Path) -> None:
        assert names(["mlp", "mlp-digits"], mlp_exports) == names([], mlp_exports)

    def test_they_are_what_the_manifest_says(self, mlp_exports: Path) -> None:
        for one in find_subjects(["mlp"], mlp_exports):
            assert one.path is not None
            content = one.path.read_bytes()
            assert (one.sha256, one.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
            assert one.card is not None
            assert one.dataset == one.card.dataset == "digits"

    def test_a_precision_that_was_not_published_is_a_subject_without_a_file(
        self, mlp_exports: Path
    ) -> None:
        (found,) = find_subjects(["mlp"], mlp_exports, ["fp16"])
        assert (found.precision, found.path) == ("fp16", None)

    @pytest.mark.parametrize(
        ("target", "precision", "told"),
        [
            ("mpl", "fp32", "Did you mean mlp"),
            ("mlp", "int88", "Did you mean int8"),
        ],
    )
    def test_near_names_are_offered(
        self, mlp_exports: Path, target: str, precision: str, told: str
    ) -> None:
        with pytest.raises(UsageError, match=told):
            find_subjects([target], mlp_exports, [precision])

    def test_where_nothing_is_published_the_command_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ZooError, match=r"python cli\.py export cnn"):
            find_subjects([], tmp_path)

    def test_a_file_that_is_not_the_published_one_is_an_error(
        self, mlp_exports: Path, tmp_path: Path
    ) -> None:
        exports = Path(shutil.copytree(mlp_exports, tmp_path / "exports"))
        with (exports / "mlp-digits" / "int8.onnx").open("ab") as handle:
            handle.write(b"\0")
        with pytest.raises(ZooError, match="is not the file that was published"):
            find_subjects(["mlp"], exports)


class TestFiles:
    def test_one_is_read_with_what_was_given(self, tiny_onnx: Callable[..., Path]) -> None:
        path = tiny_onnx("Upper.ONNX")
        (found,) = find_subjects([str(path)], Path("none"), None, Given((0.5,), (0.2,), "digits"))
        assert (found.name, found.precision, found.path) == (str(path), FOREIGN, path)
        assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (found.mean, found.std, found.dataset) == ((0.5,), (0.2,), "digits")
        assert found.card is None

    def test_one_stands_beside_artifacts(
        self, mlp_exports: Path, tiny_onnx: Callable[..., Path]
    ) -> None:
        found = find_subjects(
            ["mlp", str(tiny_onnx())], mlp_exports, ["int8"], Given(data="digits")
        )
        assert [(one.precision, one.data) for one in found] == [("int8", None), (FOREIGN, "digits")]

    def test_one_that_is_not_there_is_wrong_usage(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"gone\.onnx cannot be read: No such file"):
            find_subjects([str(tmp_path / "gone.onnx")], tmp_path)

    @pytest.mark.parametrize("targets", [[], ["mlp"]])
    @pytest.mark.parametrize("given", [Given(data="digits"), Given(mean=(0.5,)), Given(std=(0.5,))])
    def test_an_artifact_says_all_of_that_itself(
        self, mlp_exports: Path, targets: list[str], given: Given
    ) -> None:
        with pytest.raises(UsageError, match=r"files of other origin; .* its own"):
            find_subjects(targets, mlp_exports, None, given)

    def test_data_nobody_knows_is_wrong_usage(self, tiny_onnx: Callable[..., Path]) -> None:
        with pytest.raises(UsageError, match="Did you mean digits"):
            find_subjects([str(tiny_onnx())], Path("none"), None, Given(data="digist"))
