"""Steps replayed from a graph, which on a CPU is only played: what it recorded is called again."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.factories import Told
from tests.frameworks.pytorch.test_loop import StopAt, weights
from zoo.actions.train import train
from zoo.errors import UnavailableError, UsageError
from zoo.frameworks.pytorch.captured import Captured, Work, check_options
from zoo.frameworks.pytorch.framework import PyTorch
from zoo.frameworks.pytorch.job import Job
from zoo.frameworks.pytorch.loop import Hook, Trainer
from zoo.machine import devices
from zoo.runs.checkpoint import load_checkpoint
from zoo.runs.history import EpochRow
from zoo.runs.options import TrainOptions
from zoo.runs.run import Run
from zoo.specs.catalog import find_model
from zoo.specs.recipe import Recipe

MakeJob = Callable[..., Job]
BATCH, STEPS = 32, 10


class Played:
    """A graph that calls what it recorded, on the same buffers."""

    def __init__(self) -> None:
        self.replayed = 0

    def warm_up(self, work: Work) -> None:
        work()

    def record(self, work: Work) -> None:
        self.work = work

    def replay(self) -> None:
        self.replayed += 1
        self.work()


class Idle(Played):
    """Replays nothing, as one whose buffers have moved."""

    def replay(self) -> None:
        pass


class Unrecordable(Played):
    """Fails in the middle of recording, and again as that is ended."""

    def record(self, work: Work) -> None:
        try:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error")


class Listening(Hook):
    def __init__(self) -> None:
        self.words: list[str] = []

    def told(self, trainer: Trainer, words: str) -> None:
        self.words.append(words)


Play = Callable[[type[Played]], list[Played]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Have trainers make graphs of a kind, and collect these."""

    def played(kind: type[Played]) -> list[Played]:
        made: list[Played] = []

        def make() -> Played:
            made.append(kind())
            return made[-1]

        monkeypatch.setattr("zoo.frameworks.pytorch.loop.Captured", partial(Captured, graph=make))
        return made

    return played


def timeless(rows: list[EpochRow]) -> list[EpochRow]:
    return [replace(row, seconds=0, images_per_second=0) for row in rows]


def recipe_of(name: str) -> Recipe:
    return replace(find_model(name).recipe.with_batch(BATCH), epochs=1.25)


def fitted(job: Job, *hooks: Hook) -> Trainer:
    trainer = Trainer(job, hooks)
    if job.recipe.optimizer == "adamw":  # whose kernel takes a tensor's rate in fp32
        trainer.optimizer.hold_rates()
    trainer.fit()
    return trainer


@pytest.mark.parametrize("name", ["speednet", "cnn", "mlp"])
def test_replayed_steps_train_the_very_same_weights(
    make_job: MakeJob, play: Play, name: str
) -> None:
    def job(captured: bool) -> Job:
        torch.manual_seed(1)
        network = find_model(name).build((16, 16, 3), 4)
        if name == "speednet":
            network.calibrate(torch.randn(64, 3, 16, 16))
        held = torch.arange(200, 256)
        return make_job(network, recipe_of(name), cuda_graph=captured, validation=held)

    graphs = play(Played)
    plain, replayed = fitted(job(False)), fitted(job(True))
    assert plain.step == STEPS
    # The first step makes the optimiser's buffers; the check replays the second.
    assert [graph.replayed for graph in graphs] == [STEPS - 1]
    assert plain.captured is None
    assert replayed.captured is not None
    assert replayed.captured.replays
    assert torch.equal(weights(replayed.kept), weights(plain.kept))
    assert torch.equal(weights(replayed.network), weights(plain.network))
    assert timeless(replayed.rows) == timeless(plain.rows)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
