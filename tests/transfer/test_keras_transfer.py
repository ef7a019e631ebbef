"""`transfer-keras`: latents of a Keras backbone once, dense layers on them, a whole network out."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

import zoo
from tests.factories import Told
from tests.killing import killed_training
from zoo.actions.trained import load_trained
from zoo.data import load
from zoo.errors import UsageError, ZooError
from zoo.frameworks.pytorch.loop import Trainer
from zoo.frameworks.pytorch.stage import tensors_of
from zoo.runs.checkpoint import load_checkpoint
from zoo.runs.options import TrainOptions, split_of
from zoo.runs.run import Run
from zoo.specs.design import Backbone
from zoo.transfer import runtimes
from zoo.transfer.heads import Latents, _statistics, head_job
from zoo.transfer.network import KERAS_RECIPE

os.environ["KERAS_BACKEND"] = "torch"  # before `importorskip` imports it
keras = pytest.importorskip("keras")
pytestmark = pytest.mark.usefixtures("one_thread")

NAME = "transfer-keras"
RANDOM = TrainOptions(
    data="digits",
    epochs=2,
    validate=100,
    backbone="MobileNet",
    backbone_size=32,
    backbone_init="random",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A transfer on a random backbone; not to be changed."""
    return zoo.train(NAME, RANDOM, run=tmp_path_factory.mktemp("keras-transfer") / "run")


def test_the_card_says_what_it_stands_on(finished: Run) -> None:
    card = finished.card()
    assert card.id == "transfer-keras-digits-MobileNet-random"
    assert card.design is not None
    backbone = card.design.backbone
    assert (backbone.library, backbone.model, backbone.size, backbone.origin) == (
        *("keras", "MobileNet", (32, 32)),
        "random",
    )
    assert (card.design.head, card.latents_runtime) == ("hidden", "torch fp32")
    weights, _ = load_checkpoint(finished.weights)
    counted = [a.size for name, a in weights.items() if not name.startswith("latents.")]
    assert card.parameters == sum(counted)
    assert card.macs > 1e5


def test_the_whole_network_answers_as_the_head_does_on_the_kept_latents(finished: Run) -> None:
    card, data = finished.card(), load("digits")
    trained = load_trained(finished, card)
    found = trained.latents(data.test.images[:40])
    assert found is not None
    assert found.shape == (40, 1024)
    logits = trained.logits(data.test.images[:40])
    np.testing.assert_allclose(logits[:3], trained.logits(data.test.images[:3]), atol=1e-3)
    assert (trained.logits(data.train.images).argmax(1) == data.train.labels).mean() > 0.5


