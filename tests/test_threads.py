from pathlib import Path

import pytest

from zoo import threads


@pytest.fixture
def cgroup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder in place of the control groups, on a machine with 8 cores."""
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(threads, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(threads, "_QUOTA_V1", tmp_path / "cpu.cfs_quota_us")
    monkeypatch.setattr(threads, "_PERIOD_V1", tmp_path / "cpu.cfs_period_us")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "quota", "cores"),
    [
        ("max 100000", None, 8),
        ("150000 100000", 1.5, 2),
        ("50000 100000", 0.5, 1),
        ("9900000 100000", 99, 8),
        ("", None, 8),
        (None, None, 8),
    ],
)
def test_the_budget_heeds_affinity_and_quota(
    cgroup: Path, text: str | None, quota: float | None, cores: int
) -> None:
    if text is not None:
        (cgroup / "cpu.max").write_text(text)
    assert threads.cgroup_quota() == quota
    assert threads.thread_budget() == cores


@pytest.mark.parametrize(
    ("written", "quota", "cores"), [("-1\n", None, 8), ("250000\n", 2.5, 3), ("1000\n", 0.01, 1)]
)
def test_the_budget_heeds_the_older_control_groups_too(
    cgroup: Path, written: str, quota: float | None, cores: int
) -> None:
    (cgroup / "cpu.cfs_quota_us").write_text(written)
    (cgroup / "cpu.cfs_period_us").write_text("100000\n")
    assert threads.cgroup_quota() == quota
    assert threads.thread_budget() == cores
