"""Run benchmarks as on a processor that has AVX2 and nothing newer.

    .venv/bin/python tests/benchmarks/avx2_only.py -k int8_against

onnxruntime chooses its kernels by what `cpuid` answers. In a copy of it each of them becomes an
illegal instruction of the same length, and a handler that is loaded before it answers instead:
no AVX-512, no VNNI, no AMX. torch stays as it is, so nothing may be concluded from ratios to it.
Needs Linux on x86-64, `cc` and `objdump`.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
VARIABLE = "ZOO_BENCH_AVX2_ONLY"  # tells the benchmarks which floor counts
CPUID, ILLEGAL = b"\x0f\xa2", b"\x0f\x0b"


def run(arguments: list[str], folder: Path) -> int:
    """pytest over the benchmarks, with an onnxruntime in `folder` that was changed."""
    handler = folder / "hide_avx512.so"
    build = ["cc", "-O1", "-shared", "-fPIC", "-o", handler, HERE / "hide_avx512.c"]
    subprocess.run(build, check=True)
    library = _copy_of_onnxruntime(folder)
    places = _patch(library)
    if not places:
        sys.exit(f"{library.name} asks the processor nowhere that objdump would see")
    print(f"{places} places in {library.name} where the processor is asked")
    environment = os.environ | {
        "LD_PRELOAD": str(handler),
        "PYTHONPATH": str(folder),
        VARIABLE: "1",
    }
    # pytest's own handler of illegal instructions would stand before ours.
    pytest = [sys.executable, "-m", "pytest", "-p", "no:faulthandler", HERE, "--benchmark-only"]
    pytest += ["-s", *arguments]
    return subprocess.run(pytest, env=environment, check=False).returncode


def _copy_of_onnxruntime(folder: Path) -> Path:
    """The package without the libraries of its GPU providers; the path of the one that computes."""
    spec = importlib.util.find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    copy = folder / "onnxruntime"
    ignored = shutil.ignore_patterns("*_cuda.so", "*_tensorrt.so", "__pycache__")
    shutil.copytree(Path(spec.origin).parent, copy, ignore=ignored)
    return next((copy / "capi").glob("onnxruntime_pybind11_state*.so"))


def _patch(library: Path) -> int:
    """Replace every cpuid that the disassembler sees; how many there were."""
    content = bytearray(library.read_bytes())
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", library], check=True, capture_output=True, text=True
    ).stdout
    addresses = [int(at, 16) for at in re.findall(r"^ *([0-9a-f]+):\tcpuid", listing, re.MULTILINE)]
    shift = _shift_of_code(library)
    for address in addresses:
        offset = address - shift
        assert content[offset : offset + 2] == CPUID
        content[offset : offset + 2] = ILLEGAL
    library.write_bytes(content)
    return len(addresses)


def _shift_of_code(library: Path) -> int:
    """How far the code's addresses are from its place in the file."""
    headers = ["objdump", "-h", "-j", ".text", library]
    told = subprocess.run(headers, check=True, capture_output=True, text=True).stdout
    section = re.search(r"\.text +[0-9a-f]+ +([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+)", told)
    assert section is not None
    address, offset = (int(number, 16) for number in section.groups())
    return address - offset


if __name__ == "__main__":
    here = (platform.system(), platform.machine()) == ("Linux", "x86_64")
    if not (here and shutil.which("cc") and shutil.which("objdump")):
        sys.exit("this needs Linux on x86-64, cc and objdump (Debian: apt install gcc binutils)")
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(run(sys.argv[1:], Path(temporary)))
