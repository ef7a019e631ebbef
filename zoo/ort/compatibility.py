"""The opsets that this zoo writes, and the oldest onnxruntime that a file supports."""

OPSET = 20  # unless another is asked for
IR_VERSIONS = {18: 8, 19: 9, 20: 9, 21: 10}  # by opset, as onnx released them together

# (release, highest opset, highest IR version), from onnxruntime's published compatibility page; the
# last row is the release that took ONNX 1.18 in. A release loads everything that older ones load.
_RELEASES = (
    ("1.3", 12, 7),
    ("1.6", 13, 7),
    ("1.8", 14, 7),
    ("1.9", 15, 8),
    ("1.11", 16, 8),
    ("1.12", 17, 8),
    ("1.14", 18, 8),
    ("1.15", 19, 8),
    ("1.16", 19, 9),
    ("1.17", 20, 9),
    ("1.18", 21, 10),
    ("1.23", 23, 11),
)


def first_onnxruntime(opset: int, ir_version: int) -> str | None:
    """The oldest release that promises to load such a file; None if it is newer than this table.

    opset: of the default domain. The oldest answer is 1.3.
    """
    for release, highest_opset, highest_ir in _RELEASES:
        if opset <= highest_opset and ir_version <= highest_ir:
            return release
    return None


# Releases in which files were run on stored images, by precision: `tox -e versions` does it, and
# docs/reference/onnxruntime-versions.md holds what it found.
RUN = {
    "fp32": ("1.17", "1.20", "1.22", "1.24", "1.25", "1.31"),
    "fp16": ("1.17", "1.20", "1.22", "1.24", "1.25", "1.31"),
    "int8": ("1.17", "1.20", "1.22", "1.24", "1.25", "1.31"),
}


def oldest_run(opset: int, ir_version: int, precision: str) -> str | None:
    """The oldest release that loads such a file and that this precision was run in."""
    first = first_onnxruntime(opset, ir_version)
    if first is None:
        return None
    return next((release for release in RUN[precision] if not is_older(release, first)), None)


def is_older(release: str, other: str) -> bool:
    """Whether the release `1.9` came before `1.23`; a text that is no release is a ValueError."""
    return _numbers(release) < _numbers(other)


def _numbers(release: str) -> tuple[int, int]:
    major, minor = release.split(".")[:2]
    return int(major), int(minor)
