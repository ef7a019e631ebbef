"""`export`: from a finished run to a published artifact."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray

from zoo.actions.trained import load_trained, projection_of
from zoo.artifacts.artifact import CARD, VECTORS, Artifact, known_artifact
from zoo.artifacts.card import PRECISIONS, Card, FileCard, manifest_facts
from zoo.artifacts.places import option, target_of
from zoo.artifacts.publishing import check_place, publish, publishing
from zoo.data import Dataset
from zoo.drawing.confusion import CONFUSION, Confusion, confusion_counts
from zoo.drawing.projection import PROJECTION
from zoo.errors import ZooError, command
from zoo.exporting.formats import Formats, known_precisions, make_formats
from zoo.exporting.gate import Reference, judge
from zoo.exporting.head import HEAD, head_file
from zoo.exporting.original import Original, file_bytes, find_original, versions
from zoo.exporting.readme import readme
from zoo.files import write_json, write_text, writing
from zoo.graphs.cost import cost_of
from zoo.intervals import Accuracy
from zoo.machine.cpu import describe_cpu, vector_flags
from zoo.machine.memory import memory_errors
from zoo.ort.compatibility import IR_VERSIONS, OPSET
from zoo.ort.outputs import LOGITS
from zoo.ort.session import open_session
from zoo.ort.signature import IMAGE, PIXELS, Signature
from zoo.progress import Progress
from zoo.runs.history import read_history
from zoo.runs.naming import known_run
from zoo.runs.options import DEFAULT_DATA
from zoo.runs.remains import RUNS
from zoo.runs.run import Run
from zoo.specs.catalog import find_model

VECTOR_IMAGES = 8


def export(
    name: str,
    *,
    run: Path | None = None,
    precisions: Sequence[str] | None = None,
    form: str = PIXELS,
    opset: int = OPSET,
    exports: Path | None = None,
    publish: bool = False,
    data_dir: Path | None = None,
    progress: Progress | None = None,
) -> Artifact:
    """Publish a finished run as ONNX files that passed the gate, replacing an earlier artifact.

    name: a model, or the id of a run; run: the folder of the run instead. precisions: default: all
    that the model supports; fp32 is always made, because the others are compared with it. exports:
    the folder to write to; default exports/local/, or exports/ with `publish`.
    """
    progress = progress or Progress()
    root = target_of(exports, publish)
    wanted = None if precisions is None else known_precisions(("fp32", *precisions))
    if run is None and (form, opset) == (PIXELS, OPSET) and known_run(name) is None:
        _refuse_for_mending(name, precisions or PRECISIONS, exports, publish)
    original = find_original(name, run, form, opset)
    history = original.run.finished_history(original.card)

    def tell() -> None:
        progress.say(f"waiting for another process that is publishing in {root}/")

    check_place(original.id, root, tell)
    data = original.card.options.load_data(data_dir, progress)
    original.card.check_data(data)
    trained = load_trained(original.run, original.card)
    made = make_formats(original, trained, wanted, data, progress)
    with memory_errors("Close other programs and export again."):
        plain, views = trained.with_views(data.test.images, progress)
        projection = projection_of(trained, data)
    reference = Reference(data.test, plain, data.class_names, form)
    files = {
        precision: file_bytes(original, model, precision)
        for precision, model in made.models.items()
    }
    results = {
        precision: judge(content, precision, reference, progress)
        for precision, content in files.items()
    }
    seen = None if views is None else Accuracy.of(views.argmax(axis=1) == data.test.labels)
    cards = {precision: result.card for precision, result in results.items()}
    head = head_file(original, trained, data)
    card = _card(original, reference, seen, made, cards)
    with publishing(card.id, root, tell) as folder, writing(root):
        _fill(folder, card, files, data)
        write_text(folder / "history.csv", history)
        if head is not None:
            (folder / HEAD).write_bytes(head)
        if projection is not None:
            write_text(folder / PROJECTION, projection.to_csv())
        answers = results["fp32"].logits.argmax(axis=1)
        names = data.class_names
        counts = confusion_counts(data.test.labels, answers, len(names))
        write_text(folder / CONFUSION, Confusion.of(names, counts.tolist()).to_csv())
        return _put(folder, card)


def _refuse_for_mending(
    name: str, precisions: Sequence[str], exports: Path | None, published: bool
) -> None:
    """Without a run, name the command that makes a published model's missing files without it."""
    found = known_artifact(name, exports) or known_artifact(name)
    wanted = found.lacks(precisions) if found else []
    if found and wanted:
        place = ["--publish"] if published else option(exports)
        data = found.entry["dataset"]
        train = command(
            "train", found.entry["model"], *([] if data == DEFAULT_DATA else ["--data", data])
        )
        mend = command("export", found.id, "--mend", "--precision", ",".join(wanted), *place)
        raise ZooError(
            f"there is no run of {name} in {RUNS}/. Train it first: {train}\n"
            f"or make the missing files of {found.id} without a run: {mend}"
        )


