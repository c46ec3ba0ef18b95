"""What the network sees: augmented crops, joints and target heatmaps, as sheets."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from hrpose.errors import UserError
from hrpose.images.files import save_image
from hrpose.registry import CODECS
from hrpose.visualization import input_sheet

SAMPLES = 16  # on a sheet


def write_sheets(cfg: Config, split: str, out: Path, *, count: int, seed: int | None, epoch: int) -> Iterator[Path]:
    """Write sheets of the first `count` samples of an epoch to the folder `out`, and yield their paths.

    Args:
        cfg: linked.
        split: 'train', 'val' or 'test'.
        out: folder.
        count: samples, in the order of the loader's sampler.
        seed: of order and augmentation; None for the config's.
        epoch: from 0.
    """
    seed = cfg.get('randomness', {}).get('seed', 0) if seed is None else seed
    dataset, keys = visits(cfg, split, seed=seed, epoch=epoch)
    codec, chosen = CODECS.build(cfg.codec.to_dict()), list(islice(keys, count))
    for start in range(0, len(chosen), SAMPLES):
        samples = [dataset[key] for key in chosen[start : start + SAMPLES]]
        name = f'{split}_seed{seed}_epoch{epoch}_{start:04d}.png'
        yield save_image(out / name, input_sheet(samples, codec, cfg.metainfo))
    if len(chosen) < count:
        print(f'{split} has {len(chosen)} samples an epoch, so these are all')


def visits(cfg: Config, split: str, *, seed: int, epoch: int) -> tuple[Any, Any]:
    """Return the data set of a split, and its keys in the order in which the loader reads them.

    Arguments are those of `write_sheets`.

    Raises:
        UserError: the config has no such loader, or the data are missing.
    """
    loader_cfg = cfg.get(f'{split}_dataloader')
    if loader_cfg is None:
        raise UserError(f'--split {split}: the config has no {split}_dataloader; choose another split')
    init_default_scope(cfg.get('default_scope', 'hrpose'))
    settings = {**loader_cfg.to_dict(), 'num_workers': 0, 'persistent_workers': False}
    loader = Runner.build_dataloader(settings, seed=seed)
    if hasattr(loader.sampler, 'set_epoch'):
        loader.sampler.set_epoch(epoch)
    return loader.dataset, iter(loader.sampler)
