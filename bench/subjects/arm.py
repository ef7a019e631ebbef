"""An arm: what is measured, its reference, and the order for its process."""

from dataclasses import dataclass, replace

from bench.runtimes import Order
from bench.runtimes.adapter import Boundary, Demands
from bench.runtimes.registry import providers_of, unsupported
from bench.subjects.subject import THIRD_PARTY, Subject

REFERENCE = "onnxruntime"  # in fp32: what other arms are compared with


@dataclass(frozen=True)
class Arm:
    """One file in one runtime, in a process that is kept warm for all batch sizes."""

    subject: Subject  # the file
    runtime: str = REFERENCE  # what runs it, by the name of its adapter
    provider: str = "cpu"  # where that computes
    boundary: Boundary = "host"  # where pixels and logits lie when a call begins and ends
    threads: int = 1  # of one call
    cuda_graph: bool = False  # whether its calls are recorded once and replayed
    against: Subject | None = None  # what its time is held against, instead of its own reference
    tf32: bool = False  # whether fp32 may be computed in TF32

    @property
    def is_reference(self) -> bool:
        """Whether other arms must give its answers."""
        asked = (self.runtime, self.provider, self.boundary)
        return asked == (REFERENCE, "cpu", "host") and self.subject.precision in (
            "fp32",
            THIRD_PARTY,
        )

    def reference(self) -> "Arm":
        """The arm whose answers it must give, even if that is not measured itself."""
        subject = self.subject
        if subject.artifact and subject.precision != "fp32":
            path = subject.artifact.file("fp32")
            subject = replace(subject, precision="fp32", path=path)
        return Arm(subject, threads=self.threads)

    def rival(self, batch: int) -> "Arm | None":
        """The arm it takes turns with: onnxruntime in fp32 on its provider, at its boundary.

        That arm itself takes turns with the CPU's, at batch 1; the CPU's own with none. On a
        provider that onnxruntime does not have, the CPU's is used.
        """
        on_cpu = Arm(self.against or self.reference().subject, threads=self.threads)
        if self.provider != "cpu" and self.provider not in providers_of(REFERENCE):
            return on_cpu
        here = replace(on_cpu, provider=self.provider, boundary=self.boundary)
        if not self._measures_as(here):
            return here
        return on_cpu if self.provider != "cpu" and batch == 1 else None

    def _measures_as(self, other: "Arm") -> bool:
        ours, theirs = ((arm.subject.name, arm.subject.precision) for arm in (self, other))
        return ours == theirs and replace(self, subject=other.subject, against=None) == other

    @property
    def keeps_processes(self) -> bool:
        """Whether all its batch sizes take turns in the same processes: on a GPU, where starting
        them takes most of the time."""
        return self.provider != "cpu"

    @property
    def skipped(self) -> str | None:
        """Why there is no such arm on any machine."""
        subject = self.subject
        if subject.path is None:
            return f"{subject.name} has no {subject.precision} file"
        demands = Demands(
            subject.precision, subject.artifact is None, self.provider, self.cuda_graph
        )
        reason = unsupported(self.runtime, demands)
        if reason:
            return reason
        if self.boundary == "device" and self.provider == "cpu":
            return "on the CPU all memory is the host's"
        return None

    def order(self, *, allow_fallback: bool = False, memory: int | None = None) -> Order:
        """What its process must load; other fields keep `Order`'s defaults."""
        return Order(
            model=str(self.subject.path),
            runtime=self.runtime,
            provider=self.provider,
            threads=self.threads,
            boundary=self.boundary,
            given=self.subject.given,
            tf32=self.tf32,
            cuda_graph=self.cuda_graph,
            allow_fallback=allow_fallback,
            memory=memory,
            shown=self.subject.shown,
        )