@pytest.mark.parametrize("parts", [1, 4])
def test_dropout_smoothing_averages_and_parts_are_the_same_too(
    make_job: MakeJob, small_recipe: Recipe, play: Play, optimizer: str, parts: int
) -> None:
    graphs = play(Played)
    rates = {"bias_lr": 0.02, "head_lr": 0.005}
    recipe = replace(small_recipe, optimizer=optimizer, **rates)  # type: ignore[arg-type]
    plain, replayed = (
        fitted(make_job(recipe=recipe, sub_batches=parts, cuda_graph=captured))
        for captured in (False, True)
    )
    assert graphs[0].replayed == 19
    assert torch.equal(weights(replayed.kept), weights(plain.kept))
    # The rate of the last step stands where the graph reads it.
    for group in replayed.optimizer.param_groups:
        assert isinstance(group["lr"], Tensor) or not group["params"]
        assert float(group["lr"]) == pytest.approx(0, abs=1e-12)


def test_a_run_stopped_and_taken_up_ends_in_the_same_weights_however_its_steps_are_taken(
    make_job: MakeJob, play: Play
) -> None:
    graphs = play(Played)
    whole = fitted(make_job())
    stopped = Trainer(make_job(cuda_graph=True), [StopAt(11)])
    with pytest.raises(StopAt.ReachedError):
        stopped.fit()
    state = stopped.snapshot()
    for captured in (True, False):
        resumed = Trainer(make_job(cuda_graph=captured))
        resumed.restore(state)
        resumed.fit()
        assert torch.equal(weights(resumed.kept), weights(whole.kept))
        assert timeless(resumed.rows) == timeless(whole.rows)
    assert [graph.replayed for graph in graphs] == [10, 9]  # taken up, the buffers are there


def test_a_ragged_batch_is_computed_as_ever(make_job: MakeJob, play: Play) -> None:
    graphs = play(Played)
    plain, replayed = fitted(make_job()), fitted(make_job(cuda_graph=True))
    assert replayed.captured is not None
    ragged = torch.randn(5, 3, 16, 16), torch.arange(5) % 4
    for trainer, step in ((plain, plain.compute), (replayed, replayed.captured.step)):
        trainer.seed_step()
        trainer.optimizer.set_rate(0.01)
        step(*ragged)
    assert graphs[0].replayed == 19
    assert torch.equal(weights(replayed.network), weights(plain.network))


def test_a_graph_that_does_otherwise_is_given_up_in_one_line(make_job: MakeJob, play: Play) -> None:
    graphs, listening = play(Idle), Listening()
    plain, fallen = fitted(make_job()), fitted(make_job(cuda_graph=True), listening)
    (words,) = listening.words
    why = r"replayed, a step of the weights is off by [\d.e-]+ of [\d.e-]+$"
    assert re.match(f"steps are computed without a CUDA graph: {why}", words)
    assert len(graphs) == 1  # it is tried once
    assert fallen.captured is not None
    assert not fallen.captured.replays
    assert torch.equal(weights(fallen.kept), weights(plain.kept))
    assert timeless(fallen.rows) == timeless(plain.rows)


def test_a_step_that_cannot_be_recorded_ends_the_training_with_its_first_cause(
    make_job: MakeJob, play: Play
) -> None:
    """After that, torch's allocator and generator may be in any state."""
    play(Unrecordable)
    told = r"cannot be recorded as a CUDA graph \(CUDA out of memory\. Tried to allocate 2\.00 GiB"
    with pytest.raises(UnavailableError, match=rf"{told}\.\)\. Train with --no-cuda-graph\.$"):
        fitted(make_job(cuda_graph=True))


def test_what_is_recorded_was_warmed_up_with_the_rates_where_it_reads_them(
    make_job: MakeJob, play: Play
) -> None:
    """Else its kernels of the update are loaded while a stream is capturing."""
    held: list[bool] = []

    class Watched(Played):
        def warm_up(self, work: Work) -> None:
            held.extend(isinstance(group["lr"], Tensor) for group in trainer.optimizer.param_groups)
            work()

    play(Watched)
    trainer = Trainer(make_job(cuda_graph=True))
    trainer.fit()
    assert held
    assert all(held)


def test_a_graph_that_works_is_told_of_once(make_job: MakeJob, play: Play) -> None:
    play(Played)
    listening = Listening()
    fitted(make_job(cuda_graph=True), listening)
    assert listening.words == ["each step is one CUDA graph from here on"]


