"""OpenVINO that tells what its process does; tests name it as `recording_openvino:Threads`."""

import sys
from typing import Any

from recording import thread_cores

from bench.runtimes.openvino import OpenVino


class Threads(OpenVino):
    """Tells on which cores its threads may run, and what of its telemetry is loaded."""

    def what_ran(self) -> dict[str, Any]:
        sending = [name for name in sys.modules if name.startswith("openvino_telemetry.")]
        return {**super().what_ran(), "threads": thread_cores(), "telemetry": sending}
