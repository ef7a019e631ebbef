"""`layers`: what is shown of a layer is what the network's own framework computes there."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

import zoo
from tests import classifiers
from zoo.actions.export import export
from zoo.actions.show import show
from zoo.actions.trained import load_trained
from zoo.artifacts.artifact import Artifact
from zoo.data.dataset import Images
from zoo.data.pixels import shown
from zoo.errors import UsageError, ZooError
from zoo.graphs.layers import opened_up
from zoo.ort.session import open_session
from zoo.runs.options import TrainOptions
from zoo.runs.run import Run

Values = NDArray[np.float32]
CatalogGraph = Callable[[str, str], tuple[nn.Module, onnx.ModelProto]]
# Modules that only move numbers give no layer of their own.
MOVING = (nn.Flatten, nn.Identity, nn.Dropout)


@pytest.fixture(scope="module")
def image() -> Images:
    return np.array(zoo.load_data("digits").test.images[7])


def hooked(network: nn.Module, pixels: torch.Tensor) -> list[Values]:
    """What each module gives that holds no other, as torch computes it, in order."""
    found: list[Values] = []

    def keep(module: nn.Module, taken: object, given: torch.Tensor) -> None:
        found.append(given[0].detach().numpy().copy())  # a ReLU may write over it

    for module in network.modules():
        if not list(module.children()) and not isinstance(module, MOVING):
            module.register_forward_hook(keep)
    with torch.inference_mode():
        network.eval()(pixels)
    return found


def normalised(image: Images, mean: tuple[float, ...], std: tuple[float, ...]) -> Values:
    pixels = (image.astype(np.float32) / 255 - np.float32(mean)) / np.float32(std)
    return pixels.astype(np.float32)


def assert_same(found: dict[str, Values], wanted: list[Values]) -> None:
    assert len(found) == len(wanted)
    for (name, value), right in zip(found.items(), wanted, strict=True):
        assert value.shape == right.shape, name
        np.testing.assert_allclose(value, right, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_every_layer_is_what_torch_computes(
    name: str,
    image: Images,
    digits_run: Callable[[str], Path],
    digits_artifact: Callable[[str], Artifact],
) -> None:
    run = Run(digits_run(name))
    card = run.finished_card()
    network = load_trained(run, card).network
    found = zoo.layers(name, image, exports=digits_artifact(name).root)
    pixels = normalised(image, card.mean, card.std).transpose(2, 0, 1)
    # The first layer is what stands before the network, in its file alone.
    np.testing.assert_allclose(found.pop("Add_0"), pixels, rtol=1e-5, atol=1e-6)
    assert_same(found, hooked(network, torch.from_numpy(pixels[None])))
    assert list(found)[-1] == "logits"


def test_every_layer_of_mlp_numpy_is_what_numpy_computes(
    image: Images, digits_run: Callable[[str], Path], digits_artifact: Callable[[str], Artifact]
) -> None:
    from zoo.frameworks.numpy.network import forward_propagation, pre_activation

    run = Run(digits_run("mlp-numpy"))
    card = run.finished_card()
    network = load_trained(run, card).network
    pixels = normalised(image, card.mean, card.std)
    flow = forward_propagation(network, pixels.reshape(1, -1))
    wanted = [pixels]
    for layer, given, made in zip(network[:-1], flow, flow[1:], strict=False):
        wanted += [pre_activation(layer, given)[0], made[0]]
    found = zoo.layers("mlp-numpy", image, exports=digits_artifact("mlp-numpy").root)
    assert_same(found, [*wanted, flow[-1][0]])


def without_counterpart(found: dict[str, Values], wanted: list[Values]) -> list[str]:
    """The layers besides those that a framework gives too, in its order and the same in numbers."""
    rest, names = iter(found.items()), []
    for right in wanted:
        for name, value in rest:
            if value.shape == right.shape and np.allclose(value, right, rtol=1e-3, atol=1e-4):
                break
            names.append(name)
        else:
            pytest.fail(f"no layer gives a tensor {right.shape} of the framework, after {names}")
    return [*names, *(name for name, _ in rest)]


def test_every_module_of_a_transfer_has_a_layer(transfer_exports: Path, tmp_path: Path) -> None:
    run = Run(transfer_exports.parent / "run")
    card = run.finished_card()
    network = load_trained(run, card).network
    test = zoo.load_data("digits").test
    height, width, channels = card.image_shape
    image = shown(np.array(test.images[7]), (height, width), channels)
    found = zoo.layers("transfer", image, exports=transfer_exports)
    pixels = normalised(image, card.mean, card.std).transpose(2, 0, 1)
    given = hooked(network, torch.from_numpy(pixels[None]))
    alone = without_counterpart(found, given)
    made = show("transfer", exports=transfer_exports, out=tmp_path)
    kinds = {layer.name: layer.kind for layer in made.layers}
    assert len(given) > 40
    # No module of their own: the normalisation of pixels, their resizing (a product of matrices),
    # and what fire modules put together; the last of that is the same before and behind a ReLU.
    assert Counter(kinds[name] for name in alone) == {
        **{"scale and shift": 1, "linear": 1, "concatenation": 7, "activation": 1}
    }


@pytest.mark.parametrize("name", ["mlp-keras", "cnn-keras"])
def test_every_layer_of_keras_is_in_the_file(name: str, tmp_path: Path) -> None:
    pytest.importorskip("zoo.frameworks.keras.backend", reason="needs the extra keras")
    from zoo.frameworks.batches import Batches
    from zoo.frameworks.keras.backend import keras, on_cpu
    from zoo.frameworks.keras.training import normalised as as_keras_takes_it

    options = TrainOptions(data="digits", size=(16, 16), grey=True, epochs=1)
    run = zoo.train(name, options, run=tmp_path / "run")
    card = run.finished_card()
    export(name, run=run.folder, precisions=("fp32",), exports=tmp_path / "exports")
    image = shown(np.array(zoo.load_data("digits").test.images[7]), (16, 16), 1)
    found = zoo.layers(name, image, exports=tmp_path / "exports")

    network = load_trained(run, card).model
    moving = (keras.layers.Flatten, keras.layers.Dropout, keras.layers.InputLayer)
    shows = [layer for layer in network.layers if not isinstance(layer, moving)]
    inside = keras.Model(network.inputs[0], [layer.output for layer in shows])
    pixels = as_keras_takes_it(Batches(image[None], card.mean, card.std), slice(0, 1), (16, 16, 1))
    with on_cpu():
        outputs = inside.predict_on_batch(pixels)
    given = [np.moveaxis(value[0], -1, 0) if value.ndim == 4 else value[0] for value in outputs]
    alone = without_counterpart(found, given)
    # A layer of Keras that has an activation gives what comes after it.
    assert len(given) == len(shows)
    products = {one for one in found if re.match(r"(Conv|Gemm|MatMul|Add)_", one)}
    assert set(alone) <= products, alone


@pytest.mark.parametrize("name", ["dense", "speednet"])
def test_every_layer_of_larger_networks_as_they_begin(
    name: str, catalog_graph: CatalogGraph
) -> None:
    network, model = catalog_graph(name, "uint8-nhwc")
    image: Images = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    opened, anatomy = opened_up(model)
    session = open_session(opened.SerializeToString())
    names = [output.name for output in session.outputs]
    given = dict(zip(names, session.run({"image": image[None]}), strict=True))
    found = {layer.name: given[layer.tensor][0] for layer in anatomy.layers}
    pixels = normalised(image, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)).transpose(2, 0, 1)
    # No module of their own: the normalisation of pixels, what dense blocks put together, and the
    # activations of speednet, which are a function.
    kinds = ("scale and shift", "concatenation")
    alone = [one for one in anatomy.layers if one.kind in kinds or one.operator == "Gelu"]
    assert len(alone) == {"dense": 17, "speednet": 8}[name]
    for one in alone:
        found.pop(one.name)
    assert_same(found, hooked(network, torch.from_numpy(pixels[None])))


def test_int8_gives_what_is_left_after_the_rounding(image: Images, mlp_exports: Path) -> None:
    """Its normalisations have no tensor of their own: they are folded into the products.

    And layers may be padded, by units that give zero.
    """
    exact = zoo.layers("mlp", image, exports=mlp_exports)
    rounded = zoo.layers("mlp", image, exports=mlp_exports, precision="int8")
    assert set(exact) - set(rounded) == {
        *("MatMul_0", "BatchNormalization_0", "MatMul_1", "BatchNormalization_1")
    }
    for name, values in rounded.items():
        wanted = np.zeros_like(values)
        wanted[: len(exact[name])] = exact[name]
        assert np.abs(values - wanted).max() < float(np.std(exact[name])), name
        assert not values[len(exact[name]) :].any(), name
        assert len(np.unique(values)) <= 256, name
    assert rounded["Relu_0"].min() >= 0  # the range of the rounding is what is left of the ReLU


class TestThirdPartyFiles:
    def test_one_gives_its_layers_from_the_process_that_it_runs_in(self, tmp_path: Path) -> None:
        test = zoo.load_data("digits", size=(32, 32)).test
        image = np.array(test.images[3])
        path = classifiers.write(tmp_path / "other.onnx", input="uint8-nhwc")
        found = zoo.layers(path, image)
        assert list(found) == ["sums", "values", "logits"]
        np.testing.assert_array_equal(found["values"], np.maximum(found["sums"], 0))
        np.testing.assert_allclose(found["logits"], classifiers.answers(image[None])[0], rtol=1e-3)

    def test_a_fixed_batch_is_filled_with_the_image(self, tmp_path: Path) -> None:
        image = np.array(zoo.load_data("digits", size=(32, 32)).test.images[3])
        path = classifiers.write(tmp_path / "four.onnx", batch=4)
        assert zoo.layers(path, image)["logits"].shape == (10,)

    def test_one_with_its_weights_beside_it(self, tmp_path: Path) -> None:
        image = np.array(zoo.load_data("digits", size=(32, 32)).test.images[3])
        path = classifiers.write(tmp_path / "whole.onnx")
        model, split = onnx.load(path), tmp_path / "split.onnx"
        onnx.save(model, split, save_as_external_data=True, location="w", size_threshold=1024)
        apart = zoo.layers(split, image)
        for name, values in zoo.layers(path, image).items():
            np.testing.assert_array_equal(apart[name], values)

    def test_one_that_is_refused_is_not_opened(self, tmp_path: Path) -> None:
        (tmp_path / "bad.onnx").write_bytes(b"not a model")
        with pytest.raises(ZooError, match="is refused"):
            zoo.layers(tmp_path / "bad.onnx", np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((8, 8), np.uint8), np.zeros((1, 8, 8, 1), np.uint8), np.zeros((8, 8, 1), np.float32)],
    ids=["no channels", "a batch", "floats"],
)
def test_what_is_no_image_of_the_model_is_refused(wrong: Images, mlp_exports: Path) -> None:
    with pytest.raises(UsageError, match="uint8"):
        zoo.layers("mlp", wrong, exports=mlp_exports)
