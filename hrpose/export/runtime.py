"""People's keypoints by an exported network, without PyTorch: NumPy, OpenCV, and ONNX Runtime or OpenVINO.

image and boxes -> crops, as in the training's test pipeline -> the exported graph -> `PoseResult`
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from hrpose.apis.boxes import Boxes, GivenBoxes, boxes_with_area, checked_boxes
from hrpose.apis.result import PoseResult
from hrpose.apis.sources import Frame
from hrpose.errors import UserError
from hrpose.export.metadata import DetectorMetadata, Metadata
from hrpose.export.session import Session, load_session
from hrpose.images.convert import Image, as_bgr, as_rgb, is_one_image
from hrpose.structures import image_to_input_matrix, input_to_image, pad_box

Detector = Callable[[Sequence[np.ndarray]], Sequence[Boxes]]


class ExportedPose:
    """A pose estimator from an exported file. Its results are those of `PoseInferencer`.

    Args:
        path: of the file, .onnx or .xml.
        detector: finds the people where no boxes are given: a function from a list of images (H, W, 3) uint8 BGR to
            their `Boxes`.
        backend: 'onnxruntime' or 'openvino'; by default the first that is installed and reads the file.
        batch_size: people at once, unless the file fixes it.
        threads: of the backend; by default its own choice.

    Raises:
        UserError: there is no such file, hrpose did not export it, or no backend can run it.
    """

    def __init__(
        self,
        path: str | Path,
        detector: Detector | None = None,
        *,
        backend: str | None = None,
        batch_size: int = 8,
        threads: int | None = None,
    ) -> None:
        if batch_size < 1:
            raise UserError(f'batch_size has to be at least 1, not {batch_size}')
        self.graph, self.metadata = load_graph(path, backend, threads=threads)
        self.detector = detector
        self.batch_size = self.metadata.batch or batch_size

    def __call__(self, image: Image, boxes: GivenBoxes | Literal['whole_image'] | None = None) -> PoseResult:
        """Return the people in one image.

        Args:
            image: a path, an array (H, W, 3) uint8 BGR as OpenCV has it, or a PIL image.
            boxes: of the people, (N, 4) xyxy in image px, or `Boxes` with scores; 'whole_image' is one person who fills
                the image. None asks the detector.

        Raises:
            UserError: something is not an image, boxes are wrong, or there are neither boxes nor a detector.
        """
        source = str(image) if isinstance(image, str | Path) else None
        return self.of_frame(Frame(as_rgb(image), source or 'image 0', source), boxes)

    def of_frame(self, frame: Frame, boxes: GivenBoxes | Literal['whole_image'] | None = None) -> PoseResult:
        """Return the people in a frame of a source (`hrpose.apis.sources.open_source`); see `__call__`."""
        if boxes is not None:
            found = checked_boxes(boxes, frame.size, frame.title)
        elif self.detector is not None:
            found = boxes_with_area(self.detector([frame.image])[0])
        else:
            raise UserError(
                'nothing says where the people are; give boxes=[[x1, y1, x2, y2], …], a detector, or '
                "boxes='whole_image' if the image shows one person"
            )
        keypoints, scores = self.estimate(frame.rgb, found.boxes)
        return PoseResult(
            keypoints=keypoints,
            scores=scores,
            boxes=found.boxes,
            box_scores=found.scores,
            metainfo=self.metadata.metainfo,
            image_size=frame.size,
            source=frame.source,
            frame_index=frame.index,
            name=frame.name,
            rate=frame.rate,
        )

    def estimate(self, rgb: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return keypoints (N, K, 2) in image px, float64, and scores (N, K), float32.

        Args:
            rgb: (H, W, 3) uint8.
            boxes: (N, 4) xyxy in image px.
        """
        joints = len(self.metadata.keypoint_names)
        if not len(boxes):
            return np.zeros((0, joints, 2)), np.zeros((0, joints), np.float32)
        crops, centers, sizes = cut_out(rgb, boxes, self.metadata)
        batches = (crops[start : start + self.batch_size] for start in range(0, len(crops), self.batch_size))
        found = [run_filled(self.graph, batch, self.metadata.batch) for batch in batches]
        keypoints, scores = (np.concatenate(part) for part in zip(*found, strict=True))
        return input_to_image(keypoints, centers, sizes, self.metadata.input_size), scores


