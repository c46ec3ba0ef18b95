"""People's boxes from any of mmdet's detectors. mmdet is imported when a detector is built, not before."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model.utils import revert_sync_batchnorm
from mmengine.registry import DATASETS, MODELS, DefaultScope
from torch import nn

from hrpose.apis.boxes import Boxes
from hrpose.apis.model import checked_device
from hrpose.checkpoints import load_weights, read_checkpoint
from hrpose.config import each_dataset, load_config
from hrpose.errors import UserError, nearest
from hrpose.images.convert import Image, as_bgr, is_one_image
from hrpose.plugins.openmmlab import require_mmdet


class PersonDetector:
    """A detector of mmdet's that returns people only.

    The boxes of an image do not depend on the images beside it: only inputs of the same size share a forward pass,
    because mmdet would pad the others.

    Args:
        model: an mmdet config (a file, a name that `hrpose models` lists, `mmdet::FOLDER/FILE.py` for one that mmdet
            ships, or a `Config`), or a model that is already built and has its config as `cfg`, such as mmdet's
            `init_detector` returns.
        checkpoint: the weights, a file, name or http(s) address, read safely. Without it the weights are initial ones,
            good for shapes and timings only.
        classes: names of the classes to keep. A detector of a single class keeps it, whatever its name.
        score_threshold: least score of a box, 0 to 1.
        nms_threshold: IoU above which the lower scored of two boxes is dropped, across all kept classes and after the
            detector's own NMS; None for no such step.
        batch_size: the most images in a forward pass.
        device: for a config: 'cpu', 'cuda', 'cuda:1' and so on; 'auto' is the GPU if there is one, else the CPU. A
            model that is already built stays where it is.

    Raises:
        UserError: mmdet is not installed, a config or checkpoint cannot be read or does not fit, there is no such
            class, or a number is out of range.
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
        device: str = 'auto',
    ) -> None:
        require_mmdet()
        if isinstance(model, nn.Module) and checkpoint is not None:
            raise UserError('a detector that is already built has its weights; leave out the checkpoint')
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
        """Return the people in each image: boxes (N, 4) and scores (N,), float32, best first.

        Args:
            images: in any form that `hrpose.images.convert.as_bgr` takes; arrays are BGR.

        Raises:
            UserError: one of them is not an image; `ImageError` if its file cannot be read.
        """
        if is_one_image(images):
            raise UserError('a detector takes a list of images; write detector([image])')
        found = []
        for start in range(0, len(images), self.batch_size):
            found += self.predict([self.prepare(image) for image in images[start : start + self.batch_size]])
        return found

    def prepare(self, image: Image) -> dict[str, Any]:
        """Run the config's test pipeline on one image; loader workers can do this."""
        return self._pipeline({'img': as_bgr(image), 'img_id': 0, 'img_path': None})

    @torch.no_grad()
    def predict(self, prepared: Sequence[Mapping[str, Any]]) -> list[Boxes]:
        """Return the people in each prepared image; those of one input size share a forward pass."""
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
        """Return the wanted instances of an image, best first."""
        from mmcv.ops import nms
        from mmdet.structures.bbox import get_box_tensor

        boxes, scores = get_box_tensor(instances.bboxes).float(), instances.scores.float()
        wanted = torch.isin(instances.labels, torch.tensor(self.labels, device=instances.labels.device))
        # Clipping at the border can leave a box without area; an untrained network can return infinite ones.
        wanted &= (
            (scores >= self.score_threshold) & (boxes[:, 2:] > boxes[:, :2]).all(dim=1) & boxes.isfinite().all(dim=1)
        )
        boxes, scores = boxes[wanted], scores[wanted]
        if self.nms_threshold is None:
            order = scores.argsort(descending=True, stable=True)
        else:
            _, order = nms(boxes, scores, self.nms_threshold)
        return Boxes(boxes[order].cpu().numpy(), scores[order].cpu().numpy())


