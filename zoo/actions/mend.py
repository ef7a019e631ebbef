"""`export --mend`: files of a published model made from its fp32 file, without the run.

Files that are missing are made where they are asked for; an int8 file that some CPUs run wrongly is
made again. Every other file stays as it is; the card and what is drawn from it are written as they
are today.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import onnx
import onnx_ir as ir

from zoo.artifacts.artifact import CARD, Artifact, find_artifact, how_to_export, known_artifact
from zoo.artifacts.card import Card, Remade, manifest_facts
from zoo.artifacts.places import PUBLISHED, place_to_change, target_of
from zoo.artifacts.publishing import check_place, entries, publish, publishing
from zoo.data import Dataset, load
from zoo.data.known import KNOWN
from zoo.errors import UsageError, ZooError
from zoo.exporting.formats import Network, Rounding, known_precisions
from zoo.exporting.gate import BATCHES, Reference, judge
from zoo.exporting.original import min_onnxruntime, onnx_versions
from zoo.exporting.quantize import prepare
from zoo.exporting.readme import readme
from zoo.files import write_json, write_text, writing
from zoo.graphs.fusable import unfused
from zoo.graphs.padding import stay_in_float
from zoo.graphs.products import integer_products
from zoo.machine.cpu import describe_cpu, vector_flags
from zoo.ort.signature import Signature, logits
from zoo.progress import Progress

INT8 = "int8"


def mend(
    name: str,
    *,
    precisions: Sequence[str] | None = None,
    exports: Path | None = None,
    publish: bool = False,
    data_dir: Path | None = None,
    progress: Progress | None = None,
) -> Artifact:
    """Make files of a published model from its fp32 file; the gate holds them against that one.

    precisions: files to make where they are missing, or some CPUs run them wrongly; a model that
    needs none is left alone. All its files are written to `exports`, by default exports/local/, or
    exports/ with `publish`; those that are in order keep their bytes. Without `precisions`, an int8
    file that some CPUs run wrongly is made again where it is; a model that lies outside this folder
    is copied to exports/local/.
    """
    progress = progress or Progress()
    asked = (INT8,) if precisions is None else known_precisions(precisions)
    if precisions is None:
        artifact = _with_int8(name, exports, publish)
        root = place_to_change(artifact.root, exports)
    else:
        artifact = _to_change(name, exports, publish)
        root = target_of(exports, publish)
    artifact.file("fp32")
    wanted = [precision for precision in asked if not _in_order(artifact, precision, progress)]
    if not wanted and (precisions is not None or root != artifact.root):
        return artifact

    def tell() -> None:
        progress.say(f"waiting for another process that is publishing in {root}/")

    check_place(artifact.id, root, tell)
    before = entries(root).get(artifact.id)
    files = {file: artifact.content(file) for file in artifact.entry["files"]}
    card = artifact.card
    if wanted:
        card, made = _made(artifact, wanted, data_dir, progress)
        files |= made
    with publishing(artifact.id, root, tell) as folder, writing(root):
        if entries(root).get(artifact.id) != before:
            raise ZooError(
                f"{artifact.id} was published again in {root}/ in the meantime. It was left as it "
                "is now. Run the command again."
            )
        for file, content in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content)
        return _put(folder, artifact.id, card)


def _put(folder: Path, name: str, card: Card) -> Artifact:
    write_json(folder / CARD, asdict(card))
    write_text(folder / "README.md", readme(card))
    return Artifact(folder.parent, name, publish(name, manifest_facts(card), folder))


def _with_int8(name: str, exports: Path | None, published: bool) -> Artifact:
    if published:
        raise UsageError("--mend publishes what --precision names. Name the files to make.")
    artifact = find_artifact(name, exports)
    artifact.file(INT8)
    return artifact


def _to_change(name: str, exports: Path | None, published: bool) -> Artifact:
    """The one in the folder that is written to, so that its files are kept; else one elsewhere."""
    if exports is not None:
        return known_artifact(name, exports) or find_artifact(name)
    found = find_artifact(name)
    return (published and known_artifact(found.id, PUBLISHED)) or found


def _in_order(artifact: Artifact, precision: str, progress: Progress) -> bool:
    """Whether the artifact has such a file that is as it would be made today."""
    if precision not in artifact.precisions:
        progress.say(f"{artifact.id}: making {precision}.onnx from fp32.onnx")
        return False
    published = onnx.load_from_string(artifact.content(f"{precision}.onnx"))
    if any(product.uneven for product in integer_products(published)):
        progress.say(f"{artifact.id}: rebuilding {precision}.onnx from fp32.onnx")
        return False
    progress.say(f"{artifact.id}: {precision}.onnx needs no change")
    return True


def _made(
    artifact: Artifact, wanted: Sequence[str], data_dir: Path | None, progress: Progress
) -> tuple[Card, dict[str, bytes]]:
    """The new card, and the files by name; `GateError` where one may not be published."""
    card, session = artifact.card, artifact.session("fp32")
    signature = Signature.of(session)
    fp32 = onnx.load_from_string(artifact.content("fp32.onnx"))
    network = Network(artifact.id, unfused(ir.from_proto(fp32)), fp32)
    network.check(wanted)
    data = _images(card, data_dir, progress)
    found = logits(session, signature, data.test.images, BATCHES[-1])
    reference = Reference(data.test, found, data.class_names, card.input)
    rounding = Rounding.of(card)
    if new := [precision for precision in wanted if precision not in artifact.precisions]:
        rounding = network.rounding(signature, new, data, progress, earlier=rounding)
    if INT8 in wanted:
        rounding = _with_layers_of_today(rounding, network)
    remade = Remade(describe_cpu(), vector_flags(), card.versions | onnx_versions())
    files, cards = {}, dict(card.precisions)
    for precision in wanted:
        content = _stamped(network.as_precision(precision, rounding), fp32, card, remade, precision)
        result = judge(content, precision, reference, progress)
        files[f"{precision}.onnx"] = content
        cards[precision] = replace(result.card, remade=remade)
    card = replace(
        card,
        precisions={precision: cards[precision] for precision in known_precisions(cards)},
        half_layers=rounding.half_layers,
        ranges=rounding.ranges,
        shifts=rounding.shifts,
        float_layers=rounding.float_layers,
    )
    return card, files


def _with_layers_of_today(rounding: Rounding, network: Network) -> Rounding:
    """The same rounding, with the layers added that int8 leaves in float today."""
    kept = rounding.float_layers
    more = [layer for layer in stay_in_float(prepare(network.graph)) if layer not in kept]
    return replace(rounding, float_layers=(*kept, *more))


def _images(card: Card, data_dir: Path | None, progress: Progress) -> Dataset:
    """The dataset that the model was trained and measured on."""
    if card.dataset not in KNOWN:
        raise UsageError(
            f"{card.id} was trained on a folder of images, {card.dataset}, and --mend knows only "
            f"named datasets. {how_to_export(card.id, None)}"
        )
    height, width, channels = card.image_shape
    changed = bool(card.view)
    data = load(
        card.dataset,
        data_dir=data_dir,
        size=(height, width) if changed else None,
        grey=changed and channels == 1,
        progress=progress,
    )
    if (data.fingerprint, data.image_shape) != (card.fingerprint, card.image_shape):
        raise ZooError(
            f"{card.id} was measured on other images than {data.name} now has. "
            "Restore that data, or export the run again."
        )
    return data


def _stamped(
    model: onnx.ModelProto, fp32: onnx.ModelProto, card: Card, remade: Remade, precision: str
) -> bytes:
    """The file, with what fp32.onnx says of where it comes from."""
    facts = {entry.key: entry.value for entry in fp32.metadata_props} | {
        "precision": precision,
        "versions": json.dumps(remade.versions, sort_keys=True),
        "min_onnxruntime": min_onnxruntime(card.opset, precision),
    }
    facts.pop("accuracy", None)  # of fp32.onnx, where an earlier export stamped it
    stamped = onnx.ModelProto()
    stamped.CopyFrom(model)
    del stamped.metadata_props[:]
    onnx.helper.set_model_props(stamped, dict(sorted(facts.items())))
    content: bytes = stamped.SerializeToString(deterministic=True)
    return content
