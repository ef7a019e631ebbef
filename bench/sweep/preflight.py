"""Checks before anything is measured: what files take, and what to refuse."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.measuring.arm_process import ArmProcess
from bench.subjects.arm import Arm
from bench.subjects.images import data_of
from bench.subjects.subject import Subject
from bench.sweep.matrix import Settings
from bench.sweep.required import check_test_sets, classes_of
from bench.sweep.takes import Takes
from zoo.data.class_names import BY_NAME, columns_by_name, is_in_order, other_classes
from zoo.errors import UsageError, ZooError
from zoo.inspection.inspector import Inspector
from zoo.progress import Progress


@dataclass(frozen=True)
class Found:
    """What was found out about third-party files, by name."""

    takes: dict[str, Takes] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # why one cannot be measured


def check_arms(
    arms: Sequence[Arm], settings: Settings, data_dir: Path | None, progress: Progress
) -> Found:
    """Open each third-party file once.

    Missing facts about a file are a `UsageError`, unless it is one of several: then its rows say
    it. If accuracy is required but cannot be measured, that is refused.
    """
    found = Found()
    classes: dict[str, int] = {}
    alone = len({arm.subject.name for arm in arms}) == 1
    files = (arm.subject for arm in arms if not arm.subject.card)
    for subject in dict.fromkeys(one for one in files if not one.problem):
        try:
            _look(subject, settings, data_dir, progress, found, classes)
        except ZooError as error:
            if alone and isinstance(error, UsageError):
                raise
            if problem := _problem(subject, error):
                found.problems[subject.name] = problem
    if settings.measure_accuracy:
        subjects = [arm.subject for arm in arms if not arm.skipped]
        usable = [one for one in subjects if not one.problem and one.name not in found.problems]
        check_test_sets(usable, classes, data_dir, progress)
    return found


def _look(
    subject: Subject,
    settings: Settings,
    data_dir: Path | None,
    progress: Progress,
    found: Found,
    classes: dict[str, int],
) -> None:
    """Open one file, and record what it takes and how many classes it has."""
    if settings.accuracy and not subject.no_accuracy:
        _check_classes(subject, data_dir, progress)
    order = Arm(subject).order(memory=settings.memory)
    with ArmProcess(order, settings.timeout) as opened:
        takes = found.takes[subject.name] = Takes.of(opened)
        if settings.measure_accuracy:
            classes[subject.name] = classes_of(opened, takes.image_shape, takes.fixed_batch)
    if takes.fixed_batch:
        progress.say(f"{subject.name} takes batches of exactly {takes.fixed_batch}")
    if chosen := opened.facts["what_ran"].get("chosen"):
        progress.say(f"{subject.name} {chosen}")
    if subject.no_accuracy:
        progress.say(f"{subject.name}: {subject.no_accuracy}")


def _problem(subject: Subject, error: ZooError) -> str:
    """Why a file cannot be measured, in the words of `verify`; "" if its rows will say it."""
    if subject.path is None:
        return ""
    with Inspector() as inspector:
        found = inspector.inspect(subject.path)
    if not found.ok:
        return found.reason
    return str(error) if isinstance(error, UsageError) else ""


def _check_classes(subject: Subject, data_dir: Path | None, progress: Progress) -> None:
    """Refuse a file that names other classes than its test set has (`UsageError`)."""
    data = data_of(subject, data_dir, progress)
    if not subject.class_names or isinstance(data, str):
        return
    columns = columns_by_name(subject.class_names, data.class_names)
    if columns is None:
        told = other_classes(subject.class_names, data.class_names, subject.dataset or "")
        ways = "Name its own test set with --data, or measure speed only, with --no-accuracy."
        if len(subject.class_names) == len(data.class_names):
            ways += " If they mean the same classes in the same order, add --classes-as-given."
        raise UsageError(f"{subject.name} {told}. {ways}")
    if not is_in_order(columns):
        progress.say(f"{subject.name} {BY_NAME}")
