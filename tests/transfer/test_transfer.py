"""`train transfer`: latents once, a head by validation, a whole network in the run."""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.factories import Told
from tests.networks import network_of
from zoo.actions.export import export
from zoo.actions.test import test as examine
from zoo.actions.train import train
from zoo.data import load
from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.frameworks.pytorch import convert as conversion
from zoo.frameworks.pytorch.framework import PyTorch
from zoo.frameworks.pytorch.loop import Hook, Trainer
from zoo.models.resize import Resize
from zoo.progress import Progress
from zoo.runs.options import TrainOptions
from zoo.runs.pace import Pace
from zoo.runs.run import Run
from zoo.runs.training import InterruptedRunError
from zoo.transfer import frozen_backbone, heads, runtimes
from zoo.transfer.frozen_backbone import open_backbone, resolved
from zoo.transfer.latents import LatentsKey, Runtime, latents
from zoo.transfer.network import Transfer

pytestmark = pytest.mark.usefixtures("one_thread")

RANDOM = TrainOptions(
    data="digits",
    epochs=3,
    backbone="squeezenet1_1",
    backbone_size=32,
    backbone_init="random",
    precision="fp32",
)
FAST = replace(RANDOM, epochs=0.5, head="linear")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A transfer on a random backbone; not to be changed."""
    return train("transfer", RANDOM, run=tmp_path_factory.mktemp("transfer") / "run")


@pytest.fixture
def said() -> Told:
    return Told()


class TestRun:
    def test_the_card_says_what_it_stands_on(self, finished: Run) -> None:
        card = finished.card()
        assert card.id == "transfer-digits-squeezenet1_1-random"
        assert card.design is not None
        backbone = card.design.backbone
        assert (backbone.model, backbone.size, backbone.origin) == (
            *("squeezenet1_1", (32, 32)),
            "random",
        )
        assert len(backbone.weights) == 64
        assert card.design.head in ("linear", "hidden")
        assert card.latents_runtime in ("torch fp32", "onnxruntime fp32")
        assert card.mean == backbone.mean
        assert card.finished

    def test_the_weights_are_those_of_the_whole_network(self, finished: Run) -> None:
        network = network_of(finished)
        assert isinstance(network, Transfer)
        assert load_file(finished.weights).keys() == network.state_dict().keys()
        card = finished.card()
        assert card.parameters == sum(weight.numel() for weight in network.parameters())
        assert card.macs > 1e6

    def test_the_backbone_is_frozen(self, finished: Run) -> None:
        data, options = load("digits"), finished.card().options
        frozen = open_backbone(options, data, Path("exports"), Progress())
        kept = load_file(finished.weights)
        for name, tensor in frozen.trunk.network.state_dict().items():
            torch.testing.assert_close(kept[f"backbone.{name}"], tensor, rtol=0, atol=0)

    def test_the_whole_network_answers_as_the_head_does_on_latents(self, finished: Run) -> None:
        """Nothing is lost between the latents, the standardisation and the network of pixels."""
        card, data = finished.card(), load("digits")
        frozen = open_backbone(card.options, data, Path("exports"), Progress())
        runtime = heads.runtime_of(frozen, card, data, Progress())
        known = heads.latents_of(frozen, card, data, runtime, Progress())
        network = network_of(finished).eval()
        with torch.no_grad():
            from_latents = network.head(torch.from_numpy(known.values[:50]))  # type: ignore[operator]
            pixels = torch.from_numpy(data.train.images[:50]).permute(0, 3, 1, 2) / 255
            mean, std = (torch.tensor(part).view(-1, 1, 1) for part in (card.mean, card.std))
            torch.testing.assert_close(
                network((pixels - mean) / std), from_latents, atol=1e-3, rtol=1e-3
            )

    def test_it_learns_and_is_tested_as_any_other(self, finished: Run, tmp_path: Path) -> None:
        run = shutil.copytree(finished.folder, tmp_path / "run")
        assert examine("transfer", run=run).accuracy.share > 0.3

    def test_resuming_a_finished_run_says_so(self, finished: Run, said: Told) -> None:
        train("transfer", RANDOM, run=finished.folder, resume=True, progress=said)
        assert any("already finished" in line for line in said.lines)

    def test_the_second_training_computes_no_latents(
        self, finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*arguments: object) -> None:
            raise AssertionError("a runtime was opened")

        monkeypatch.setattr(runtimes, "_torch", refuse)
        monkeypatch.setattr(runtimes, "_onnxruntime", refuse)
        again = train("transfer", RANDOM, run=tmp_path / "again")
        first, second = load_file(finished.weights), load_file(again.weights)
        for name, tensor in first.items():
            torch.testing.assert_close(second[name], tensor, rtol=0, atol=0)

    def test_a_training_of_the_head_that_was_stopped_ends_in_the_same_weights(
        self, finished: Run, tmp_path: Path
    ) -> None:
        class Stop(Hook):
            def stepped(self, trainer: Trainer) -> None:
                if trainer.step == 30:
                    raise InterruptedRunError("stopped")

        often = Pace(checkpoint_seconds=0.0)
        run = Run(tmp_path / "run")
        with pytest.raises(InterruptedRunError, match=r"after step 30/66.*--resume"):
            train("transfer", RANDOM, run=run.folder, hooks=(Stop(),), pace=often)
        train("transfer", RANDOM, run=run.folder, resume=True)
        straight = load_file(finished.weights)
        for name, tensor in load_file(run.weights).items():
            torch.testing.assert_close(tensor, straight[name], rtol=0, atol=0)
        asked = replace(RANDOM, head="linear")
        with pytest.raises(UsageError, match="started with head None"):
            train("transfer", asked, run=run.folder, resume=True)

    def test_other_weights_than_a_run_was_begun_with_are_refused(
        self, finished: Run, tmp_path: Path
    ) -> None:
        run = Run(shutil.copytree(finished.folder, tmp_path / "run"))
        card = json.loads(run.card_file.read_text())
        card["finished"] = False
        card["design"]["backbone"]["weights"] = "0" * 64
        run.card_file.write_text(json.dumps(card))
        with pytest.raises(ZooError, match="was trained on other weights of squeezenet1_1"):
            train("transfer", RANDOM, run=run.folder, resume=True)

    def test_grey_images_and_both_ways_round(self, tmp_path: Path) -> None:
        options = replace(
            RANDOM, grey=True, size=(16, 16), flip=True, flip_average=True, head="linear"
        )
        run = train("transfer", options, run=tmp_path / "run")
        design = run.card().design
        assert design is not None
        assert (design.head, design.flip_average) == ("linear", True)
        assert run.card().recipe.views == "none"  # it sees mirror images anyway
        assert run.card().mean == (0.0,)
        assert examine("transfer", run=run.folder).accuracy.images == 359

    def test_the_head_is_chosen_by_images_that_are_held_out(
        self, tmp_path: Path, said: Told
    ) -> None:
        train("transfer", replace(RANDOM, epochs=1), run=tmp_path / "run", progress=said)
        lines = [line for line in said.lines if "held out" in line]
        assert len(lines) == 4
        assert all("of 144 held out" in line for line in lines)
        options = replace(RANDOM, epochs=1, validate=100, head="hidden")
        train("transfer", options, run=tmp_path / "other", progress=said)
        lines = [line for line in said.lines if "of 100 held out" in line]
        assert len(lines) == 2


class TestZooBackbone:
    def test_a_run_serves_as_a_backbone(
        self, digits_run: Callable[[str], Path], in_folder: Path
    ) -> None:
        shutil.copytree(digits_run("cnn"), in_folder / "runs" / "cnn-digits")
        options = TrainOptions(data="digits", backbone="cnn", epochs=2, size=(16, 16))
        run = train("transfer", options)
        assert run.folder.name == "transfer-digits-cnn-digits-16x16"
        assert examine(run.folder.name).accuracy.share > 0.8

    def test_an_artifact_serves_as_well_and_is_the_same_backbone(
        self, digits_run: Callable[[str], Path], in_folder: Path
    ) -> None:
        artifact = export("cnn", run=digits_run("cnn"), precisions=["fp32"], exports=Path("ex"))
        data = load("digits")
        options = TrainOptions(data="digits", backbone="cnn")
        full = resolved(options, Path("ex"))
        assert full.backbone == artifact.id
        of_export = open_backbone(full, data, Path("ex"), Progress())
        shutil.copytree(digits_run("cnn"), in_folder / "runs" / artifact.id)
        of_run = open_backbone(full, data, Path("ex"), Progress())
        assert of_export.backbone.weights == of_run.backbone.weights
        random = open_backbone(replace(full, backbone_init="random"), data, Path("ex"), Progress())
        assert random.backbone.weights != of_run.backbone.weights

    def test_images_of_more_colours_than_it_takes_are_refused(
        self, digits_run: Callable[[str], Path], in_folder: Path
    ) -> None:
        options = TrainOptions(data="digits", grey=True, epochs=0.1, size=(16, 16))
        run = train("mlp", options)
        wanted = TrainOptions(data="digits", backbone=run.folder.name)
        with pytest.raises(UsageError, match=r"takes grey images.*--grey"):
            train("transfer", wanted)

    def test_a_transfer_is_no_backbone(self, finished: Run, in_folder: Path) -> None:
        shutil.copytree(finished.folder, in_folder / "runs" / "transfer-digits")
        with pytest.raises(UsageError, match="is itself a transfer"):
            train("transfer", TrainOptions(data="digits", backbone="transfer-digits"))

    def test_one_that_is_not_there_is_named(self, in_folder: Path) -> None:
        with pytest.raises(UsageError, match="no run and no artifact of speednet-cifar100"):
            train("transfer", TrainOptions(data="digits", backbone="speednet-cifar100"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"head": "deep"}, "--head deep"),
        ({"head": "0"}, "--head 0"),
        ({"backbone_layer": "first"}, "no layer of this backbone 'first'"),
        ({"backbone_grid": 0, "backbone_layer": "maps"}, "--backbone-grid 0"),
        ({"backbone_grid": 2}, "pooled latents have none"),
        ({"backbone_init": "zeros"}, "--backbone-init zeros"),
        ({"weights": "a.pth"}, "--weights and --backbone-init contradict"),
        ({"backbone_size": 0}, "--backbone-size 0"),
        ({"backbone_resize": "nearest"}, "--backbone-resize nearest: choose from bilinear"),
        ({"backbone": "resnet19", "backbone_init": None}, "no backbone 'resnet19'"),
        ({"weights": "a.pth", "backbone_init": None}, "a.pth: there is no such file"),
        ({"precision": "fp16"}, "not in fp16"),
        (
            {"latents_runtime": "numpy"},
            "--latents-runtime numpy: choose from torch and onnxruntime",
        ),
        (
            {"latents_runtime": "onnxruntime", "precision": "bf16"},
            "onnxruntime computes latents in fp32. Use --precision fp32 or --latents",
        ),
        ({"backbone": "inception_v3"}, "does not take images of 32x32"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    in_folder: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        train("transfer", replace(RANDOM, **options))  # type: ignore[arg-type]
    assert list(in_folder.iterdir()) == []


def test_options_of_transfer_are_for_transfer_alone() -> None:
    with pytest.raises(UsageError, match="--flip-average is for transfer, not for mlp"):
        train("mlp", TrainOptions(flip_average=True))


def test_a_number_that_hardly_varies_is_not_blown_up() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(5, 1, (20_000, 4)).astype(np.float32)
    values[:, 2] = 3
    values[:, 3] *= 1e-4
    mean, std = heads._statistics(values)
    np.testing.assert_allclose(mean[:3], [5, 5, 3], atol=0.05)
    np.testing.assert_allclose(std[:2], [1, 1], atol=0.05)
    assert min(std) > 0.05
    assert heads._statistics(np.zeros((5, 2), np.float32)) == ((0.0, 0.0), (0.1, 0.1))


@pytest.mark.parametrize(("asked", "taken"), [(None, "bilinear"), ("bicubic", "bicubic")])
def test_images_are_resized_as_asked(asked: str | None, taken: str) -> None:
    data = load("digits")
    options = replace(RANDOM, backbone_resize=asked)
    backbone = open_backbone(options, data, Path("exports"), Progress()).backbone
    assert backbone.interpolation == taken
    assert taken in heads.key_of(backbone, data, "train", False).preprocessing


class TestRuntimes:
    @pytest.mark.parametrize("side", [32, 48])
    def test_all_runtimes_give_the_same_latents(self, side: int) -> None:
        data = load("digits")
        options = replace(RANDOM, backbone_size=side)
        frozen = open_backbone(options, data, Path("exports"), Progress())
        images = np.ascontiguousarray(data.train.images[:20])
        found = [
            runtime.run(images)
            for runtime in runtimes.runtimes_for(frozen, (32, 32, 3), CPU, "fp32")
        ]
        assert len(found) == 2
        scale = np.abs(found[0]).max()
        np.testing.assert_allclose(found[0] / scale, found[1] / scale, atol=1e-5)
        (bf16,) = runtimes.runtimes_for(frozen, (32, 32, 3), CPU, "bf16")
        np.testing.assert_allclose(bf16.run(images) / scale, found[0] / scale, atol=0.05)

    def test_bf16_leaves_alone_what_all_layers_carry_on(self) -> None:
        layers = nn.Sequential(
            Resize((8, 8), (12, 12)),
            nn.Conv2d(3, 64, 3),
            nn.Conv2d(64, 64, 3),
            nn.Conv2d(64, 64, 3, groups=64),
        )
        dtypes = []
        found = torch.rand(2, 3, 8, 8)
        with torch.autocast("cpu", torch.bfloat16):
            for layer in runtimes._begun_in_fp32(layers).children():
                found = layer(found)
                dtypes.append(found.dtype)
            assert layers(torch.rand(2, 3, 8, 8)).dtype == torch.bfloat16  # it is a copy
        assert dtypes == [torch.float32, torch.float32, torch.bfloat16, torch.float32]


class TestChoice:
    KEY = LatentsKey("noise", "f" * 64, "", "train", "sums", "w" * 64, "")

    def runtime(self, name: str, pause: float, noise: float) -> Runtime:
        def run(images: np.ndarray) -> np.ndarray:
            time.sleep(pause)
            latents = images.reshape(len(images), -1)[:, :8].astype(np.float32)
            draw = np.random.default_rng(0).normal(size=latents.shape).astype(np.float32)
            return latents + noise * latents.std() * draw

        return Runtime(name, "fp32", 8, run)

    @pytest.fixture
    def images(self) -> np.ndarray:
        return np.random.default_rng(5).integers(0, 256, (64, 4, 4, 3)).astype(np.uint8)

    def test_the_fastest_is_taken_unless_its_latents_are_others(
        self, images: np.ndarray, said: Told
    ) -> None:
        exact, rough = self.runtime("exact", 0.02, 0.001), self.runtime("rough", 0.001, 0.3)
        first, slow = self.runtime("first", 0.05, 0), self.runtime("slow", 0.06, 0)
        offered = [first, slow, rough, exact]
        chosen = runtimes.choose_runtime(offered, self.KEY, images, said, seconds=0.05)
        assert chosen.name == "exact"
        (line,) = said.lines
        assert re.search(r"rough fp32 not taken \(its latents differ by \d\d\.\d%\)", line)
        assert re.search(r"exact fp32 [\d,]+ \(its latents differ by 0\.1%\)", line)
        assert re.search(r"first fp32 \d+, slow", line)

    def test_one_that_has_begun_goes_on_without_measuring(
        self, images: np.ndarray, said: Told
    ) -> None:
        first, begun = self.runtime("first", 0, 0), self.runtime("begun", 0.01, 0)
        latents(self.KEY, images, begun)
        chosen = runtimes.choose_runtime([first, begun], self.KEY, images, said)
        assert chosen.name == "begun"
        assert said.lines == []


class TestStoredRuntime:
    """What computes the latents is stored with the run at once, and the run stays with it."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _converted_once(cls) -> Iterator[None]:
        """All these runs have one backbone, with the same random weights: one conversion serves."""
        convert = conversion.convert
        kept: list[ir.Model] = []

        def converted(*arguments: Any) -> ir.Model:
            if not kept:
                kept.append(convert(*arguments))
            return kept[0]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(conversion, "convert", converted)
            yield

    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.empty_cache(monkeypatch, tmp_path / "cache")
        monkeypatch.chdir(tmp_path)

    def empty_cache(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        monkeypatch.setenv("ZOO_CACHE", str(folder))

    def rig(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """Let the runtime of that name win each measurement."""
        monkeypatch.setattr(
            runtimes, "_images_per_second", lambda runtime, *_: runtime.name == name
        )

    def begun(
        self, monkeypatch: pytest.MonkeyPatch, name: str, options: TrainOptions = FAST
    ) -> Run:
        """A run that was killed before it had any latents, when `name` had been found faster."""

        class Killed(BaseException):
            pass

        def die(*arguments: object, **named: object) -> None:
            raise Killed

        self.rig(monkeypatch, name)
        with monkeypatch.context() as patch:
            patch.setattr(heads, "latents", die)
            with pytest.raises(Killed):
                train("transfer", options, run=Path("run"))
        return Run(Path("run"))

    def test_it_is_there_before_the_first_latents(self, monkeypatch: pytest.MonkeyPatch) -> None:
        card = self.begun(monkeypatch, "onnxruntime").card()
        assert card.latents_runtime == "onnxruntime fp32"
        assert card.design is not None
        assert (card.design.head, card.finished) == ("", False)

    @pytest.mark.parametrize("name", ["torch", "onnxruntime"])
    def test_a_resume_without_the_cache_obeys_it_where_another_is_faster_now(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: Told, name: str
    ) -> None:
        run = self.begun(monkeypatch, name)
        self.rig(monkeypatch, "onnxruntime" if name == "torch" else "torch")
        train("transfer", FAST, run=run.folder, resume=True, progress=said)
        assert not any("images/s by runtime" in line for line in said.lines)
        assert run.card().latents_runtime == f"{name} fp32"

        pinned = replace(FAST, latents_runtime=name)
        straight = train("transfer", pinned, run=Path("straight"))
        assert straight.card().latents_runtime == f"{name} fp32"
        assert straight.weights.read_bytes() == run.weights.read_bytes()

    def test_a_pinned_one_is_taken_whatever_is_faster_or_cached(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.rig(monkeypatch, "onnxruntime")
        assert (
            train("transfer", FAST, run=Path("free")).card().latents_runtime == "onnxruntime fp32"
        )
        pinned = replace(FAST, latents_runtime="torch")
        assert train("transfer", pinned, run=Path("pinned")).card().latents_runtime == "torch fp32"

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ({"latents_runtime": "torch"}, "cannot take --latents-runtime torch"),
            ({"precision": "bf16"}, "cannot take --precision bf16"),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
    )
    def test_a_resume_with_another_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str], words: str
    ) -> None:
        run = self.begun(monkeypatch, "onnxruntime")
        options = replace(FAST, **asked)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=rf"computed by onnxruntime fp32.*{words}.*overwrite"):
            train("transfer", options, run=run.folder, resume=True)

    def test_a_resume_may_name_the_one_that_it_has(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = self.begun(monkeypatch, "torch", replace(FAST, precision=None))
        options = replace(FAST, precision="fp32", latents_runtime="torch")
        train("transfer", options, run=run.folder, resume=True)
        assert run.card().finished

    def test_precision_on_resume_is_about_the_finetuning_where_there_is_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runtimes, "native_bf16", lambda _: False)
        options = replace(FAST, precision=None, finetune=True, epochs=0.1)
        run = self.begun(monkeypatch, "onnxruntime", options)
        card = PyTorch().resumed(run.card(), TrainOptions(precision="bf16"))
        assert (card.latents_runtime, card.finetuned_in) == ("onnxruntime fp32", "bf16")
        assert card.options.precision == run.card().options.precision

    def test_one_that_cannot_run_now_is_said_with_the_fix(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = self.begun(monkeypatch, "onnxruntime")

        def missing(*arguments: object, **named: object) -> None:
            raise UnavailableError("onnxruntime is not installed: pip install onnxruntime-gpu")

        monkeypatch.setattr(runtimes, "open_session", missing)
        with pytest.raises(UnavailableError, match=r"is not installed.*--overwrite and another"):
            train("transfer", FAST, run=run.folder, resume=True)
        pinned = replace(FAST, latents_runtime="onnxruntime")
        with pytest.raises(UnavailableError, match="is not installed"):
            train("transfer", pinned, run=Path("new"))
        assert not Path("new").exists()
        other = replace(FAST, latents_runtime="torch")
        train("transfer", other, run=run.folder, overwrite=True)
        assert run.card().latents_runtime == "torch fp32"

    def test_bf16_that_was_chosen_where_it_is_native_is_not_emulated_in_silence(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = self.begun(monkeypatch, "onnxruntime", replace(FAST, precision=None))
        card = json.loads(run.card_file.read_text()) | {"latents_runtime": "torch bf16"}
        run.card_file.write_text(json.dumps(card))
        monkeypatch.setattr(heads.devices, "native_bf16", lambda _: False)
        free = replace(FAST, precision=None)
        with pytest.raises(ZooError, match=r"not compute in bf16 natively.*--precision bf16"):
            train("transfer", free, run=run.folder, resume=True)
        train("transfer", replace(FAST, precision="bf16"), run=run.folder, resume=True)
        assert run.card().latents_runtime == "torch bf16"

    def test_a_run_of_before_calls_it_an_engine_and_goes_on(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = self.begun(monkeypatch, "onnxruntime")
        card = json.loads(run.card_file.read_text())
        card["engine"] = card.pop("latents_runtime")
        run.card_file.write_text(json.dumps(card))
        assert run.card().latents_runtime == "onnxruntime fp32"
        train("transfer", FAST, run=run.folder, resume=True)
        card = json.loads(run.card_file.read_text())
        assert card["latents_runtime"] == "onnxruntime fp32"
        assert "engine" not in card

    def test_a_card_that_names_none_that_there_is_is_damaged(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = self.begun(monkeypatch, "torch")
        card = json.loads(run.card_file.read_text()) | {"latents_runtime": "numpy"}
        run.card_file.write_text(json.dumps(card))
        with pytest.raises(ZooError, match=r"damaged.*'numpy'.*--overwrite"):
            train("transfer", FAST, run=run.folder, resume=True)


def test_random_weights_are_never_taken_in_silence(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(name: str) -> None:
        raise ZooError(f"no weights of {name}")

    monkeypatch.setattr(frozen_backbone.weights, "downloaded", none)
    with pytest.raises(ZooError, match="no weights of squeezenet1_1"):
        train("transfer", replace(RANDOM, backbone_init=None))
