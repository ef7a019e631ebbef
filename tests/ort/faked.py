"""Sessions of files that do not exist."""

from zoo.ort.session import Session, TensorInfo


def faked(
    *inputs: tuple[str, tuple[int | str | None, ...]],
    outputs: tuple[tuple[str, tuple[int | str | None, ...]], ...] = (("logits", (None, 3)),),
    **metadata: str,
) -> Session:
    """A session that only has a signature; inputs: dtype and shape."""
    return Session(
        name="strange.onnx",
        inputs=tuple(
            TensorInfo(f"in{index}", dtype, shape) for index, (dtype, shape) in enumerate(inputs)
        ),
        outputs=tuple(TensorInfo(name, "float32", shape) for name, shape in outputs),
        metadata=metadata,
        provider="cpu",
        threads=1,
        ort=None,
        model=b"",
    )
