"""The tracker published with SimpleBaseline and used for HRNet's results on PoseTrack: optical flow carries people on.

Source: Xiao, Wu and Wei, "Simple Baselines for Human Pose Estimation and Tracking" (ECCV 2018), section 3; the code
was not released. For each frame:

    1. `propose`: optical flow carries the joints of the last frame on. The boxes around them, 15 % larger, join those
       of the detector, and box NMS runs over both.
    2. the pose network runs on all of these boxes.
    3. `assign`: the people found are compared by OKS to those of a queue of frames, carried on by the same flow. Ids
       are given greedily, highest OKS first. Who is left gets a new one.

Letters: N people, M people of all frames in the queue, P boxes, K joints; H, W the image's height and width.
Coordinates are in image px.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.errors import UserError
from hrpose.registry import TASK_UTILS
from hrpose.tracking.people import (
    Array,
    Mask,
    box_areas,
    box_nms,
    checked_boxes,
    checked_people,
    joints_present,
    pose_similarity,
    require_later,
)

# From two images (H, W, 3) uint8 RGB to (H, W, 2): by how many px (x, y) each pixel of the first one moves.
Flow = Callable[[np.ndarray, np.ndarray], np.ndarray]

DROPPED = -1  # in place of the id
_PRESETS = {
    'ultrafast': cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    'fast': cv2.DISOPTICAL_FLOW_PRESET_FAST,
    'medium': cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


@TASK_UTILS.register_module()
class DISFlow:
    """OpenCV's dense inverse search (Kroeger et al., ECCV 2016). The paper used FlowNet 2S.

    Args:
        preset: 'ultrafast', 'fast' or 'medium', the finest.

    Raises:
        UserError: another preset.
    """

    def __init__(self, preset: str = 'medium') -> None:
        if preset not in _PRESETS:
            raise UserError(f"DISFlow: there is no preset '{preset}'; choices: {', '.join(_PRESETS)}")
        self._dis = cv2.DISOpticalFlow.create(_PRESETS[preset])

    def __call__(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Return the flow (H, W, 2) float32 px from one image (H, W, 3) uint8 RGB to another."""
        grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (before, after)]
        return self._dis.calc(grey[0], grey[1], None)  # type: ignore[call-overload]


class _People(NamedTuple):
    """People of one frame, carried on to the current one."""

    keypoints: Array  # (M, K, 2)
    present: Mask  # (M, K)
    areas: Array  # (M,) px² of the boxes
    scores: Array  # (M,) of the boxes
    ids: NDArray[np.int64]  # (M,)


