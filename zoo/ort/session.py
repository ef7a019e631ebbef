"""ONNX Runtime sessions: the only place that opens them.

The requested provider is the one that runs: if it cannot run here, or leaves computing nodes to
another one, that is an error with its cause and never a fallback.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.machine.threads import thread_budget
from zoo.ort.placement import shape_nodes
from zoo.ort.providers import CPU, CUDA, find_provider, load_onnxruntime

Array = NDArray[Any]

_FATAL = 4  # what ONNX Runtime logs as an error is also raised as an exception
_DTYPES = {"float": "float32", "double": "float64"}
_SHORT = {CPU: "cpu", CUDA: "cuda"}
_OPTIONS = {CUDA: {"use_tf32": "0"}}  # fp32 means fp32, as it does in torch here
_PREFIX = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from .*? failed:)?")
_LOCATION = re.compile(r"/\S+:\d+ .+?\) (?=[A-Z\"'])")
# How releases say it: 1.31, and 1.25.
_NO_GRAPH = ("No graph was found", "ModelProto does not have a graph")


@dataclass(frozen=True)
class TensorInfo:
    """An input or output."""

    name: str
    dtype: str  # as numpy names it
    shape: tuple[int | str | None, ...]  # a name or None where a side is free

    def __str__(self) -> str:
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name}: {self.dtype} [{sizes}]"


class Opened(Protocol):
    """The interface of an open ONNX file, in this process or another one."""

    @property
    def name(self) -> str: ...

    @property
    def provider(self) -> str: ...

    @property
    def inputs(self) -> tuple[TensorInfo, ...]: ...

    @property
    def outputs(self) -> tuple[TensorInfo, ...]: ...

    @property
    def metadata(self) -> dict[str, str]: ...

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """Compute all outputs, in order, from the inputs by name."""


@dataclass(frozen=True, eq=False)
class Session:
    """An open ONNX file."""

    name: str  # its path, or what its bytes were called
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    metadata: dict[str, str]
    provider: str  # `cpu`, `cuda`, or ONNX Runtime's name of another one
    threads: int  # those that a node may use
    ort: Any = field(repr=False)  # ONNX Runtime's own session
    model: Path | bytes = field(repr=False)

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """Compute all outputs, in order, from the inputs by name."""
        with _plain_errors(f"{self.name} does not run on this input"):
            outputs: list[Array] = self.ort.run(None, feeds)
        return outputs

    def placement(self) -> dict[str, int]:
        """How many nodes each provider computes, by ONNX Runtime's name for it."""
        return dict(Counter(provider for provider, _, _ in self._placed()))

    def computing_elsewhere(self) -> list[str]:
        """Nodes on another provider than the requested one that compute on the inputs' values."""
        computing, _ = self._elsewhere()
        return [
            f"{operator} {name}".rstrip() + f" on {where}" for where, name, operator in computing
        ]

    def constants_elsewhere(self) -> list[str]:
        """The other nodes there, by operator: they depend only on shapes and weights."""
        _, constant = self._elsewhere()
        counted = Counter((operator, where) for where, _, operator in constant)
        return [f"{count} {operator} on {where}" for (operator, where), count in counted.items()]

    def _elsewhere(self) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
        """Nodes on another provider: those that compute on the inputs' values, and the others."""
        asked = self.ort.get_providers()[0]
        elsewhere = [node for node in self._placed() if node[0] != asked]
        if not elsewhere:
            return [], []
        known = shape_nodes(self.model)
        constant = [node for node in elsewhere if known.holds(*node[1:])]
        return [node for node in elsewhere if node not in constant], constant

    def _placed(self) -> list[tuple[str, str, str]]:
        """Provider, name and operator of every node."""
        return [
            (part.ep_name, node.name, node.op_type)
            for part in self.ort.get_provider_graph_assignment_info()
            for node in part.get_nodes()
        ]


