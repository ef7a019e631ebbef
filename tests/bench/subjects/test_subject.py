"""What is measured: everything published, what is named, or a third-party file."""

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.subjects.subject import THIRD_PARTY, find_subjects, of_file
from zoo.errors import UsageError, ZooError
from zoo.files import sha256
from zoo.inspection.inspector import Inspector
from zoo.ort.given import Given
from zoo.specs.catalog import Kind, find_model


def names(targets: list[str], exports: Path, *options: list[str] | None) -> list[tuple[str, str]]:
    return [(one.name, one.precision) for one in find_subjects(targets, exports, *options)]


def external(folder: Path, name: str = "weights.bin") -> Path:
    """A model whose weights lie in another file."""
    import onnx
    from onnx import TensorProto, helper

    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3, 1024])
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", name), ("length", str(3 * 4096))):
        weight.external_data.add(key=key, value=value)
    (folder / "weights.bin").write_bytes(b"\0" * 3 * 4096)
    shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1024])
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", [shape], [out], [weight])
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph), path)
    return path


class TestArtifacts:
    def test_without_a_target_all_that_is_published(self, mlp_exports: Path) -> None:
        assert names([], mlp_exports) == [("mlp-digits", "fp32"), ("mlp-digits", "int8")]

    def test_a_model_means_its_artifact_and_counts_once(self, mlp_exports: Path) -> None:
        assert names(["mlp", "mlp-digits"], mlp_exports) == names([], mlp_exports)

    def test_those_of_a_family_or_framework(self, mlp_exports: Path) -> None:
        def held(targets: list[str], kind: Kind) -> list[str]:
            return [one.precision for one in find_subjects(targets, mlp_exports, kind=kind)]

        for targets in ([], ["mlp"]):
            assert held(targets, Kind("mlp", "pytorch")) == ["fp32", "int8"]
            with pytest.raises(UsageError, match="--framework numpy: there is none among"):
                held(targets, Kind(framework="numpy"))

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

    def test_the_classes_of_an_artifact_are_those_of_its_card(self, mlp_exports: Path) -> None:
        for one in find_subjects(["mlp"], mlp_exports):
            assert one.card is not None
            assert one.names == one.card.class_names
        with pytest.raises(UsageError, match="--classes-as-given is for third-party files; mlp"):
            find_subjects(["mlp"], mlp_exports, None, Given(classes_as_given=True))

    def test_models_of_own_images_are_told_where_those_lie(
        self, mlp_exports: Path, tmp_path: Path
    ) -> None:
        exports = Path(shutil.copytree(mlp_exports, tmp_path / "exports"))
        card, manifest = exports / "mlp-digits" / "card.json", exports / "manifest.json"
        card.write_text(card.read_text().replace('"dataset": "digits"', '"dataset": "pets"'))
        listed = json.loads(manifest.read_text())
        entry = listed["artifacts"]["mlp-digits"]
        entry["files"]["card.json"] = {"sha256": sha256(card), "bytes": card.stat().st_size}
        manifest.write_text(json.dumps(listed | {"artifacts": {"mlp-digits": entry}}))
        found = find_subjects(["mlp"], exports, None, Given(data="./my/pets"))
        assert {(one.dataset, one.place) for one in found} == {("pets", "./my/pets")}
        with pytest.raises(UsageError, match="models that were trained on it; mlp names its own"):
            find_subjects(["mlp"], exports, None, Given(data="digits"))


class TestCost:
    """One count for our files and those of others, from the graph."""

    def test_a_plain_export_of_the_same_network_counts_as_much(
        self, mlp_exports: Path, tmp_path: Path
    ) -> None:
        (ours,) = find_subjects(["mlp"], mlp_exports, ["fp32"])
        assert ours.card is not None
        network = find_model("mlp").build(ours.card.image_shape, len(ours.card.class_names))
        path = exported(network.eval(), (32, 32), tmp_path / "plain.onnx")
        (other,) = find_subjects([str(path)], tmp_path)
        assert ours.cost is not None
        assert other.cost is not None
        told = (ours.card.parameters, ours.card.macs)
        assert (ours.cost.parameters, ours.cost.macs) == told
        assert (other.cost.parameters, other.cost.macs) == told
        assert (other.cost.opset, other.cost.precision) == (17, "fp32")

    def test_a_file_of_another_precision_counts_as_its_model(self, mlp_exports: Path) -> None:
        fp32, int8 = (one.cost for one in find_subjects(["mlp"], mlp_exports))
        assert fp32 is not None
        assert int8 is not None
        assert (int8.parameters, int8.macs) == (fp32.parameters, fp32.macs)
        assert (fp32.precision, int8.precision.partition("+")[0]) == ("fp32", "int8")

    def test_what_cannot_be_counted_is_not_known(self, tmp_path: Path, mlp_exports: Path) -> None:
        damaged = tmp_path / "damaged.onnx"
        damaged.write_bytes(b"\xff" * 9)
        (found,) = find_subjects([str(damaged)], tmp_path)
        assert found.cost is None
        (absent,) = find_subjects(["mlp"], mlp_exports, ["fp16"])
        assert absent.cost is None


