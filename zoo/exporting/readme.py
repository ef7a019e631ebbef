"""The README.md of an artifact, written from its card."""

from zoo.artifacts.card import Card, FileCard
from zoo.escaping import markdown
from zoo.ort.signature import PIXELS
from zoo.progress import amount_text
from zoo.specs.design import head_words


def readme(card: Card) -> str:
    """Markdown: what the files are, what was measured, how to run them."""
    height, width, channels = card.image_shape
    shape = (
        f"uint8 `[batch, {height}, {width}, {channels}]`, raw pixels; normalisation is inside"
        if card.input == PIXELS
        else f"float32 `[batch, {channels}, {height}, {width}]`, normalised by the mean and std "
        "in the metadata"
    )
    views = f" With test-time views: {card.with_views}." if card.with_views else ""
    rows = "\n".join(_row(name, file, card) for name, file in card.precisions.items())
    stands = _design(card)
    more = ", ..." if len(card.class_names) > 20 else ""
    parts = [
        f"# {markdown(card.id)}",
        f"`{card.model}` ({card.family}, {card.framework}) trained on {markdown(card.dataset)}, "
        f"seed {card.seed}: {card.parameters:,} parameters, {amount_text(card.macs)} multiply-adds "
        f"an image. Written by `python cli.py export`; the numbers are those of card.json.",
        *stands,
        f"- input `image`: {shape}\n"
        f"- output `logits`: float32 `[batch, {len(card.class_names)}]`\n"
        f"- classes: {markdown(', '.join(card.class_names[:20]))}{more}\n"
        f"- opset {card.opset}, IR {card.ir_version}. The oldest onnxruntime it was run in: "
        f"{_oldest(card)}",
        f"The source network, in {card.framework} and fp32, over the whole test set: "
        f"{card.accuracy}.{views}",
        "| file | accuracy (95% interval) | same class as the source | largest difference |\n"
        f"|---|---|---|---|\n{rows}",
        *_rounded(card),
        *_remade(card),
        *_left_out(card),
        f"Measured on {markdown(card.machine)}; of its instructions: "
        f"{', '.join(card.cpu_flags) or 'none'}.",
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
    """The oldest release that the files were run in, of each where they differ."""
    releases = {name: file.min_onnxruntime for name, file in card.precisions.items()}
    if len(set(releases.values())) > 1:
        return ", ".join(f"{release} ({name})" for name, release in releases.items())
    return next(iter(releases.values()))


def _design(card: Card) -> list[str]:
    if not card.design:
        return []
    backbone = card.design["backbone"]
    height, width = backbone["size"]
    averaged = ", averaged with those of the mirror image" if card.design["flip_average"] else ""
    finetuned = bool(card.design.get("finetuning"))
    stays = "backbone" if finetuned else "frozen backbone"
    then = " Then the whole network was trained on images." if finetuned else ""
    by = f" They were computed by {card.latents}." if card.latents else ""
    return [
        f"A transfer: the {stays} {markdown(backbone['name'])} (weights: "
        f"{markdown(backbone['origin'])}), "
        f"shown images of {height}x{width} ({backbone['interpolation']}), and a "
        f"{head_words(card.design['head'])} that was trained on its latents{averaged}.{by}{then} "
        "`head.onnx` is that head alone: input `latents`, float32 `[batch, width]`, output "
        "`logits`. `latents.csv` is a map of the latents of test images: the class of each, and "
        "its place along their first two principal components."
    ]


def _rounded(card: Card) -> list[str]:
    """What fp16 and int8 leave out, and what int8 numbers are."""
    words = []
    if card.half_layers:
        words.append(f"fp16 leaves the first layers in fp32: {', '.join(card.half_layers)}.")
    file = card.precisions.get("int8")
    if file is not None:
        kept = ", ".join(card.float_layers)
        moved = " Biases make up for what rounding the weights moves on average." * bool(
            card.shifts
        )
        words.append(
            "int8 has U8 activations and S8 weights of seven bits, a scale for each channel: no "
            f"CPU's kernels can saturate; layers left in float: {kept or 'none'}.{moved} With its "
            f"integer steps computed in float, {file.emulated:,} of {file.accuracy.images:,} "
            "images get the same class."
        )
    return words


def _remade(card: Card) -> list[str]:
    return [
        f"`{file.file}` was made from `fp32.onnx`, without the network, and compared with "
        f"that file, on {file.remade.machine}; of its instructions: "
        f"{', '.join(file.remade.cpu_flags) or 'none'}."
        for file in card.precisions.values()
        if file.remade
    ]


def _left_out(card: Card) -> list[str]:
    return [f"There is no {name} file: {markdown(why)}." for name, why in card.left_out.items()]


def _example(card: Card) -> str:
    height, width, channels = card.image_shape
    if card.input == PIXELS:
        return f'(1, {height}, {width}, {channels}), "uint8"'
    return f'(1, {channels}, {height}, {width}), "float32"'
