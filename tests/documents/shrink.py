"""Configs whose networks, data and trainings are small, so that the documents' commands take seconds."""

from mmengine.config import Config

SMALL = ('w32', 'w48')


def shrink(cfg: Config) -> Config:
    """Change a config that is not linked yet: a small HRNet, an input 128 px high, two batches of two people."""
    backbone = cfg.get('model', {}).get('backbone', {})
    if backbone.get('type') == 'HRNet' and backbone.get('arch') in SMALL:
        backbone.arch = 'w16_small'
    if (codec := cfg.get('codec')) and max(codec.input_size) > 128:
        width, height = codec.input_size
        codec.input_size = (128, 128) if width == height else (96, 128)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if loader := cfg.get(name):
            loader.update(batch_size=2, num_workers=0, persistent_workers=False)
            loader.pop('prefetch_factor', None)
    if cfg.get('train_cfg'):
        cfg.train_cfg.update(max_epochs=1, val_interval=1)
        for dataset in cfg.train_dataloader.dataset.get('datasets', [cfg.train_dataloader.dataset]):
            dataset.indices = 4
    return cfg