class ExportedDetector:
    """A detector from an exported file: from images to people's `Boxes`, for `ExportedPose` and `PoseInferencer`.

    Args:
        path: of the file, .onnx.
        backend: 'onnxruntime' or 'openvino'; by default the first that is installed.
        threads: of the backend; by default its own choice.

    Raises:
        UserError: there is no such file, hrpose did not export it as a detector, or no backend can run it.
    """

    def __init__(self, path: str | Path, *, backend: str | None = None, threads: int | None = None) -> None:
        self.graph = load_session(path, DetectorMetadata, backend, threads=threads)
        self.metadata: DetectorMetadata = self.graph.metadata

    def __call__(self, images: Sequence[Image]) -> list[Boxes]:
        """Return the people in each image: boxes (N, 4) and scores (N,), float32, best first.

        Args:
            images: in any form that `hrpose.images.convert.as_bgr` takes; arrays are BGR.

        Raises:
            UserError: one of them is not an image; `ImageError` if its file cannot be read.
        """
        if is_one_image(images):
            raise UserError('a detector takes a list of images; write detector([image])')
        return [self._people(as_bgr(image)) for image in images]

    def _people(self, image: np.ndarray) -> Boxes:
        padded, scale = fit_image(image, self.metadata)
        boxes, scores = self.graph(padded[None], (1 / scale).astype(np.float32))
        order = np.argsort(-scores, kind='stable')
        return Boxes(boxes[order], scores[order])


def fit_image(image: np.ndarray, metadata: DetectorMetadata) -> tuple[np.ndarray, np.ndarray]:
    """Resize an image to fit into a detector's scale, and pad it to the right and below to its input.

    Both are as in mmcv's `Resize(keep_ratio=True)` and `Pad`.

    Args:
        image: (H, W, 3) uint8 BGR.
        metadata: of the detector, with the input size (w, h).

    Returns:
        the input (h, w, 3) uint8 BGR, and the factors (2,) by which width and height have changed.
    """
    sides = np.array(image.shape[1::-1])
    factor = min(max(metadata.scale) / max(sides), min(metadata.scale) / min(sides))
    width, height = (max(int(side * factor + 0.5), 1) for side in sides.tolist())
    padded = np.empty((*metadata.input_size[::-1], 3), np.uint8)
    padded[...] = metadata.pad_value
    padded[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return padded, np.array([width, height]) / sides


def cut_out(rgb: np.ndarray, boxes: np.ndarray, metadata: Metadata) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the crops (N, h, w, 3) of boxes (N, 4), and their regions' centres and sizes (N, 2) in image px."""
    width, height = metadata.input_size
    centers, sizes = pad_box(boxes, aspect=width / height, padding=metadata.padding)
    crops = np.empty((len(boxes), height, width, 3), np.uint8)
    for crop, center, size in zip(crops, centers, sizes, strict=True):
        matrix = image_to_input_matrix(center, size, 0.0, metadata.input_size, align_corners=metadata.align_corners)
        crop[...] = cv2.warpAffine(rgb, matrix, metadata.input_size, flags=cv2.INTER_LINEAR)
    return crops, centers, sizes


def run_filled(graph: Any, crops: np.ndarray, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Return keypoints (B, K, 2) and scores (B, K) of crops (B, h, w, 3), repeating the last one up to a fixed `batch`.

    Args:
        graph: an exported network.
        crops: at most `batch` of them.
        batch: the number that the graph takes; 0 for any.
    """
    missing = max(batch - len(crops), 0)
    filled = np.concatenate([crops, np.repeat(crops[-1:], missing, axis=0)]) if missing else crops
    keypoints, scores = graph(filled)
    return keypoints[: len(crops)], scores[: len(crops)]


def load_graph(path: str | Path, backend: str | None = None, *, threads: int | None = None) -> tuple[Session, Metadata]:
    """Load an exported pose network, crops (B, h, w, 3) uint8 RGB -> keypoints (B, K, 2) in crop px, scores (B, K).

    Args:
        path: .onnx or .xml. A .pt2 is for PyTorch: `torch.export.load`.
        backend: 'onnxruntime' or 'openvino'; by default the first that is installed and reads the file.
        threads: of the backend; by default its own choice.

    Raises:
        UserError: there is no such file, hrpose did not export it, or no backend can run it.
    """
    session = load_session(path, Metadata, backend, threads=threads)
    return session, session.metadata
