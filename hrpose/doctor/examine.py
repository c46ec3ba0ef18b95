"""The whole examination of one data set: which checks, in which order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hrpose.datasets.metainfo import category_metainfo, resolve
from hrpose.doctor import annotations, boxes, detections, images, sides
from hrpose.doctor.finding import Finding, by_severity
from hrpose.doctor.grid import Grid, coarse_grid, measure_grid
from hrpose.doctor.people import People, people_of, read_content
from hrpose.errors import UserError

Check = Callable[[People], list[Finding]]

CHECKS: tuple[Check, ...] = (
    annotations.joint_counts,
    annotations.joint_names,
    annotations.skeleton,
    annotations.duplicate_image_ids,
    annotations.duplicate_annotation_ids,
    annotations.unknown_images,
    annotations.not_numbers,
    annotations.flags,
    annotations.unlabelled_joints,
    annotations.joints_at_origin,
    annotations.duplicate_people,
    annotations.left_out,
    images.unstated_sizes,
    boxes.boxes_without_area,
    boxes.boxes_as_corners,
    boxes.boxes_miss_joints,
    boxes.joints_outside_image,
)


@dataclass(frozen=True)
class Subject:
    """What is examined.

    title: what to call it; ann_file; folder: of the images, '' if unknown; metainfo: complete, or None to take the
    joints from the file; bbox_file: a detector's results, or None; load: a `LoadImage`; codec, or None for no round
    trip; build: makes the data set of the metainfo with annotated boxes, whose pipeline has a `PadBox`.
    """

    title: str
    ann_file: str
    folder: str
    metainfo: Mapping[str, Any] | None
    bbox_file: str | None
    load: images.Load
    codec: Any
    build: Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Report:
    """What came of an examination; `people` and `grid` are None where it did not get that far."""

    findings: list[Finding] = field(default_factory=list)
    people: People | None = None
    grid: Grid | None = None


def examine(
    subject: Subject,
    *,
    open_images: bool = True,
    workers: int = 2,
    most: int = 20_000,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Examine a data set; nothing about it is raised as an error, everything is a finding.

    Args:
        subject: what to examine.
        open_images: whether to read the image files.
        workers: threads that read them.
        most: people in the round trip through the codec.
        progress: called with how many images are read, and of how many.
    """
    try:
        content = read_content(subject.ann_file)
        people = people_of(content, subject.metainfo or file_metainfo(content, subject.ann_file), subject.ann_file)
    except UserError as error:
        advice = "the file has to be JSON in COCO's key point layout"
        return Report([Finding('annotation_file', 'error', subject.ann_file, str(error), advice)])
    findings = check_annotations(people)
    if subject.bbox_file:
        findings += check_detections(subject.bbox_file, people)
    if open_images and subject.folder:
        opened = images.open_images(people, subject.folder, subject.load, workers=workers, progress=progress)
        findings += images.missing_images(opened, subject.folder)
        findings += images.unreadable_images(opened, subject.folder)
        findings += images.image_sizes(opened, people)
    grid = None
    if people.used.any() and not any(finding.severity == 'error' for finding in findings):
        grid, more = _check_grid(subject, people, content, most)
        findings += more
    return Report(by_severity(findings), people, grid)


def check_annotations(people: People) -> list[Finding]:
    """Return everything that is wrong with a file without a look at its images."""
    findings = [finding for check in CHECKS for finding in check(people)]
    found = sides.sides_of(people)
    return [*findings, *sides.swapped_pairs(people, found), *sides.swapped_everywhere(people, found)]


def check_detections(bbox_file: str, people: People) -> list[Finding]:
    """Return what is wrong with a detector's result file."""
    try:
        found = detections.read_detections(bbox_file, people)
    except UserError as error:
        return [Finding('detection_file', 'error', bbox_file, str(error), "write COCO's result layout")]
    return [
        *detections.foreign_detections(found),
        *detections.broken_detections(found),
        *detections.people_without_detection(found, people),
    ]


def file_metainfo(content: Mapping[str, Any], ann_file: str) -> dict[str, Any]:
    """Return the metainfo of the joints that a file's category names.

    Raises:
        UserError: no category names key points, or they make no metainfo.
    """
    categories = [category for category in content.get('categories') or [] if isinstance(category, Mapping)]
    return resolve(category_metainfo(categories, ann_file))


def count_of(findings: Sequence[Finding]) -> str:
    """Return how many findings there are: '1 error, 2 warnings, 0 notes'."""
    counts = {s: sum(finding.severity == s for finding in findings) for s in ('error', 'warning', 'note')}
    return ', '.join(f'{count} {name}{"" if count == 1 else "s"}' for name, count in counts.items())


def _check_grid(
    subject: Subject, people: People, content: Mapping[str, Any], most: int
) -> tuple[Grid | None, list[Finding]]:
    try:
        dataset = subject.build(people.metainfo)
    except UserError as error:
        return None, [Finding('refused', 'error', subject.title, str(error), 'the data set class says what to do')]
    grid = measure_grid(dataset, subject.codec, content, most=most)
    return grid, coarse_grid(grid, subject.title)
