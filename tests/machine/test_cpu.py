from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo.machine import cpu

X86 = """processor\t: 0
cpu family\t: 26
model\t\t: 2
model name\t: AMD EPYC
flags\t\t: fpu avx2 avx512_vnni
"""
ARM = """processor\t: 0
Features\t: fp asimd asimddp i8mm atomics
CPU part\t: 0xd40
"""


@pytest.fixture
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], int]]:
    """Pretend that the kernel describes the processor like this."""
    monkeypatch.setattr(cpu, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr("platform.processor", lambda: "")
    cpu.cpu_flags.cache_clear()
    yield (tmp_path / "cpuinfo").write_text
    cpu.cpu_flags.cache_clear()


@pytest.mark.parametrize(
    ("text", "name", "flags"),
    [
        (X86, "AMD EPYC (family 26, model 2)", ("avx2", "avx512_vnni")),
        (ARM, "aarch64", ("asimd", "asimddp", "i8mm")),
        ("", "aarch64", ()),
    ],
)
def test_the_processor_in_the_kernels_words(
    cpuinfo: Callable[[str], int], text: str, name: str, flags: tuple[str, ...]
) -> None:
    cpuinfo(text)
    assert cpu.cpu_name() == name
    assert cpu.vector_flags() == flags


def test_a_system_without_cpuinfo_has_a_name_and_no_flags(cpuinfo: Callable[[str], int]) -> None:
    assert cpu.cpu_name() == "aarch64"
    assert cpu.vector_flags() == ()
