"""mmpose's work of each stage by its stock config on the same people, where mmpose is installed beside hrpose.

mmpose itself is not changed. Importing it needs mmcv's compiled ops and a class of torchvision's, neither of which it
uses; where they are missing, stand-ins take their place.
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

from hrpose.analysis.benchmark.cases import coco_case
from hrpose.analysis.benchmark.measure import Work
from hrpose.analysis.benchmark.stages import Bench
from hrpose.errors import UserError
from hrpose.plugins.openmmlab import prepare_openmmlab

# The batch size in the names of the stock configs.
_BATCHES = {'w32': 64, 'w48': 32}


def import_mmpose() -> str:
    """Import mmpose and register its parts; return its name and version.

    Raises:
        UserError: it is not installed or cannot be imported.
    """
    if importlib.util.find_spec('mmpose') is None:
        raise UserError('--against mmpose: mmpose is not installed; docs/performance.md tells how to install it')
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
        raise UserError(f'--against mmpose: mmpose cannot be imported: {error}') from error
    return f'mmpose {mmpose.__version__}'


def stock_config(bench: Bench) -> Config:
    """Return mmpose's own config of the network that `bench` measures, with its annotations and flip test (or none).

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
        raise UserError(f'--against mmpose: mmpose has no stock config for {bench.cfg.filename}, such as {name}')
    cfg = Config.fromfile(str(folder / name))
    ours = bench.cfg.train_dataloader.dataset
    root = Path(ours.get('data_root', '')).absolute()
    prefix = dict(img=str(root / (ours.get('data_prefix') or {}).get('img', '')))
    cfg.train_dataloader.dataset.update(data_root='', ann_file=str(root / ours.ann_file), data_prefix=prefix)
    cfg.model.backbone.init_cfg = None
    cfg.model.test_cfg.flip_test = bench.flip_test
    return cfg


def _built(registry: str, settings: Any) -> Any:
    """Build a part of mmpose in mmpose's registries."""
    from mmpose import registry as registries

    with DefaultScope.overwrite_default_scope('mmpose'):
        return getattr(registries, registry).build(settings)


@dataclass
class MmposeBench:
    """Builds mmpose's work of each stage by its stock config, for the people of `bench`."""

    bench: Bench
    name: str

    def works(self, stage: str) -> dict[str, Work]:
        """Return the work of a stage, by mmpose's name; nothing for a stage that mmpose does not have."""
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

    _packed = _load  # mmpose has no packed crops: compare with its images

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

        @torch.no_grad()  # as mmengine's loop calls it
        def run() -> None:
            self.model.test_step(batch)

        return Work(run, self.bench.batch)

    def _train(self) -> Work:
        model = _built('MODELS', self.cfg.model).to(self.bench.device).train()
        optimizer = build_optim_wrapper(model, self.cfg.optim_wrapper)
        batch = pseudo_collate(self._samples(self.training_set, self.bench.batch))
        return Work(lambda: model.train_step(batch, optimizer), self.bench.batch)

    def _evaluate(self) -> Work:
        """The calls to xtcocotools that mmpose makes, with the ground truth loaded before and no result file."""
        from xtcocotools.coco import COCO
        from xtcocotools.cocoeval import COCOeval

        content, results, sigmas = coco_case()
        truth = COCO()
        truth.dataset = content
        truth.createIndex()

        def run() -> None:
            with redirect_stdout(StringIO()):
                found = truth.loadRes([dict(each) for each in results])
                evaluation = COCOeval(truth, found, 'keypoints', np.array(sigmas))
                evaluation.evaluate()
                evaluation.accumulate()
                evaluation.summarize()

        return Work(run, len(results))
