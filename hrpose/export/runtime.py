"""People's keypoints by an exported network, without PyTorch: NumPy, OpenCV, and ONNX Runtime or OpenVINO.

image and boxes -> crops, as in the training's test pipeline -> the exported graph -> `PoseResult`
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

import cv2
import numpy as np

from hrpose.apis.boxes import Boxes, GivenBoxes, boxes_with_area, checked_boxes
from hrpose.apis.result import PoseResult
from hrpose.apis.sources import Frame
from hrpose.errors import UserError, nearest
from hrpose.export.metadata import KEY, Metadata, read_metadata
from hrpose.images.convert import Image, as_rgb
from hrpose.structures import image_to_input_matrix, input_to_image, pad_box

Detector = Callable[[Sequence[np.ndarray]], Sequence[Boxes]]
# Backend -> the suffixes of the files that it reads. The first that is installed is taken.
BACKENDS = {'onnxruntime': ('.onnx',), 'openvino': ('.xml', '.onnx')}


class Session(Protocol):
    """An exported file that is loaded.

    Attributes:
        text: the description of the file; None if it has none.
        shapes: of its inputs; a dimension that is not fixed is no int, or 0.
    """

    text: str | None
    shapes: Sequence[Sequence[Any]]

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return both outputs for the inputs in their order."""
        ...


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
    session = load_session(path, KEY, backend, threads=threads)
    metadata = read_metadata(session.text, str(path))
    wanted = [metadata.input_size[1], metadata.input_size[0], 3]
    fits = len(session.shapes) == 1 and list(session.shapes[0][1:]) == wanted
    if not fits or (metadata.batch and session.shapes[0][0] != metadata.batch):
        raise UserError(
            f'{path}: its description says {metadata.batch or "any number of"} crops of shape {wanted}, but its graph '
            f'takes {[list(shape) for shape in session.shapes]}; export it again'
        )
    return session, metadata


def load_session(path: str | Path, key: str, backend: str | None = None, *, threads: int | None = None) -> Session:
    """Load an exported file whose description stands under `key`; see `load_graph`."""
    path = Path(path)
    if backend is not None and backend not in BACKENDS:
        raise UserError(f"there is no backend '{backend}'; {nearest(backend, BACKENDS)}")
    if not path.is_file():
        raise UserError(f'there is no file {path}; check the path')
    fitting = [name for name, suffixes in BACKENDS.items() if path.suffix in suffixes]
    if not fitting:
        raise UserError(f"{path}: the runtime reads no files with the suffix '{path.suffix}'; give an .onnx or .xml")
    if backend is not None and backend not in fitting:
        raise UserError(f'{path}: {backend} reads no {path.suffix} files; take {" or ".join(fitting)}')
    wanted = [backend] if backend else fitting
    installed = [name for name in wanted if find_spec(name)]
    if not installed:
        raise UserError(f'{path} needs {" or ".join(wanted)}, which is not installed; pip install {wanted[0]}')
    kinds: dict[str, Callable[..., Session]] = {'onnxruntime': OnnxSession, 'openvino': OpenVinoSession}
    return kinds[installed[0]](path, key, threads)


class OnnxSession:
    """An exported file in ONNX Runtime, on the CPU."""

    def __init__(self, path: Path, key: str, threads: int | None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        if threads:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        except Exception as error:  # ONNX Runtime's errors have no common class
            raise _unreadable(path, 'ONNX Runtime', error) from error
        self.text: str | None = self._session.get_modelmeta().custom_metadata_map.get(key)
        self._names = [port.name for port in self._session.get_inputs()]
        self.shapes: Sequence[Sequence[Any]] = [port.shape for port in self._session.get_inputs()]

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return both outputs for the inputs in their order."""
        first, second = self._session.run(None, dict(zip(self._names, inputs, strict=True)))
        return first, second


class OpenVinoSession:
    """An exported file in OpenVINO, on the CPU."""

    def __init__(self, path: Path, key: str, threads: int | None) -> None:
        import openvino

        core = openvino.Core()
        try:
            content = core.read_model(str(path))
        except Exception as error:  # OpenVINO raises RuntimeError and errors of its own
            raise _unreadable(path, 'OpenVINO', error) from error
        # In an .xml the description stands by itself, of an .onnx OpenVINO keeps it under 'framework'.
        place = [key] if path.suffix == '.xml' else ['framework', key]
        self.text: str | None = content.get_rt_info(place).value if content.has_rt_info(place) else None
        dimensions = [list(port.partial_shape) for port in content.inputs]
        self.shapes: Sequence[Sequence[Any]] = [
            [0 if each.is_dynamic else each.get_length() for each in shape] for shape in dimensions
        ]
        narrow = key == KEY and self.text is not None and read_metadata(self.text, str(path)).precision == 'bf16'
        if narrow and 'BF16' not in core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES'):
            raise UserError(f'{path} computes in bf16, for which this processor has no instructions; export fp32')
        settings: dict[str, Any] = {'INFERENCE_PRECISION_HINT': 'bf16' if narrow else 'f32'}
        if threads:
            settings['INFERENCE_NUM_THREADS'] = threads
        self._compiled = core.compile_model(content, 'CPU', settings)

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return both outputs for the inputs in their order."""
        found = self._compiled(list(inputs))
        return found[0], found[1]


def _unreadable(path: Path, backend: str, error: Exception) -> UserError:
    reason = ' '.join(str(error).split())
    return UserError(f'{path} is not a network that {backend} can load ({reason:.200}); export it again')