def test_it_is_refused_where_no_gpu_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cuda_problem", lambda: "there is no driver")
    with pytest.raises(UnavailableError, match="--cuda-graph cannot run here: there is no driver"):
        check_options(TrainOptions(cuda_graph=True))
    check_options(TrainOptions(cuda_graph=False))


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"device": "cpu"}, "this training is on the CPU"),
        ({"compile": True}, "does not go with --compile"),
        ({"precision": "fp16"}, "does not go with --precision fp16"),
    ],
)
def test_what_it_does_not_go_with_is_refused(
    monkeypatch: pytest.MonkeyPatch, other: dict[str, object], told: str
) -> None:
    monkeypatch.setattr(devices, "cuda_problem", lambda: None)
    with pytest.raises(UsageError, match=told):
        check_options(TrainOptions(cuda_graph=True, **other))  # type: ignore[arg-type]


SMALL = TrainOptions(data="digits", epochs=1, precision="fp32", size=(16, 16))


@pytest.fixture
def on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the option through where there is no GPU."""
    monkeypatch.setattr("zoo.frameworks.pytorch.framework.check_options", lambda options: None)


@pytest.mark.parametrize(("kind", "captured"), [(Played, True), (Idle, False)])
def test_the_run_says_whether_its_steps_were_captured(
    tmp_path: Path, play: Play, on_a_cpu: None, kind: type[Played], captured: bool
) -> None:
    play(kind)
    told = Told()
    run = train("cnn", replace(SMALL, cuda_graph=True), run=tmp_path / "run", progress=told)
    assert run.card().options.cuda_graph
    assert run.card().captured == captured
    (line,) = [line for line in told.lines if "CUDA graph" in line]
    assert line.startswith("cnn-digits-16x16: ")
    plain = train("cnn", SMALL, run=tmp_path / "plain")
    assert not plain.card().captured
    assert weights_of(run) == weights_of(plain)


def weights_of(run: Run) -> list[bytes]:
    return [array.tobytes() for array in load_checkpoint(run.weights)[0].values()]


@pytest.mark.parametrize(
    ("begun", "device", "asked", "expected"),
    [
        (True, "cuda", None, True),
        (False, "cuda", True, True),
        (True, "cuda", False, False),
        (True, "cpu", None, False),  # what goes on elsewhere is no reason to stop
        (None, "cuda", None, None),  # of before there was the option
    ],
)
def test_a_run_that_goes_on_does_so_with_or_without_a_graph(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    begun: bool | None,
    device: str,
    asked: bool | None,
    expected: bool | None,
) -> None:
    card = train("mlp", SMALL, run=tmp_path / "run").card()
    monkeypatch.setattr(devices, "cuda_problem", lambda: None)
    card = replace(card, options=replace(card.options, device="cuda", cuda_graph=begun))
    asking = TrainOptions(device=device, cuda_graph=asked)
    assert PyTorch().resumed(card, asking).options.cuda_graph == expected
    on_cpu = replace(card, options=replace(card.options, device="cpu"))
    with pytest.raises(UsageError, match="this training is on the CPU"):
        PyTorch().resumed(on_cpu, TrainOptions(cuda_graph=True))


@pytest.mark.cuda
@pytest.mark.parametrize("name", ["speednet", "cnn", "mlp"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gpu_replays_what_it_would_have_computed(
    make_job: MakeJob, name: str, precision: str
) -> None:
    listening = Listening()

    def job(captured: bool) -> Job:
        torch.manual_seed(1)
        network: nn.Module = find_model(name).build((16, 16, 3), 4)
        cuda = torch.device("cuda")
        parts = {"device": cuda, "precision": precision, "cuda_graph": captured}
        return make_job(network, recipe_of(name), **parts)

    plain, replayed = fitted(job(False)), fitted(job(True), listening)
    assert listening.words == ["each step is one CUDA graph from here on"]
    for row, known in zip(replayed.rows, plain.rows, strict=True):
        assert row.train_loss == pytest.approx(known.train_loss, rel=0.02)
