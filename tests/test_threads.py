from pathlib import Path

import pytest

from zoo import threads


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000", 8),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("9900000 100000", 8),
        ("", 8),
        (None, 8),
    ],
)
def test_the_budget_heeds_affinity_and_quota(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, cores: int
) -> None:
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(threads, "_QUOTA", tmp_path / "cpu.max")
    if text is not None:
        (tmp_path / "cpu.max").write_text(text)
    assert threads.thread_budget() == cores