def test_the_second_training_computes_no_latents_and_has_the_same_weights(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a runtime was opened")

    monkeypatch.setattr(runtimes, "_torch", refuse)
    again = zoo.train(NAME, RANDOM, run=tmp_path / "again")
    assert again.weights.read_bytes() == finished.weights.read_bytes()


def test_killed_and_resumed_it_ends_in_the_same_weights(finished: Run, tmp_path: Path) -> None:
    stopped = killed_training(NAME, RANDOM, tmp_path / "run", 30)
    resumed = zoo.train(NAME, run=stopped.folder, resume=True)
    assert resumed.weights.read_bytes() == finished.weights.read_bytes()


def test_it_is_exported_from_pixels_to_logits_and_passes_the_gate(
    finished: Run, tmp_path: Path
) -> None:
    made = zoo.export(NAME, run=finished.folder, precisions=["fp32"], exports=tmp_path / "exports")
    assert made.card.framework == "keras"
    images = load("digits").test.images[:7]  # of 32x32 pixels
    wanted = load_trained(finished, finished.card()).logits(images)
    np.testing.assert_allclose(made.predict(images), wanted, atol=1e-3)
    assert [check for check in zoo.verify(exports=made.root) if check.status == "failed"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backbone": "MobileNetV4"}, "Did you mean MobileNet"),
        ({"backbone_size": 8}, "does not take images of 8x8.*another --backbone-size"),
        ({"weights": "there.h5"}, "contradict each other"),
        ({"backbone_init": None, "weights": "there.h5"}, "there is no such file"),
        ({"finetune": True}, "--finetune is not for transfer-keras"),
        ({"head": "deep"}, "--head deep"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    in_folder: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        zoo.train(NAME, replace(RANDOM, **options))
    assert not list(in_folder.glob("runs/*"))


def test_it_does_not_train_on_random_weights_in_silence(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*arguments: Any, **more: Any) -> None:
        raise Exception("URL fetch failure on there: None -- no route")

    monkeypatch.setattr("keras.src.applications.mobilenet.file_utils.get_file", offline)
    with pytest.raises(ZooError, match=r"unavailable here \(URL fetch failure.*--weights FILE"):
        zoo.train(NAME, replace(RANDOM, backbone_init=None))
    assert not list(in_folder.glob("runs/*"))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Weights of a whole network and of one without its top, and other files."""
    from zoo.frameworks.keras.backend import on_cpu

    folder = tmp_path_factory.mktemp("weights")
    keras.utils.set_random_seed(3)
    with on_cpu():
        model = keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3))
        bare = keras.Model(model.input, model.layers[-2].output)
    model.save_weights(folder / "whole.weights.h5")
    model.save(folder / "whole.keras")
    bare.save_weights(folder / "bare.weights.h5")
    (folder / "text.weights.h5").write_text("no weights")
    (folder / "pickle.pt").write_text("no weights")
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    other.save_weights(folder / "other.weights.h5")
    return bare, folder


@pytest.mark.parametrize("name", ["whole.weights.h5", "whole.keras", "bare.weights.h5"])
def test_latents_are_those_of_the_network_that_was_saved(
    saved: tuple[Any, Path], name: str
) -> None:
    from zoo.transfer import keras_backbones as backbones

    bare, folder = saved
    backbone = backbones.describe("MobileNetV2", 64)
    trunk = backbones.build_trunk(backbone)
    backbones.load_file(backbone, trunk, folder / name)
    pixels = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype(np.float32)
    found = trunk.network(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()))
    wanted = bare.predict_on_batch(pixels)
    assert np.abs(found.detach().numpy() - wanted).max() < 1e-3 * wanted.std()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("other.weights.h5", "does not hold weights of MobileNetV2"),
        ("text.weights.h5", "does not hold weights of MobileNetV2"),
        ("pickle.pt", "Keras reads weights from"),
    ],
)
def test_other_files_are_refused(saved: tuple[Any, Path], name: str, words: str) -> None:
    from zoo.transfer import keras_backbones as backbones

    backbone = backbones.describe("MobileNetV2", 64)
    with pytest.raises(UsageError, match=words):
        backbones.load_file(backbone, backbones.build_trunk(backbone), saved[1] / name)


def test_normalisation_is_read_off_what_the_network_prepares() -> None:
    from zoo.transfer import keras_backbones as backbones

    inception = backbones.describe("InceptionV3")
    assert (inception.size, inception.mean, inception.std) == ((299, 299), (0.5,) * 3, (0.5,) * 3)
    resnet = backbones._normalisation("ResNet50")  # blue first, means of ImageNet, no spread
    assert resnet[2]
    np.testing.assert_allclose(np.multiply(resnet[0], 255), [123.68, 116.779, 103.939], rtol=1e-5)
    np.testing.assert_allclose(np.multiply(resnet[1], 255), 1, rtol=1e-5)


def test_inception_of_torchvision_and_of_keras_give_the_same_latents_from_the_same_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But for one thing: torchvision's average pooling counts the zeros beyond the border, the
    original and Keras do not. The test has torchvision's do without."""
    from zoo.transfer import keras_backbones as backbones

    functional = torch.nn.functional
    without_zeros = partial(functional.avg_pool2d, count_include_pad=False)
    patched = SimpleNamespace(**{**vars(functional), "avg_pool2d": without_zeros})
    monkeypatch.setattr("torchvision.models.inception.F", patched)
    backbone: Backbone = backbones.describe("InceptionV3", 75)
    trunk = backbones.build_trunk(backbone, seed=1)
    draw = np.random.default_rng(0)
    for norm in (layer for layer in trunk.model.layers if hasattr(layer, "moving_variance")):
        for own in (norm.beta, norm.moving_mean):
            own.assign(draw.normal(scale=0.1, size=own.shape).astype(np.float32))
        norm.moving_variance.assign(draw.uniform(0.3, 1, own.shape).astype(np.float32))
    pixels = torch.from_numpy(draw.normal(size=(6, 3, 75, 75)).astype(np.float32))
    network = torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False)
    network.fc = nn.Identity()
    _copied(trunk.model, network)
    with torch.no_grad():
        found, wanted = trunk.network(pixels), network.eval()(pixels)
    assert found.shape == (6, 2048)
    assert (found - wanted).abs().max() < 1e-3 * wanted.std()


def _copied(model: Any, network: nn.Module) -> None:
    """Keras's weights into torchvision's network, convolution by convolution as both make them."""

    def number(layer: Any) -> int:
        last = layer.name.rpartition("_")[2]
        return int(last) if last.isdecimal() else 0

    convolutions, norms = (
        sorted((one for one in model.layers if type(one).__name__ == kind), key=number)
        for kind in ("Conv2D", "BatchNormalization")
    )
    blocks = [m for m in network.modules() if type(m).__name__ == "BasicConv2d"]
    assert len(blocks) == len(convolutions) == len(norms) == 94
    with torch.no_grad():
        for block, convolution, norm in zip(blocks, convolutions, norms, strict=True):
            kernel = np.array(keras.ops.convert_to_numpy(convolution.kernel))
            block.conv.weight.copy_(torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()))
            block.bn.weight.fill_(1.0)
            for own, its in (
                (block.bn.bias, norm.beta),
                (block.bn.running_mean, norm.moving_mean),
                (block.bn.running_var, norm.moving_variance),
            ):
                own.copy_(torch.from_numpy(np.array(keras.ops.convert_to_numpy(its))))


@pytest.mark.parametrize("kind", ["linear", "hidden"])
def test_heads_of_both_frameworks_on_the_same_latents_are_equally_good(
    finished: Run, kind: str, tmp_path: Path
) -> None:
    from zoo.frameworks.keras.training import train
    from zoo.runs.training import Training
    from zoo.specs.catalog import find_model
    from zoo.transfer.keras_head import lesson_on, make_head, standardised

    data = load("digits", size=(16, 16), grey=True)
    draw = np.random.default_rng(0).normal(size=(256, 300)).astype(np.float32)

    def latents(images: np.ndarray) -> np.ndarray:
        return np.maximum(images.reshape(len(images), -1) / np.float32(255) @ draw, 0)

    values = latents(data.train.images)
    known = Latents(values, *_statistics(values))
    recipe = replace(KERAS_RECIPE, epochs=15, batch=64, lr=2e-3)
    card = replace(
        finished.card(), recipe=recipe, options=replace(RANDOM, validate=None, device="cpu")
    )
    trainer = Trainer(
        head_job(card, data, known, kind, *tensors_of(split_of(data.train.labels, card.options)))
    )
    trainer.fit()
    mean, std = (np.array(part, np.float32) for part in (known.mean, known.std))
    shown = standardised(latents(data.test.images), mean, std)
    with torch.no_grad():
        of_torch = trainer.network.eval()(torch.from_numpy(shown)).argmax(1).numpy()

    run = Run(tmp_path / "run")
    run.folder.mkdir()
    training = Training(find_model(NAME), run, card, data, Told(), None, fresh=True)
    head = train(training, lesson_on(card, data, known), (300,), lambda: make_head(kind, 300, 10))
    of_keras = head.predict_on_batch(shown).argmax(1)
    one, other = ((answers == data.test.labels).mean() for answers in (of_torch, of_keras))
    assert min(one, other) > 0.9
    assert abs(one - other) <= 0.01


def test_it_is_for_keras_and_says_so(call: Callable[..., Any]) -> None:
    told = call("train", "cnn-keras", "--backbone", "ResNet50", "--data", "digits", code=2).stderr
    assert "--backbone is for transfer-keras, not for cnn-keras" in told
