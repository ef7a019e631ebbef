"""The README.md of an artifact, written from its card."""

from collections.abc import Mapping
from typing import Any

from zoo.artifacts.card import Card, FileCard
from zoo.escaping import markdown
from zoo.ort.signature import PIXELS
from zoo.progress import amount_text
from zoo.specs.design import MAPS, POOLED, head_words


def readme(card: Card) -> str:
    """Markdown: what the files are, what was measured, how to run them."""
    height, width, channels = card.image_shape
    shape = (
        f"uint8 `[batch, {height}, {width}, {channels}]`, raw pixels; the graph normalises them"
        if card.input == PIXELS
        else f"float32 `[batch, {channels}, {height}, {width}]`, normalised by the mean and std "
        "in the metadata"
    )
    views = f" With test-time views: {card.with_views}." if card.with_views else ""
    rows = "\n".join(_row(name, file, card) for name, file in card.precisions.items())
    design = _design(card)
    more = ", ..." if len(card.class_names) > 20 else ""
    parts = [
        f"# {markdown(card.id)}",
        f"`{card.model}` ({card.family}, {card.framework}) trained on {markdown(card.dataset)}, "
        f"seed {card.seed}: {card.parameters:,} parameters, {amount_text(card.macs)} multiply-adds "
        "per image. Written by `python cli.py export` from `card.json`.",
        *design,
        f"- input `image`: {shape}\n"
        f"- output `logits`: float32 `[batch, {len(card.class_names)}]`\n"
        f"- classes: {markdown(', '.join(card.class_names[:20]))}{more}\n"
        f"- opset {card.opset}, IR version {card.ir_version}; oldest onnxruntime tested: "
        f"{_oldest(card)}",
        f"Accuracy of the source network, in {card.framework} and fp32, on the whole test set: "
        f"{card.accuracy}.{views}",
        "| file | accuracy (95% interval) | same class as the network "
        f"| largest logit difference |\n|---|---|---|---|\n{rows}",
        *_rounded(card),
        *_remade(card),
        *_left_out(card),
        f"Measured on {_machine(card.machine, card.cpu_flags)}.",
        "    import onnxruntime, numpy\n"
        '    session = onnxruntime.InferenceSession("fp32.onnx")\n'
        f"    image = numpy.zeros({_example(card)})\n"
        '    print(session.run(["logits"], {"image": image})[0].argmax(axis=1))',
    ]
    return "\n\n".join(parts) + "\n"


def _row(name: str, file: FileCard, card: Card) -> str:
    accuracy = file.accuracy
    interval = f"{accuracy.share:.2%} ({accuracy.low:.2%} to {accuracy.high:.2%})"
    largest = max(file.max_difference.values())
    agreement = f"{file.agreement:,} of {card.accuracy.images:,}"
    return f"| `{name}.onnx` | {interval} | {agreement} | {largest:.2g} |"


def _oldest(card: Card) -> str:
    """The oldest release that the files were run in, for each file if they differ."""
    releases = {name: file.min_onnxruntime for name, file in card.precisions.items()}
    if len(set(releases.values())) > 1:
        return ", ".join(f"{release} ({name})" for name, release in releases.items())
    return next(iter(releases.values()))


def _design(card: Card) -> list[str]:
    if not card.design:
        return []
    backbone = card.design["backbone"]
    height, width = backbone["size"]
    finetuned = bool(card.design.get("finetuning"))
    stays = "backbone" if finetuned else "frozen backbone"
    then = " Then the whole network was trained on images." if finetuned else ""
    by = f" The latents were computed with {card.latents}." if card.latents else ""
    return [
        f"This is a transfer model: the {stays} {markdown(backbone['name'])} (weights: "
        f"{markdown(backbone['origin'])}) takes images of {height}x{width} "
        f"({backbone['interpolation']}), and a {head_words(card.design['head'])} was trained on "
        f"{_taken(backbone)}{_averaged(card)}.{by}{then} `head.onnx` is only that head: "
        "input `latents`, float32 `[batch, width]`, output `logits`. `latents.csv` maps the "
        "latents of test images: the class of each image, and its first two principal components."
    ]


def _taken(backbone: Mapping[str, Any]) -> str:
    """What the head was trained on."""
    side = backbone.get("grid")
    on_grid = f" (each map averaged to {side}x{side} values)" if side else ""
    return {
        POOLED: "its latents",
        MAPS: f"its maps before the last pooling{on_grid}",
    }.get(backbone["layer"], f"the output of its layer {markdown(backbone['layer'])}{on_grid}")


def _averaged(card: Card) -> str:
    if not card.design["flip_average"]:
        return ""
    return ", averaged over each image and its mirror image"


def _rounded(card: Card) -> list[str]:
    """Which layers fp16 and int8 leave in float, and how int8 is quantised."""
    words = []
    if card.half_layers:
        words.append(f"fp16.onnx keeps its first layers in fp32: {', '.join(card.half_layers)}.")
    file = card.precisions.get("int8")
    if file is not None:
        kept = ", ".join(card.float_layers)
        moved = " Biases are corrected for the mean error of the rounded weights." * bool(
            card.shifts
        )
        words.append(
            "int8.onnx has 8-bit unsigned activations and signed weights limited to 7 bits, with "
            "one scale per channel, so that its sums cannot saturate on any CPU. Layers kept in "
            f"float: {kept or 'none'}.{moved} If its integer steps are computed in float instead, "
            f"{file.emulated:,} of {file.accuracy.images:,} images get the same class."
        )
    return words


def _remade(card: Card) -> list[str]:
    return [
        f"`{file.file}` was made from `fp32.onnx` and compared with that file instead of the "
        f"network, on {_machine(file.remade.machine, file.remade.cpu_flags)}."
        for file in card.precisions.values()
        if file.remade
    ]


def _machine(name: str, cpu_flags: tuple[str, ...]) -> str:
    return f"{markdown(name)} (CPU features: {', '.join(cpu_flags) or 'none'})"


def _left_out(card: Card) -> list[str]:
    return [f"There is no {name} file: {markdown(why)}." for name, why in card.left_out.items()]


def _example(card: Card) -> str:
    height, width, channels = card.image_shape
    if card.input == PIXELS:
        return f'(1, {height}, {width}, {channels}), "uint8"'
    return f'(1, {channels}, {height}, {width}), "float32"'
