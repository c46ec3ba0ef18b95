"""Draw what the network sees: augmented crops, joints and target heatmaps, as sheets in a folder.

python tools/data/browse.py configs/hrnet_w32_coco_256x192.py --count 48 --epoch 3
"""

import argparse
import logging
from itertools import islice
from pathlib import Path
from typing import Any

from hrpose.cli.run import run
from hrpose.errors import UserError

SHEET = 16  # samples on one


def parse_arguments() -> argparse.Namespace:
    from hrpose.apis.launch import add_config_arguments

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config_arguments(parser)
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train', help='default train')
    parser.add_argument('--count', type=int, default=32, help="how many, in the order of the loader's sampler")
    parser.add_argument('--seed', type=int, help="of order and augmentation; the config's unless given")
    parser.add_argument('--epoch', type=int, default=0, help='from 0; each draws anew (default 0)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/browse'), help='folder of the sheets')
    arguments = parser.parse_args()
    if arguments.count < 1 or arguments.epoch < 0 or (arguments.seed or 0) < 0:
        parser.error('--count has to be above 0, --seed and --epoch not below')
    return arguments


def main() -> None:
    """Write the sheets as the command line says."""
    arguments = parse_arguments()
    from mmengine.logging import MMLogger

    from hrpose.config import load_config, parse_options
    from hrpose.images.files import save_image
    from hrpose.registry import CODECS
    from hrpose.visualization import input_sheet

    MMLogger.get_current_instance().setLevel(logging.WARNING)
    cfg = load_config(arguments.config, parse_options(arguments.cfg_options))
    split, epoch = arguments.split, arguments.epoch
    seed = cfg.get('randomness', {}).get('seed', 0) if arguments.seed is None else arguments.seed
    dataset, keys = visits(cfg, split, seed=seed, epoch=epoch)
    keys = list(islice(keys, arguments.count))
    codec = CODECS.build(cfg.codec.to_dict())
    print('left: the crop with the joints that count in the loss, left ones blue, right ones orange; right: heatmaps')
    for start in range(0, len(keys), SHEET):
        samples = [dataset[key] for key in keys[start : start + SHEET]]
        name = f'{split}_seed{seed}_epoch{epoch}_{start:04d}.png'
        print(save_image(arguments.out / name, input_sheet(samples, codec, cfg.metainfo)))
    if len(keys) < arguments.count:
        print(f'{split} has {len(keys)} samples an epoch, so these are all')


def visits(cfg: Any, split: str, *, seed: int, epoch: int) -> tuple[Any, Any]:
    """Return a split's data set, and its keys in the order in which the loader of this seed and epoch reads them.

    Args:
        cfg: linked.
        split: 'train', 'val' or 'test'.
        seed: of the sampler, as `randomness.seed` gives it.
        epoch: from 0.

    Raises:
        UserError: the config has no such loader, or the data are not there.
    """
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner

    loader_cfg = cfg.get(f'{split}_dataloader')
    if loader_cfg is None:
        raise UserError(f'the config has no {split}_dataloader')
    init_default_scope(cfg.get('default_scope', 'hrpose'))
    settings = {**loader_cfg.to_dict(), 'num_workers': 0, 'persistent_workers': False}
    loader = Runner.build_dataloader(settings, seed=seed)
    if hasattr(loader.sampler, 'set_epoch'):
        loader.sampler.set_epoch(epoch)
    return loader.dataset, iter(loader.sampler)


if __name__ == '__main__':
    run(main)
