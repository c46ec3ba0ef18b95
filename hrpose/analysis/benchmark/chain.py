"""From an image file to the drawing: the steps of the inferencer, one by one, on the same images and people."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from hrpose.analysis.benchmark.measure import Work
from hrpose.apis import PoseInferencer
from hrpose.images.convert import swap_red_blue
from hrpose.models.estimators.topdown import attach_predictions
from hrpose.visualization import draw_boxes, draw_pose

WHOLE = 'all by PoseInferencer'


class Chain:
    """The work of each step, always for the annotated people, whatever the detector finds.

    N people on M images; those of one image follow one another.

    Args:
        dataset: labelled people, with a test pipeline that begins by reading the image.
        people: how many of its first people to take, in one batch of the network.
        model: the pose network.
        detector: runs on each image; its time counts, not what it finds.
    """

    def __init__(self, dataset: Any, people: int, model: Any, detector: Callable[[list[np.ndarray]], Any]) -> None:
        self.dataset, self.model, self.detector = dataset, model, detector
        self.by_image: dict[str, list[dict[str, Any]]] = {}
        for number in range(min(people, len(dataset))):
            record = dataset.get_data_info(number)
            self.by_image.setdefault(record['img_path'], []).append(record)
        self.people = sum(map(len, self.by_image.values()))

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
        return {name: Work(run, self.people, images=len(self.by_image)) for name, run in steps.items()}

    @cached_property
    def images(self) -> list[np.ndarray]:
        """M images (H, W, 3) uint8 RGB."""
        return self._read()

    @cached_property
    def batch(self) -> dict[str, Any]:
        """N packed people, as the network's preprocessor takes them."""
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
        self.pose(as_opencv, boxes=[[record['box'] for record in records] for records in self.by_image.values()])
        self._draw(images)

    def _read(self) -> list[np.ndarray]:
        load = self.dataset.pipeline.transforms[0]
        return [load(records[0])['img'] for records in self.by_image.values()]

    def _crop(self) -> list[dict[str, Any]]:
        steps, crops = self.dataset.pipeline.transforms[1:], []
        for image, records in zip(self.images, self.by_image.values(), strict=True):
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
        """Draw the annotated people; those of an untrained network would score too low to be drawn."""
        drawn = []
        for image, records in zip(images, self.by_image.values(), strict=True):
            boxes, keypoints, visible = (
                np.stack([record[name] for record in records]) for name in ('box', 'keypoints', 'visible')
            )
            drawn.append(draw_pose(draw_boxes(image, boxes), keypoints, visible, self.model.metainfo))
        return drawn
