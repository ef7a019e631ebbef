"""Publications are whole: whatever happens, a reader finds the old artifact or the new one."""

import fcntl
import json
import os
import shutil
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.artifacts.publications import FACTS, put, said
from zoo.artifacts.artifact import Artifact, find_artifact, list_artifacts
from zoo.artifacts.card import PRECISIONS
from zoo.artifacts.publishing import check_place, publish, publishing
from zoo.errors import UsageError, ZooError
from zoo.files import lock_file, try_lock

KILLED = 137
# An earlier test of this process may have loaded JAX; what is forked here touches files alone.
pytestmark = pytest.mark.filterwarnings(r"ignore:os.fork\(\) was called:RuntimeWarning")


def test_what_was_published_is_found_and_checked(tmp_path: Path) -> None:
    put(tmp_path, "cnn-digits", "one")
    (found,) = list_artifacts(tmp_path)
    assert (found.id, found.precisions) == ("cnn-digits", ("fp32",))
    assert said(found) == {"one"}
    assert found.file("fp32") == tmp_path / "cnn-digits" / "fp32.onnx"


def test_a_new_one_replaces_all_of_the_old(tmp_path: Path) -> None:
    put(tmp_path, "cnn-digits", "one")
    put(tmp_path, "mlp-digits", "else", model="mlp")
    put(tmp_path, "cnn-digits", "two")
    assert said(find_artifact("cnn", tmp_path)) == {"two"}
    assert said(find_artifact("mlp", tmp_path)) == {"else"}
    hidden = {path.name for path in tmp_path.glob(".*")}
    assert hidden <= {".lock"}


def test_a_block_that_fails_publishes_nothing(tmp_path: Path) -> None:
    put(tmp_path, "cnn-digits", "one")
    with pytest.raises(IsADirectoryError), publishing("cnn-digits", tmp_path) as folder:
        folder.write_text("two")
    assert said(find_artifact("cnn", tmp_path)) == {"one"}
    assert not list(tmp_path.glob(".new-*"))


def child(work: Callable[[], object]) -> int:
    """Do the work in another process; its id."""
    process = os.fork()
    if not process:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return process


