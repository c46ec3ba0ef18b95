"""Compare an exported network with the one in PyTorch, on real images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hrpose.apis.boxes import Boxes
from hrpose.apis.detector import PersonDetector
from hrpose.errors import UserError
from hrpose.export.graph import CropsToKeypoints
from hrpose.export.metadata import KEY, Metadata, read_metadata
from hrpose.export.runtime import ExportedDetector, load_graph, run_filled

# The allowed difference of keypoints, in heatmap cells, and of scores, as a share of the highest one. In fp32 it holds
# for the largest difference. In lower precision the maximum of a heatmap may move to another cell, anywhere in a flat
# one, so it holds for the median.
TOLERANCES = {'fp32': (1e-3, 1e-4), 'fp16': (0.05, 0.01), 'bf16': (0.25, 0.05), 'int8': (0.5, 0.1)}

BOX_TOLERANCE = (0.05, 1e-4)  # allowed difference of a detector's boxes, px, and of their scores


@dataclass(frozen=True)
class Differences:
    """Differences of an exported network from PyTorch's in fp32, over all people and joints.

    Attributes:
        cells: (N, K) distance of keypoints, heatmap cells.
        scores: (N, K) difference of scores, as a share of the highest score.
        precision: of the exported network.
    """

    cells: np.ndarray
    scores: np.ndarray
    precision: str

    @property
    def ok(self) -> bool:
        """Whether the differences are within `TOLERANCES`."""
        judge = np.max if self.precision == 'fp32' else np.median
        found = judge(self.cells), judge(self.scores)
        # Not `>`: a difference that is NaN is above any tolerance.
        return all(bool(each <= most) for each, most in zip(found, TOLERANCES[self.precision], strict=True))

    def __str__(self) -> str:
        judged = 'largest' if self.precision == 'fp32' else 'median'
        cells, scores = TOLERANCES[self.precision]
        largest, median = ((judge(self.cells), judge(self.scores)) for judge in (np.max, np.median))
        return (
            f'{len(self.cells)} crops: largest difference {largest[0]:.2g} heatmap cells and {largest[1]:.2g} of the '
            f'highest score, median {median[0]:.2g} and {median[1]:.2g}; {self.precision} allows a {judged} of '
            f'{cells:g} and {scores:g}'
        )


def verify(path: str | Path, model: Any, crops: Sequence[np.ndarray]) -> Differences:
    """Run crops through an exported file and through the model in PyTorch that it was exported from.

    Args:
        path: of the exported file.
        model: the pose estimator, on a CPU.
        crops: (h, w, 3) uint8 RGB, of the model's input size.

    Raises:
        UserError: the file cannot be loaded, or there are no crops.
    """
    if not len(crops):
        raise UserError('there are no crops to compare on; give images with people')
    exported, metadata = load_any(Path(path))
    graph = CropsToKeypoints(model, flip_test=metadata.flip_test).eval()
    size, found, expected = metadata.batch or 8, [], []
    for start in range(0, len(crops), size):
        part = np.stack(list(crops[start : start + size]))
        found.append(run_filled(exported, part, metadata.batch))
        with torch.no_grad():
            expected.append([each.numpy() for each in graph(torch.from_numpy(part))])
    (keypoints, scores), (true_keypoints, true_scores) = (
        [np.concatenate(part) for part in zip(*rows, strict=True)] for rows in (found, expected)
    )
    cells = np.linalg.norm((keypoints - true_keypoints) / np.array(metadata.stride), axis=-1)
    highest = max(float(np.abs(true_scores).max()), 1e-12)
    return Differences(cells, np.abs(scores - true_scores) / highest, metadata.precision)


@dataclass(frozen=True)
class BoxDifferences:
    """Differences of an exported detector from PyTorch's, over all images.

    Attributes:
        images: number of images.
        counts: of boxes, (in PyTorch, in the file).
        unequal: number of images in which the counts differ.
        pixels: (N,) largest difference of a side of each box, in either, from the nearest box of the other, px.
        scores: (N,) difference of their scores.
    """

    images: int
    counts: tuple[int, int]
    unequal: int
    pixels: np.ndarray
    scores: np.ndarray

    @property
    def ok(self) -> bool:
        """Whether there are as many boxes, within `BOX_TOLERANCE`."""
        found = self.pixels.max(initial=0), self.scores.max(initial=0)
        return not self.unequal and all(bool(each <= most) for each, most in zip(found, BOX_TOLERANCE, strict=True))

    def __str__(self) -> str:
        return (
            f'{self.images} images: {self.counts[0]} boxes in PyTorch, {self.counts[1]} in the file; '
            f'largest difference {self.pixels.max(initial=0):.2g} px and {self.scores.max(initial=0):.2g} in score; '
            f'{BOX_TOLERANCE[0]:g} px and {BOX_TOLERANCE[1]:g} are allowed'
        )


def verify_detector(path: str | Path, detector: PersonDetector, images: Sequence[np.ndarray]) -> BoxDifferences:
    """Run images through an exported detector and the one in PyTorch.

    Args:
        path: of the exported file.
        detector: from which it was exported.
        images: (H, W, 3) uint8 BGR.

    Raises:
        UserError: the file cannot be loaded.
    """
    return compare_boxes(ExportedDetector(path)(images), detector(images))


def compare_boxes(found: Sequence[Boxes], expected: Sequence[Boxes]) -> BoxDifferences:
    """Compare the boxes of each image with those expected. Boxes of equal score may come in any order."""
    pixels, scores, unequal = [np.zeros(0)], [np.zeros(0)], 0
    for ours, theirs in zip(found, expected, strict=True):
        unequal += len(ours.boxes) != len(theirs.boxes)
        if len(ours.boxes) and len(theirs.boxes):
            sides = np.abs(ours.boxes[:, None] - theirs.boxes).max(axis=2)
            levels = np.abs(ours.scores[:, None] - theirs.scores)
            apart = sides / BOX_TOLERANCE[0] + levels / BOX_TOLERANCE[1]
            for nearest in (apart.argmin(axis=0)[None], apart.argmin(axis=1)[:, None]):
                axis = int(len(nearest) > 1)
                pixels.append(np.take_along_axis(sides, nearest, axis=axis).ravel())
                scores.append(np.take_along_axis(levels, nearest, axis=axis).ravel())
    counts = sum(len(each.boxes) for each in expected), sum(len(each.boxes) for each in found)
    return BoxDifferences(len(found), counts, unequal, np.concatenate(pixels), np.concatenate(scores))


def load_any(path: Path, *, threads: int | None = None) -> tuple[Any, Metadata]:
    """Return a function from crops (B, h, w, 3) to keypoints and scores, and the file's description.

    ONNX Runtime and OpenVINO take `threads`; PyTorch has its own setting.
    """
    if path.suffix != '.pt2':
        return load_graph(path, threads=threads)
    files = {f'{KEY}.json': ''}
    program = torch.export.load(path, extra_files=files).module()

    def run(crops: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [each.numpy() for each in program(torch.from_numpy(crops))]

    return run, read_metadata(Metadata, files[f'{KEY}.json'] or None, str(path))