def open_session(
    model: Path | bytes,
    *,
    name: str = "bytes",
    provider: str = "cpu",
    threads: int | None = None,
    config: Mapping[str, str] | None = None,
    provider_options: Mapping[str, str] | None = None,
    allow_fallback: bool = False,
    profile: Path | None = None,
    optimised: Path | None = None,
) -> Session:
    """Open an ONNX file, or its bytes, on one provider.

    name: how messages refer to the bytes; threads: by default all that are ours; config: ONNX
    Runtime's session entries, such as `session.disable_quant_qdq`; provider_options: the provider's
    own, added to ours; allow_fallback: let computing nodes run on another provider; profile: where
    the time of each operator is written, as `<profile>_<time>.json`, when the session ends;
    optimised: where the graph is written that ONNX Runtime made of it.
    """
    wanted = find_provider(provider)
    threads = thread_budget() if threads is None else threads
    if threads < 1:
        raise UsageError(f"a session needs at least one thread, not {threads}.")
    named = _SHORT.get(wanted, wanted)
    title = name if isinstance(model, bytes) else str(model)
    if isinstance(model, Path):
        _require_file(model)
    with _plain_errors(f"{title} cannot be opened", unavailable=None if wanted == CPU else named):
        chosen = {**_OPTIONS.get(wanted, {}), **(provider_options or {})}
        created = _create(model, (wanted, chosen), threads, config or {}, profile, optimised)
        session = Session(
            name=title,
            inputs=tuple(map(_info, created.get_inputs())),
            outputs=tuple(map(_info, created.get_outputs())),
            metadata=dict(created.get_modelmeta().custom_metadata_map),
            provider=named,
            threads=threads,
            ort=created,
            model=model,
        )
    _check_providers(session, wanted, allow_fallback)
    return session


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise ZooError(f"{path} is a folder, not an ONNX file.")
    if not path.is_file():
        raise ZooError(f"there is no file {path}.")


def _create(
    model: Path | bytes,
    provider: tuple[str, dict[str, str]],
    threads: int,
    config: Mapping[str, str],
    profile: Path | None,
    optimised: Path | None,
) -> Any:
    onnxruntime = load_onnxruntime()
    onnxruntime.set_default_logger_severity(_FATAL)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    for key, value in config.items():
        options.add_session_config_entry(key, value)
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    if optimised:
        options.optimized_model_filepath = str(optimised)
    return onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model),
        options,
        providers=[provider],
        enable_fallback=0,
    )


def _check_providers(session: Session, wanted: str, allow_fallback: bool) -> None:
    if session.ort.get_providers()[0] != wanted:
        raise UnavailableError(
            f"--provider {session.provider} cannot run here: onnxruntime did not start it."
        )
    elsewhere = [] if allow_fallback else session.computing_elsewhere()
    if elsewhere:
        more = f" and {len(elsewhere) - 3} more" if len(elsewhere) > 3 else ""
        raise UnavailableError(
            f"--provider {session.provider} does not compute all of {session.name}: "
            f"{', '.join(elsewhere[:3])}{more}. Use --provider cpu."
        )


def _info(tensor: Any) -> TensorInfo:
    inner = re.fullmatch(r"tensor\((\w+)\)", tensor.type)
    dtype = inner[1] if inner else tensor.type
    return TensorInfo(tensor.name, _DTYPES.get(dtype, dtype), tuple(tensor.shape))


@contextmanager
def _plain_errors(failure: str, unavailable: str | None = None) -> Iterator[None]:
    """Turn errors of ONNX Runtime in the block into `failure` with the reason.

    unavailable: the provider to name if the device failed and not the file.
    """
    try:
        yield
    except MemoryError as error:
        raise ZooError(f"{failure}: out of memory.") from error
    except Exception as error:  # its bindings raise a dozen kinds without a common base
        kind = type(error).__name__
        if unavailable and kind in ("EPFail", "EngineError", "RuntimeException"):
            raise UnavailableError(f"{failure} on {unavailable}: {_reason(error)}.") from error
        raise ZooError(f"{failure}: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    kind = type(error).__name__
    if kind == "InvalidProtobuf":
        return "it is not an ONNX file, or it is truncated"
    text = _LOCATION.sub("", _PREFIX.sub("", str(error)))
    words = " ".join(text.split()).rstrip(".")
    if words.startswith(_NO_GRAPH):
        return "it holds no graph; it is empty or not an ONNX file"
    return words[:400] or kind