def code_of(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed_at(step: int, work: Callable[[], object]) -> int:
    """Do the work in a child that dies like kill -9 before its step-th change on disk.

    Returns the child's exit code: 137 if it died, 0 when the work took fewer steps.
    """
    left = step

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal left
            if not left:
                os._exit(KILLED)
            left -= 1
            return real(*args, **options)

        return call

    def doomed() -> None:
        for name in ("rename", "replace", "unlink", "rmdir", "mkdir", "fsync"):
            setattr(os, name, dying(getattr(os, name)))
        work()

    return code_of(child(doomed))


def test_killed_at_any_point_it_leaves_the_old_or_the_new_one(tmp_path: Path) -> None:
    put(tmp_path / "before", "cnn-digits", "one")
    put(tmp_path / "before", "mlp-digits", "else", model="mlp")
    outcomes = []
    for step in range(200):
        root = tmp_path / f"killed-{step}"
        shutil.copytree(tmp_path / "before", root)
        code = killed_at(step, lambda root=root: put(root, "cnn-digits", "two"))  # type: ignore[misc]
        (outcome,) = said(find_artifact("cnn", root))
        outcomes.append(outcome)
        assert said(find_artifact("mlp", root)) == {"else"}
        other = shutil.copytree(root, tmp_path / f"other-{step}")
        for place, name in ((root, "cnn-digits"), (other, "mlp-digits")):
            check_place(name, place)
            put(place, name, "three", model=name.partition("-")[0])
            assert said(find_artifact(name, place)) == {"three"}
            assert not [path for path in place.glob(".*") if path.name != ".lock"]
        assert said(find_artifact("cnn", other)) == {outcome}
        if code == 0:
            break
        assert code == KILLED
    assert len(outcomes) > 10
    first_new = outcomes.index("two")
    assert 0 < first_new < len(outcomes) - 1
    assert outcomes == ["one"] * first_new + ["two"] * (len(outcomes) - first_new)


def test_two_at_once_both_end_up_in_the_manifest_and_readers_see_whole_ones(
    tmp_path: Path,
) -> None:
    root, done = tmp_path / "exports", tmp_path / "done"
    rename = os.rename

    def publish_slowly(name: str) -> None:
        os.rename = lambda *paths: (rename(*paths), time.sleep(0.02))  # type: ignore[assignment]
        for text in ("one", "two", "three"):
            put(root, name, text)

    def read_on() -> None:
        held: dict[str, Artifact] = {}
        while not done.exists():
            for artifact in list_artifacts(root):
                for reader in (artifact, held.setdefault(artifact.id, artifact)):
                    assert reader.content("fp32.onnx") in (b"one", b"two", b"three")
                    reader.checked("test_data_set_0/input_0.pb")

    names = [f"cnn-data{number}" for number in range(4)]
    publishers = [child(lambda name=name: publish_slowly(name)) for name in names]  # type: ignore[misc]
    readers = [child(read_on) for _ in range(2)]
    codes = [code_of(process) for process in publishers]
    done.touch()
    codes += [code_of(process) for process in readers]
    assert codes == [0] * 6
    found = list_artifacts(root)
    assert [artifact.id for artifact in found] == names
    assert all(said(artifact) == {"three"} for artifact in found)


def contents(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_what_others_keep_in_the_folder_stays(tmp_path: Path) -> None:
    precious = (
        *(".old-thesis/text", ".new-project/text", ".notes.tmp", ".manifest.json.12.tmp"),
        *("mlp-digits/weights", "data/text"),
    )
    for name in precious:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("precious")
    (tmp_path / ".old-empty").mkdir()
    put(tmp_path, "cnn-digits", "one")
    put(tmp_path, "cnn-digits", "two")
    assert all((tmp_path / name).read_text() == "precious" for name in precious)
    assert (tmp_path / ".old-empty").is_dir()


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ("cnn-digits/run.json", "cnn-digits is in the way: it is not an artifact"),
        ("cnn-digits", "cnn-digits is in the way: it is not an artifact"),
        (".new-cnn-digits/text", r"\.new-cnn-digits is in the way"),
        (".old-cnn-digits/text", r"\.old-cnn-digits is in the way"),
        (".old-cnn-digits", r"\.old-cnn-digits is in the way"),
        ("manifest.json", r"manifest\.json is damaged .* move it away"),
        (".filling.json", r"\.filling\.json is damaged .* Move it away"),
    ],
)
def test_what_stands_in_the_way_is_refused_by_name_before_any_work_and_stays(
    tmp_path: Path, made: str, named: str
) -> None:
    root = tmp_path / "exports"
    put(root, "mlp-digits", "else", model="mlp")
    (root / made).parent.mkdir(exist_ok=True)
    (root / made).write_text('{"precious": 1}')
    before = contents(root)
    for work in (
        lambda: check_place("cnn-digits", root),
        lambda: put(root, "cnn-digits", "one"),
    ):
        with pytest.raises(ZooError, match=named):
            work()
        assert contents(root) == before


def test_a_file_that_the_manifest_does_not_name_is_not_lost_with_its_artifact(
    tmp_path: Path,
) -> None:
    put(tmp_path, "cnn-digits", "one")
    notes = tmp_path / "cnn-digits" / "test_data_set_0" / "notes.txt"
    notes.write_text("precious")
    for work in (
        lambda: check_place("cnn-digits", tmp_path),
        lambda: put(tmp_path, "cnn-digits", "two"),
    ):
        with pytest.raises(UsageError, match=r"notes\.txt is in the way.*another --exports"):
            work()
    assert notes.read_text() == "precious"
    notes.unlink()
    assert said(put(tmp_path, "cnn-digits", "two")) == {"two"}


def test_what_comes_in_the_way_meanwhile_is_not_replaced_either(tmp_path: Path) -> None:
    put(tmp_path, "cnn-digits", "one")
    with publishing("cnn-digits", tmp_path) as folder:
        (folder / "fp32.onnx").write_text("two")
        (tmp_path / "cnn-digits" / "notes.txt").write_text("precious")
        with pytest.raises(UsageError, match="notes"):
            publish("cnn-digits", FACTS, folder)
    assert (tmp_path / "cnn-digits" / "notes.txt").read_text() == "precious"
    assert find_artifact("cnn", tmp_path).content("fp32.onnx") == b"one"
    assert not list(tmp_path.glob(".new-*"))


