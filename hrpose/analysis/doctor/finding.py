"""What a check reports: which fault, how bad, where, what it means and what to do."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Severity = Literal['error', 'warning', 'note']
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

# Every fault that a finding can name; docs/doctor.md explains each.
# fmt: off
Fault = Literal[
    'annotation_file', 'boxes_as_corners', 'boxes_miss_joints', 'boxes_without_area', 'broken_detections',
    'coarse_grid', 'detection_file', 'duplicate_annotation_ids', 'duplicate_image_ids', 'duplicate_people', 'flags',
    'flip_names', 'flip_pairs', 'foreign_detections', 'image_sizes', 'joint_counts', 'joint_names',
    'joints_at_origin', 'joints_outside_image', 'left_out', 'missing_images', 'no_people', 'no_round_trip',
    'normalised', 'not_numbers', 'people_without_detection', 'records_only', 'refused', 'sigma_count', 'skeleton',
    'swapped_everywhere', 'swapped_pair', 'unknown_images', 'unlabelled_joints', 'unpaired_sides',
    'unreadable_images', 'unstated_sizes',
]
# fmt: on


@dataclass(frozen=True)
class Finding:
    """One fault of a data set."""

    fault: Fault  # its short name
    severity: Severity  # an 'error' spoils training or its metrics, a 'warning' may, a 'note' is for information
    place: str  # file, field or annotations
    explanation: str  # what is wrong
    advice: str  # what to do
    people: tuple[int, ...] = ()  # rows of the `People` to look at

    def __str__(self) -> str:
        return f'{self.severity:7} {self.fault}, {self.place}\n        {self.explanation}\n        -> {self.advice}'


def rows_of(mask: np.ndarray) -> tuple[int, ...]:
    """Return the indices at which a mask (N,) is true."""
    return tuple(np.flatnonzero(mask).tolist())
