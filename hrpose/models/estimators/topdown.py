"""The top-down estimator: from the image of one cropped person to that person's keypoints."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import Tensor

from hrpose.codecs.base import mirror_signs
from hrpose.errors import UserError
from hrpose.models.calibration import Calibration
from hrpose.models.estimators.fit import check_heatmaps, check_input_size, fit_flip_shift, fit_head
from hrpose.models.estimators.flip import average_flip
from hrpose.models.estimators.scales import average_scales, check_one_crop_each
from hrpose.models.graphs import GraphedTraining
from hrpose.models.inference import BUILDING, InferenceNetwork, check_precision, inference_network
from hrpose.registry import MODELS
from hrpose.structures import PROBABILITIES, PoseDataSample, input_to_image

DEFAULT_PREPROCESSOR = dict(type='PoseDataPreprocessor')


@MODELS.register_module()
class TopdownPoseEstimator(BaseModel):
    """Backbone, neck if there is one, and head; mmengine calls its modes `loss`, `predict` and `tensor`.

    Args:
        backbone: config; images (B, 3, H, W) -> list of feature maps, finest first. Its `out_channels` states their
            channels; if it does not, one pass at the codec's input size finds them.
        head: config; its `in_channels` is the number of channels of the finest feature map unless given.
        metainfo: of the model's joints; see `hrpose.datasets.metainfo`.
        neck: config; the backbone's feature maps -> those that the head takes.
        flip_test: in prediction, average the heatmaps with those of the mirrored image.
        flip_shift: move the mirrored heatmaps by one cell, as published. It follows from the codec: no shift where
            corners are aligned.
        precision: of prediction: 'fp32', 'bf16' or 'fp16'. The optimizer wrapper decides on that of training.
        compile: compile backbone, neck and head with `torch.compile`, for training and prediction.
        fuse: in prediction, fold batch normalisations into convolutions.
        cuda_graphs: on a GPU, launch small predictions, and backbone and neck of a training step, as CUDA graphs, where
            the card would wait for the processor. Not in a training with several processes.
        data_preprocessor: config; a `PoseDataPreprocessor` unless its type says otherwise.
        init_cfg: mmengine's.

    Raises:
        UserError: head and metainfo, or head and backbone, disagree on channels or heatmap size; a `flip_shift` that
            contradicts the codec; a `flip_test` that is neither True nor False.
    """

    linked = {'metainfo': 'metainfo'}

    def __init__(
        self,
        *,
        backbone: Mapping[str, Any],
        head: Mapping[str, Any],
        metainfo: Mapping[str, Any],
        neck: Mapping[str, Any] | None = None,
        flip_test: bool = True,
        flip_shift: bool | None = None,
        precision: str = 'fp32',
        compile: bool = False,
        fuse: bool = True,
        cuda_graphs: bool = False,
        data_preprocessor: Mapping[str, Any] = DEFAULT_PREPROCESSOR,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            data_preprocessor=MODELS.build({**DEFAULT_PREPROCESSOR, **data_preprocessor}), init_cfg=init_cfg
        )
        self.cuda_graphs = cuda_graphs
        self._graphed: GraphedTraining | None = None
        self.backbone = MODELS.build(dict(backbone))
        self.neck = None if neck is None else MODELS.build(dict(neck))
        parts = [part for part in (self.backbone, self.neck) if part is not None]
        self.head = MODELS.build(fit_head(head, parts, self.extract))
        self.metainfo = dict(metainfo)
        if type(flip_test) is not bool:
            raise UserError(f'model.flip_test is {flip_test!r}; give True or False')
        self.flip_test = flip_test
        self.flip_shift = fit_flip_shift(flip_shift, self.head)
        joints = len(self.metainfo['keypoint_names'])
        if self.head.out_channels != joints:
            raise UserError(
                f'model.head.out_channels is {self.head.out_channels}, but metainfo '
                f"'{self.metainfo['dataset_name']}' has {joints} joints; leave out_channels out"
            )
        check_input_size(self.head, self.backbone)
        check_heatmaps(self.head, parts, self.extract)
        check_precision(precision)
        self.speed: dict[str, Any] = dict(precision=precision, compile=compile, fuse=fuse, cuda_graphs=cuda_graphs)
        self._inference: InferenceNetwork | None = None
        self.calibration: Calibration | None = None  # of these weights: other ones discard it
        self._told = ''
        self.register_load_state_dict_post_hook(_forget_inference)
        self.to(memory_format=torch.channels_last)
        for part in (*parts, self.head) if compile else ():
            part.compile(fullgraph=True)

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Tensor | dict[str, Tensor] | list[PoseDataSample]:
        """Run the model on normalised images.

        Args:
            inputs: (B, 3, H, W) float, normalised.
            data_samples: B samples, for 'loss' and 'predict'.
            mode: 'tensor' returns heatmaps (B, K, h, w), 'loss' a dict of losses, 'predict' the samples with
                `pred_instances`.

        Raises:
            UserError: another mode, or no samples where the mode needs them.
        """
        if mode == 'tensor':
            return self.head(self.extract(inputs))
        if mode not in ('loss', 'predict'):
            raise UserError(f"mode is 'tensor', 'loss' or 'predict', not '{mode}'")
        if data_samples is None:
            raise UserError(f"mode='{mode}' needs data_samples")
        return self.loss(inputs, data_samples) if mode == 'loss' else self.predict(inputs, data_samples)

    def loss(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> dict[str, Tensor]:
        """Return the head's losses for images (B, 3, H, W) and samples with `gt_instance_labels`."""
        check_one_crop_each(inputs, len(data_samples), 'training')
        wanted = 'keypoints_visible' if getattr(self.head, 'takes_visibility', False) else 'keypoint_weights'
        keypoints, weights = gather_labels(data_samples, inputs.device, wanted)
        return self.head.loss(self.extract(inputs), keypoints, weights)

    def extract(self, inputs: Tensor) -> Sequence[Tensor]:
        """Return the head's feature maps, finest first, for normalised images (B, 3, H, W)."""
        if self.cuda_graphs and self.training and inputs.is_cuda and get_world_size() == 1:
            if self._graphed is None:
                parts = (self.backbone, self.neck)
                self._graphed = GraphedTraining([part for part in parts if part is not None])
            return self._graphed(inputs)
        features = self.backbone(inputs)
        return features if self.neck is None else self.neck(features)

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> list[PoseDataSample]:
        """Return `data_samples` with `pred_instances` in image px; only (B, K, 3) leaves the device.

        Samples with `scales` (see `MultiScaleWarp`) have as many inputs each, whose heatmaps are averaged.
        """
        heatmaps, scales = self.heatmaps(inputs), data_samples[0].get('scales')
        if scales is not None:
            heatmaps = average_scales(heatmaps, scales, self.head.codec)
        keypoints, scores = self.head.predict(heatmaps)
        found = torch.cat([keypoints, scores.unsqueeze(-1)], dim=-1).cpu().numpy()
        return attach_predictions(data_samples, found, self.head.codec.input_size, self.calibration)

    def heatmaps(self, inputs: Tensor) -> Tensor:
        """Return heatmaps (B, K, h, w) for normalised images (B, 3, H, W), averaged by the flip test if it is on."""
        if not self.flip_test:
            return self.inference(inputs)
        plain, mirrored = self.heatmap_pair(inputs)
        signs = mirror_signs(getattr(self.head, 'codec', None))
        return average_flip(plain, mirrored, self.metainfo['flip_indices'], shift=self.flip_shift, signs=signs)

    def heatmap_pair(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the heatmaps (B, K, h, w) of normalised images (B, 3, H, W), and those of the mirrored images."""
        plain, mirrored = self.inference(torch.cat([inputs, inputs.flip(-1)])).chunk(2)
        return plain, mirrored

    @property
    def inference(self) -> Callable[[Tensor], Tensor]:
        """The network for prediction, normalised images -> heatmaps; in training mode this model itself.

        It is made at the first call, with a copy of the weights. `eval()`, `train()`, `to()` and `load_state_dict()`
        discard it; after any other change of weights, call one of them.
        """
        if self.training:
            return self
        network = self._inference
        if network is None:
            with BUILDING:
                network = self._inference = self._inference or self._built_inference()
        return network

    def _built_inference(self) -> InferenceNetwork:
        parts = [part for part in (self.backbone, self.neck, self.head) if part is not None]
        network = inference_network(parts, **self.speed)
        if network.how != self._told:
            self._told = network.how
            print_log(self._told, logger='current')
        return network

    @property
    def protocol(self) -> dict[str, Any]:
        """What a calibration depends on beside the weights: codec, input size and flip test."""
        codec = getattr(self.head, 'codec', None)
        return {
            'codec': type(codec).__name__,
            'input_size': list(getattr(codec, 'input_size', ())),
            'flip_test': self.flip_test,
        }

    def take_calibration(self, stored: Any, name: str) -> None:
        """Take the calibration of the weights just loaded; warn if it was fitted by another protocol.

        Args:
            stored: as the checkpoint has it (see `Calibration.of`); None for a checkpoint without.
            name: the checkpoint's, for messages.

        Raises:
            UserError: it cannot be read, or is of other joints.
        """
        joints = self.metainfo['keypoint_names']
        self.calibration = None if stored is None else Calibration.of(stored, joints, name)
        if self.calibration and self.calibration.protocol != self.protocol:
            print_log(
                f'{name}: its calibration was fitted with {self.calibration.protocol}, but this model has '
                f'{self.protocol}; run tools/analysis/calibrate.py with this config for probabilities that hold',
                'current',
                logging.WARNING,
            )

    def train(self, mode: bool = True) -> 'TopdownPoseEstimator':
        """Switch between training and evaluation, and discard the network for prediction."""
        self._inference = None
        return super().train(mode)

    def _apply(self, *args: Any, **kwargs: Any) -> Any:
        self._inference = self._graphed = None
        return super()._apply(*args, **kwargs)


def _forget_inference(model: TopdownPoseEstimator, _: Any) -> None:
    model._inference = model.calibration = None


def gather_labels(
    data_samples: Sequence[PoseDataSample], device: torch.device, weights: str = 'keypoint_weights'
) -> tuple[Tensor, Tensor]:
    """Return the samples' keypoints (B, K, 2) in input px and `weights` (B, K) on `device`, moved in one transfer."""
    labels = [sample.gt_instance_labels for sample in data_samples]
    packed = np.concatenate([np.dstack([label.keypoints, label[weights]]) for label in labels], dtype=np.float32)
    joined = torch.from_numpy(packed).to(device, non_blocking=True)
    return joined[..., :2], joined[..., 2]


def attach_predictions(
    data_samples: Sequence[PoseDataSample],
    found: np.ndarray,
    input_size: tuple[int, int],
    calibration: Calibration | None = None,
) -> list[PoseDataSample]:
    """Return the samples with `pred_instances`.

    Args:
        data_samples: B samples, changed in place.
        found: (B, K, 3) has x and y in input px, and the score.
        input_size: (w, h) px.
        calibration: adds the probabilities of each joint.
    """
    centers = np.stack([sample.box_center for sample in data_samples])
    sizes = np.stack([sample.box_size for sample in data_samples])
    in_image = input_to_image(found[..., :2], centers, sizes, input_size)
    for sample, keypoints, scores in zip(data_samples, in_image, found[..., 2], strict=True):
        sample.pred_instances = InstanceData(
            keypoints=keypoints[None],
            keypoint_scores=scores[None],
            bboxes=sample.gt_instances.bboxes,
            bbox_scores=sample.gt_instances.bbox_scores,
        )
    if calibration is not None:
        persons = np.sqrt(sizes.prod(axis=-1))
        for field, curve in zip(PROBABILITIES, (calibration.within, calibration.visible), strict=True):
            for sample, probabilities in zip(data_samples, curve(found[..., 2], persons), strict=True):
                sample.pred_instances.set_field(probabilities[None], field)
    return list(data_samples)
