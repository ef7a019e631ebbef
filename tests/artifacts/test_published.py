"""What is committed under exports/ is whole, small, and what the README says of it."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from zoo.actions.list_ import markdown_table
from zoo.actions.verify import verify
from zoo.artifacts.artifact import VECTORS, Artifact, find_artifact, list_artifacts
from zoo.artifacts.card import Card
from zoo.exporting.readme import readme
from zoo.frameworks.batches import Standard
from zoo.frameworks.numpy.network import Network, Numbers, forward_propagation, network_of
from zoo.frameworks.sklearn.estimators import logits_of, with_layers
from zoo.specs.catalog import find_model
from zoo.specs.design import Design

ROOT = Path(__file__).parents[2]
EXPORTS = ROOT / "exports"
PUBLISHED = list_artifacts(EXPORTS)
MIB = 1 << 20

# A backbone, and a transfer on it.
TRANSFER = {"speednet-cifar100", "transfer-cifar10-speednet-cifar100-groups.1-2x2"}
BESIDE_PYTORCH = {"mlp-numpy-cifar10", "mlp-sklearn-cifar10", "logreg-sklearn-cifar10"}
KERAS = {"cnn-keras-cifar10"}
JAX = {"cnn-jax-cifar10"}

pytestmark = pytest.mark.usefixtures("one_thread")


def written_in(framework: str) -> list[Artifact]:
    return [artifact for artifact in PUBLISHED if artifact.card.framework == framework]


def test_the_trained_models_are_there() -> None:
    names = {artifact.id for artifact in PUBLISHED}
    assert names >= {
        "mlp-cifar10",
        "cnn-cifar10",
        "speednet-cifar10",
        "dense-cifar10",
        *BESIDE_PYTORCH,
        *KERAS,
        *JAX,
        *TRANSFER,
    }
    in_half = {artifact.id for artifact in PUBLISHED if "fp16" in artifact.precisions}
    assert in_half == {"dense-cifar10", "cnn-keras-cifar10"}
    assert all({"fp32", "int8"} <= set(artifact.precisions) for artifact in PUBLISHED)


def test_all_of_them_verify() -> None:
    checks = verify(exports=EXPORTS, accuracy=False)
    assert {check.target for check in checks} >= {artifact.id for artifact in PUBLISHED}
    assert [check for check in checks if check.status == "failed"] == []


@pytest.mark.parametrize("artifact", PUBLISHED, ids=lambda artifact: artifact.id)
def test_the_readme_of_each_is_what_the_template_makes_of_its_card(artifact: Artifact) -> None:
    text = (artifact.folder / "README.md").read_text(encoding="utf-8")
    assert text == readme(artifact.card), f"run: python cli.py export {artifact.id} --mend"


def test_they_are_small() -> None:
    sizes = {path: path.stat().st_size for path in EXPORTS.rglob("*") if path.is_file()}
    assert max(sizes.values()) < 16 * MIB
    assert sum(sizes.values()) < 80 * MIB


def vectors_of(artifact: Artifact) -> list[np.ndarray]:
    """The images that are published beside it, and their logits."""
    return [
        onnx.numpy_helper.to_array(
            onnx.TensorProto.FromString((artifact.folder / VECTORS / name).read_bytes())
        )
        for name in ("input_0.pb", "output_0.pb")
    ]


@pytest.mark.parametrize("artifact", written_in("pytorch"), ids=lambda artifact: artifact.id)
def test_the_network_can_be_built_from_its_file(artifact: Artifact) -> None:
    card = artifact.card
    design = Design.from_json(card.design) if card.design else None
    spec = find_model(card.model)
    network = spec.build(card.image_shape, len(card.class_names), design).eval()
    weights = {
        tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load(artifact.file("fp32")).graph.initializer
    }
    wanted = {name for name in network.state_dict() if "num_batches" not in name}
    assert wanted <= set(weights)
    network.load_state_dict({name: weights[name] for name in wanted}, strict=False)
    pixels, logits = vectors_of(artifact)
    scaled = torch.from_numpy(pixels.copy()).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(value).view(-1, 1, 1) for value in (card.mean, card.std))
    with torch.inference_mode():
        found = network((scaled - mean) / std).numpy()
    np.testing.assert_allclose(found, logits, atol=1e-3)


def layers_in(artifact: Artifact) -> Network:
    stored = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(artifact.file("fp32")).graph.initializer
    }
    return network_of({n: array for n, array in stored.items() if not n.startswith("pixel_")})


def rows_of(pixels: np.ndarray, card: Card) -> Numbers:
    standard = Standard(card.mean, card.std, card.image_shape[0] * card.image_shape[1])
    return standard.rows(pixels)


@pytest.mark.parametrize("artifact", written_in("numpy"), ids=lambda artifact: artifact.id)
def test_a_network_of_numpy_can_be_built_from_its_file(artifact: Artifact) -> None:
    pixels, logits = vectors_of(artifact)
    rows = rows_of(pixels, artifact.card)
    found = forward_propagation(layers_in(artifact), rows)[-1]
    np.testing.assert_allclose(found, logits, atol=1e-3)


@pytest.mark.parametrize("artifact", written_in("sklearn"), ids=lambda artifact: artifact.id)
def test_an_estimator_can_be_built_from_its_file(artifact: Artifact) -> None:
    card, (pixels, logits) = artifact.card, vectors_of(artifact)
    empty = find_model(card.model).build(card.image_shape, len(card.class_names))
    found = logits_of(with_layers(empty, layers_in(artifact)), rows_of(pixels, card))
    np.testing.assert_allclose(found, logits, atol=1e-3)


@pytest.mark.parametrize("artifact", written_in("jax"), ids=lambda artifact: artifact.id)
def test_a_network_of_flax_can_be_built_from_its_file(artifact: Artifact) -> None:
    pytest.importorskip("flax")
    from zoo.frameworks.jax.graph import from_onnx
    from zoo.frameworks.jax.network import Network

    card, (pixels, logits) = artifact.card, vectors_of(artifact)
    empty = Network.empty(find_model(card.model), card.image_shape, len(card.class_names))
    arrays = from_onnx(onnx.load(artifact.file("fp32")), empty)
    shown = rows_of(pixels, card).reshape(pixels.shape)
    np.testing.assert_allclose(empty.filled(arrays).logits(shown), logits, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "floor"),
    [
        ("mlp-numpy", 0.54),
        ("mlp-sklearn", 0.5),
        ("logreg-sklearn", 0.38),
        ("cnn-keras", 0.8),
        ("cnn-jax", 0.8),
    ],
)
def test_they_reach_what_was_promised(name: str, floor: float) -> None:
    assert find_artifact(name, EXPORTS).card.accuracy.share >= floor


def test_the_readme_has_the_table_of_the_manifest() -> None:
    assert markdown_table(Path("exports")) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_five_lines_of_the_readme_give_the_answer_of_the_zoo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^    .+\n)+", text, re.MULTILINE)
    (block,) = [block for block in blocks if "InferenceSession" in block]
    code = "\n".join(line[4:] for line in block.splitlines())
    assert len(code.splitlines()) == 5
    (cnn,) = [artifact for artifact in PUBLISHED if artifact.id == "cnn-cifar10"]
    image = onnx.numpy_helper.to_array(
        onnx.TensorProto.FromString((cnn.folder / VECTORS / "input_0.pb").read_bytes())
    )[0]
    Image.fromarray(image).save(tmp_path / "cat.png")
    (tmp_path / "exports").symlink_to(EXPORTS)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert int(capsys.readouterr().out) == int(cnn.predict(image[None]).argmax())
