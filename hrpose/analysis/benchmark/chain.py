"""From a picture's file to the drawing: what the inferencer does, step by step, on the same pictures and people."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from hrpose.analysis.benchmark.timing import Work
from hrpose.apis import PersonDetector, PoseInferencer
from hrpose.images.convert import swap_red_blue
from hrpose.models.estimators.topdown import attach_predictions
from hrpose.visualization import draw_boxes, draw_pose

WHOLE = 'all by PoseInferencer'


class Chain:
    """The steps' works. Whatever the detector finds, the people are the annotated ones, so that every step has as many.

    N people on M pictures; those of one picture follow one another.

    Args:
        dataset: labelled people, with a test pipeline that begins by reading the picture.
        people: the first so many of it, in one batch of the network; fewer if it has fewer.
        model: the pose network.
        detector: run on each picture; its time counts, not what it finds.
    """

    def __init__(self, dataset: Any, people: int, model: Any, detector: PersonDetector) -> None:
        self.dataset, self.model, self.detector = dataset, model, detector
        self.by_picture: dict[str, list[dict[str, Any]]] = {}
        for number in range(min(people, len(dataset))):
            record = dataset.get_data_info(number)
            self.by_picture.setdefault(record['img_path'], []).append(record)
        self.people = sum(map(len, self.by_picture.values()))

    def works(self) -> dict[str, Work]:
        """Return the work of the whole and of each step, by name."""
        steps: dict[str, Callable[[], Any]] = {
            WHOLE: self._whole,
            'read': self._read,
            'detect': lambda: self.detector([swap_red_blue(image) for image in self.images]),
            'crop': self._crop,
            'predict': self._predict,
            'decode': self._decode,
            'draw': lambda: self._draw(self.images),
        }
        return {name: Work(run, self.people, images=len(self.by_picture)) for name, run in steps.items()}

    @cached_property
    def images(self) -> list[np.ndarray]:
        """M images (H, W, 3) uint8 RGB."""
        return self._read()

    @cached_property
    def batch(self) -> dict[str, Any]:
        """What the network's preprocessor takes: N packed people."""
        return pseudo_collate(self._crop())

    @cached_property
    def heatmaps(self) -> Tensor:
        """(N, K, h, w) on the network's device."""
        return self._predict()

    @cached_property
    def pose(self) -> PoseInferencer:
        """The inferencer of the pose network."""
        return PoseInferencer(self.model, batch_size=self.people)

    def _whole(self) -> None:
        images = self._read()
        as_opencv = [swap_red_blue(image) for image in images]
        self.detector(as_opencv)
        boxes = [[record['box'] for record in records] for records in self.by_picture.values()]
        self.pose(as_opencv, boxes=boxes)
        self._draw(images)

    def _read(self) -> list[np.ndarray]:
        load = self.dataset.pipeline.transforms[0]
        return [load(records[0])['img'] for records in self.by_picture.values()]

    def _crop(self) -> list[dict[str, Any]]:
        steps, crops = self.dataset.pipeline.transforms[1:], []
        for image, records in zip(self.images, self.by_picture.values(), strict=True):
            for record in records:
                results = {**record, 'img': image, 'ori_shape': image.shape[:2]}
                for step in steps:
                    results = step(results)
                crops.append(results)
        return crops

    @torch.no_grad()
    def _predict(self) -> Tensor:
        return self.model.heatmaps(self.model.data_preprocessor(self.batch)['inputs'])

    def _decode(self) -> list[Any]:
        keypoints, scores = self.model.head.predict(self.heatmaps)
        found = torch.cat([keypoints, scores.unsqueeze(-1)], dim=-1).cpu().numpy()
        return attach_predictions(self.batch['data_samples'], found, self.model.head.codec.input_size)

    def _draw(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Draw the annotated people; an untrained network's own would score too little to be drawn."""
        drawn = []
        for image, records in zip(images, self.by_picture.values(), strict=True):
            boxes, keypoints, visible = (
                np.stack([record[name] for record in records]) for name in ('box', 'keypoints', 'visible')
            )
            drawn.append(draw_pose(draw_boxes(image, boxes), keypoints, visible, self.model.metainfo))
        return drawn
