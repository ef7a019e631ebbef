"""The wheel carries the published models, so that they work from any folder."""

import json
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

EXPORTS = Path(__file__).parent / "exports"


class WithModels(build_py):
    """Copies what the manifest of exports/ names into the package."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # they are found in the checkout
            return
        manifest = EXPORTS / "manifest.json"
        target = Path(self.build_lib, "zoo", "published")
        shutil.rmtree(target, ignore_errors=True)
        for name, entry in json.loads(manifest.read_text(encoding="utf-8"))["artifacts"].items():
            for file in entry["files"]:
                copy = target / name / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(EXPORTS / name / file, copy)
        shutil.copyfile(manifest, target / manifest.name)


setup(cmdclass={"build_py": WithModels})
