"""The process in which third-party files are opened: python -m zoo.inspection.quarantine.

A line of JSON comes in for each request, {"path", "seconds"} with "vectors" to look at a file, with
"content" to read it alone, with "cost" to count what it computes, with "time" and "names" to
profile it on the inputs in a folder, with "test" to count its right answers, or with "open" to keep
it open for requests {"run", "names", "seconds"}, and then with "layers" to have it give those too.
Lines of JSON go out: {"step"} and {"advance"} on the way, then {"facts"} or {"refused"}. Whatever a
file does to this process (crash it, hang it, use up its memory), the asking process continues: see
`zoo.inspection.inspector`.
"""

import hashlib
import json
import resource
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto, TensorProto

from zoo.data import load
from zoo.errors import ZooError
from zoo.graphs.anatomy import Anatomy
from zoo.graphs.cost import cost_of, drop_weights
from zoo.graphs.layers import opened_up
from zoo.inspection.batches import try_batches
from zoo.inspection.content import content_of, facts_of
from zoo.inspection.serving import Serving, read_feeds
from zoo.inspection.structure import check_structure, check_wire
from zoo.inspection.tensors import Beside, RefusedError, with_data
from zoo.inspection.trial import count_correct, refusing, run_on_noise, run_vectors
from zoo.machine.child import own_pipes
from zoo.machine.memory import limit_address_space, set_address_space
from zoo.machine.threads import thread_budget
from zoo.ort.given import Given
from zoo.ort.layer_times import time_layers
from zoo.ort.session import Session, open_session
from zoo.ort.signature import Signature
from zoo.reading import read_bytes
from zoo.records import read

_MEMORY = 2 << 30  # beside six times the file: parsed, checked and optimized, it lies there often
_THREADS = 8  # each more takes some of that memory for its stack
_LONGEST_ANSWER = 4 << 20
_LARGEST_FILE = 2 << 30
_SHARE = 1 / 3  # share of a file's time limit, for trying its batches

Send = Callable[[Mapping[str, Any]], None]


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = own_pipes()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def send(message: Mapping[str, Any]) -> None:
        line = json.dumps(message)
        if len(line) > _LONGEST_ANSWER:
            line = json.dumps({"refused": "its names and metadata take more than 4 MiB"})
        answers.write(f"{line}\n")
        answers.flush()

    send(_readiness())
    serving = Serving()
    for line in requests:
        request = json.loads(line)
        _set_alarm(request)
        send(_answer(request, send, serving))
        signal.alarm(0)


def _set_alarm(request: Mapping[str, Any]) -> None:
    """End this process by an alarm, because nobody else would if the asking process is gone."""
    signal.alarm(int(request["seconds"]) + 2)


def _readiness() -> dict[str, str]:
    """Check that a known good file passes; otherwise later failures are not the file's fault."""
    value = onnx.helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = onnx.helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])], "good", [value], [out]
    )
    opset = onnx.helper.make_opsetid("", 13)
    model = onnx.helper.make_model(graph, ir_version=7, opset_imports=[opset])
    try:
        open_session(model.SerializeToString(), threads=1)
    except ZooError as error:
        return {"unusable": str(error)}
    return {"ready": ""}


def _answer(request: Mapping[str, Any], send: Send, serving: Serving) -> dict[str, Any]:
    kind = ""
    try:
        if "run" in request:
            return {"facts": serving.run(Path(request["run"]), request["names"])}
        path = Path(request["path"])
        if "open" in request:
            return {"facts": serving.hold(*_opened(path, request, send))}
        if "test" in request:
            return {"facts": {"correct": _count(path, request, send)}}
        if "time" in request:
            return {"facts": _time(path, request, send)}
        if "cost" in request:
            return {"facts": _cost(path, send)}
        if "content" in request:
            return {"facts": _content(path, send)}
        return {"facts": examine(path, request, send)}
    except MemoryError:
        reason = "it needs more memory than a file of its size may use"
    except Exception as error:  # the parsers and onnxruntime raise nearly every kind
        reason = str(error).rstrip(".") or type(error).__name__
        kind = type(error).__name__
    words = reason.lower()
    spent = "memory" in words or "alloc" in words
    hint = "; --memory raises the limit" if spent and "content" not in request else ""
    return {"refused": f"{reason}{hint}", "kind": kind, "spent": spent}


@dataclass(frozen=True)
class _Parsed:
    """A well-formed file, and what is known about it."""

    model: ModelProto
    # What to give to onnx and onnxruntime: the bytes that were read, or the path where some of the
    # data lies beside it.
    opens: bytes | Path
    beside: Beside  # where that is
    facts: dict[str, Any]

    @property
    def checks(self) -> bytes | Path:
        """What to pass to onnx.checker, which does not follow links."""
        if isinstance(self.opens, Path) and self.beside.linked:
            return bytes(with_data(self.model, self.opens).SerializeToString())
        return self.opens


def _parsed(path: Path, send: Send, memory: int | None, mapped: int = 0) -> _Parsed:
    """Read a file and check its structure.

    memory: the limit in bytes, None for one by its size; mapped: bytes of other files that are
    mapped.
    """
    send({"step": "read"})
    _limit_memory(path.stat().st_size, memory, mapped)
    data = read_bytes(path, _LARGEST_FILE)
    send({"step": "parse"})
    model = _model(data)
    send({"step": "structure"})
    beside = Beside(path)
    check_structure(model, beside)
    _limit_memory(len(data) + beside.bytes, memory, mapped)
    own = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    facts = {**own, "external": beside.bytes, **facts_of(model)}
    return _Parsed(model, path if beside.bytes else data, beside, facts)