@pytest.mark.parametrize("target", ["elsewhere", "gone"])
def test_a_link_in_place_of_an_artifact_is_refused(tmp_path: Path, target: str) -> None:
    root = tmp_path / "exports"
    put(root, "cnn-digits", "one")
    (root / "cnn-digits").rename(tmp_path / "elsewhere")
    (root / "cnn-digits").symlink_to(tmp_path / target)
    for work in (
        lambda: check_place("cnn-digits", root),
        lambda: put(root, "cnn-digits", "two"),
    ):
        with pytest.raises(UsageError, match="cnn-digits is in the way"):
            work()
    assert (tmp_path / "elsewhere" / "fp32.onnx").read_text() == "one"


@pytest.mark.parametrize("name", ["../up", "..", ".hidden", "", "a/b"])
def test_an_id_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / "exports"
    with pytest.raises(ZooError, match="cannot be the name of a folder"):
        check_place(name, root)
    with pytest.raises(ZooError, match="cannot be the name of a folder"):
        put(root, name, "one")


@pytest.mark.parametrize("inside", ["file", "file/exports", "link"])
def test_a_place_that_cannot_hold_artifacts_is_refused_before_any_work(
    tmp_path: Path, inside: str
) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(ZooError, match=r"cannot write .*name another"):
        check_place("cnn-digits", tmp_path / inside)
    assert (tmp_path / "file").read_text() == "precious"


def test_looking_at_a_place_makes_nothing(tmp_path: Path) -> None:
    check_place("cnn-digits", tmp_path / "deep" / "exports")
    check_place("cnn-digits", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_artifact_that_is_held_becomes_the_new_one(tmp_path: Path) -> None:
    held = put(tmp_path, "cnn-digits", "one")
    put(tmp_path, "cnn-digits", "two")
    assert held.file("fp32").read_text() == "two"
    assert held.content("only-two.txt") == b"two"
    (held.folder / "fp32.onnx").write_text("damaged")
    with pytest.raises(ZooError, match="not the file that was published"):
        held.file("fp32")


def test_a_mere_reader_takes_no_lock_and_completes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = put(tmp_path, "cnn-digits", "one")
    put(tmp_path, "cnn-digits", "two")
    (tmp_path / ".publish.json").write_text("{")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert said(find_artifact("cnn", tmp_path)) == {"two"}
    with pytest.raises(ZooError, match="not the file that was published"):
        held.file("fp32")


@pytest.mark.parametrize(
    "plan",
    [
        "{",
        "[]",
        {"format": 1, "artifact": "cnn-digits"},
        {"format": 1, "artifacts": {}},
        {"format": 1, "artifacts": {}, "artifact": "../up"},
        {"format": 1, "artifacts": {}, "artifact": ["cnn-digits"]},
        {"format": 1, "artifacts": {"../up": {**FACTS, "files": {}}}, "artifact": "../up"},
    ],
    ids=["text", "list", "no entries", "no name", "unlisted", "a list as name", "elsewhere"],
)
def test_a_damaged_journal_is_named_and_not_carried_out(tmp_path: Path, plan: Any) -> None:
    root = tmp_path / "exports"
    artifact = put(root, "cnn-digits", "one")
    precious = tmp_path / "up" / "precious"
    for folder in (precious, root / ".new-.." / "up"):
        folder.mkdir(parents=True)
    journal = root / ".publish.json"
    journal.write_text(plan if isinstance(plan, str) else json.dumps(plan))
    for work in (lambda: list_artifacts(root), lambda: put(root, "cnn-digits", "two")):
        with pytest.raises(
            ZooError, match=r"\.publish\.json is damaged .*\. Remove it, and export"
        ):
            work()
    assert precious.exists()
    assert said(artifact) == {"one"}
    journal.unlink()
    assert said(put(root, "cnn-digits", "two")) == {"two"}


def test_a_process_that_waits_for_another_publisher_is_told(tmp_path: Path) -> None:
    told = []
    with lock_file(tmp_path / ".lock") as other:
        assert try_lock(other)

        def on_wait() -> None:
            told.append("waiting")
            fcntl.flock(other, fcntl.LOCK_UN)

        with publishing("cnn-digits", tmp_path, on_wait):
            assert told == ["waiting"]
    with publishing("cnn-digits", tmp_path, on_wait):
        assert told == ["waiting"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"format": 1}',
        '{"format": 1, "artifacts": []}',
        '{"format": 1, "artifacts": {"../up": {"model": "cnn", "files": {}, "precisions": {}}}}',
        '{"format": 1, "artifacts": {"cnn": {"model": "cnn"}}}',
        '{"format": 1, "artifacts": {"cnn": {"model": 3, "files": {}, "precisions": {}}}}',
        '{"format": 1, "artifacts": {"cnn": {"model": "cnn", "files": [], "precisions": {}}}}',
    ],
)
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ZooError, match=r"manifest\.json is damaged"):
        list_artifacts(tmp_path)


