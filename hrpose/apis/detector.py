"""People's boxes from any of mmdet's detectors. mmdet is imported when a detector is built, not before."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.model.utils import revert_sync_batchnorm
from mmengine.registry import DATASETS, MODELS, DefaultScope
from torch import nn

from hrpose.checkpoints import Family, Recognised, load_recognised, read_checkpoint, state_dict_of
from hrpose.compat import supply_mmcv_ops
from hrpose.config import load_config
from hrpose.datasets.transforms.load_image import read_image
from hrpose.errors import UserError, nearest

Image = np.ndarray | str | Path


class Boxes(NamedTuple):
    """What a detector found in one image, best first.

    Attributes:
        boxes: (N, 4) float32 xyxy in image px.
        scores: (N,) float32, 0 to 1.
    """

    boxes: np.ndarray
    scores: np.ndarray


class PersonDetector:
    """A detector of mmdet's, asked for people only.

    Args:
        model: a config of mmdet's (a file, `mmdet::FOLDER/FILE.py` for one that mmdet brings along, or a `Config`), or
            a model that is built already and has its config as `cfg`, as mmdet's `init_detector` gives it.
        checkpoint: its weights: a file or an http(s) address, read by the safe reader only. Without it the weights are
            initial ones: good for shapes and timings only.
        classes: names of the classes to keep. A detector of a single class gives all that it finds, whatever the name.
        score_threshold: least score of a box.
        nms_threshold: of two boxes with a larger IoU the lower scored one goes, over all kept classes. The detector's
            own NMS, where it has one, comes first; None leaves it at that.
        batch_size: images a forward pass.
        device: for a config; a ready model stays where it is.

    Raises:
        UserError: mmdet is not installed; a config or checkpoint that cannot be read or does not fit; no such class.
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
        self.model: Any = model if isinstance(model, nn.Module) else init_detector(model, checkpoint, device)
        self.labels = chosen_labels(self.model, classes)
        self.score_threshold, self.nms_threshold, self.batch_size = score_threshold, nms_threshold, batch_size
        self._pipeline = _pipeline_of(self.model)

    def __call__(self, images: Sequence[Image]) -> list[Boxes]:
        """Return the people of each image; `images` are paths, or arrays (H, W, 3) uint8 BGR.

        Raises:
            UserError: something that is no image; `ImageError` for a file that cannot be read.
        """
        if isinstance(images, str | Path | np.ndarray):
            raise UserError('a detector takes a list of images: write detector([image])')
        found = []
        for start in range(0, len(images), self.batch_size):
            found += self.predict([self.prepare(image) for image in images[start : start + self.batch_size]])
        return found

    def prepare(self, image: Image) -> dict[str, Any]:
        """Return one image as the detector's config wants it; work for a loader's process."""
        return self._pipeline({'img': _bgr(image), 'img_id': 0, 'img_path': None})

    @torch.no_grad()
    def predict(self, prepared: Sequence[Mapping[str, Any]]) -> list[Boxes]:
        """Return the people of each prepared image, all in one forward pass."""
        if not prepared:
            return []
        batch = {key: [item[key] for item in prepared] for key in ('inputs', 'data_samples')}
        with scope_of(self.model.cfg):
            samples = self.model.test_step(batch)
        return [self._people(sample.pred_instances) for sample in samples]

    def _people(self, instances: Any) -> Boxes:
        """Return those of an image's instances that are wanted, best first."""
        from mmcv.ops import nms

        boxes, scores = torch.as_tensor(instances.bboxes).float(), instances.scores.float()
        wanted = torch.isin(instances.labels, torch.tensor(self.labels, device=instances.labels.device))
        wanted &= scores >= self.score_threshold
        boxes, scores = boxes[wanted], scores[wanted]
        if self.nms_threshold is None:
            order = scores.argsort(descending=True, stable=True)
        else:
            _, order = nms(boxes, scores, self.nms_threshold)
        return Boxes(boxes[order].cpu().numpy(), scores[order].cpu().numpy())


def require_mmdet() -> None:
    """Make mmdet importable, with or without mmcv's compiled ops; raise `UserError` where it is not installed."""
    supply_mmcv_ops()
    if find_spec('mmdet') is None:
        raise UserError(
            "a person detector needs mmdet, hrpose's extra 'detection': "
            "pip install -c requirements/constraints.txt -e '.[detection]'"
        )
    try:
        import mmdet.models  # noqa: F401
    except ImportError as error:
        raise UserError(f'mmdet is installed, but cannot be imported: {error}') from error


