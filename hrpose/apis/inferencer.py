"""People's keypoints in any image: images and boxes in, `PoseResult`s out. N people, K joints.

    image -> boxes (given, or a detector's) -> one crop a person -> full batches across images -> results

The test pipeline of the model's config makes the crops and the model's own `test_step` predicts, as in `tools/test.py`,
so the same boxes give the same keypoints.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.logging import print_log
from torch import nn

from hrpose.apis.batches import grouped, share_batches
from hrpose.apis.boxes import NO_BOXES, Boxes, GivenBoxes, boxes_with_area, checked_boxes
from hrpose.apis.model import init_model
from hrpose.apis.result import PROBABILITIES as RESULT_PROBABILITIES
from hrpose.apis.result import PoseResult
from hrpose.apis.sources import Frame, Source, open_source
from hrpose.apis.stream import Located, PoseStream, given_boxes
from hrpose.apis.tracking import Estimate, Tracker, smoothed, smoother_of, tracked, tracker_of
from hrpose.config import each_dataset, link
from hrpose.errors import UserError
from hrpose.images.convert import Image, as_rgb, is_one_image
from hrpose.plugins.openmmlab import prepare_openmmlab
from hrpose.registry import TRANSFORMS
from hrpose.structures import PROBABILITIES
from hrpose.tracking import OneEuroFilter

Detector = Callable[[Sequence[np.ndarray]], Sequence[Boxes]]
Crop = dict[str, Any]

# Images that a detector without a `batch_size` gets at once.
DETECTED_TOGETHER = 8
# People in a batch on a CPU. Measured (docs/inference.md): batches of 32 take half as long again for each person.
CPU_BATCH = 8


class PoseInferencer:
    """A pose estimator for images, videos and cameras.

    Args:
        model: a config file, the name of one that hrpose ships ('hrnet_w32_coco_256x192'), what `load_config` returned,
            or a model that is already built, which is set to eval mode.
        checkpoint: the weights: a path, the name of published weights, or an http(s) address, in any layout that hrpose
            recognises; read safely. Without it the weights are initial ones, and a warning says so.
        detector: finds the people where no boxes are given: a `PersonDetector`, or a function from a list of images
            (H, W, 3) uint8 BGR to their `Boxes`.
        device: for a config: 'cpu', 'cuda', 'cuda:1' and so on; 'auto' is the GPU if there is one, else the CPU. A
            model that is already built stays where it is.
        batch_size: people in a forward pass, across images; on a CPU at most 8, as larger batches are slower there.

    Raises:
        UserError: a config or checkpoint cannot be read, the weights do not fit, or there is no such device.
    """

    def __init__(
        self,
        model: str | Path | Config | nn.Module,
        checkpoint: str | Path | None = None,
        detector: Detector | None = None,
        device: str = 'auto',
        batch_size: int = 32,
    ) -> None:
        prepare_openmmlab()
        if detector is not None and not callable(detector):
            raise UserError(f'a detector is a PersonDetector(config, checkpoint), not {detector!r}')
        if batch_size < 1:
            raise UserError(f'batch_size has to be at least 1, not {batch_size}')
        self.model = _ready_model(model, checkpoint, device)
        self.detector, self.batch_size = detector, batch_size
        self.metainfo = dict(self.model.metainfo)
        self._crop = crop_pipeline(self.model)

    @overload
    def __call__(self, image: Image, boxes: GivenBoxes | None = None) -> PoseResult: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(
        self,
        image: Sequence[Image] | Iterator[Image],  # not Iterable: NumPy's arrays are that too
        boxes: Sequence[GivenBoxes] | Literal['whole_image'] | None = None,
    ) -> list[PoseResult]: ...

    def __call__(self, image: Any, boxes: Any = None) -> Any:
        """Return the people in one image, or a list with those in each of several.

        Args:
            image: a path, an array (H, W, 3) uint8 BGR as OpenCV has it (BGRA and grey are converted) or a PIL image;
                or several. Several are read one after the other, and their people share batches.
            boxes: of the people, (N, 4) xyxy in image px, or `Boxes` with scores; for several images a list with one
                such entry each. `[]` is nobody, 'whole_image' one person who fills the image. They come back one row
                each, in order: none is clipped, suppressed or left out. None asks the detector, whose boxes without
                area are left out.

        Returns:
            A `PoseResult`, or a list of them.

        Raises:
            UserError: something is not an image, boxes are wrong, or there are neither boxes nor a detector.
        """
        if is_one_image(image):
            return self._all([image], None if boxes is None else [boxes])[0]
        images = list(image)
        if isinstance(boxes, str):
            boxes = [boxes] * len(images)
        if boxes is not None and (isinstance(boxes, Boxes) or len(boxes) != len(images)):
            given = 'those of a single one' if isinstance(boxes, Boxes) else len(boxes)
            raise UserError(f'boxes needs an entry for each of the {len(images)} images, but it has {given}')
        return self._all(images, boxes)

    def stream(
        self,
        source: Any,
        *,
        boxes: Callable[[Frame], GivenBoxes] | Literal['whole_image'] | None = None,
        keep_images: bool = False,
        track: bool | Tracker = False,
        smooth: bool | OneEuroFilter = False,
        report: Callable[[str], object] | None = None,
    ) -> PoseStream:
        """Return the results of a source's frames, to iterate over; people of neighbouring frames share batches.

        Frames are read as they are needed, so a source may be longer than memory, or endless. A camera's frames do not
        wait for one another. What cannot be read is reported, counted (`PoseStream.skipped`) and skipped.

        Args:
            source: a folder, a glob pattern, an image, a video, the number of a camera, or an iterable of images; or
                what `open_source` returned.
            boxes: None asks the detector; 'whole_image'; or a function from a `Frame` to its boxes, in any form that a
                call takes. A frame for which it raises a `UserError`, or whose boxes are wrong, is skipped as well.
            keep_images: keep each frame in its result, for `draw()`.
            track: give people ids over the frames of each video, as `PoseResult.track_ids`: by an `OnlineTracker` with
                its defaults, by one of your own, or by a `FlowTracker`. Images of a folder count as a video too.
            smooth: smooth the joints of people with ids over time: by a `OneEuroFilter` with its defaults, or by one of
                your own. `smooth_results` smooths without lag afterwards.
            report: called with a sentence for each skip; by default it goes to the log as a warning.

        Raises:
            UserError: there is no such file or camera, there are neither boxes nor a detector, `track` or `smooth` is
                something else, or `smooth` is given without `track`.
        """
        self._require_boxes(boxes)
        frames = source if isinstance(source, Source) else open_source(source)
        locate: Callable[..., Any] = (
            partial(self.detect, at_once=frames.live) if boxes is None else partial(given_boxes, boxes=boxes)
        )
        estimate: Estimate = partial(self.estimate, at_once=frames.live, keep_images=keep_images)
        if tracker := tracker_of(track, self.metainfo['sigmas']):
            estimate = tracked(estimate, tracker)
        if smoother := smoother_of(smooth, track=track):
            estimate = smoothed(estimate, smoother)
        return PoseStream(frames, locate, estimate, report)

    def _all(self, images: Sequence[Image], boxes: Sequence[GivenBoxes] | None) -> list[PoseResult]:
        self._require_boxes(boxes)
        frames = (_frame(image, index) for index, image in enumerate(images))
        if boxes is None:
            return list(self.estimate(self.detect(frames)))
        pairs = zip(frames, boxes, strict=True)
        return list(self.estimate((frame, checked_boxes(own, frame.size, frame.title)) for frame, own in pairs))

    def _require_boxes(self, boxes: object) -> None:
        if boxes is None and self.detector is None:
            raise UserError(NO_BOXES)

    def detect(self, frames: Iterable[Frame], *, at_once: bool = False) -> Iterator[Located]:
        """Yield each frame with the boxes that the detector finds; `at_once` detects in each frame on its own."""
        assert self.detector is not None
        together = 1 if at_once else getattr(self.detector, 'batch_size', DETECTED_TOGETHER)
        for group in grouped(frames, together):
            for frame, found in zip(group, self.detector([frame.image for frame in group]), strict=True):
                yield frame, boxes_with_area(found)

    def estimate(
        self, found: Iterable[Located], *, at_once: bool = False, keep_images: bool = False
    ) -> Iterator[PoseResult]:
        """Yield the result of each frame with its boxes, in order.

        Args:
            found: frames with checked boxes.
            at_once: do not wait for the next frames to fill a batch.
            keep_images: keep each frame in its result.
        """
        jobs = ((self._unfinished(frame, boxes, keep_images), self._crops(frame, boxes)) for frame, boxes in found)
        joints = len(self.metainfo['keypoint_names'])
        calibrated = getattr(self.model, 'calibration', None) is not None
        on_cpu = next(self.model.parameters()).device.type == 'cpu'
        size = min(self.batch_size, CPU_BATCH) if on_cpu else self.batch_size
        for finish, people in share_batches(jobs, self._predict, size, at_once=at_once):
            keypoints = np.array([person.keypoints[0] for person in people]).reshape(-1, joints, 2)
            fields = dict(zip(('scores', *RESULT_PROBABILITIES), ('keypoint_scores', *PROBABILITIES), strict=True))
            values = {
                name: np.array([person[field][0] for person in people], dtype=np.float32).reshape(-1, joints)
                for name, field in fields.items()
                if calibrated or name == 'scores'
            }
            yield finish(keypoints=keypoints, **values)

    def _unfinished(self, frame: Frame, boxes: Boxes, keep_image: bool) -> Callable[..., PoseResult]:
        """Return a function from keypoints and scores to the result; it holds the image only if that is to be kept."""
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
        """Return each person's packed crop, as a loader worker does."""
        image = {'img': frame.rgb, 'ori_shape': frame.rgb.shape[:2]}
        record = {**image, 'img_path': frame.source or frame.name, 'img_id': frame.name}
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
            warning = 'no checkpoint is given, so the weights are initial ones and the keypoints mean nothing'
            print_log(warning, 'current', logging.WARNING)
        return init_model(model, checkpoint, device)
    if checkpoint is not None:
        raise UserError('a model that is already built has its weights; leave out the checkpoint')
    if not isinstance(getattr(model, 'metainfo', None), dict) or not hasattr(model, 'test_step'):
        raise UserError(f'{type(model).__name__} is not a pose estimator: it has no metainfo that names its joints')
    return model.eval()


