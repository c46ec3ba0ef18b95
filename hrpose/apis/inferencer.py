"""People's key points in any picture: pictures and boxes in, `PoseResult`s out. N people, K joints.

    picture -> boxes (given, or a detector's) -> one crop a person -> full batches across pictures -> results

Crops are made by the test pipeline of the model's config and predicted by the model's own `test_step`, as in
`tools/test.py`, so the same boxes give the same key points.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from torch import nn

from hrpose.apis.batches import grouped, share_batches
from hrpose.apis.detector import Boxes
from hrpose.apis.given_boxes import checked_boxes, no_boxes_message
from hrpose.apis.model import init_model
from hrpose.apis.pipeline import crop_pipeline
from hrpose.apis.result import PoseResult
from hrpose.apis.sources import Frame, Source, open_source
from hrpose.apis.stream import PoseStream
from hrpose.errors import UserError
from hrpose.images.convert import Image, as_rgb, is_one_image
from hrpose.plugins.openmmlab import prepare_openmmlab

Detector = Callable[[Sequence[np.ndarray]], Sequence[Boxes]]
Crop = dict[str, Any]

# Pictures that a detector gets at once, where it does not say itself.
DETECTED_TOGETHER = 8
# People that a CPU gets at once. Measured (docs/inference.md): with 32 it takes half as long again for each.
CPU_BATCH = 8


class PoseInferencer:
    """Finds the key points of people in pictures.

    Args:
        model: a config file, the name of hrpose's own ('hrnet_w32_coco_256x192'), what `load_config` returned, or
            a model that is built already; that one is set to eval mode.
        checkpoint: the weights: a path, the name of published weights, or an http(s) address; in any layout that hrpose
            recognises, read by the safe reader only. Without it the weights are initial ones, and a warning says so.
        detector: finds the people where no boxes are given: a `PersonDetector`, or any function from a list of pictures
            (H, W, 3) uint8 BGR to their `Boxes`.
        device: for a config; a ready model stays where it is.
        batch_size: people a forward pass, across pictures; on a CPU no more than 8, since more take longer there.

    Raises:
        UserError: a config or checkpoint that cannot be read, weights that do not fit, no such device.
    """

    def __init__(
        self,
        model: str | Path | Config | nn.Module,
        checkpoint: str | Path | None = None,
        detector: Detector | None = None,
        device: str = 'cpu',
        batch_size: int = 32,
    ) -> None:
        if detector is not None and not callable(detector):
            raise UserError(f'a detector is a PersonDetector(config, checkpoint), not {detector!r}')
        if batch_size < 1:
            raise UserError(f'batch_size has to be at least 1, not {batch_size}')
        prepare_openmmlab()
        self.model = _ready_model(model, checkpoint, device)
        self.detector, self.batch_size = detector, batch_size
        self.metainfo = dict(self.model.metainfo)
        self._crop = crop_pipeline(self.model)

    def __call__(self, image: Any, boxes: Any = None) -> Any:
        """Return the people of one picture, or a list with those of each of several.

        Args:
            image: a path, a NumPy array (H, W, 3) uint8 BGR (BGRA and grey are converted) or a PIL image; or several.
                Several are read one after the other, and their people share batches.
            boxes: of the people, (N, 4) xyxy in image px, or `Boxes` with scores; for several pictures a list with one
                such entry each. `[]` is nobody, 'whole_image' one person who fills the picture. They come back one row
                each, in order: nothing is clipped, suppressed or too small. None asks the detector, whose boxes
                without an extent are left out.

        Returns:
            A `PoseResult`, or a list of them.

        Raises:
            UserError: something that is no picture, boxes that are none, a width or height of zero or less, or neither
                boxes nor a detector.
        """
        if is_one_image(image):
            return self._all([image], None if boxes is None else [boxes])[0]
        images = list(image)
        if isinstance(boxes, str):
            boxes = [boxes] * len(images)
        if boxes is not None and (isinstance(boxes, Boxes) or len(boxes) != len(images)):
            given = 'those of one' if isinstance(boxes, Boxes) else len(boxes)
            raise UserError(f'boxes has an entry for each picture: there are {len(images)}, and {given}')
        return self._all(images, boxes)

    def stream(
        self,
        source: Any,
        *,
        boxes: Any = None,
        keep_images: bool = False,
        report: Callable[[str], object] | None = None,
    ) -> PoseStream:
        """Return the results of a source's frames, to iterate over; people of neighbouring frames share batches.

        Frames are read as they are needed, so a source may be longer than memory, or endless. A camera's frames do not
        wait for one another. What cannot be read is reported, counted (`PoseStream.skipped`) and skipped.

        Args:
            source: a folder, a glob pattern, a picture, a video, the number of a camera, or an iterable of pictures; or
                what `open_source` made of one.
            boxes: None asks the detector; 'whole_image'; or a function from a `Frame` to its boxes, in any form that a
                call takes. A frame for which it raises a `UserError`, or whose boxes are wrong, is skipped as well.
            keep_images: keep each frame in its result, for `draw()`.
            report: called with a sentence for each skip; by default a warning in the log.

        Raises:
            UserError: no such file or camera; neither boxes nor a detector.
        """
        self._require_boxes(boxes)
        frames = source if isinstance(source, Source) else open_source(source)
        return PoseStream(self, frames, boxes=boxes, keep_images=keep_images, report=report)

    def _all(self, images: Sequence[Image], boxes: Sequence[Any] | None) -> list[PoseResult]:
        self._require_boxes(boxes)
        frames = (_frame(image, index) for index, image in enumerate(images))
        if boxes is None:
            return list(self.results(self.detect(frames)))
        pairs = zip(frames, boxes, strict=True)
        return list(self.results((frame, checked_boxes(own, frame.size, frame.title)) for frame, own in pairs))

    def _require_boxes(self, boxes: Any) -> None:
        if boxes is None and self.detector is None:
            raise UserError(no_boxes_message())

    def detect(self, frames: Iterable[Frame], *, at_once: bool = False) -> Iterator[tuple[Frame, Boxes]]:
        """Yield each frame with the boxes that the detector finds; `at_once` asks it for each frame by itself."""
        assert self.detector is not None
        together = 1 if at_once else getattr(self.detector, 'batch_size', DETECTED_TOGETHER)
        for group in grouped(frames, together):
            for frame, found in zip(group, self.detector([frame.image for frame in group]), strict=True):
                yield frame, _with_extent(found)

    def results(
        self, found: Iterable[tuple[Frame, Boxes]], *, at_once: bool = False, keep_images: bool = False
    ) -> Iterator[PoseResult]:
        """Yield the result of each frame with its boxes, in order.

        Args:
            found: frames, and boxes that were checked.
            at_once: do not wait for the next frames to fill a batch.
            keep_images: keep each frame in its result.
        """
        jobs = ((self._unfinished(frame, boxes, keep_images), self._crops(frame, boxes)) for frame, boxes in found)
        joints = len(self.metainfo['keypoint_names'])
        for finish, people in share_batches(jobs, self._predict, self._people_at_once(), at_once=at_once):
            keypoints = np.array([person.keypoints[0] for person in people]).reshape(-1, joints, 2)
            scores = np.array([person.keypoint_scores[0] for person in people], dtype=np.float32)
            yield finish(keypoints=keypoints, scores=scores.reshape(-1, joints))

    def _people_at_once(self) -> int:
        on_cpu = next(self.model.parameters()).device.type == 'cpu'
        return min(self.batch_size, CPU_BATCH) if on_cpu else self.batch_size

    def _unfinished(self, frame: Frame, boxes: Boxes, keep_image: bool) -> Callable[..., PoseResult]:
        """Return what makes the result, once key points are known; it holds the picture only if that is to be kept."""
        return partial(
            PoseResult,
            boxes=boxes.boxes,
            box_scores=boxes.scores,
            metainfo=self.metainfo,
            image_size=frame.size,
            source=frame.source,
            frame_index=frame.index,
            name=frame.name,
            rate=frame.rate,
            rgb=frame.rgb if keep_image else None,
        )

    def _crops(self, frame: Frame, boxes: Boxes) -> list[Crop]:
        """Return each person's crop and sample, as a loader's worker gives them."""
        if not len(boxes.boxes):
            return []
        record = {
            'img': frame.rgb,
            'ori_shape': frame.rgb.shape[:2],
            'img_path': frame.source or frame.name,
            'img_id': frame.name,
        }
        people = zip(boxes.boxes, boxes.scores.tolist(), strict=True)
        return [
            self._crop({**record, 'id': n, 'box': box, 'box_score': score}) for n, (box, score) in enumerate(people)
        ]

    @torch.no_grad()
    def _predict(self, crops: list[Crop]) -> list[Any]:
        return [sample.pred_instances for sample in self.model.test_step(pseudo_collate(crops))]


def _ready_model(model: Any, checkpoint: str | Path | None, device: str) -> Any:
    if not isinstance(model, nn.Module):
        if checkpoint is None:
            print_log(
                'no checkpoint is given, so the weights are initial ones and the key points mean nothing',
                'current',
                logging.WARNING,
            )
        return init_model(model, checkpoint, device)
    if checkpoint is not None:
        raise UserError('a model that is built already has its weights: leave out the checkpoint')
    if not isinstance(getattr(model, 'metainfo', None), dict) or not hasattr(model, 'test_step'):
        raise UserError(f'{type(model).__name__} is no pose estimator: it has no metainfo that names its joints')
    return model.eval()


def _frame(image: Image, index: int) -> Frame:
    """Return one of a call's pictures as a frame of its own."""
    if isinstance(image, str | Path):
        return Frame(as_rgb(image), str(image), str(image))
    try:
        return Frame(as_rgb(image), f'picture {index}', None)
    except UserError as error:
        raise UserError(f'picture {index}: {error}') from error


def _with_extent(found: Boxes) -> Boxes:
    """Return a detector's boxes as float64, without those that have no extent."""
    boxes, scores = np.asarray(found.boxes, dtype=np.float64).reshape(-1, 4), np.asarray(found.scores, np.float64)
    kept = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return Boxes(boxes[kept], scores[kept])
