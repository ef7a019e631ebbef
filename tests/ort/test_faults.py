"""Which files are known to be answered wrongly, by release of onnxruntime and by CPU."""

import pytest

from zoo.ort.faults import FAULTS, Here, fault_of, fault_of_content, faults_in

AMX = frozenset({"avx2", "amx_int8"})
BAD = Here("1.24.4", AMX)


@pytest.mark.parametrize(
    ("version", "faulty"),
    [
        *(("1.20.1", False), ("1.20.2", False), ("1.21.0", True), ("1.21.1", True)),
        *(("1.23.2", True), ("1.24.4", True), ("1.24.4+cpu", True), ("1.25.0", False)),
        *(("1.25.0.dev1", False), ("1.31.1", False), ("1.9.0", False), ("2.0", False)),
        *(("", False), ("main", False)),
    ],
)
def test_the_releases_that_add_up_wrongly_with_amx(version: str, faulty: bool) -> None:
    assert bool(faults_in(Here(version, AMX))) == faulty
    assert bool(fault_of([24], Here(version, AMX))) == faulty


def test_only_cpus_with_the_flag_show_it() -> None:
    assert fault_of([24], Here("1.24.4", frozenset({"avx2", "amx_bf16"}))) is None


@pytest.mark.parametrize(
    ("widths", "met"),
    [
        *(((), None), ((1, 10, 16, 512), None), ((500, 16, 24), "24, 500")),
        ((0, 16), "of unknown width"),
    ],
)
def test_the_reason_names_widths_issue_and_remedy(widths: tuple[int, ...], met: str | None) -> None:
    reason = fault_of(widths, BAD)
    if met is None:
        assert reason is None
        return
    assert reason is not None
    for word in ("onnxruntime 1.24.4", "amx_int8", f"here: {met};", "issue 26324", "27671"):
        assert word in reason
    assert reason.endswith("Install onnxruntime 1.25.0 or newer")


def test_every_entry_says_where_it_is_told() -> None:
    assert all("issue" in fault.issue and fault.since < fault.until for fault in FAULTS)


def test_a_file_is_parsed_only_where_that_may_matter() -> None:
    assert fault_of_content(b"no file", Here("1.31.1", AMX)) is None


def test_here_is_the_installed_onnxruntime_on_this_cpu() -> None:
    import onnxruntime

    assert Here.found().version == onnxruntime.__version__