def _frame(image: Image, index: int) -> Frame:
    """Return one image of a call as a frame."""
    if isinstance(image, str | Path):
        return Frame(as_rgb(image), str(image), str(image))
    try:
        return Frame(as_rgb(image), f'image {index}', None)
    except UserError as error:
        raise UserError(f'image {index}: {error}') from error


def crop_pipeline(model: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return the pipeline from a record with `img` and `box` to a packed sample, as `tools/test.py` uses it.

    Args:
        model: a pose estimator. Its `cfg` holds the pipeline; without one it is the published pipeline for the input
            size of its codec.

    Raises:
        UserError: the model has neither.
    """
    cfg = getattr(model, 'cfg', None)
    steps = (_test_steps(cfg) if isinstance(cfg, Config) else None) or _published_steps(model)
    # The image is already loaded, so that arrays and frames take the same way.
    return Compose([TRANSFORMS.build(dict(step)) for step in steps if 'LoadImage' not in str(step['type'])])


def _test_steps(cfg: Config) -> list[dict[str, Any]] | None:
    """Return the linked test pipeline of a config, None if it has none."""
    if cfg.get('test_dataloader') is None:
        if 'test_pipeline' not in cfg:
            return None
        # Linking fills in the pipeline of a data set.
        cfg = link(Config({**cfg._cfg_dict.to_dict(), 'test_dataloader': {'dataset': {}}}))
    _, dataset = next(each_dataset(cfg.test_dataloader.dataset, 'test_dataloader.dataset'))
    return dataset.get('pipeline')


def _published_steps(model: Any) -> list[dict[str, Any]]:
    size = getattr(getattr(getattr(model, 'head', None), 'codec', None), 'input_size', None)
    if size is None:
        raise UserError(
            f'the input size of {type(model).__name__} is unknown: it has neither a config as `cfg` nor a head with a '
            'codec'
        )
    warp = dict(type='WarpAffine', input_size=size, flip_indices=model.metainfo['flip_indices'])
    return [dict(type='PadBox', input_size=size), warp, dict(type='PackPose')]
