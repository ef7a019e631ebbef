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


@pytest.fixture(autouse=True)
def _arm_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Python knows of the processor where the kernel says nothing."""
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr("platform.processor", lambda: "")


@pytest.mark.parametrize(
    ("text", "name", "flags"),
    [
        (X86, "AMD EPYC (family 26, model 2)", ("avx2", "avx512_vnni")),
        (ARM, "aarch64", ("asimd", "asimddp", "i8mm")),
        ("", "aarch64", ()),
    ],
)
def test_the_processor_in_the_kernels_words(
    tmp_path: Path, text: str, name: str, flags: tuple[str, ...]
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(text)
    assert cpu.cpu_name(cpuinfo) == name
    assert cpu.vector_flags(cpuinfo) == flags


def test_a_system_without_cpuinfo_has_a_name_and_no_flags(tmp_path: Path) -> None:
    assert cpu.cpu_name(tmp_path / "cpuinfo") == "aarch64"
    assert cpu.vector_flags(tmp_path / "cpuinfo") == ()
