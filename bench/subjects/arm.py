"""An arm: what is measured against what, and the order that its process gets."""

from dataclasses import dataclass, replace

from bench.runtimes import Order
from bench.runtimes.adapter import Boundary, Demands
from bench.runtimes.registry import unsupported
from bench.subjects.subject import THIRD_PARTY, Subject

REFERENCE = "onnxruntime"  # with the CPU and fp32: the arm that others are compared with


@dataclass(frozen=True)
class Arm:
    """One file in one runtime: a process that is kept warm for all its batches."""

    subject: Subject  # the file
    runtime: str = REFERENCE  # what runs it, by the name of its adapter
    provider: str = "cpu"  # where that computes
    boundary: Boundary = "host"  # where pixels and logits lie when a call begins and ends
    threads: int = 1  # of one call
    cuda_graph: bool = False  # whether its calls are recorded once and replayed
    against: Subject | None = None  # what its time is held against, instead of its own reference

    @property
    def is_reference(self) -> bool:
        """Whether others are compared with it."""
        asked = (self.runtime, self.provider, self.boundary)
        return asked == (REFERENCE, "cpu", "host") and self.subject.precision in (
            "fp32",
            THIRD_PARTY,
        )

    def reference(self) -> "Arm":
        """What it is compared with, whether that is measured itself or not."""
        subject = self.subject
        if subject.artifact and subject.precision != "fp32":
            path = subject.artifact.file("fp32")
            subject = replace(subject, precision="fp32", path=path)
        return Arm(subject, threads=self.threads)

    @property
    def rival(self) -> "Arm | None":
        """What takes turns with it; None of the arm that others are held against."""
        if self.against is None:
            return None if self.is_reference else self.reference()
        if self.is_reference and self.subject.name == self.against.name:
            return None
        return Arm(self.against, threads=self.threads)

    @property
    def skipped(self) -> str | None:
        """Why there is no such arm, whatever the machine."""
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

    def order(
        self, *, tf32: bool = False, allow_fallback: bool = False, memory: int | None = None
    ) -> Order:
        """What its process is told to load; the rest of it as `Order` has it."""
        return Order(
            model=str(self.subject.path),
            runtime=self.runtime,
            provider=self.provider,
            threads=self.threads,
            boundary=self.boundary,
            given=self.subject.given,
            tf32=tf32,
            cuda_graph=self.cuda_graph,
            allow_fallback=allow_fallback,
            memory=memory,
            shown=self.subject.shown,
        )