def _put(folder: Path, card: Card) -> Artifact:
    return Artifact(folder.parent, card.id, publish(card.id, manifest_facts(card), folder))


def _card(
    original: Original,
    reference: Reference,
    with_views: Accuracy | None,
    made: Formats,
    cards: dict[str, FileCard],
) -> Card:
    card = original.card
    spec = find_model(card.model)
    epochs = card.epochs if card.recipe else _epochs(original.run)
    counted = cost_of(made.models["fp32"])  # for a run that recorded no cost
    return Card(
        id=original.id,
        model=card.model,
        family=spec.family,
        framework=spec.framework,
        dataset=card.dataset,
        fingerprint=card.fingerprint,
        view=card.view,
        class_names=card.class_names,
        image_shape=card.image_shape,
        mean=card.mean,
        std=card.std,
        input=original.form,
        recipe=card.told,
        seed=card.options.seed or 0,
        weights=card.weights,
        parameters=card.parameters or counted.parameters,
        macs=card.macs or counted.macs or 0,
        trained={
            "epochs": epochs,
            "pflop": round(card.train_flop / 1e15, 4),
            "seconds": round(card.seconds, 1),
        },
        trained_on=card.machine,
        accuracy=reference.accuracy,
        with_views=with_views,
        opset=original.opset,
        ir_version=IR_VERSIONS[original.opset],
        machine=describe_cpu(),
        cpu_flags=vector_flags(),
        versions=versions(spec.framework),
        precisions=cards,
        half_layers=made.rounding.half_layers,
        ranges=made.rounding.ranges,
        shifts=made.rounding.shifts,
        float_layers=made.rounding.float_layers,
        design={} if card.design is None else asdict(card.design),
        latents=card.latents_runtime,
        left_out=made.left_out,
    )


def _epochs(run: Run) -> float:
    """The epochs that were run, for a training run without a recipe."""
    rows = read_history(run.history)
    return rows[-1].epoch if rows else 0.0


def _fill(folder: Path, card: Card, files: dict[str, bytes], data: Dataset) -> None:
    for precision, content in files.items():
        (folder / f"{precision}.onnx").write_bytes(content)
    session = open_session(files["fp32"])
    signature = Signature.of(session)
    feeds = signature.prepare(data.test.images[:VECTOR_IMAGES])
    vectors = folder / VECTORS
    vectors.mkdir()
    _write_vector(vectors / "input_0.pb", feeds[IMAGE], IMAGE)
    _write_vector(vectors / "output_0.pb", session.run(feeds)[0], LOGITS)
    write_json(folder / CARD, asdict(card))
    write_text(folder / "README.md", readme(card))


def _write_vector(path: Path, values: NDArray[Any], name: str) -> None:
    path.write_bytes(onnx.numpy_helper.from_array(values, name).SerializeToString())
