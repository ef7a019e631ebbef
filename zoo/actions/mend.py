"""`export --mend`: a published model brought up to date without the run that it came from.

An int8 file that some CPUs run wrongly is made again, from the published fp32 file and what the
card says int8 was made with. Every other file, and one that is in order, stays as it is; the card
and what is drawn from it are written as they are today.
"""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import onnx
import onnx_ir as ir

from zoo.artifacts.artifact import CARD, Artifact, find_artifact
from zoo.artifacts.card import Card, Remade, manifest_facts
from zoo.artifacts.publishing import publish, publishing
from zoo.data import Split, load
from zoo.errors import UsageError, ZooError
from zoo.exporting.formats import Rounding
from zoo.exporting.gate import BATCHES, Reference, judge
from zoo.exporting.original import min_onnxruntime, versions
from zoo.exporting.quantize import prepare, quantize
from zoo.exporting.readme import readme
from zoo.files import write_json, write_text
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
    exports: Path | None = None,
    data_dir: Path | None = None,
    progress: Progress | None = None,
) -> Artifact:
    """Publish a model again with an int8 file that passes the current gate.

    The gate holds it against the fp32 file, over the whole test set.
    """
    progress = progress or Progress()
    artifact = find_artifact(name, exports)
    card, content = artifact.card, None
    if INT8 not in artifact.precisions:
        raise UsageError(f"{artifact.id} has no int8 file, and --mend rebuilds only int8 files.")
    published = onnx.load_from_string(artifact.content("int8.onnx"))
    if any(product.uneven for product in integer_products(published)):
        progress.say(f"{artifact.id}: rebuilding int8.onnx from fp32.onnx")
        card, content = _made_again(artifact, data_dir, progress)
    else:
        progress.say(f"{artifact.id}: int8.onnx needs no change")
    waiting = f"waiting for another process that is publishing in {artifact.root}/"
    with publishing(card.id, artifact.root, lambda: progress.say(waiting)) as folder:
        for file in artifact.entry["files"]:
            (folder / file).parent.mkdir(exist_ok=True)
            shutil.copyfile(artifact.checked(file), folder / file)
        if content is not None:
            (folder / "int8.onnx").write_bytes(content)
        write_json(folder / CARD, asdict(card))
        write_text(folder / "README.md", readme(card))
        return replace(artifact, entry=publish(card.id, manifest_facts(card), folder))


def _made_again(
    artifact: Artifact, data_dir: Path | None, progress: Progress
) -> tuple[Card, bytes]:
    """The card and the int8 file."""
    card = artifact.card
    made_with = versions(card.framework)
    test, class_names = _test_set(card, data_dir, progress)
    fp32 = onnx.load_from_string(artifact.content("fp32.onnx"))
    prepared = prepare(unfused(ir.from_proto(fp32)))
    rounding = Rounding.of(card)
    model = quantize(prepared, rounding.ranges, rounding.float_layers, rounding.shifts)
    session = artifact.session("fp32")
    found = logits(session, Signature.of(session), test.images, BATCHES[-1])
    facts = {entry.key: entry.value for entry in fp32.metadata_props} | {
        "precision": INT8,
        "versions": json.dumps(made_with, sort_keys=True),
        "min_onnxruntime": min_onnxruntime(card.opset, INT8),
    }
    facts.pop("accuracy", None)  # of fp32.onnx, where an earlier export stamped it
    content = _stamped(model, facts)
    reference = Reference(test, found, class_names, card.input)
    result = judge(content, INT8, reference, progress)
    remade = Remade(describe_cpu(), vector_flags(), made_with)
    kept = [layer for layer in stay_in_float(prepared) if layer not in card.float_layers]
    files = card.precisions | {INT8: replace(result.card, remade=remade)}
    card = replace(card, precisions=files, float_layers=(*card.float_layers, *kept))
    return card, content


def _test_set(
    card: Card, data_dir: Path | None, progress: Progress
) -> tuple[Split, tuple[str, ...]]:
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
    return data.test, data.class_names


def _stamped(model: onnx.ModelProto, facts: dict[str, str]) -> bytes:
    stamped = onnx.ModelProto()
    stamped.CopyFrom(model)
    del stamped.metadata_props[:]
    onnx.helper.set_model_props(stamped, dict(sorted(facts.items())))
    content: bytes = stamped.SerializeToString(deterministic=True)
    return content
