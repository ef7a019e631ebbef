"""A process that answers in lines of JSON, and every way in which it can fail to."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo.machine.child import Child, EndedError, Ending, HungError

# It runs the Python code that it is told.
MODULE = """
import json, os, signal, subprocess, sys, time
from zoo.machine.child import own_pipes

told, answers = own_pipes()

def say(**message):
    answers.write(json.dumps(message) + "\\n")
    answers.flush()

for line in told:
    exec(json.loads(line)["do"])
"""
LONG = 60.0  # seconds; nothing takes them

Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    (tmp_path / "obedient.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    started: list[Child] = []

    def begin(**options: object) -> Child:
        started.append(Child("obedient", **options))  # type: ignore[arg-type]
        return started[-1]

    yield begin
    for child in started:
        child.end()


def ending_of(child: Child, code: str) -> Ending:
    child.tell({"do": code})
    with pytest.raises(EndedError) as caught:
        child.hear(LONG)
    return caught.value.ending


def pipes() -> int:
    targets = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            targets.append(os.readlink(entry))  # noqa: PTH115 - a pipe is no path
        except FileNotFoundError:  # the one that listed them
            continue
    return sum(one.startswith("pipe:") or one.endswith("(deleted)") for one in targets)


# As it should be


def test_it_answers_line_by_line(start: Start) -> None:
    before = time.monotonic_ns()
    child = start()
    assert before <= child.started_at <= time.monotonic_ns()
    child.tell({"do": "say(a=1); say(b='ü\\n')"})
    child.tell({"do": "say(c=[None])"})
    assert [child.hear(LONG) for _ in range(3)] == [{"a": 1}, {"b": "ü\n"}, {"c": [None]}]
    assert child.exit_code is None


def test_a_long_message_comes_whole(start: Start) -> None:
    child = start()
    child.tell({"do": "say(text='x' * 3_000_000)"})
    assert len(child.hear(LONG)["text"]) == 3_000_000


@pytest.mark.parametrize("keep_words", [False, True])
def test_what_it_prints_is_no_answer(
    start: Start, keep_words: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    child = start(keep_words=keep_words)
    child.tell({"do": "print('{}', flush=True); os.system('echo {}; echo {} >&2'); say(a=1)"})
    assert child.hear(LONG) == {"a": 1}
    assert capfd.readouterr() == ("", "")


def test_what_it_is_told_is_read_by_nobody_else(start: Start) -> None:
    child = start()
    child.tell(
        {"do": "say(ours=sys.stdin.read(), childs=subprocess.check_output(['cat']).decode())"}
    )
    assert child.hear(LONG) == {"ours": "", "childs": ""}


def test_it_has_our_environment_and_its_own(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "1")
    child = start(environment={"ITS_OWN": "2"})
    child.tell({"do": "e = os.environ; say(a=e['OURS'], b=e['ITS_OWN'], c=e['PYTHONPATH'])"})
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, str(tmp_path)])
    assert child.hear(LONG) == {"a": "1", "b": "2", "c": path}


def test_a_folder_where_somebody_works_hides_no_module_of_ours(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work" / "zoo").mkdir(parents=True)
    (tmp_path / "work" / "zoo" / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    monkeypatch.chdir(tmp_path / "work")
    child = start()
    child.tell({"do": "say(a=1)"})
    assert child.hear(LONG) == {"a": 1}


def test_it_gets_the_descriptors_it_is_to_have(start: Start) -> None:
    read, write = os.pipe()
    child = start(inherited=(write,))
    os.close(write)
    child.tell({"do": f"os.write({write}, b'here'); say()"})
    assert child.hear(LONG) == {}
    assert os.read(read, 10) == b"here"
    os.close(read)


# How it ends


def test_an_exit_code_and_a_signal(start: Start) -> None:
    assert ending_of(start(), "os._exit(7)") == Ending(7)
    killed = ending_of(start(), "os.kill(os.getpid(), signal.SIGSEGV)")
    assert killed == Ending(-signal.SIGSEGV)
    assert (Ending(7).signal, killed.signal, Ending(None).signal) == (None, "SIGSEGV", None)


def test_its_words_are_kept_where_asked(start: Start) -> None:
    talk = "print('well so far\\n' * 20_000); print('alas', file=sys.stderr, flush=True); exit(3)"
    ending = ending_of(start(keep_words=True), talk)
    assert ending.code == 3
    assert ending.words.startswith("well so far")
    assert "alas" in ending.words
    assert ending_of(start(), talk) == Ending(3)


def test_an_answer_before_its_end_is_heard(start: Start) -> None:
    child = start()
    child.tell({"do": "say(a=1); os._exit(2)"})
    assert child.hear(LONG) == {"a": 1}
    with pytest.raises(EndedError):
        child.hear(LONG)


def test_telling_one_that_has_ended(start: Start) -> None:
    child = start()
    ending_of(child, "os._exit(4)")
    for _ in range(2):
        with pytest.raises(EndedError) as caught:
            child.tell({"do": "say()"})
        assert caught.value.ending == Ending(4)


def test_one_that_closes_its_pipe_and_lives_on_is_killed(start: Start) -> None:
    child = start(patience=0.1)
    assert ending_of(child, "answers.close(); time.sleep(600)") == Ending(None)
    assert child.exit_code == -signal.SIGKILL


def test_one_that_hangs_is_killed(start: Start) -> None:
    child = start()
    child.tell({"do": "time.sleep(600)"})
    with pytest.raises(HungError):
        child.hear(0.2)
    child.end()
    assert child.exit_code == -signal.SIGKILL


def test_half_a_line_is_no_answer(start: Start) -> None:
    child = start()
    child.tell({"do": "answers.write('{'); answers.flush(); time.sleep(600)"})
    with pytest.raises(HungError):
        child.hear(0.5)


# Memory

SWELLS = "held = bytearray(b'x') * (300 << 20); time.sleep(600)"


def test_one_that_takes_too_much_memory_is_killed(start: Start) -> None:
    child = start()
    assert not child.is_watched
    child.watch(200 << 20)
    assert child.is_watched
    assert ending_of(child, SWELLS) == Ending(-signal.SIGKILL, most=200 << 20)


def test_one_that_is_watched_and_dies_of_something_else(start: Start) -> None:
    child = start()
    child.watch(2 << 30)
    assert ending_of(child, "os.kill(os.getpid(), signal.SIGKILL)") == Ending(-signal.SIGKILL)


def test_the_other_one_is_watched_while_this_one_is_heard(start: Start) -> None:
    one, other = start(), start()
    other.watch(200 << 20)
    other.tell({"do": SWELLS})
    with pytest.raises(HungError):
        one.hear(2.0, beside=other)
    with pytest.raises(EndedError) as caught:
        other.hear(LONG)
    assert caught.value.ending.most == 200 << 20


# Nothing is left of it


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_is_left(start: Start) -> None:
    before = pipes()
    child = start(keep_words=True)
    assert pipes() == before + 3
    child.end()
    child.end()
    assert pipes() == before
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_it_may_end_by_itself(start: Start) -> None:
    child = start()
    child.tell({"do": "say()"})
    child.hear(LONG)
    child.end(patience=LONG)
    assert child.exit_code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_one_that_cannot_start_leaves_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pipes()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(FileNotFoundError):
        start(keep_words=True)
    assert pipes() == before


def test_it_ends_with_the_process_that_started_it(start: Start) -> None:
    code = (
        "import json, os; from zoo.machine.child import Child\n"
        "child = Child('obedient'); child.tell({'do': 'say()'}); child.hear(60)\n"
        "print(json.dumps(child.pid), flush=True); os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).parents[2]
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=root, stdout=subprocess.PIPE, check=False)
    pid = json.loads(done.stdout)
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("it outlives who started it")
