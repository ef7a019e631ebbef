"""Any byte of a published file, any JSON in place of the card or the manifest."""

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.actions.verify import verify
from zoo.artifacts.artifact import CARD, find_artifact
from zoo.artifacts.card import Card, manifest_facts
from zoo.artifacts.publishing import MANIFEST, publish, publishing
from zoo.errors import ZooError

NAME = "mlp-digits"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_no_changed_byte_of_an_artifact_is_opened(exports: Path, place: float, mask: int) -> None:
    path = exports / NAME / "fp32.onnx"
    good = path.read_bytes()
    changed = bytearray(good)
    changed[int(place * len(good))] ^= mask
    path.write_bytes(changed)
    artifact = find_artifact(NAME, exports)
    with pytest.raises(ZooError, match="is not the file that was published"):
        artifact.session("fp32")
    path.write_bytes(good)


WRONG_KINDS: tuple[Any, ...] = (None, 3, True, "x", [[]], {"a": None}, float("nan"), 10**400)
# What the card alone tells, and these values may stand for.
MAY_BE = [
    *[(name, "x") for name in ("family", "trained_on", "machine", "latents")],
    *[("with_views", None), ("design", {"a": None})],
]


def faults(root: Path) -> list[str]:
    """The checks that fail, or the error where the artifacts cannot even be listed."""
    try:
        checks = verify(exports=root, accuracy=False)
    except ZooError as error:
        return [str(error)]
    return [check.name for check in checks if check.status == "failed"]


class TestWrongKinds:
    """A card or manifest may hold any JSON; what is wrong with it is a line, not a traceback."""

    @pytest.mark.parametrize("name", [field.name for field in fields(Card)])
    def test_of_the_card(self, exports: Path, name: str) -> None:
        artifact = find_artifact(NAME, exports)
        good = json.loads((artifact.folder / CARD).read_text())
        for value in WRONG_KINDS:
            with publishing(NAME, exports) as folder:
                shutil.copytree(artifact.folder, folder, dirs_exist_ok=True)
                (folder / CARD).write_text(json.dumps({**good, name: value}))
                publish(NAME, manifest_facts(artifact.card), folder)
            assert bool(faults(exports)) != ((name, value) in MAY_BE), value

    @pytest.mark.parametrize("name", ["files", "precisions", "model", "opset"])
    def test_of_the_manifest(self, exports: Path, name: str) -> None:
        manifest = exports / MANIFEST
        good = manifest.read_text()
        for value in WRONG_KINDS:
            for inside in (False, True):
                content = json.loads(good)
                entry = content["artifacts"][NAME]
                if inside and isinstance(entry[name], dict):
                    entry[name] = dict.fromkeys(entry[name], value)
                else:
                    entry[name] = value
                manifest.write_text(json.dumps(content))
                (fault,) = faults(exports)
                assert fault == "card" or fault.startswith(f"{manifest} is damaged"), value
