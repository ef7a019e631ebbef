"""Cells: which there are, in which order, and when one is the same as before."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measuring.turns import Plan
from bench.subjects.arm import Arm
from bench.subjects.subject import THIRD_PARTY, Subject
from bench.sweep import matrix
from bench.sweep.matrix import (
    PRESETS,
    Cell,
    Preset,
    Settings,
    arms_of,
    check,
    find_preset,
)
from zoo.artifacts.artifact import Artifact
from zoo.artifacts.card import Card
from zoo.errors import UsageError
from zoo.ort.given import Given

FILE = Subject("some.onnx", THIRD_PARTY, Path("some.onnx"), "a" * 64, 10)
SETTINGS = Settings(threads=(1,))


@pytest.fixture
def published(make_card: Callable[..., Card]) -> Callable[..., Subject]:
    """A file of an artifact, which needs not be there."""

    def make(precision: str = "fp32", name: str = "cnn-digits", **parts: Any) -> Subject:
        artifact = Artifact(Path("exports"), name, {"precisions": ["fp32", "int8"]})
        artifact.__dict__["card"] = make_card(id=name)
        path = Path("exports", name, f"{precision}.onnx")
        return Subject(name, precision, path, precision * 16, 10, **{"artifact": artifact} | parts)

    return make


class TestArms:
    def test_the_reference_comes_before_what_is_compared_with_it(
        self, published: Callable[..., Subject]
    ) -> None:
        settings = Settings(
            runtimes=("torch", "onnxruntime"), providers=("cuda", "cpu"), threads=(2, 1)
        )
        arms = list(arms_of([published("int8"), published("fp32")], settings))
        assert [arm.is_reference for arm in arms] == [True] * 2 + [False] * (len(arms) - 2)
        assert {arm.threads for arm in arms[:2]} == {1, 2}

    def test_files_of_a_name_stand_together(self, published: Callable[..., Subject]) -> None:
        subjects = [
            published(precision, name) for precision in ("int8", "fp32") for name in ("b", "a")
        ]
        arms = list(arms_of(subjects, SETTINGS))
        assert [(arm.subject.name, arm.subject.precision) for arm in arms] == [
            *(("a", "fp32"), ("a", "int8"), ("b", "fp32"), ("b", "int8")),
        ]

    def test_boundaries_are_those_that_make_a_difference(self) -> None:
        settings = Settings(providers=("cpu", "cuda"), threads=(1,))
        found = [(arm.provider, arm.boundary) for arm in arms_of([FILE], settings)]
        assert found == [("cpu", "host"), ("cuda", "host"), ("cuda", "device")]

    def test_what_is_asked_reaches_the_process(self) -> None:
        settings = Settings(threads=(1,), allow_fallback=True, memory=7)
        order = settings.order(Arm(FILE, "onnxruntime", "cuda"))
        assert (order.allow_fallback, order.memory) == (True, 7)

    def test_tf32_is_of_the_arms_on_cuda(self) -> None:
        settings = Settings(threads=(1,), tf32=True, providers=("cpu", "cuda"))
        told = {(arm.provider, settings.order(arm).tf32) for arm in arms_of([FILE], settings)}
        assert told == {("cpu", False), ("cuda", True)}

    def test_graphs_are_recorded_on_a_gpu_at_the_device_boundary_by_onnxruntime(
        self, published: Callable[..., Subject]
    ) -> None:
        settings = Settings(
            providers=("cpu", "cuda"),
            runtimes=("onnxruntime", "torch"),
            threads=(1,),
            boundaries=("host", "device"),
            cuda_graph=True,
        )
        arms = list(arms_of([published()], settings))
        recording = [arm for arm in arms if arm.cuda_graph]
        assert {(arm.provider, arm.boundary) for arm in recording} == {("cuda", "device")}
        told = {arm.runtime: arm.skipped for arm in recording}
        assert told == {
            "onnxruntime": None,
            "torch": "CUDA graphs are not supported with torch",
        }


CELL = Cell(Arm(FILE, "onnxruntime", "cpu", "host", 1), 1)


class TestHash:
    @pytest.mark.parametrize(
        "other",
        [
            replace(CELL, batch=2),
            replace(CELL, scenario="throughput"),
            replace(CELL, arm=replace(CELL.arm, runtime="torch")),
            replace(CELL, arm=replace(CELL.arm, provider="cuda")),
            replace(CELL, arm=replace(CELL.arm, boundary="device")),
            replace(CELL, arm=replace(CELL.arm, threads=2)),
            replace(CELL, arm=replace(CELL.arm, cuda_graph=True)),
            replace(CELL, arm=replace(CELL.arm, subject=replace(FILE, sha256="b" * 64))),
            replace(CELL, arm=replace(CELL.arm, subject=replace(FILE, name="other.onnx"))),
            replace(CELL, arm=replace(CELL.arm, subject=replace(FILE, given=Given(mean=(0.5,))))),
            replace(CELL, arm=replace(CELL.arm, subject=replace(FILE, data="digits"))),
        ],
    )
    def test_another_cell_has_another(self, other: Cell) -> None:
        assert other.hash(SETTINGS, "here") != CELL.hash(SETTINGS, "here")

    @pytest.mark.parametrize(
        "change",
        [
            {"preset": PRESETS["quick"]},
            {"preset": replace(PRESETS["standard"], pair=Plan(3))},
            {"margin": 0.01},
            {"tf32": True},
            {"measure_accuracy": False},
        ],
    )
    def test_other_settings_give_another(self, change: dict[str, Any]) -> None:
        assert CELL.hash(replace(SETTINGS, **change), "here") != CELL.hash(SETTINGS, "here")

    def test_another_machine_gives_another(self) -> None:
        assert CELL.hash(SETTINGS, "here") != CELL.hash(SETTINGS, "there")

    def test_another_harness_gives_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = CELL.hash(SETTINGS, "here")
        monkeypatch.setattr(matrix, "harness", lambda runtime: "h0")
        assert CELL.hash(SETTINGS, "here") != before

    @pytest.mark.parametrize(
        "change",
        [
            {"timeout": 1.0},
            {"batches": (1, 2, 3)},
            {"runtimes": ("torch",)},
            {"cuda_graph": True},
            {
                "preset": replace(
                    PRESETS["standard"], pair=replace(PRESETS["standard"].pair, timeout=1)
                )
            },
        ],
    )
    def test_what_else_is_measured_does_not_matter(self, change: dict[str, Any]) -> None:
        assert CELL.hash(replace(SETTINGS, **change), "here") == CELL.hash(SETTINGS, "here")

    @given(st.integers(1, 10**6))
    def test_no_table_takes_it_for_a_number(self, batch: int) -> None:
        found = replace(CELL, batch=batch).hash(SETTINGS, "here")
        assert len(found) == 16
        assert found[0] == "c"


class TestNames:
    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            (Settings(runtimes=("onxruntime",)), "Did you mean onnxruntime"),
            (
                Settings(runtimes=("zzz",)),
                "Known: jax, keras, numpy, onnxruntime, openvino, openvino:bf16, sklearn, torch",
            ),
            (Settings(break_even="openvino"), "--break-even openvino is not measured"),
            (Settings(runtimes=("gone.module:Class",)), "gone.module:Class cannot be imported"),
            (Settings(runtimes=("bench.runtimes.null:Nul",)), "cannot be imported"),
            (Settings(boundaries=("hosts",)), "Did you mean host"),  # type: ignore[arg-type]
            (Settings(batches=(0,)), "whole numbers of 1 or more"),
            (Settings(threads=(-1,)), "whole numbers of 1 or more"),
            (Settings(margin=0.0), "--margin 0% is not above 0%"),
        ],
    )
    def test_what_nobody_can_measure_is_refused(self, settings: Settings, told: str) -> None:
        with pytest.raises(UsageError, match=told):
            check(settings)

    def test_what_can_be_is_not(self) -> None:
        check(Settings(runtimes=("torch", "bench.runtimes.null:Null"), boundaries=("device",)))

    def test_presets_are_found_and_near_names_offered(self) -> None:
        assert find_preset("quick").name == "quick"
        with pytest.raises(UsageError, match="Did you mean standard"):
            find_preset("standart")

    def test_presets_grow_from_quick_to_thorough(self) -> None:
        def cost(preset: Preset) -> tuple[float, ...]:
            length, pair = preset.length, preset.pair
            return (
                *(length.least_seconds, length.most_seconds, -length.precise),
                *(preset.starts, pair.instances, pair.seconds),
            )

        costs = [cost(PRESETS[name]) for name in ("quick", "standard", "thorough")]
        for less, more in pairwise(costs):
            assert all(a < b for a, b in zip(less, more, strict=True))

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"preset": "quick"}, "it must be one of bench.PRESETS['quick'], "),
            ({"preset": {}}, "it must be one of bench.PRESETS['quick'], "),
            ({"runtimes": "torch"}, "a tuple, such as ('torch',)"),
            ({"batches": 64}, "a tuple, such as (64,)"),
            ({"batches": ("64",)}, "it must be tuple[int, ...]"),
            ({"margin": "2%"}, "it must be float"),
        ],
        ids=str,
    )
    def test_a_value_of_another_kind_is_refused_where_it_is_written(
        self, options: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(UsageError, match=re.escape(told)):
            Settings(**options)

    def test_accuracy_is_the_presets_choice_by_default(self) -> None:
        assert Settings().accuracy
        assert not Settings(preset=PRESETS["quick"]).accuracy
        assert Settings(preset=PRESETS["quick"], measure_accuracy=True).accuracy
        assert not Settings(measure_accuracy=False).accuracy
