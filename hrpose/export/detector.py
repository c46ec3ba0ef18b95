"""RTMDet of mmdet's as an ONNX file with its NMS inside: from one image to the boxes of its people.

L levels of feature maps, C classes, N candidates: pairs of a place in a feature map and a class.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from hrpose.apis.detector import PersonDetector
from hrpose.config import text_of
from hrpose.errors import UserError
from hrpose.export.metadata import KEY, DetectorMetadata
from hrpose.export.write import check_target, write_onnx
from hrpose.version import __version__

HEADS = ('RTMDetHead', 'RTMDetSepBNHead')
PIPELINE = ('LoadImageFromNDArray', 'Resize', 'Pad', 'PackDetInputs')  # the steps that the runtime has
NMS_OPTIONS = {'type', 'iou_threshold', 'class_agnostic', 'split_thr'}  # the last one changes no box
INPUTS, CANDIDATES = ('image', 'factors'), ('candidates', 'boxes_for_nms', 'scores_for_nms', 'is_person')


class ImageToCandidates(nn.Module):
    """An image, resized and padded -> all that mmdet gives to its NMS, in px of the image before it was resized.

    It follows mmdet's `_predict_by_feat_single` and `_bbox_post_process`. A candidate that they drop has the score -1
    here, as shapes are fixed in a graph.

    Args:
        detector: a `PersonDetector` that `describe` accepts.
        size: (w, h) of the padded image, px.
    """

    mean: Tensor
    std: Tensor
    limits: Tensor
    labels: Tensor

    def __init__(self, detector: PersonDetector, size: tuple[int, int]) -> None:
        super().__init__()
        model: Any = detector.model
        self.backbone, self.neck, self.head = model.backbone, model.neck, model.bbox_head
        self.options = dict(test_options(model))  # PyTorch 2.6 cannot trace mmengine's dict
        self.threshold = detector.score_threshold
        preprocessor = model.data_preprocessor
        self.rgb = bool(preprocessor._channel_conversion)
        normalises = bool(preprocessor._enable_normalize)
        self.register_buffer('mean', preprocessor.mean.clone() if normalises else torch.zeros(3, 1, 1))
        self.register_buffer('std', preprocessor.std.clone() if normalises else torch.ones(3, 1, 1))
        # mmdet clips to the padded image: `Pad` sets `img_shape`.
        clips = model.bbox_head.bbox_coder.clip_border
        self.register_buffer('limits', torch.tensor([*size, *size], dtype=torch.float32) if clips else None)
        self.register_buffer('labels', torch.tensor(detector.labels))

    def forward(self, image: Tensor, factors: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the candidates.

        Args:
            image: (1, h, w, 3) uint8 BGR.
            factors: (2,) by which widths and heights in `image` are to be multiplied.

        Returns:
            boxes (N, 4) xyxy; the same (1, N, 4), but those of one class far from those of others; scores (1, 1, N);
            whether each is a box of a wanted class, (N,).
        """
        pixels = image.permute(0, 3, 1, 2).to(torch.float32)
        pixels = ((pixels.flip(1) if self.rgb else pixels) - self.mean) / self.std
        maps, distances = self.head(self.neck(self.backbone(pixels)))
        sizes = [tuple(each.shape[-2:]) for each in maps]
        priors = self.head.prior_generator.grid_priors(sizes, device=image.device)
        found = [self.level(*each) for each in zip(maps, distances, priors, strict=True)]
        boxes, scores, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
        boxes = boxes * factors.repeat(2)
        kept = (scores > self.options.get('score_thr', 0)) & (scores >= self.threshold)
        sides = boxes[:, 2:] - boxes[:, :2]
        if self.options.get('min_bbox_size', -1) >= 0:
            kept = kept & (sides > self.options['min_bbox_size']).all(dim=1)
        apart = boxes
        if self.head.num_classes > 1 and not (self.options.get('nms') or {}).get('class_agnostic', False):
            apart = boxes + (labels * (torch.where(kept[:, None], boxes, 0).max() + 1))[:, None]
        is_person = (labels[:, None] == self.labels).any(dim=1) & (sides > 0).all(dim=1) & boxes.isfinite().all(dim=1)
        return boxes, apart[None], torch.where(kept, scores, -1)[None, None], is_person

    def level(self, maps: Tensor, distances: Tensor, priors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the candidates of a feature map: boxes (N, 4) xyxy in px of the input, scores (N,) and labels (N,).

        Args:
            maps: (1, C, h, w), from which scores follow.
            distances: (1, 4, h, w) of the sides from the prior, px.
            priors: (h * w, 2) centres, px.
        """
        scores = maps[0].permute(1, 2, 0).sigmoid().flatten()
        sides = distances[0].permute(1, 2, 0).reshape(-1, 4)
        boxes = torch.cat([priors - sides[:, :2], priors + sides[:, 2:]], dim=1)
        if self.limits is not None:
            boxes = torch.minimum(boxes.clamp(min=0), self.limits)
        most = self.options.get('nms_pre', -1)
        if 0 <= most < len(scores):
            scores, index = scores.topk(most)
        else:
            index = torch.arange(len(scores), device=scores.device)
        classes = maps.shape[1]
        return boxes[index // classes], scores, index % classes


def export_detector(detector: PersonDetector, path: str | Path) -> DetectorMetadata:
    """Write a detector as an ONNX file that `ExportedDetector` reads; return its description.

    Args:
        detector: with an RTMDet of mmdet's, on a CPU.
        path: of the file, which ends in .onnx.

    Raises:
        UserError: another suffix or detector, a test pipeline that the runtime does not have, or a missing package.
    """
    path = Path(path)
    check_target(path, 'onnx', 'fp32')
    metadata = describe_detector(detector)
    width, height = metadata.input_size
    graph = ImageToCandidates(detector, metadata.input_size).eval()
    with torch.no_grad():
        program = torch.export.export(graph, (torch.zeros(1, height, width, 3, dtype=torch.uint8), torch.ones(2)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix='.export_') as folder:
        plain = write_onnx(program, Path(folder) / path.name, INPUTS, CANDIDATES)
        add_nms(plain, metadata)
        plain.replace(path)
    return metadata


def describe_detector(detector: PersonDetector) -> DetectorMetadata:
    """Return the description of a detector.

    Raises:
        UserError: it is not an RTMDet, or its NMS or test pipeline is not one that the file or the runtime has.
    """
    model: Any = detector.model
    head = type(getattr(model, 'bbox_head', None)).__name__
    if head not in HEADS:
        raise UserError(
            f'a {type(model).__name__} with the head {head} cannot be exported; of detectors only RTMDet can'
        )
    if detector.nms_threshold is not None:
        raise UserError('nms_threshold cannot be exported; leave it out, as RTMDet has an NMS of its own')
    options = test_options(model)
    nms = options.get('nms') or {}
    if nms.get('type', 'nms') != 'nms' or {*nms} - NMS_OPTIONS or options.get('max_per_img', -1) < 1:
        raise UserError(
            f'the test_cfg has nms={dict(nms)} and max_per_img={options.get("max_per_img")}, but the file has '
            "dict(type='nms', iou_threshold=…) with a positive max_per_img only"
        )
    pipeline: Any = detector._pipeline
    steps = {type(step).__name__: step for step in pipeline.transforms}
    if tuple(steps) != PIPELINE or not fits_runtime(steps['Resize'], steps['Pad']):
        raise UserError(
            f'the test pipeline has the steps {", ".join(steps)}, but the runtime has {", ".join(PIPELINE)} only, with '
            'keep_ratio=True, bilinear interpolation and a fixed size of the padded image; give such a test_pipeline'
        )
    resize, pad = steps['Resize'], steps['Pad']
    value = pad.pad_val.get('img', 0)
    blue, green, red = value if isinstance(value, Sequence) else [value] * 3
    names = (getattr(model, 'dataset_meta', None) or {}).get('classes') or ('person',)
    return DetectorMetadata(
        input_size=(int(pad.size[0]), int(pad.size[1])),
        precision='fp32',
        version=__version__,
        config=text_of(model.cfg),
        scale=(int(resize.scale[0]), int(resize.scale[1])),
        pad_value=(int(blue), int(green), int(red)),
        classes=tuple(names[label] for label in detector.labels),
        score_threshold=float(detector.score_threshold),
        iou_threshold=float(nms['iou_threshold']),
        max_boxes=int(options.max_per_img),
    )


def test_options(model: Any) -> Any:
    """Return mmdet's options of a detector's head for testing."""
    return model.bbox_head.test_cfg


def fits_runtime(resize: Any, pad: Any) -> bool:
    """Return whether mmcv's steps do what `hrpose.export.runtime.fit_image` does."""
    resizes = resize.keep_ratio and resize.interpolation == 'bilinear' and resize.backend == 'cv2' and resize.scale
    return bool(resizes and pad.size is not None and not pad.pad_to_square and pad.padding_mode == 'constant')


def add_nms(path: Path, metadata: DetectorMetadata) -> None:
    """Add NMS and the description to an ONNX file of candidates, which becomes one of boxes (N, 4) and scores (N,)."""
    import onnx
    from onnx import TensorProto, helper

    content = onnx.load(str(path))
    graph = content.graph
    constants = {
        'max_boxes': (TensorProto.INT64, [1], metadata.max_boxes),
        'iou_threshold': (TensorProto.FLOAT, [1], metadata.iou_threshold),
        'no_candidate': (TensorProto.FLOAT, [1], 0.0),
        'column_of_box': (TensorProto.INT64, [], 2),
        'one_dimension': (TensorProto.INT64, [1], -1),
    }
    graph.initializer.extend(
        helper.make_tensor(name, kind, shape, [value]) for name, (kind, shape, value) in constants.items()
    )
    boxes, apart, scores, is_person = CANDIDATES
    graph.node.extend(
        [
            helper.make_node(
                'NonMaxSuppression', [apart, scores, 'max_boxes', 'iou_threshold', 'no_candidate'], ['rows']
            ),
            helper.make_node('Gather', ['rows', 'column_of_box'], ['kept'], axis=1),
            helper.make_node('Reshape', [scores, 'one_dimension'], ['flat_scores']),
            helper.make_node('Gather', [is_person, 'kept'], ['wanted']),
            helper.make_node('Compress', ['kept', 'wanted'], ['people'], axis=0),
            helper.make_node('Gather', [boxes, 'people'], ['boxes']),
            helper.make_node('Gather', ['flat_scores', 'people'], ['scores']),
        ]
    )
    del graph.output[:]
    shapes: dict[str, list[int | str | None]] = {'boxes': ['people', 4], 'scores': ['people']}
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items())
    helper.set_model_props(content, {KEY: metadata.to_json()})
    onnx.checker.check_model(content)
    onnx.save(content, str(path))
