"""The data sets of a config: all of them, also inside wrappers, and what each takes from the top."""

from collections.abc import Iterable, Iterator
from typing import Any

from mmengine.config import Config

from hrpose.config.values import fill
from hrpose.datasets.metainfo import reads_annotations, resolve
from hrpose.errors import UserError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')

# Which value of the config each transform takes, by the transform's argument.
TRANSFORM_NEEDS = {
    'PadBox': {'input_size': 'codec.input_size'},
    'RandomHalfBody': {'upper_body_ids': 'metainfo.upper_body_ids'},
    'WarpAffine': {'input_size': 'codec.input_size', 'flip_indices': 'metainfo.flip_indices'},
}

# Data sets that bring the joints of several together.
MIXTURES = ('CombinedDataset', 'hrpose.CombinedDataset')


def link_data(cfg: Config) -> None:
    """Give each data set its joints, folder and pipeline, and the test its loader where only validation has one."""
    if 'test_dataloader' not in cfg and cfg.get('val_dataloader') is not None:
        cfg.test_dataloader = cfg.val_dataloader.to_dict()
        cfg.setdefault('test_cfg', {})
    for name in LOADERS:
        if cfg.get(name) is None:
            continue
        if cfg[name].get('num_workers') == 0:
            cfg[name].persistent_workers = False  # PyTorch refuses what has no meaning here
        pipeline = 'train_pipeline' if name == 'train_dataloader' else 'test_pipeline'
        mixtures = mixtures_of(cfg[name].dataset, f'{name}.dataset')
        for place, mixture in mixtures.items():
            fill(cfg, mixture, place, {'metainfo': 'metainfo'})
        for place, dataset in each_dataset(cfg[name].dataset, f'{name}.dataset'):
            own = dataset.get('metainfo') if is_part(place, mixtures) else None
            if own is None:
                fill(cfg, dataset, place, {'metainfo': 'metainfo'})
            elif not reads_annotations(own):  # what is in the annotations, the part reads itself
                dataset.metainfo = resolve(own)
            _link_dataset(cfg, dataset, place, pipeline)


def each_dataset(dataset: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield each data set with its place in the config, also those inside a wrapper."""
    if 'dataset' in dataset:
        yield from each_dataset(dataset.dataset, f'{place}.dataset')
    elif 'datasets' in dataset:
        for index, part in enumerate(dataset.datasets):
            yield from each_dataset(part, f'{place}.datasets.{index}')
    else:
        yield place, dataset


def mixtures_of(dataset: Any, place: str) -> dict[str, Any]:
    """Return, by place, the data sets that bring joints of several together: their parts may have their own."""
    if 'datasets' not in dataset:
        return mixtures_of(dataset.dataset, f'{place}.dataset') if 'dataset' in dataset else {}
    if dataset.get('type') in MIXTURES:
        return {place: dataset}
    parts = [mixtures_of(part, f'{place}.datasets.{index}') for index, part in enumerate(dataset.datasets)]
    return {inner: found for part in parts for inner, found in part.items()}


def is_part(place: str, mixtures: Iterable[str]) -> bool:
    """Say whether a data set at `place` is a part of one of the mixtures."""
    return any(place.startswith(f'{mixture}.') for mixture in mixtures)


def _link_dataset(cfg: Config, dataset: Any, place: str, pipeline: str) -> None:
    if 'data_root' in cfg:
        dataset.setdefault('data_root', cfg.data_root)
    if 'pipeline' not in dataset:
        if pipeline not in cfg:
            raise UserError(f'{place} has no pipeline, and the config no {pipeline}')
        dataset.pipeline = [dict(step) for step in cfg[pipeline]]
    if not isinstance(dataset.pipeline, list):
        raise UserError(f'{place}.pipeline follows {pipeline}: override {pipeline}.INDEX.… instead')
    for index, step in enumerate(dataset.pipeline):
        fill(cfg, step, f'{place}.pipeline.{index}', TRANSFORM_NEEDS.get(step['type'], {}))
