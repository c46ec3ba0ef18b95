"""The people in one image, as arrays, as plain data and as a drawing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from hrpose.apis import interop
from hrpose.errors import UserError
from hrpose.images.convert import Image, as_rgb, swap_red_blue

Colours = Literal['side', 'person']
# Attributes of `PoseResult` that a calibrated checkpoint fills.
PROBABILITIES = ('probabilities', 'visible_probabilities')
COLOURS: tuple[Colours, ...] = get_args(Colours)


@dataclass(frozen=True, eq=False, repr=False)
class PoseResult:
    """The people in one image: N people in the order of their boxes, K joints; coordinates in image px.

    Attributes:
        keypoints: (N, K, 2) float64 (x, y); (0, 0) is the centre of the top left pixel.
        scores: (N, K) float32, the height of each heatmap's peak, which training drives to 1 at a joint. It is not a
            probability: it can exceed 1, and is 0 or less if a heatmap has no positive value.
        probabilities: (N, K) float32, that a joint lies within the tolerance of the ground truth that the checkpoint's
            calibration states; None if the checkpoint has no calibration (`tools/analysis/calibrate.py` adds it).
        visible_probabilities: (N, K) float32, that a joint is to be seen at all, so that an annotator labels it; None
            like `probabilities`.
        boxes: (N, 4) float64 xyxy, as they were given or detected.
        box_scores: (N,) float64; 1 for boxes that were given without scores.
        metainfo: of the joints, see `hrpose.datasets.metainfo`.
        image_size: (w, h) px.
        source: path of the image or video, or the camera; None for an array or a PIL image.
        frame_index: of the frame in its video, camera or iterable, from 0; None for an image on its own.
        name: of the image, unique in a stream: a relative path, so that results can be files.
        rate: frames a second of the video or camera; None for an image on its own.
        rgb: (H, W, 3) uint8, the image, if the caller asked to keep it, else None.
        track_ids: (N,) int64, one id a person over the frames of a stream; None unless it was asked to track.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    box_scores: np.ndarray
    metainfo: Mapping[str, Any]
    image_size: tuple[int, int]
    source: str | None = None
    frame_index: int | None = None
    name: str = ''
    rate: float | None = None
    rgb: np.ndarray | None = None
    track_ids: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    visible_probabilities: np.ndarray | None = None

    @property
    def image(self) -> np.ndarray | None:
        """The image as OpenCV has it, (H, W, 3) uint8 BGR, a new array; None if it was not kept."""
        return None if self.rgb is None else swap_red_blue(self.rgb)

    @property
    def names(self) -> tuple[str, ...]:
        """The K joints' names."""
        return tuple(self.metainfo['keypoint_names'])

    def __len__(self) -> int:
        """N, the number of people."""
        return len(self.boxes)

    def __repr__(self) -> str:
        place = '' if self.frame_index is None else f', frame {self.frame_index}'
        return f'PoseResult({len(self)} people of {len(self.names)} joints in {self.source or "an array"}{place})'

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain Python that JSON can hold.

        Keys: `source`, `frame_index`, `image_size` [w, h], `names` (K), and `people`, N of `box` [x1, y1, x2, y2],
        `box_score` and `keypoints`, K of [x, y, score], if people have ids `track_id`, and of a calibrated
        checkpoint `probabilities` and `visible_probabilities`, K each. A number that is not finite (of diverged
        weights) is None.
        """
        joints = _plain(np.concatenate([self.keypoints, self.scores[..., None]], axis=-1))
        people = zip(
            _plain(self.boxes), _plain(self.box_scores), joints, self._ids(), self._probabilities(), strict=True
        )
        return {
            'source': self.source,
            'frame_index': self.frame_index,
            'image_size': list(self.image_size),
            'names': list(self.names),
            'people': [
                {**track, 'box': box, 'box_score': score, 'keypoints': points, **probabilities}
                for box, score, points, track, probabilities in people
            ],
        }

    def to_json(self) -> str:
        """Return `to_dict()` as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    def to_coco(self, image_id: int | str, *, category_id: int = 1) -> list[dict[str, Any]]:
        """Return COCO keypoint results, one a person, that `CocoMetric` and COCO's server take.

        A person's `score` is the published one: the box's, times the mean of the joints' scores above 0.2. OKS-NMS is
        left to the metric. People with ids have them as `track_id` too.

        Args:
            image_id: of the image in the annotations.
            category_id: of the people in the annotations.
        """
        from hrpose.evaluation.functional.nms import rescore
        from hrpose.evaluation.functional.people import coco_results

        scores = rescore(self.box_scores, self.scores)
        joints = np.concatenate([self.keypoints, self.scores[..., None]], axis=-1)
        people = coco_results([image_id] * len(self), [category_id] * len(self), joints, scores)
        return [{**person, **track} for person, track in zip(people, self._ids(), strict=True)]

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame` with a row for each person and joint.

        Columns: `image` (its name), `source`, `frame`, `person` (index in the result), if people have ids `track_id`,
        `box_x1`, `box_y1`, `box_x2`, `box_y2`, `box_score`, `joint` (its name), `x`, `y`, `score`, and of a calibrated
        checkpoint `probability` and `visible_probability`. Coordinates are in image px.

        Raises:
            UserError: pandas is not installed.
        """
        return interop.to_pandas(self)

    def to_supervision(self, *, threshold: float = 0.2) -> Any:
        """Return `supervision.KeyPoints` of N people, in image px.

        `detection_confidence` has the scores of the boxes, and `data` the boxes as `xyxy`, if people have ids
        `tracker_id`, and of a calibrated checkpoint `probabilities` and `visible_probabilities`.

        Args:
            threshold: joints whose score is not above it are not `visible`, so that annotators leave them out.

        Raises:
            UserError: supervision is not installed, or older than 0.29.
        """
        return interop.to_supervision(self, threshold)

    def to_fiftyone(self) -> Any:
        """Return `fiftyone.Keypoints` with a `fiftyone.Keypoint` for each person.

        Coordinates are divided by the image's width and height, as fiftyone divides those of COCO's annotations. A
        joint that is not finite (of diverged weights) is NaN, which fiftyone takes for missing. `confidence` has the
        scores, `index` the id, if people have one, and `box_score` the score of the box.

        Raises:
            UserError: fiftyone is not installed.
        """
        return interop.to_fiftyone(self)

    def _ids(self) -> list[dict[str, int]]:
        """Return what each person's id adds to plain data."""
        return [{}] * len(self) if self.track_ids is None else [{'track_id': one} for one in self.track_ids.tolist()]

    def _probabilities(self) -> list[dict[str, list[Any]]]:
        """Return what a calibration adds to each person's plain data."""
        if self.probabilities is None:
            return [{}] * len(self)
        columns = (_plain(getattr(self, name)) for name in PROBABILITIES)
        return [dict(zip(PROBABILITIES, person, strict=True)) for person in zip(*columns, strict=True)]

    def draw(
        self,
        image: Image | None = None,
        *,
        threshold: float = 0.2,
        boxes: bool = True,
        colours: Colours | None = None,
    ) -> np.ndarray:
        """Draw the people on the image; returns (H, W, 3) uint8 BGR, as OpenCV writes and shows it.

        The ids of people who have them stand at their boxes.

        Args:
            image: in any form that the inferencer takes; by default the one that the result kept.
            threshold: leave out joints whose score is not above it.
            boxes: draw the boxes too.
            colours: 'side', left blue and right orange; or 'person', by id, without ids by place in the result. By
                default 'person' for people with ids.

        Raises:
            UserError: there is no image, it has another size, or there are no such colours.
        """
        return swap_red_blue(self.draw_rgb(image, threshold=threshold, boxes=boxes, colours=colours))

    def draw_rgb(
        self,
        image: Image | None = None,
        *,
        threshold: float = 0.2,
        boxes: bool = True,
        colours: Colours | None = None,
    ) -> np.ndarray:
        """Draw as `draw` does, but return (H, W, 3) uint8 RGB, as `hrpose.images` writes it.

        Args:
            image, threshold, boxes, colours: as in `draw`, which raises the same `UserError`s.
        """
        from hrpose.visualization import draw_boxes, draw_pose

        if colours not in (None, *COLOURS):
            raise UserError(f"there are no colours '{colours}' of people; choices: {', '.join(COLOURS)}")
        if image is None and self.rgb is None:
            raise UserError('draw() needs the image, as this result keeps none; give it, or ask for keep_images')
        canvas = self.rgb if image is None else as_rgb(image)
        assert canvas is not None
        if canvas.shape[1::-1] != tuple(self.image_size):
            raise UserError(f'the image has {canvas.shape[1::-1]} (w, h) px, but this result is of {self.image_size}')
        captions = None if self.track_ids is None else list(map(str, self.track_ids))
        canvas = draw_boxes(canvas, self.boxes, captions=captions) if boxes else canvas
        ids = np.arange(len(self)) if self.track_ids is None else self.track_ids
        by_person = colours == 'person' or (colours is None and self.track_ids is not None)
        return draw_pose(
            canvas, self.keypoints, self.scores, self.metainfo, threshold=threshold, ids=ids if by_person else None
        )


def _plain(values: np.ndarray) -> list[Any]:
    """Return an array as nested lists of floats, with None for what is not finite."""
    plain = values.astype(object)
    plain[~np.isfinite(values)] = None
    return plain.tolist()
