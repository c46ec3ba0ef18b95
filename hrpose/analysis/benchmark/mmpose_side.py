"""mmpose's side of a measurement, where it is installed beside hrpose: its stock config on the same people.

mmpose itself is left as it is. On today's stack it imports only where something stands in for what it asks for and
does not use: mmcv's compiled ops, and one name of torchvision's.
"""

import importlib.util
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cached_property
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from hrpose.analysis.benchmark.coco_case import coco_case
from hrpose.analysis.benchmark.sides import Bench
from hrpose.analysis.benchmark.timing import Work
from hrpose.errors import UserError
from hrpose.plugins.openmmlab import prepare_openmmlab

# Stock batch of each width, which its configs carry in their names.
_BATCHES = {'w32': 64, 'w48': 32}


def import_mmpose() -> str:
    """Import mmpose and register its parts; returns its name and version.

    Raises:
        UserError: it is not installed, or does not import.
    """
    if importlib.util.find_spec('mmpose') is None:
        raise UserError('--against mmpose: mmpose is not installed here; docs/performance.md says how to bring it in')
    prepare_openmmlab()
    if importlib.util.find_spec('torchvision') is None:
        transforms = ModuleType('torchvision.transforms')
        vars(transforms).update(ToPILImage=object)
        stand_in = ModuleType('torchvision')
        vars(stand_in).update(transforms=transforms)
        sys.modules.update({'torchvision': stand_in, 'torchvision.transforms': transforms})
    try:
        import mmpose
        from mmpose.utils import register_all_modules

        register_all_modules(init_default_scope=False)
    except ImportError as error:
        raise UserError(f'--against mmpose: it is installed, but cannot be imported: {error}') from error
    return f'mmpose {mmpose.__version__}'


def stock_config(bench: Bench) -> Config:
    """Return mmpose's own config of the network that `bench` measures, on the bench's annotations.

    Raises:
        UserError: mmpose has no such config.
    """
    import mmpose

    backbone = bench.cfg.model.backbone
    width, height = bench.cfg.codec.input_size
    arch = str(backbone.get('arch')) if backbone.type == 'HRNet' else 'other'
    name = f'td-hm_hrnet-{arch}_8xb{_BATCHES.get(arch)}-210e_coco-{height}x{width}.py'
    folder = Path(mmpose.__file__).parent / '.mim' / 'configs' / 'body_2d_keypoint' / 'topdown_heatmap' / 'coco'
    if not (folder / name).is_file():
        raise UserError(f'--against mmpose: it has no stock config like {bench.cfg.filename}, {name} for instance')
    cfg = Config.fromfile(str(folder / name))
    ours = bench.cfg.train_dataloader.dataset
    root = Path(ours.get('data_root', '')).absolute()
    prefix = dict(img=str(root / (ours.get('data_prefix') or {}).get('img', '')))
    cfg.train_dataloader.dataset.update(data_root='', ann_file=str(root / ours.ann_file), data_prefix=prefix)
    cfg.model.backbone.init_cfg = None
    return cfg


def _built(registry: str, settings: Any) -> Any:
    """Return a part of mmpose's, built by its own names."""
    from mmpose import registry as registries

    with DefaultScope.overwrite_default_scope('mmpose'):
        return getattr(registries, registry).build(settings)


@dataclass
class MmposeBench:
    """Builds mmpose's work of each stage as its stock config has it; `bench` says on what."""

    bench: Bench
    name: str

    def works(self, stage: str) -> dict[str, Work]:
        """Return the work of a stage by mmpose's name; nothing for a stage that has no counterpart."""
        build = getattr(self, f'_{stage}', None)
        return {self.name: replace(build(), keeps_memory=False)} if build else {}

    @cached_property
    def cfg(self) -> Config:
        """The stock config."""
        return stock_config(self.bench)

    @cached_property
    def model(self) -> Any:
        """The stock model with initial weights."""
        return _built('MODELS', self.cfg.model).to(self.bench.device).eval()

    @cached_property
    def training_set(self) -> Any:
        """The same people, with the stock pipeline."""
        return _built('DATASETS', self.cfg.train_dataloader.dataset.to_dict())

    def _samples(self, dataset: Any, count: int) -> list[dict[str, Any]]:
        return [dataset[number % len(dataset)] for number in range(count)]

    def _load(self) -> Work:
        count, dataset = self.bench.codec_batch, self.training_set
        return Work(lambda: self._samples(dataset, count), count, alone=True)

    _packed = _load  # it has no crops of its own: packed ones compare with its pictures

    def _encode(self) -> Work:
        codec = self.model.head.decoder
        keypoints, weights = self.bench.labels

        def run() -> None:
            for person, visible in zip(keypoints, weights, strict=True):
                codec.encode(person[None], visible[None])

        return Work(run, len(keypoints))

    def _decode(self) -> Work:
        head, heatmaps = self.model.head, self.bench.heatmaps
        return Work(lambda: head.decode(heatmaps), len(heatmaps))

    def _forward(self) -> Work:
        model, images = self.model, self.bench.images.contiguous()

        @torch.no_grad()
        def run() -> None:
            model(images, None, mode='tensor')

        return Work(run, len(images))

    def _predict(self) -> Work:
        settings = self.cfg.train_dataloader.dataset.to_dict()
        settings |= {'pipeline': self.cfg.val_dataloader.dataset.pipeline, 'test_mode': True}
        batch = pseudo_collate(self._samples(_built('DATASETS', settings), self.bench.batch))
        return Work(lambda: self.model.test_step(batch), self.bench.batch)

    def _train(self) -> Work:
        model = _built('MODELS', self.cfg.model).to(self.bench.device).train()
        optimizer = build_optim_wrapper(model, self.cfg.optim_wrapper)
        batch = pseudo_collate(self._samples(self.training_set, self.bench.batch))
        return Work(lambda: model.train_step(batch, optimizer), self.bench.batch)

    def _evaluate(self) -> Work:
        """The library's calls that mmpose makes; the truth is loaded before, and results go by no file, as here."""
        from xtcocotools.coco import COCO
        from xtcocotools.cocoeval import COCOeval

        content, results, sigmas = coco_case()
        truth = COCO()
        truth.dataset = content
        truth.createIndex()

        def run() -> None:
            evaluation = COCOeval(truth, truth.loadRes([dict(each) for each in results]), 'keypoints', np.array(sigmas))
            for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
                step()

        def quietly() -> None:
            with redirect_stdout(StringIO()):
                run()

        return Work(quietly, len(results))
