"""The examination of one data set: which checks run, in which order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hrpose.analysis.doctor import annotations, bodies, images, sides
from hrpose.analysis.doctor.detections import check_detections
from hrpose.analysis.doctor.finding import SEVERITIES, Finding
from hrpose.analysis.doctor.grid import Grid, coarse_grid, measure_grid
from hrpose.analysis.doctor.people import People, mappings, people_of, people_of_records
from hrpose.analysis.doctor.subjects import Subject
from hrpose.datasets.annotations import read_coco_json
from hrpose.datasets.metainfo import category_metainfo, resolve
from hrpose.errors import UserError

Check = Callable[[People], Iterator[Finding]]

FILE_CHECKS: tuple[Check, ...] = (
    annotations.joint_counts,
    annotations.joint_names,
    annotations.skeleton,
    annotations.duplicate_image_ids,
    annotations.duplicate_annotation_ids,
    annotations.unknown_images,
    annotations.not_numbers,
    annotations.flags,
    annotations.left_out,
    annotations.unstated_sizes,
)
PEOPLE_CHECKS: tuple[Check, ...] = (
    bodies.no_people,
    bodies.unlabelled_joints,
    bodies.joints_at_origin,
    bodies.duplicate_people,
    bodies.unpaired_sides,
    bodies.normalised,
    bodies.boxes_without_area,
    bodies.boxes_as_corners,
    bodies.boxes_miss_joints,
    bodies.joints_outside_image,
    sides.swapped_pairs,
    sides.swapped_everywhere,
)


@dataclass(frozen=True)
class Report:
    """The result of an examination; `people` and `grid` are None where it did not get that far."""

    findings: list[Finding] = field(default_factory=list)
    people: People | None = None
    grid: Grid | None = None


def examine(subject: Subject, *, open_images: bool = True, workers: int = 2, most: int | None = None) -> Report:
    """Examine a data set. Whatever is wrong with it becomes a finding, never an exception.

    Args:
        subject: the data set.
        open_images: whether to read the image files.
        workers: threads that read them.
        most: people in the round trip through the codec; None for everybody.
    """
    try:
        people, findings = _read_file(subject) if subject.in_coco_layout else _read_records(subject)
    except UserError as error:
        advice = "write JSON in COCO's keypoint layout, or in that of the config's data set class"
        return Report([Finding('annotation_file', 'error', subject.ann_file, str(error), advice)])
    if subject.bbox_file:
        findings += check_detections(subject.bbox_file, people)
    if open_images and subject.folder:
        opened = images.open_images(people, subject.folder, subject.load, workers=workers)
        findings += [*images.unreadable_images(opened, subject.folder), *images.image_sizes(opened, people)]
        people = images.with_sizes(people, opened)
    findings += [finding for check in PEOPLE_CHECKS for finding in check(people)]
    grid = None
    if people.used.any():
        grid, more = _check_grid(subject, people, findings, most)
        findings += more
    return Report(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)), people, grid)


def _read_file(subject: Subject) -> tuple[People, list[Finding]]:
    """Return the people of a COCO file, and the findings about the file."""
    content = read_coco_json(subject.ann_file)
    people = people_of(content, subject.metainfo or _file_metainfo(content, subject.ann_file), subject.ann_file)
    return people, [finding for check in FILE_CHECKS for finding in check(people)]


def _file_metainfo(content: Mapping[str, Any], ann_file: str) -> dict[str, Any]:
    """Return the metainfo of the joints that a file's category names; raise `UserError` if none names any."""
    categories = mappings(content.get('categories') or [], 'categories', ann_file)
    info = category_metainfo(categories, ann_file)
    stated = [category.get('skeleton') or () for category in categories if category.get('keypoints')]
    if len(info['skeleton']) < len(stated[0]):
        info['skeleton'] = ()  # some limbs lead to missing joints: the others would mislead too
    return resolve(info)


def _read_records(subject: Subject) -> tuple[People, list[Finding]]:
    """Return the people of a data set in another layout, and a note on what is not examined."""
    dataset = subject.build(subject.metainfo or {})
    left_out = '; '.join(f'{count} {reason}' for reason, count in dataset.skipped.items()) or 'nobody'
    explanation = (
        f'not in COCO layout: examined were the {len(dataset)} people that {type(dataset).__name__} reads from it; '
        f'it left out: {left_out}. Not examined: ids, names of joints, stated sizes of images'
    )
    return people_of_records(dataset), [Finding('records_only', 'note', subject.ann_file, explanation, 'nothing to do')]


def _check_grid(
    subject: Subject, people: People, findings: Sequence[Finding], most: int | None
) -> tuple[Grid | None, list[Finding]]:
    """Return the round trip, or why there is none, unless another error tells it already."""
    try:
        dataset = subject.build(people.metainfo)
    except UserError as error:
        if any(finding.severity == 'error' for finding in findings):
            return None, []
        return None, [Finding('refused', 'error', subject.title, str(error), 'training would stop here too')]
    try:
        grid = measure_grid(dataset, subject.codec, people, most=most)
    except UserError as error:
        return None, [Finding('no_round_trip', 'note', subject.title, str(error), 'nothing to do')]
    return grid, list(coarse_grid(grid, subject.title))


def count_of(findings: Sequence[Finding]) -> str:
    """Return how many findings there are: '1 error, 2 warnings, 0 notes'."""
    counts = {name: sum(finding.severity == name for finding in findings) for name in SEVERITIES}
    return ', '.join(f'{count} {name}{"" if count == 1 else "s"}' for name, count in counts.items())