class FlowTracker:
    """The published tracker. For each frame in turn call `propose`, run the pose network, and call `assign`.

    The paper states the two thresholds of scores and the 15 %. The others are chosen here, and so is that a detected
    box wins against a carried one: its place is seen and not guessed. A carried box has the score of the box that the
    person had before.

    A cut is not recognised: call `reset` there. At a change of the image size the tracker resets itself, as no flow
    leads from one size to another. Ids count from 0 and are never used twice.

    Args:
        sigmas: (K,) the joints' OKS sigmas, from the metainfo.
        flow: a callable as `Flow` describes, or the config of one that is registered in `TASK_UTILS`; by default
            `DISFlow()`.
        box_threshold: boxes with a lower score are dropped.
        joint_threshold: joints with a lower score are dropped, and people who have none left.
        enlargement: of the boxes around carried joints, both sides.
        nms_iou: IoU above which the lesser of two boxes is dropped.
        min_oks: people below it are different ones.
        queue: frames that the people found are compared to.

    Raises:
        UserError: a number outside its range.
    """

    def __init__(
        self,
        sigmas: Sequence[float],
        *,
        flow: Flow | Mapping[str, Any] | None = None,
        box_threshold: float = 0.5,
        joint_threshold: float = 0.4,
        enlargement: float = 1.15,
        nms_iou: float = 0.5,
        min_oks: float = 0.3,
        queue: int = 5,
    ) -> None:
        if not (queue >= 1 and enlargement > 0 and 0 <= nms_iou <= 1 and 0 < min_oks <= 1):
            raise UserError(
                f'flow tracker: queue {queue}, enlargement {enlargement}, nms_iou {nms_iou}, min_oks {min_oks}: they '
                'must be at least 1, above 0, in [0, 1], and in (0, 1]'
            )
        self.sigmas = np.asarray(sigmas, dtype=np.float64)
        self.flow = TASK_UTILS.build(dict(flow)) if isinstance(flow, Mapping) else flow or DISFlow()
        self.box_threshold, self.joint_threshold = box_threshold, joint_threshold
        self.enlargement, self.nms_iou, self.min_oks = enlargement, nms_iou, min_oks
        self._queue: deque[_People] = deque(maxlen=queue)
        self._next_id = 0
        self.reset()

    def reset(self) -> None:
        """Forget everybody, as between two videos or at a cut. Ids go on counting."""
        self._queue.clear()
        self._rgb: np.ndarray | None = None
        self._frame: int | None = None
        self._proposed = False

    def propose(self, rgb: np.ndarray, boxes: ArrayLike, box_scores: ArrayLike, *, frame: int) -> tuple[Array, Array]:
        """Return the boxes for the pose network, detected and carried, best first, those detected before the others.

        Args:
            rgb: (H, W, 3) uint8 RGB, the frame.
            boxes: (N, 4) xyxy, of the detector.
            box_scores: (N,).
            frame: its number, above that of the last frame. Frames may be left out.

        Returns:
            Boxes (P, 4) xyxy and their scores (P,).

        Raises:
            UserError: frames out of order, shapes that do not fit, or a flow that is not (H, W, 2).
        """
        scores = np.asarray(box_scores, dtype=np.float64).reshape(-1)
        boxes = checked_boxes(boxes, len(scores))
        if self._rgb is not None and self._rgb.shape != rgb.shape:
            self.reset()
        require_later('flow tracker: frame', frame, self._frame)
        if self._rgb is not None and self._queue:
            flow = self._checked_flow(self._rgb, rgb)
            self._queue = deque((_carried(people, flow) for people in self._queue), self._queue.maxlen)
        self._rgb, self._frame, self._proposed = rgb, frame, True
        good = scores >= self.box_threshold
        carried, carried_scores = self._carried_boxes()
        both = np.concatenate([boxes[good], carried])
        # Raised above every carried box, for the order alone.
        rank = np.concatenate([scores[good] + carried_scores.max(initial=0.0), carried_scores])
        kept = box_nms(both, rank, self.nms_iou)
        return both[kept], np.concatenate([scores[good], carried_scores])[kept]

    def assign(
        self, keypoints: ArrayLike, scores: ArrayLike, boxes: ArrayLike, box_scores: ArrayLike
    ) -> NDArray[np.int64]:
        """Return the ids (P,) of the people in the frame that was proposed last; -1 for those dropped.

        Args:
            keypoints: (P, K, 2) image px.
            scores: (P, K).
            boxes: (P, 4) xyxy, as `propose` returned them.
            box_scores: (P,).

        Raises:
            UserError: `propose` was not called for this frame, or shapes do not fit.
        """
        if not self._proposed:
            raise UserError('flow tracker: assign was called twice, or before propose; call propose for each frame')
        points, scores = checked_people(keypoints, scores, len(self.sigmas))
        box_scores = np.asarray(box_scores, dtype=np.float64)
        boxes = checked_boxes(boxes, len(points))
        present = joints_present(points, scores, self.joint_threshold)
        if box_scores.shape != (len(points),):
            raise UserError(f'flow tracker: {len(points)} people have box scores of shape {box_scores.shape}')
        rows = np.flatnonzero((box_scores >= self.box_threshold) & present.any(axis=1))
        areas = box_areas(boxes[rows])
        ids = np.full(len(points), DROPPED)
        ids[rows] = self._ids(points[rows], present[rows], areas)
        self._queue.append(_People(points[rows], present[rows], areas, box_scores[rows], ids[rows]))
        self._proposed = False
        return ids

    def _ids(self, points: Array, present: Mask, areas: Array) -> NDArray[np.int64]:
        ids = np.full(len(points), DROPPED)
        if self._queue:
            old = _People(*map(np.concatenate, zip(*self._queue, strict=True)))
            similar = pose_similarity(
                points,
                old.keypoints,
                present_a=present,
                present_b=old.present,
                areas=(areas[:, None] + old.areas) / 2,
                sigmas=self.sigmas,
            )
            new, known = greedy_pairs(np.nan_to_num(similar), old.ids, self.min_oks)
            ids[new] = known
        left = np.flatnonzero(ids == DROPPED)
        ids[left] = self._next_id + np.arange(len(left))
        self._next_id += len(left)
        return ids

    def _carried_boxes(self) -> tuple[Array, Array]:
        """Return the enlarged boxes (N, 4) around the joints of the last frame, carried on, and their scores (N,)."""
        if not self._queue:
            return np.zeros((0, 4)), np.zeros(0)
        last = self._queue[-1]
        shown = last.present[..., None]
        low = np.where(shown, last.keypoints, np.inf).min(axis=1, initial=np.inf)
        high = np.where(shown, last.keypoints, -np.inf).max(axis=1, initial=-np.inf)
        has_area = (low < high).all(axis=1)
        low, high = low[has_area], high[has_area]
        centre, half = (low + high) / 2, (high - low) / 2 * self.enlargement
        return np.concatenate([centre - half, centre + half], axis=1), last.scores[has_area]

    def _checked_flow(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        flow = np.asarray(self.flow(before, after))
        if flow.shape != (*after.shape[:2], 2):
            raise UserError(f'flow tracker: the flow has shape {flow.shape}; it must be {(*after.shape[:2], 2)}')
        return flow


def _carried(people: _People, flow: np.ndarray) -> _People:
    """Return people moved by the flow (H, W, 2) of the pixels nearest to their joints.

    A joint whose pixel is not on the image, or has no finite flow, is lost.
    """
    height, width = flow.shape[:2]
    x, y = np.moveaxis(np.rint(np.where(people.present[..., None], people.keypoints, -1)), -1, 0)
    inside = people.present & (x >= 0) & (y >= 0) & (x < width) & (y < height)
    x, y = (np.where(inside, axis, 0).astype(np.int64) for axis in (x, y))
    keypoints = people.keypoints + flow[y, x]
    return people._replace(keypoints=keypoints, present=inside & np.isfinite(keypoints).all(axis=-1))


def greedy_pairs(similar: Array, ids: NDArray[np.int64], least: float) -> tuple[list[int], list[int]]:
    """Pair people with ids, the most similar first; each person and each id is used once.

    Args:
        similar: (N, M) of each new person with each old one.
        ids: (M,) of the old people; one id may stand in several columns, of several frames.
        least: pairs below it are none.

    Returns:
        The rows of the people who have a pair, and their ids.
    """
    left = similar.copy()
    rows: list[int] = []
    known: list[int] = []
    while left.size and left.max() >= least:
        row, column = np.unravel_index(left.argmax(), left.shape)
        rows.append(int(row))
        known.append(int(ids[column]))
        left[row], left[:, ids == ids[column]] = -1.0, -1.0
    return rows, known
