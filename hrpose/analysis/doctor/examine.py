"""The whole examination of one data set: which checks, in which order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hrpose.analysis.doctor import annotations, boxes, detections, images, joints, sides
from hrpose.analysis.doctor.finding import Finding, by_severity
from hrpose.analysis.doctor.grid import Grid, coarse_grid, measure_grid
from hrpose.analysis.doctor.people import People, mappings, people_of, people_of_records
from hrpose.datasets.annotations.files import read_coco_json
from hrpose.datasets.metainfo import category_metainfo, resolve
from hrpose.errors import UserError

Check = Callable[[People], list[Finding]]

# About what a COCO file states, and about the people in it, whatever layout they come from.
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
    images.unstated_sizes,
)
PEOPLE_CHECKS: tuple[Check, ...] = (
    annotations.no_people,
    annotations.unlabelled_joints,
    annotations.joints_at_origin,
    annotations.duplicate_people,
    joints.unpaired_sides,
    boxes.boxes_without_area,
    boxes.boxes_as_corners,
    boxes.boxes_miss_joints,
    boxes.joints_outside_image,
    sides.swapped_pairs,
    sides.swapped_everywhere,
)


@dataclass(frozen=True)
class Subject:
    """What is examined.

    title: what to call it; ann_file; folder: of the images, '' if unknown; metainfo: complete, or None to take the
    joints from the file; bbox_file: a detector's results, or None; load: a `LoadImage`; codec: for the round trip;
    build: makes the data set of a metainfo with annotated boxes; in_coco_layout: whether `ann_file` is a COCO JSON,
    which says more than the data set's records do.
    """

    title: str
    ann_file: str
    folder: str
    metainfo: Mapping[str, Any] | None
    bbox_file: str | None
    load: images.Load
    codec: Any
    build: Callable[[Mapping[str, Any]], Any]
    in_coco_layout: bool = True


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
    most: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Examine a data set; nothing about it is raised as an error, everything is a finding.

    Args:
        subject: what to examine.
        open_images: whether to read the image files.
        workers: threads that read them.
        most: people in the round trip through the codec; None for everybody.
        progress: called with how many images are read, and of how many.
    """
    try:
        people, findings = _read_file(subject) if subject.in_coco_layout else _read_records(subject)
    except UserError as error:
        advice = "it has to be JSON in COCO's key point layout, or in that of the config's data set class"
        return Report([Finding('annotation_file', 'error', subject.ann_file, str(error), advice)])
    if subject.bbox_file:
        findings += check_detections(subject.bbox_file, people)
    if open_images and subject.folder:
        opened = images.open_images(people, subject.folder, subject.load, workers=workers, progress=progress)
        findings += images.check_images(opened, people, subject.folder)
        people = images.with_sizes(people, opened)
    findings += [finding for check in PEOPLE_CHECKS for finding in check(people)]
    grid = None
    if people.used.any() and np.isfinite(people.keypoints).all():
        grid, more = _check_grid(subject, people, findings, most)
        findings += more
    return Report(by_severity(findings), people, grid)


def _read_file(subject: Subject) -> tuple[People, list[Finding]]:
    """Return the people of a COCO file, and what is wrong with it."""
    content = read_coco_json(subject.ann_file)
    people = people_of(content, subject.metainfo or file_metainfo(content, subject.ann_file), subject.ann_file)
    return people, [finding for check in FILE_CHECKS for finding in check(people)]


def _read_records(subject: Subject) -> tuple[People, list[Finding]]:
    """Return the people of a data set that is not in COCO's layout, and what that leaves unexamined."""
    dataset = subject.build(subject.metainfo or {})
    left_out = '; '.join(f'{count} {reason}' for reason, count in dataset.skipped.items()) or 'nobody'
    explanation = (
        f'this is no COCO file, so the {len(dataset)} people that {type(dataset).__name__} makes of it were examined; '
        f'it left out: {left_out}. Not examined: ids, names of joints, stated sizes of images'
    )
    finding = Finding('records_only', 'note', subject.ann_file, explanation, 'none is needed')
    return people_of_records(dataset), [finding]


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
    categories = mappings(content.get('categories') or [], 'categories', ann_file)
    info = category_metainfo(categories, ann_file)
    stated = [category.get('skeleton') or () for category in categories if category.get('keypoints')]
    if len(info['skeleton']) < len(stated[0]):
        info['skeleton'] = ()  # some limbs lead to no joint: the others would mislead, too
    return resolve(info)


def count_of(findings: Sequence[Finding]) -> str:
    """Return how many findings there are: '1 error, 2 warnings, 0 notes'."""
    counts = {s: sum(finding.severity == s for finding in findings) for s in ('error', 'warning', 'note')}
    return ', '.join(f'{count} {name}{"" if count == 1 else "s"}' for name, count in counts.items())


def _check_grid(
    subject: Subject, people: People, findings: Sequence[Finding], most: int | None
) -> tuple[Grid | None, list[Finding]]:
    """Return the round trip's figures; or why there are none, unless a finding is an error already."""
    try:
        dataset = subject.build(people.metainfo)
    except UserError as error:
        if any(finding.severity == 'error' for finding in findings):
            return None, []
        return None, [Finding('refused', 'error', subject.title, str(error), 'training would stop here, too')]
    try:
        grid = measure_grid(dataset, subject.codec, people, most=most)
    except UserError as error:
        return None, [Finding('no_round_trip', 'note', subject.title, str(error), 'none is needed')]
    return grid, coarse_grid(grid, subject.title)