def init_detector(config: str | Path | Config, checkpoint: str | Path | None, device: str) -> nn.Module:
    """Return the detector of a config in eval mode, with its config as `cfg` and `dataset_meta` as mmdet has it.

    No weights are fetched but the checkpoint's: `init_cfg` is not followed.
    """
    cfg = config if isinstance(config, Config) else load_config(mmdet_config(str(config)))
    if cfg.get('model') is None:
        raise UserError(f'the config {cfg.filename} has no model')
    with scope_of(cfg):
        model = revert_sync_batchnorm(MODELS.build(cfg.model))
    meta: Mapping[str, Any] = {}
    if checkpoint is not None:
        content = read_checkpoint(checkpoint)
        found = Recognised(Family('a detector', needs=()), state_dict_of(content))
        load_recognised(model, found, name=str(checkpoint), complete=True)
        meta = content.get('meta') or {}
    model.cfg, model.dataset_meta = cfg, {'classes': _class_names(meta, cfg)}
    return model.to(torch.device(device)).eval()


def mmdet_config(given: str) -> str:
    """Return the file of `mmdet::FOLDER/FILE.py`, a config that an OpenMMLab package brings; a path stays as it is."""
    package, separator, path = given.partition('::')
    if not separator:
        return given
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f'{given}: there is no package {package}')
    return str(Path(spec.submodule_search_locations[0]) / '.mim' / 'configs' / path)


@contextmanager
def scope_of(cfg: Config) -> Iterator[None]:
    """Build and run parts by the names of the config's own framework, mmdet unless it says another."""
    with DefaultScope.overwrite_default_scope(_scope(cfg)):
        yield


def _scope(cfg: Config) -> str:
    return cfg.get('default_scope') or 'mmdet'


def chosen_labels(model: nn.Module, classes: Sequence[str]) -> tuple[int, ...]:
    """Return the labels of the named classes in a detector's output."""
    names = (getattr(model, 'dataset_meta', None) or {}).get('classes')
    if _class_count(model) == 1 or (names is not None and len(names) == 1):
        return (0,)
    if names is None:
        raise UserError('the detector does not say the names of its classes: give its config metainfo=dict(classes=…)')
    if missing := [name for name in classes if name not in names]:
        raise UserError(f"the detector has no class '{missing[0]}'; {nearest(missing[0], names)}")
    return tuple(list(names).index(name) for name in classes)


def _class_count(model: nn.Module) -> int | None:
    """Return how many classes a detector's last head tells apart, None where it does not say."""
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
    # COCO's tuple of one, written without its comma.
    return (classes,) if isinstance(classes, str) else tuple(classes)


def _test_dataset(cfg: Config) -> Mapping[str, Any]:
    """Return the config of the data set to test on, inside any wrapper; empty where there is none."""
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader') or {}
    dataset = loader.get('dataset') or {}
    while 'dataset' in dataset or 'datasets' in dataset:
        dataset = dataset.get('dataset') or dataset['datasets'][0]
    return dataset


def _pipeline_of(model: nn.Module) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return the test pipeline of a detector's config, fed with an array instead of a file."""
    from mmcv.transforms import Compose

    cfg = getattr(model, 'cfg', None)
    steps = (_test_dataset(cfg).get('pipeline') or cfg.get('test_pipeline')) if cfg is not None else None
    if not steps:
        raise UserError("the detector's config has no test_pipeline that says how an image becomes its input")
    kept = [step for step in steps if 'Load' not in str(step['type'])]
    with scope_of(cfg):
        # Files are read by hrpose: mmcv's reader turns pictures by their EXIF entry, and the annotations do not.
        return Compose([dict(type='mmdet.LoadImageFromNDArray'), *kept])


def _bgr(image: Image) -> np.ndarray:
    if not isinstance(image, np.ndarray):
        return np.ascontiguousarray(read_image(str(image))[..., ::-1])
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise UserError(f'a detector takes pictures (H, W, 3) uint8 BGR, not {image.shape} {image.dtype}')
    return image
