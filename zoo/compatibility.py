"""Which onnxruntime is the first one that loads a file, by its opset and IR version."""

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
    """The oldest release that promises to load such a file; None where this table ends before it.

    opset: of the default domain. The oldest answer is 1.3.
    """
    for release, highest_opset, highest_ir in _RELEASES:
        if opset <= highest_opset and ir_version <= highest_ir:
            return release
    return None


def is_older(release: str, other: str) -> bool:
    """Whether the release `1.9` came before `1.23`; a text that is no release is a ValueError."""
    return _numbers(release) < _numbers(other)


def _numbers(release: str) -> tuple[int, int]:
    major, minor = release.split(".")[:2]
    return int(major), int(minor)
