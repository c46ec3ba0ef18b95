"""The round trip: every ground truth through the codec and back, and the AP that its heatmaps allow at best.

A target peaks in a whole cell, so a decoded joint is up to half a cell from the truth on each axis, whatever the
network learns. What that costs depends on the person: OKS scales with the square root of the area, and cells grow with
the padded box. Joints outside the network's input cannot be encoded.

N people, K joints.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrpose.analysis.ap_ceiling import roundtrip_samples
from hrpose.analysis.doctor.finding import Finding
from hrpose.analysis.doctor.people import People
from hrpose.codecs.base import aligns_corners, lengths
from hrpose.datasets.annotations import image_key
from hrpose.evaluation.functional.coco_ap import evaluate_coco
from hrpose.evaluation.functional.oks import joint_similarity
from hrpose.evaluation.functional.people import AREA_SHARE_OF_BOX, coco_results
from hrpose.structures import PoseDataSample

# Real samples reach 1.000 at 256x192; below this AP, the grid or the boxes cost more than a good network does.
LOW = 0.9


@dataclass(frozen=True)
class Grid:
    """The result of the round trip."""

    people: int  # who took part
    of: int  # people of the data set
    ap: float  # ceiling of AP
    cell: float  # median side of a heatmap cell, image px
    error: float  # mean distance of the decoded joints inside the input from the truth, in cells
    outside: float  # share of the labelled joints outside the input
    bound: float  # the OKS that nine in ten people reach even if all their joints are half a cell off on both axes

    def __str__(self) -> str:
        some = '' if self.people == self.of else f' of {self.of}, evenly drawn'
        return (
            f'{self.people} people{some}, encoded and decoded: these heatmaps allow an AP of at most {self.ap:.3f}.\n'
            f'  A cell has {self.cell:.1f} image px (median). Decoded joints are {self.error:.2f} cells off on average '
            'and at most half a cell on each axis,\n'
            f'  which leaves nine in ten people an OKS of at least {self.bound:.3f}. {self.outside:.2%} of the joints '
            'lie outside the input and are lost.'
        )


def measure_grid(dataset: Any, codec: Any, people: People, *, most: int | None) -> Grid:
    """Encode and decode the people of a data set and score them as predictions.

    Args:
        dataset: a `PoseDataset` with annotated boxes, whose pipeline has a `PadBox`.
        codec: with `encode`, `decode`, `input_size` and `stride`.
        people: of its annotation file, for the areas that it states.
        most: draw so many people evenly if there are more; None takes everybody.

    Raises:
        UserError: the pipeline has no `PadBox`.
    """
    count = len(dataset) if most is None else min(most, len(dataset))
    indices = np.unique(np.linspace(0, len(dataset) - 1, count).round().astype(int)).tolist()
    samples = list(roundtrip_samples(dataset, codec, indices))
    truth, visible = (
        np.concatenate([np.asarray(sample.gt_instances.get(field)) for sample in samples])
        for field in ('keypoints', 'keypoints_visible')
    )
    found = np.concatenate([sample.pred_instances.keypoints for sample in samples])
    region = lengths(codec.input_size, align_corners=aligns_corners(codec))
    cells = np.stack([sample.box_size for sample in samples]) / region * codec.stride
    sigmas, areas = np.asarray(dataset.metainfo['sigmas']), _areas(samples, people)
    off = np.abs(found - truth) / cells[:, None]
    labelled = visible > 0
    inside = labelled & (off <= 0.5 + 1e-3).all(axis=2)
    return Grid(
        people=len(samples),
        of=len(dataset),
        ap=_ap(samples, np.concatenate([truth, visible[..., None]], axis=2), found, areas, sigmas),
        cell=float(np.median(cells)),
        error=float(np.linalg.norm(off[inside], axis=1).mean()) if inside.any() else float('nan'),
        outside=float(1 - inside.sum() / max(labelled.sum(), 1)),
        bound=float(np.quantile(_oks_half_a_cell_off(cells, areas, labelled, sigmas), 0.1)),
    )


def coarse_grid(grid: Grid, place: str) -> Iterator[Finding]:
    """Find a grid that costs more than a good network does."""
    if grid.ap < LOW:
        explanation = f'the ground truth itself scores AP {grid.ap:.3f} after the round trip through these heatmaps'
        advice = 'a larger codec.input_size or heatmap_size makes cells smaller; boxes that miss joints lose them'
        yield Finding('coarse_grid', 'warning', place, explanation, advice)


def _areas(samples: Sequence[PoseDataSample], people: People) -> NDArray[np.float64]:
    """Return (N,) the people's areas, px^2: the stated ones, or a share of the box."""
    stated = dict(zip(people.ids, people.areas.tolist(), strict=True))
    areas = np.array([stated.get(image_key(sample.id), np.nan) for sample in samples])
    boxes = np.concatenate([sample.gt_instances.bboxes for sample in samples])
    return np.where(np.isnan(areas), np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) * AREA_SHARE_OF_BOX, areas)


def _oks_half_a_cell_off(cells: NDArray, areas: NDArray, labelled: NDArray, sigmas: NDArray) -> NDArray[np.float64]:
    """Return (N,) the OKS with every labelled joint half a cell (N, 2) off on both axes."""
    corner = np.repeat(cells[:, None] / 2, len(sigmas), axis=1)
    similarity = joint_similarity(corner, np.zeros_like(corner[:1]), areas=areas[:, None], sigmas=sigmas)[:, 0]
    return (similarity * labelled).sum(axis=1) / labelled.sum(axis=1)


def _ap(samples: Sequence[PoseDataSample], joints: NDArray, found: NDArray, areas: NDArray, sigmas: NDArray) -> float:
    """Return the AP of `found` (N, K, 2) as predictions of people with labelled `joints` (N, K, 3)."""
    images, ones = [sample.img_id for sample in samples], np.ones(len(samples))
    boxes = np.concatenate([sample.gt_instances.bboxes for sample in samples])
    people = coco_results(images, ones, joints, ones)
    for person, (x1, y1, x2, y2), area in zip(people, boxes.tolist(), areas.tolist(), strict=True):
        person |= {'bbox': [x1, y1, x2 - x1, y2 - y1], 'area': area}
    results = coco_results(images, ones, np.insert(found, 2, 1, axis=2), ones)
    truth = {'images': [{'id': image} for image in dict.fromkeys(images)], 'annotations': people}
    return evaluate_coco(truth, results, sigmas.tolist())['AP']