def examine(path: Path, request: Mapping[str, Any], send: Send) -> dict[str, Any]:
    """Read, parse, check, open and run a file; the facts of one that passes, as JSON values.

    Its "vectors" are folders with input_0.pb and output_0.pb. send: called with the name of each
    step.
    """
    found = _parsed(path, send, request["memory"])
    send({"step": "checker"})
    with refusing("onnx.checker refuses it"):
        onnx.checker.check_model(found.checks, full_check=True)
    send({"step": "load"})
    session = replace(open_session(found.opens, threads=1), name=path.name)
    send({"step": "run"})
    given = _given(request)
    _run(session, given)
    tried = try_batches(session, request["seconds"] * _SHARE, given)
    send({"step": "vectors"})
    folders = map(Path, request["vectors"])
    return found.facts | {
        "inputs": [asdict(info) for info in session.inputs],
        "outputs": [asdict(info) for info in session.outputs],
        **_signature(session, given),
        "steadiness": tried if isinstance(tried, str) else asdict(tried),
        "vectors": {str(folder): run_vectors(session, folder) for folder in folders},
    }


def _content(path: Path, send: Send) -> dict[str, Any]:
    """The content of the file and of those beside it; bytes that are not a model are kept."""
    send({"step": "read"})
    _limit_memory(path.stat().st_size)
    data = read_bytes(path, _LARGEST_FILE)
    try:
        model = _model(data)
    except RefusedError:
        return content_of(path, data, None)
    return content_of(path, data, model)


def _cost(path: Path, send: Send) -> dict[str, Any]:
    """The cost of the file, counted in its graph."""
    model = _parsed(path, send, None).model
    send({"step": "count"})
    drop_weights(model)  # which would be copied several times
    return asdict(cost_of(model))


def _time(path: Path, request: Mapping[str, Any], send: Send) -> dict[str, Any]:
    """How the time of a call is divided over layers."""
    found = _parsed(path, send, request["memory"])
    send({"step": "time"})
    whole = with_data(found.model, path) if found.beside.bytes else found.model
    feeds = read_feeds(Path(request["time"]), request["names"])
    return asdict(time_layers(whole, feeds, path.name))


def _model(data: bytes) -> ModelProto:
    check_wire(data)
    with refusing("its bytes are damaged"):
        model: ModelProto = ModelProto.FromString(data)
    return model


def _count(path: Path, request: Mapping[str, Any], send: Send) -> int:
    """Count correct answers on a test set that the asking process has put into the cache."""
    test = request["test"]
    found = _parsed(path, send, request["memory"], test["mapped"])
    send({"step": "test"})
    data = load(test["name"], data_dir=Path(test["data_dir"]) if test["data_dir"] else None)
    threads = min(_THREADS, thread_budget())
    session = replace(open_session(found.opens, threads=threads), name=path.name)

    def advance(images: int) -> None:
        send({"advance": images})
        _set_alarm(request)

    return count_correct(session, data.test, advance, test["columns"], _given(request))


def _opened(path: Path, request: Mapping[str, Any], send: Send) -> tuple[Session, Anatomy | None]:
    """A session with all of our threads, in a process limited to "memory" bytes."""
    found = _parsed(path, send, request["memory"])
    opens, anatomy = found.opens, None
    if request["layers"]:
        whole = with_data(found.model, path) if found.beside.bytes else found.model
        model, anatomy = opened_up(whole)
        opens = model.SerializeToString()
    send({"step": "load"})
    if request["open"] != "cpu":  # which reserves more than it uses; the one that asks watches it
        set_address_space(None)
    session = open_session(opens, provider=request["open"], name=path.name)
    return replace(session, name=path.name), anatomy


def _run(session: Session, given: Given) -> None:
    """Run it on noise; if it fails, free dimensions that nobody named may be the cause."""
    try:
        run_on_noise(session, given)
    except ZooError as error:
        problem = _signature(session, given)["signature"]
        sides = (side for info in session.inputs for side in info.shape[1:])
        free = not all(isinstance(side, int) for side in sides)
        if given.size or not (problem and free):
            raise
        tried = f"tried at another size, {error}".rstrip(".")
        raise RefusedError(f"{problem.rstrip('.')} ({tried})") from error


def _given(request: Mapping[str, Any]) -> Given:
    """What the asking process knows about the file."""
    given: Given = read(Given, request["given"], "given")
    return given


def _signature(session: Session, given: Given) -> dict[str, str]:
    """Why `predict` could not use the file, or ""; and which output it would choose."""
    try:
        return {"signature": "", "chosen": Signature.of(session, given).chosen}
    except ZooError as error:
        return {"signature": str(error), "chosen": ""}


def _limit_memory(size: int, memory: int | None = None, mapped: int = 0) -> None:
    """Limit the address space so that excessive allocations fail; the limit depends on the file."""
    if memory is None:
        set_address_space(_MEMORY + 6 * size + mapped)
    else:
        limit_address_space(memory + mapped, thread_budget())


if __name__ == "__main__":
    main()
