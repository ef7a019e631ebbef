"""What is found out before anything is measured: what files take, and what to refuse."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measuring.arm_process import ArmProcess
from bench.subjects.arm import Arm
from bench.subjects.images import data_of
from bench.subjects.subject import Subject
from bench.sweep.matrix import Settings
from bench.sweep.required import check_test_sets, classes_of
from zoo.data.class_names import BY_NAME, columns_by_name, is_in_order, other_classes
from zoo.errors import UsageError, ZooError
from zoo.progress import Progress


@dataclass(frozen=True)
class Takes:
    """What a file takes, as the runtime says that has it open."""

    image_shape: tuple[int, int, int]  # height, width, channels
    fixed_batch: int | None  # the only number of images that a call may have

    @classmethod
    def of(cls, opened: ArmProcess) -> "Takes":
        """What its process has found out."""
        height, width, channels = opened.facts["image_shape"]
        return cls((height, width, channels), opened.facts["fixed_batch"])


def check_arms(
    arms: Sequence[Arm], settings: Settings, data_dir: Path | None, progress: Progress
) -> dict[str, Takes]:
    """Open each third-party file once; what each takes, by its name.

    What a file does not say of itself is asked for (`UsageError`). Accuracy that is demanded and
    cannot be measured is refused.
    """
    takes: dict[str, Takes] = {}
    classes: dict[str, int] = {}
    for subject in dict.fromkeys(arm.subject for arm in arms if not arm.subject.card):
        if settings.accuracy:
            _check_classes(subject, data_dir, progress)
        try:
            order = Arm(subject).order(memory=settings.memory)
            with ArmProcess(order, settings.timeout) as opened:
                found = takes[subject.name] = Takes.of(opened)
                if settings.measure_accuracy:
                    classes[subject.name] = classes_of(opened, found.image_shape, found.fixed_batch)
            if found.fixed_batch:
                progress.say(f"{subject.name} takes batches of {found.fixed_batch} only")
        except UsageError:
            raise
        except ZooError:  # then each of its rows says why
            continue
    if settings.measure_accuracy:
        subjects = (arm.subject for arm in arms if not arm.skipped)
        check_test_sets(subjects, classes, data_dir, progress)
    return takes


def _check_classes(subject: Subject, data_dir: Path | None, progress: Progress) -> None:
    """Refuse a file that names other classes than its test set has (`UsageError`)."""
    data = data_of(subject, data_dir, progress)
    if not subject.class_names or isinstance(data, str):
        return
    columns = columns_by_name(subject.class_names, data.class_names)
    if columns is None:
        told = other_classes(subject.class_names, data.class_names, subject.dataset or "")
        ways = "Name its own test set with --data, or measure times alone with --no-accuracy."
        if len(subject.class_names) == len(data.class_names):
            ways += " If they mean the same classes in the same order, add --classes-as-given."
        raise UsageError(f"{subject.name} {told}. {ways}")
    if not is_in_order(columns):
        progress.say(f"{subject.name} {BY_NAME}")
