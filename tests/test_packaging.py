"""`pip install .` gives the commands as a console script, and the published models."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_holds_the_packages_and_the_console_script(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q"]
    built = subprocess.run(
        [*command, "-w", str(tmp_path), str(ROOT)], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry,) = [name for name in names if name.endswith("entry_points.txt")]
        assert "onnx-zoo = cli:main" in archive.read(entry).decode()
        manifest = json.loads(archive.read("zoo/published/manifest.json"))
        assert manifest == json.loads((ROOT / "exports" / "manifest.json").read_text("utf-8"))
        for artifact, entry in manifest["artifacts"].items():
            for file, listed in entry["files"].items():
                content = archive.read(f"zoo/published/{artifact}/{file}")
                assert hashlib.sha256(content).hexdigest() == listed["sha256"]
    written = {str(path.relative_to(ROOT)) for path in (ROOT / "zoo").rglob("*.py")}
    assert {"cli.py", "zoo/py.typed", "bench/py.typed", *written} <= set(names)
    assert not [name for name in names if name.startswith("tests/")]
