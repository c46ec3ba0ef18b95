"""People's boxes from any of mmdet's detectors. mmdet is imported when a detector is built, not before."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from hrpose.apis.detector_model import init_detector, input_pipeline, labels_of, scope_of
from hrpose.errors import UserError
from hrpose.images.convert import Image, as_bgr, is_one_image
from hrpose.plugins.openmmlab import require_mmdet


class Boxes(NamedTuple):
    """What a detector found in one image, best first; every box has a width and a height.

    Attributes:
        boxes: (N, 4) float32 xyxy in image px.
        scores: (N,) float32, 0 to 1.
    """

    boxes: np.ndarray
    scores: np.ndarray


class PersonDetector:
    """A detector of mmdet's, asked for people only.

    What is found in an image does not depend on the images beside it: only inputs of one size share a forward pass,
    because mmdet would pad the others.

    Args:
        model: a config of mmdet's (a file, `mmdet::FOLDER/FILE.py` for one that mmdet brings along, or a `Config`), or
            a model that is built already and has its config as `cfg`, as mmdet's `init_detector` gives it.
        checkpoint: its weights: a file or an http(s) address, read by the safe reader only. Without it the weights are
            initial ones: good for shapes and timings only.
        classes: names of the classes to keep. A detector of a single class gives all that it finds, whatever the name.
        score_threshold: least score of a box, 0 to 1.
        nms_threshold: of two boxes with a larger IoU the lower scored one goes, over all kept classes. The detector's
            own NMS, where it has one, comes first; None leaves it at that.
        batch_size: the most images a forward pass.
        device: for a config; a ready model stays where it is.

    Raises:
        UserError: mmdet is not installed; a config or checkpoint that cannot be read or does not fit; no such class; a
            number out of its range.
    """

    def __init__(
        self,
        model: str | Path | Config | nn.Module,
        checkpoint: str | Path | None = None,
        *,
        classes: Sequence[str] = ('person',),
        score_threshold: float = 0.3,
        nms_threshold: float | None = None,
        batch_size: int = 8,
        device: str = 'cpu',
    ) -> None:
        require_mmdet()
        if isinstance(model, nn.Module) and checkpoint is not None:
            raise UserError('a detector that is built already has its weights: leave out the checkpoint')
        if batch_size < 1:
            raise UserError(f'batch_size has to be at least 1, not {batch_size}')
        for name, value in (('score_threshold', score_threshold), ('nms_threshold', nms_threshold)):
            if value is not None and not 0 <= value <= 1:
                raise UserError(f'{name} has to be from 0 to 1, not {value}')
        self.model: Any = model if isinstance(model, nn.Module) else init_detector(model, checkpoint, device)
        self.labels = labels_of(self.model, classes)
        self.score_threshold, self.nms_threshold, self.batch_size = score_threshold, nms_threshold, batch_size
        self._pipeline = input_pipeline(self.model)

    def __call__(self, images: Sequence[Image]) -> list[Boxes]:
        """Return the people of each image, in any form that `hrpose.images.convert.as_bgr` takes.

        Raises:
            UserError: something that is no image; `ImageError` for a file that cannot be read.
        """
        if is_one_image(images):
            raise UserError('a detector takes a list of images: write detector([image])')
        found = []
        for start in range(0, len(images), self.batch_size):
            found += self.predict([self.prepare(image) for image in images[start : start + self.batch_size]])
        return found

    def prepare(self, image: Image) -> dict[str, Any]:
        """Return one image as the detector's config wants it; work for a loader's process."""
        return self._pipeline({'img': as_bgr(image), 'img_id': 0, 'img_path': None})

    @torch.no_grad()
    def predict(self, prepared: Sequence[Mapping[str, Any]]) -> list[Boxes]:
        """Return the people of each prepared image; those of one input size in one forward pass."""
        by_size = defaultdict(list)
        for index, item in enumerate(prepared):
            by_size[tuple(item['inputs'].shape)].append(index)
        found: dict[int, Boxes] = {}
        for indices in by_size.values():
            batch = {key: [prepared[index][key] for index in indices] for key in ('inputs', 'data_samples')}
            with scope_of(self.model.cfg):
                samples = self.model.test_step(batch)
            found |= {i: self._people(sample.pred_instances) for i, sample in zip(indices, samples, strict=True)}
        return [found[index] for index in range(len(prepared))]

    def _people(self, instances: Any) -> Boxes:
        """Return those of an image's instances that are wanted, best first."""
        from mmcv.ops import nms
        from mmdet.structures.bbox import get_box_tensor

        boxes, scores = get_box_tensor(instances.bboxes).float(), instances.scores.float()
        wanted = torch.isin(instances.labels, torch.tensor(self.labels, device=instances.labels.device))
        # Clipped at the border, a box may be left without an area; an untrained network may give infinite ones.
        wanted &= (
            (scores >= self.score_threshold) & (boxes[:, 2:] > boxes[:, :2]).all(dim=1) & boxes.isfinite().all(dim=1)
        )
        boxes, scores = boxes[wanted], scores[wanted]
        if self.nms_threshold is None:
            order = scores.argsort(descending=True, stable=True)
        else:
            _, order = nms(boxes, scores, self.nms_threshold)
        return Boxes(boxes[order].cpu().numpy(), scores[order].cpu().numpy())