def test_a_manifest_of_the_future_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"format": 2, "artifacts": {}}')
    with pytest.raises(ZooError, match="format 2; this zoo reads 1"):
        list_artifacts(tmp_path)


def test_nothing_published_is_an_empty_list(tmp_path: Path) -> None:
    assert list_artifacts(tmp_path / "nowhere") == []


def test_an_artifact_may_have_every_precision_and_no_other(tmp_path: Path) -> None:
    every = {precision: {} for precision in PRECISIONS}
    put(tmp_path, "cnn-digits", "one", precisions=every)
    assert list_artifacts(tmp_path)[0].precisions == PRECISIONS
    with pytest.raises(
        ZooError, match=r"cnn-digits\.precisions has values other than fp32, fp16, int8"
    ):
        put(tmp_path, "cnn-digits", "two", precisions=every | {"fp8": {}})


def test_a_folder_for_artifacts_is_made_however_deep(tmp_path: Path) -> None:
    artifact = put(tmp_path / "deep" / "exports", "cnn-digits", "one")
    assert said(artifact) == {"one"}


def test_all_of_it_is_synced_before_the_journal_and_the_new_place_before_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut may leave a manifest that names what is not there."""
    put(tmp_path, "cnn-digits", "one")
    manifest, journal = tmp_path / "manifest.json", tmp_path / ".publish.json"
    before = manifest.read_text()
    handles = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    filled: set[Path] = set()
    moved: set[Path] = set()

    def synced(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if not journal.exists():
            filled.add(path)
        elif not list(tmp_path.glob(".new-*")) and manifest.read_text() == before:
            moved.add(path)

    monkeypatch.setattr(os, "fsync", synced)
    artifact = put(tmp_path, "cnn-digits", "two")
    there = tmp_path / ".new-cnn-digits"
    inside = {there / path.relative_to(artifact.folder) for path in artifact.folder.rglob("*")}
    assert filled >= inside | {there}
    assert tmp_path in moved
    assert len(os.listdir("/proc/self/fd")) == handles  # noqa: PTH208


def test_what_comes_in_the_way_of_a_publication_that_was_killed_stays(tmp_path: Path) -> None:
    put(tmp_path / "before", "cnn-digits", "one")
    for step in range(200):
        root = tmp_path / f"killed-{step}"
        shutil.copytree(tmp_path / "before", root)
        code = killed_at(step, lambda root=root: put(root, "cnn-digits", "two"))  # type: ignore[misc]
        assert code == KILLED
        needed = (".publish.json", ".new-cnn-digits", "cnn-digits")
        if all((root / name).exists() for name in needed):
            break
    precious = root / "cnn-digits" / "precious"
    precious.write_text("precious")
    with pytest.raises(UsageError, match="precious is in the way"):
        put(root, "mlp-digits", "else", model="mlp")
    assert precious.read_text() == "precious"
    precious.unlink()
    put(root, "mlp-digits", "else", model="mlp")
    assert said(find_artifact("cnn", root)) == {"two"}


def test_half_written_files_of_those_who_were_killed_go(tmp_path: Path) -> None:
    put(tmp_path, "cnn-digits", "one")
    names = ("manifest.json", ".publish.json", ".filling.json")
    left = [tmp_path / f".{name}.1.onnx-zoo.tmp" for name in names]
    for path in left:
        path.touch()
    check_place("cnn-digits", tmp_path)
    assert not [path for path in left if path.exists()]


def test_a_damaged_note_of_what_was_being_filled_removes_nothing(tmp_path: Path) -> None:
    precious = tmp_path / ".new-.." / "up" / "precious"
    precious.parent.mkdir(parents=True)
    precious.write_text("precious")
    (tmp_path / "up").mkdir()
    (tmp_path / ".filling.json").write_text('{"format": 1, "artifact": "../up"}')
    with pytest.raises(ZooError, match=r"\.filling\.json is damaged .* Move it away"):
        put(tmp_path, "cnn-digits", "one")
    assert precious.read_text() == "precious"
