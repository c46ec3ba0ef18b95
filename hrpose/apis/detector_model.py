"""mmdet's detectors as models: how one is built, which classes it tells apart, how an image becomes its input.

mmdet is imported when one of these functions needs it, not before.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.model.utils import revert_sync_batchnorm
from mmengine.registry import DATASETS, MODELS, DefaultScope
from torch import nn

from hrpose.apis.model import checked_device
from hrpose.checkpoints import load_weights, read_checkpoint
from hrpose.config import load_config
from hrpose.errors import UserError, nearest
from hrpose.plugins.openmmlab import require_mmdet


def init_detector(config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'cpu') -> nn.Module:
    """Return the detector of a config in eval mode, with `cfg` and `dataset_meta` as mmdet's own function has them.

    No weights are fetched but the checkpoint's: `init_cfg` is not followed.

    Args:
        config: see `PersonDetector`.
        checkpoint: its weights, in mmdet's layout; initial ones without.
        device: where the model goes.

    Raises:
        UserError: mmdet is not installed; a config or checkpoint that cannot be read or does not fit; no such device.
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


@contextmanager
def scope_of(cfg: Config) -> Iterator[None]:
    """Build and run parts by the names of the config's own framework, mmdet unless it says another."""
    with DefaultScope.overwrite_default_scope(_scope(cfg)):
        yield


def _scope(cfg: Config) -> str:
    return cfg.get('default_scope') or 'mmdet'


def labels_of(model: nn.Module, classes: Sequence[str]) -> tuple[int, ...]:
    """Return the labels that a detector gives the named classes; 0 for one of a single class, whatever the name.

    Raises:
        UserError: no such class, or a detector that does not say its classes' names.
    """
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


def input_pipeline(model: nn.Module) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return the test pipeline of a detector's config, fed with an array (H, W, 3) BGR as `img` instead of a file.

    Raises:
        UserError: the model has no config, or one without a test pipeline.
    """
    from mmcv.transforms import Compose

    cfg = getattr(model, 'cfg', None)
    steps = (_test_dataset(cfg).get('pipeline') or cfg.get('test_pipeline')) if cfg is not None else None
    if not steps:
        raise UserError("the detector's config has no test_pipeline that says how an image becomes its input")
    kept = [step for step in steps if 'Load' not in str(step['type'])]
    with scope_of(cfg):
        # Files are read by hrpose: mmcv's reader turns pictures by their EXIF entry, and the annotations do not.
        return Compose([dict(type='mmdet.LoadImageFromNDArray'), *kept])