def init_detector(config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'auto') -> nn.Module:
    """Build the detector of an mmdet config, in eval mode, with `cfg` and `dataset_meta` as mmdet's own function does.

    It fetches no weights but the checkpoint's: `init_cfg` is ignored. Arguments and errors are those of
    `PersonDetector`.
    """
    require_mmdet()
    place = checked_device(device)
    cfg = config if isinstance(config, Config) else load_config(config)
    if cfg.get('model') is None:
        raise UserError(f'the config {cfg.filename} has no model')
    with scope_of(cfg):
        model = revert_sync_batchnorm(MODELS.build(cfg.model))
    content: Mapping[str, Any] = {}
    if checkpoint is not None:
        content = read_checkpoint(checkpoint)
        load_weights(model, content, name=str(checkpoint), complete=True)
    model.cfg, model.dataset_meta = cfg, {'classes': _class_names(content.get('meta') or {}, cfg)}
    return model.to(place).eval()


def scope_of(cfg: Config) -> AbstractContextManager[None]:
    """Return a context in which parts are built and run under a config's default scope, mmdet's unless it names one."""
    return DefaultScope.overwrite_default_scope(_scope(cfg))


def _scope(cfg: Config) -> str:
    return cfg.get('default_scope') or 'mmdet'


def labels_of(model: nn.Module, classes: Sequence[str]) -> tuple[int, ...]:
    """Return the labels of the named classes; 0 for a detector of a single class, whatever its name.

    Raises:
        UserError: there is no such class, or the detector does not know the names of its classes.
    """
    names = (getattr(model, 'dataset_meta', None) or {}).get('classes')
    if _class_count(model) == 1 or (names is not None and len(names) == 1):
        return (0,)
    if names is None:
        raise UserError('the detector does not know the names of its classes; give its config metainfo=dict(classes=…)')
    if missing := [name for name in classes if name not in names]:
        raise UserError(f"the detector has no class '{missing[0]}'; {nearest(missing[0], names)}")
    return tuple(list(names).index(name) for name in classes)


def _class_count(model: nn.Module) -> int | None:
    """Return the number of classes of a detector's last head, None if it is unknown."""
    head = getattr(model, 'bbox_head', None) or getattr(getattr(model, 'roi_head', None), 'bbox_head', None)
    return getattr(head[-1] if isinstance(head, nn.ModuleList) else head, 'num_classes', None)


def _class_names(meta: Mapping[str, Any], cfg: Config) -> tuple[str, ...] | None:
    """Return the class names that a checkpoint was trained with, or else those of the config's data set."""
    # mmdet 2 wrote CLASSES, mmdet 3 writes dataset_meta, with either spelling inside.
    for place in (meta.get('dataset_meta') or {}, meta):
        for key in ('classes', 'CLASSES'):
            if place.get(key):
                return _as_names(place[key])
    dataset = _test_dataset(cfg)
    if names := (dataset.get('metainfo') or {}).get('classes'):
        return _as_names(names)
    with DATASETS.switch_scope_and_registry(_scope(cfg)) as registry:
        kind = dataset.get('type')
        names = getattr(registry.get(kind) if isinstance(kind, str) else kind, 'METAINFO', {}).get('classes')
    return _as_names(names) if names else None


def _as_names(classes: str | Sequence[str]) -> tuple[str, ...]:
    # A tuple of one name is often written without its comma.
    return (classes,) if isinstance(classes, str) else tuple(classes)


def _test_dataset(cfg: Config) -> Mapping[str, Any]:
    """Return the config of the data set for testing, inside any wrapper; empty if there is none."""
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader') or {}
    return next(each_dataset(loader.get('dataset') or {}, 'dataset'))[1]


def input_pipeline(model: nn.Module) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return the test pipeline of a detector's config, which takes `img`, an array (H, W, 3) BGR, in place of a file.

    Raises:
        UserError: the model has no config, or its config no test pipeline.
    """
    from mmcv.transforms import Compose

    cfg = getattr(model, 'cfg', None)
    steps = (_test_dataset(cfg).get('pipeline') or cfg.get('test_pipeline')) if cfg is not None else None
    if not steps:
        raise UserError('the detector has no test_pipeline, which makes its input of an image; give it a config as cfg')
    kept = [step for step in steps if 'Load' not in str(step['type'])]
    with scope_of(cfg):
        # hrpose reads the files: mmcv's reader applies the EXIF orientation, and the annotations do not.
        return Compose([dict(type='mmdet.LoadImageFromNDArray'), *kept])
