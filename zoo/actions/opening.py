"""Find a named model, and open it.

An artifact is opened in this process, a third-party file in the inspector's.
"""

from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.artifacts.artifact import CARD, Artifact, find_artifact, which_artifact
from zoo.data.local import load_local
from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.inspection.description import describe, refuse_unneeded
from zoo.inspection.inspector import Inspector
from zoo.inspection.remote import RemoteSession
from zoo.ort.faults import Here, fault_of, fault_of_content
from zoo.ort.given import Given, read_sidecar
from zoo.ort.providers import find_provider, short_name
from zoo.ort.session import Opened
from zoo.ort.signature import Signature
from zoo.progress import Progress


@dataclass(frozen=True)
class Source:
    """A file named by its path, or an artifact named by its id.

    A file named by its path may come from anywhere, and so may its manifest.
    """

    asked: str  # as it was named
    file: Path | Artifact
    precision: str  # of an artifact
    title: str  # what to call it
    stem: str  # what files about it are called after


@dataclass(frozen=True)
class OpenedSource:
    """A session with its signature."""

    session: Opened
    signature: Signature
    given: Given  # the given facts that it needs


def find_source(model: str | Path, precision: str | None, exports: Path | None) -> Source:
    """The model meant by an artifact's id, a model's name, an artifact's folder or a file."""
    path = Path(model)
    if path.suffix.lower() == ".onnx" or path.is_file():
        if precision is not None:
            raise UsageError(f"{path} already names a precision. Leave out --precision.")
        return Source(str(model), path, "", path.name, path.stem)
    precision = precision or "fp32"
    if (path / CARD).is_file():
        artifact = find_artifact(path.name, path.parent)
        file: Path | Artifact = artifact.file(precision)
    else:
        file = artifact = find_artifact(str(model), exports)
    return Source(str(model), file, precision, f"{artifact.id} {precision}", artifact.id)


def open_source(
    stack: ExitStack,
    source: Source,
    inspector: Inspector,
    provider: str,
    given: Given,
    data_dir: Path | None,
    here: Here,
    progress: Progress,
) -> OpenedSource:
    """Open a source until the stack is unwound; refuse it if it gives wrong answers here.

    given: what a third-party file does not say about itself; its `data` names the dataset whose
    class names are used. inspector: provides the process for a third-party file.
    """
    file = source.file
    if isinstance(file, Path):
        remote, given, widths = _remote(inspector, file, provider, given, progress)
        session: Opened = stack.enter_context(closing(remote))
        fault = fault_of(widths, here)
    else:
        given.refuse(source.asked)
        if told := which_artifact(source.asked, file):
            progress.say(told)
        session = file.session(source.precision, provider=provider)
        fault = fault_of_content(file.content(f"{source.precision}.onnx"), here)
    if fault and session.provider == "cpu":  # the known ones are those of this provider
        raise UnavailableError(f"{source.title} would give wrong answers: {fault}.")
    signature = _with_class_names(Signature.of(session, given), given, data_dir, progress)
    if signature.chosen:
        progress.say(f"{source.title} {signature.chosen}")
    return OpenedSource(session, signature, given)


def _with_class_names(
    signature: Signature, given: Given, data_dir: Path | None, progress: Progress
) -> Signature:
    """Add the class names of the dataset, if the file has none and they are available."""
    if signature.class_names or given.data is None:
        return signature
    data = load_local(given.data, None, data_dir, progress)
    if isinstance(data, str):
        progress.say(f"classes are shown as numbers, without names: {data}")
        return signature
    if signature.classes not in (None, len(data.class_names)):
        raise UsageError(
            f"it gives {signature.classes} classes, {given.data} has {len(data.class_names)}. "
            "Name its own dataset with --data, or leave out --data."
        )
    return replace(signature, classes=len(data.class_names), class_names=data.class_names)


def _remote(
    inspector: Inspector, path: Path, provider: str, given: Given, progress: Progress
) -> tuple[RemoteSession, Given, tuple[int, ...]]:
    """Open an inspected file in the inspector's process; also gives its integer products' widths.

    Also returns the facts that it needs, given or from the JSON file beside it. Warns if its
    answers depend on more than the image.
    """
    if not path.exists():
        raise ZooError(f"there is no file {path}.")
    cpu = provider.lower() == "cpu"
    provider = "cpu" if cpu else short_name(find_provider(provider))  # before a file is looked at
    found = inspector.inspect(path, given=given.over(read_sidecar(path)))
    if not found.ok:
        raise ZooError(f"{path} is refused: {found.reason.rstrip('.')}.")
    described = describe(path, given, inspector)
    refuse_unneeded(given, [described])
    doubt = "" if isinstance(found.steadiness, str) else found.steadiness.doubt()
    if doubt:
        progress.say(f"warning: {path}: {doubt}")
    return RemoteSession(inspector, path, provider), described.given, found.integer_widths