def exported(network: nn.Module, size: tuple[int, int], path: Path) -> Path:
    """As torch writes it of its own accord."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own exporter deprecates parts of itself
        image = (torch.zeros(1, 3, *size),)
        torch.onnx.export(network, image, str(path), opset_version=17, dynamo=False)
    return path


class TestFiles:
    def test_one_is_read_with_what_was_given(self, tiny_onnx: Callable[..., Path]) -> None:
        path = tiny_onnx("Upper.ONNX", kind="float32-nchw")
        (found,) = find_subjects([str(path)], Path("none"), None, Given((0.5,), (0.2,), "digits"))
        assert (found.name, found.precision, found.path) == (str(path), THIRD_PARTY, path)
        assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (found.given.mean, found.given.std, found.dataset) == ((0.5,), (0.2,), "digits")
        assert found.card is None

    def test_normalisation_goes_to_those_that_need_it(self, tiny_onnx: Callable[..., Path]) -> None:
        files = [str(tiny_onnx("raw.onnx")), str(tiny_onnx("float.onnx", kind="float32-nchw"))]
        raw, normalised = find_subjects(files, Path("none"), None, Given((0.5,), (0.2,)))
        assert (raw.given.mean, raw.given.std) == (None, None)
        assert (normalised.given.mean, normalised.given.std) == ((0.5,), (0.2,))

    @pytest.mark.parametrize("given", [Given(mean=(0.5,)), Given(std=(0.5,))])
    def test_normalisation_that_no_file_needs_is_wrong_usage(
        self, tiny_onnx: Callable[..., Path], given: Given
    ) -> None:
        with pytest.raises(UsageError, match="takes raw pixels and normalises them itself"):
            find_subjects([str(tiny_onnx())], Path("none"), None, given)

    def test_tensors_in_other_files_belong_to_it(self, tmp_path: Path) -> None:
        path = external(tmp_path)
        (before,) = find_subjects([str(path)], tmp_path)
        assert before.bytes == path.stat().st_size + 3 * 4096
        (tmp_path / "weights.bin").write_bytes(b"\1" * 3 * 4096)
        (after,) = find_subjects([str(path)], tmp_path)
        assert after.bytes == before.bytes
        assert after.sha256 != before.sha256
        (tmp_path / "weights.bin").unlink()
        with pytest.raises(UsageError, match=r"another file, 'weights\.bin', which is not there"):
            find_subjects([str(path)], tmp_path)

    @pytest.mark.parametrize(
        "name", ["/dev/zero", "../weights.bin", "passwd", "zero", "weights\0.bin"]
    )
    def test_what_lies_outside_its_folder_is_not_read(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "passwd").symlink_to("/etc/passwd")
        (tmp_path / "zero").symlink_to("/dev/zero")
        with pytest.raises(UsageError, match=r"model\.onnx is refused: .* outside its folder"):
            find_subjects([str(external(tmp_path, name))], tmp_path)

    def test_a_pipe_is_not_waited_for_whatever_it_is_called(
        self, tmp_path: Path, tiny_onnx: Callable[..., Path]
    ) -> None:
        os.mkfifo(tmp_path / "pipe")
        os.mkfifo(tmp_path / "pipe.onnx")
        with pytest.raises(UsageError, match=r"pipe\.onnx cannot be read: it is a named pipe"):
            find_subjects([str(tmp_path / "pipe.onnx")], tmp_path)
        with pytest.raises(UsageError, match="'pipe', which is not a regular file"):
            find_subjects([str(external(tmp_path, "pipe"))], tmp_path)
        path = tiny_onnx()
        os.mkfifo(tmp_path / "tiny.onnx.json")
        with pytest.raises(UsageError, match="cannot be used: it is a named pipe"):
            find_subjects([str(path)], tmp_path)

    def test_a_device_is_not_read(self, tmp_path: Path, tiny_onnx: Callable[..., Path]) -> None:
        (tmp_path / "zero.onnx").symlink_to("/dev/zero")
        with pytest.raises(UsageError, match=r"zero\.onnx cannot be read: it is a device"):
            find_subjects([str(tmp_path / "zero.onnx")], tmp_path)
        path = tiny_onnx()
        (tmp_path / "tiny.onnx.json").symlink_to("/dev/zero")
        with pytest.raises(UsageError, match="cannot be used: it is a device"):
            find_subjects([str(path)], tmp_path)

    def test_the_cache_of_a_model_hub(self, tmp_path: Path) -> None:
        """Model and data are links to blobs of one folder, named by their hashes."""
        plain = external(tmp_path)
        (blobs := tmp_path / "hub" / "blobs").mkdir(parents=True)
        (names := tmp_path / "hub" / "snapshots" / "main" / "onnx").mkdir(parents=True)
        for blob, name in (("a1", "model.onnx"), ("b2", "weights.bin")):
            shutil.copy(tmp_path / name, blobs / blob)
            (names / name).symlink_to(f"../../../blobs/{blob}")
        (found,) = find_subjects([str(names / "model.onnx")], tmp_path)
        (same,) = find_subjects([str(plain)], tmp_path)
        assert (found.sha256, found.bytes) == (same.sha256, same.bytes)

    def test_reading_one_is_bounded_and_leaves_the_parent_unharmed(self, tmp_path: Path) -> None:
        path = external(tmp_path)
        with (tmp_path / "weights.bin").open("r+b") as sparse:
            sparse.truncate(1 << 40)  # a TiB of zeros
        with (
            Inspector(seconds=1.0) as impatient,
            pytest.raises(UsageError, match="is refused: reading it took more than 1 s"),
        ):
            of_file(path, Given(), impatient)

    def test_one_that_is_damaged_is_for_the_runtime_to_refuse(self, tmp_path: Path) -> None:
        path = tmp_path / "damaged.onnx"
        path.write_bytes(b"\xff" * 9)
        (found,) = find_subjects([str(path)], tmp_path)
        assert found.bytes == 9

    def test_one_stands_beside_artifacts(
        self, mlp_exports: Path, tiny_onnx: Callable[..., Path]
    ) -> None:
        found = find_subjects(
            ["mlp", str(tiny_onnx())], mlp_exports, ["int8"], Given(data="digits")
        )
        assert [(one.precision, one.data) for one in found] == [
            ("int8", None),
            (THIRD_PARTY, "digits"),
        ]

    def test_one_that_is_not_there_is_wrong_usage(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"gone\.onnx cannot be read: No such file"):
            find_subjects([str(tmp_path / "gone.onnx")], tmp_path)

    @pytest.mark.parametrize("targets", [[], ["mlp"]])
    @pytest.mark.parametrize(
        "given", [Given(data="digits"), Given(data="./"), Given(mean=(0.5,)), Given(std=(0.5,))]
    )
    def test_an_artifact_says_all_of_that_itself(
        self, mlp_exports: Path, targets: list[str], given: Given
    ) -> None:
        with pytest.raises(UsageError, match=r"for third-party files.*; .* its own"):
            find_subjects(targets, mlp_exports, None, given)

    @pytest.mark.parametrize("name", ["tiny.onnx.json", "tiny.json"])
    def test_what_it_does_not_say_may_stand_beside_it(
        self, tiny_onnx: Callable[..., Path], name: str
    ) -> None:
        path = tiny_onnx(kind="float32-nchw")
        told = {"mean": [0.5, 0.5, 0.5], "std": [1, 1, 1], "data": "digits"}
        path.with_name(name).write_text(json.dumps(told))
        (found,) = find_subjects([str(path)], Path("none"))
        assert (found.given.mean, found.given.std, found.data) == ((0.5,) * 3, (1,) * 3, "digits")
        (found,) = find_subjects([str(path)], Path("none"), None, Given(mean=(0.1,)))
        assert (found.given.mean, found.given.std, found.data) == ((0.1,), (1,) * 3, "digits")

    def test_its_classes_are_those_it_names_or_that_stand_beside_it(
        self, tiny_onnx: Callable[..., Path]
    ) -> None:
        def found(path: Path, given: Given | None = None) -> tuple[str, ...] | None:
            (one,) = find_subjects([str(path)], Path("none"), None, given)
            assert one.names == one.class_names
            return one.names

        assert found(tiny_onnx()) == ("red", "green", "blue")
        assert found(tiny_onnx(metadata={})) is None
        assert found(tiny_onnx(metadata={"class_names": "[1"})) is None
        path = tiny_onnx()
        path.with_name("tiny.json").write_text('{"class_names": ["r", "g", "b"]}')
        assert found(path) == ("r", "g", "b")
        assert found(path, Given(classes_as_given=True)) is None
        path.with_name("tiny.json").write_text('{"classes_as_given": true}')
        assert found(path) is None

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("{", "cannot be used"),
            ('{"class_names": ["a", 3]}', r"it\.class_names\[1\] is not of type str"),
            ("[]", "it is not an object"),
            ('{"mean": 0.5}', r"it\.mean is not of type tuple"),
            ('{"mean": ["a"]}', r"it\.mean\[0\] is not of type float"),
            ('{"mean": [NaN]}', r"it\.mean\[0\] is not of type float"),
            ('{"means": [0.5]}', "it has unknown fields: means"),
            ('{"data": "digist"}', "Did you mean digits"),
        ],
    )
    def test_what_stands_beside_it_is_checked(
        self, tiny_onnx: Callable[..., Path], text: str, told: str
    ) -> None:
        path = tiny_onnx()
        path.with_name("tiny.json").write_text(text)
        with pytest.raises(UsageError, match=told):
            find_subjects([str(path)], Path("none"))

    def test_data_nobody_knows_is_wrong_usage(self, tiny_onnx: Callable[..., Path]) -> None:
        with pytest.raises(UsageError, match="Did you mean digits"):
            find_subjects([str(tiny_onnx())], Path("none"), None, Given(data="digist"))
