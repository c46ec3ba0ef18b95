"""hrpose's work of each stage, built from a config."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from torch import Tensor

from hrpose.analysis.benchmark.cases import coco_case
from hrpose.analysis.benchmark.chain import Chain
from hrpose.analysis.benchmark.measure import Work
from hrpose.analysis.model_stats import layer_costs, total_cost
from hrpose.apis.detector import PersonDetector
from hrpose.datasets import SampleKey
from hrpose.datasets.storage.crops import FORMATS
from hrpose.datasets.storage.pack_crops import pack_people
from hrpose.engine.launch import require_data
from hrpose.errors import UserError
from hrpose.evaluation.functional.coco_ap import evaluate_coco
from hrpose.export.verify import load_any
from hrpose.hardware import PRECISIONS
from hrpose.registry import DATASETS, MODELS

# Ways to run a network: its precision, and whether it is compiled.
VARIANTS: dict[str, dict[str, Any]] = {
    'fp32': {},
    'fp32 compiled': {'compile': True},
    'bf16': {'precision': 'bf16'},
    'bf16 compiled': {'precision': 'bf16', 'compile': True},
    'fp32 graphs': {'cuda_graphs': True},
    'bf16 graphs': {'precision': 'bf16', 'cuda_graphs': True},
    'bf16 compiled graphs': {'precision': 'bf16', 'compile': True, 'cuda_graphs': True},
}
# The steps of inference on the same images, one by one and all at once.
CHAIN = 'chain'
STAGES = ('detect', 'load', 'packed', 'encode', 'forward', 'predict', 'train', 'decode', 'evaluate', 'draw', CHAIN)
DETECTOR_STAGES = ('detect', CHAIN)
NETWORK_STAGES = ('forward', 'predict', 'train')
# A training step costs about three forward passes: one, and one for each of the two gradients.
PASSES = {'forward': 1, 'predict': 2, 'train': 3}

NAME = 'hrpose'
# Small, all parts from mmdet, no download.
DETECTOR = 'detection/rtmdet_nano_synthetic_224x224'


@dataclass
class Bench:
    """Builds hrpose's work of each stage; parts that stages share are built once."""

    cfg: Config  # linked, with a training set
    device: torch.device  # of the networks, the codec and the targets
    batch: int = 8  # people in one step of a network
    codec_batch: int = 32  # people that the codec takes at once
    variants: tuple[str, ...] = ('fp32',)  # of the networks, names in `VARIANTS`; the chain uses the first
    detector: tuple[str, str | None] = (DETECTOR, None)  # config, and checkpoint or None for initial weights
    exported: tuple[Path, ...] = ()  # files of `hrpose export`, measured in 'predict'
    _kept: list[TemporaryDirectory] = field(default_factory=list)  # packs that works may still read

    def works(self, stage: str) -> dict[str, Work]:
        """Return the work of a stage, by hrpose's name with the variant."""
        build = getattr(self, f'_{stage}')
        if stage == 'packed':
            return {f'{NAME} {form}': build(form) for form in FORMATS}
        if stage == CHAIN:
            return build()
        if stage not in NETWORK_STAGES:
            return {NAME: build()}
        works = {f'{NAME} {variant}': build(variant) for variant in self.variants}
        if stage == 'predict':
            works |= {path.name: self._predict_exported(path) for path in self.exported}
        return works

    @cached_property
    def training_set(self) -> Any:
        """The config's data set of single people, with its training pipeline."""
        return self._dataset(self.cfg.train_dataloader.dataset.to_dict())

    @cached_property
    def test_samples(self) -> list[dict[str, Any]]:
        """The first `batch` people with the test pipeline; some again if there are fewer."""
        dataset = self.test_set
        return [dataset[number % len(dataset)] for number in range(self.batch)]

    @cached_property
    def test_set(self) -> Any:
        """The same people with the test pipeline."""
        settings = self.cfg.train_dataloader.dataset.to_dict()
        pipeline = self.cfg.test_dataloader.dataset.to_dict()['pipeline']
        return self._dataset({**settings, 'pipeline': pipeline, 'test_mode': True})

    def _dataset(self, settings: Mapping[str, Any]) -> Any:
        require_data(self.cfg, 'train_dataloader')
        return DATASETS.build(dict(settings))

    def train_samples(self, count: int, dataset: Any = None) -> list[dict[str, Any]]:
        """Return `count` augmented samples of the training set, or of `dataset`, epoch after epoch."""
        dataset = self.training_set if dataset is None else dataset
        people = len(dataset)
        keys = (SampleKey(0, number // people, number % people) for number in range(count))
        return [dataset[key] for key in keys]

    @cached_property
    def images(self) -> Tensor:
        """(B, 3, H, W) float32 on the device, as a network takes them."""
        width, height = self.cfg.codec.input_size
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(self.batch, 3, height, width, generator=generator)
        return images.to(self.device, memory_format=torch.channels_last)

    @cached_property
    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints (N, K, 2) in input px and visibility (N, K) of `codec_batch` people."""
        labels = [sample['data_samples'].gt_instance_labels for sample in self.train_samples(self.codec_batch)]
        keypoints, weights = ([label[name] for label in labels] for name in ('keypoints', 'keypoint_weights'))
        return np.concatenate(keypoints), np.concatenate(weights)

    @cached_property
    def heatmaps(self) -> Tensor:
        """(N, K, h, w) float32 on the device: targets with noise, similar to a network's heatmaps."""
        keypoints, weights = (torch.from_numpy(labels).to(self.device) for labels in self.labels)
        targets, _ = self.model('fp32').head.codec.encode(keypoints, weights)
        noise = torch.rand(targets.shape, generator=torch.Generator().manual_seed(0)).to(self.device)
        return targets + 0.05 * noise

    def model(self, variant: str) -> Any:
        """Return a new model of the config with initial weights."""
        return MODELS.build({**self.cfg.model.to_dict(), **VARIANTS[variant]}).to(self.device).eval()

    @property
    def flip_test(self) -> bool:
        """Whether `predict` averages with the mirrored crop."""
        return bool(self.cfg.model.get('flip_test', True))

    @cached_property
    def multiply_adds(self) -> float:
        """Of one person in one pass, counted by hooks in a network that is not compiled."""
        return total_cost(layer_costs(self.model('fp32'), self.images[:1]).values()).multiply_adds

    def _network_work(self, stage: str, variant: str, run: Callable[[], Any]) -> Work:
        passes = 1 if stage == 'predict' and not self.flip_test else PASSES[stage]
        adds = self.multiply_adds * self.batch * passes
        dtype = PRECISIONS[VARIANTS[variant].get('precision', 'fp32')]
        return Work(run, self.batch, multiply_adds=adds, dtype=dtype)

    @cached_property
    def _person_detector(self) -> PersonDetector:
        return PersonDetector(*self.detector, device=str(self.device))

    def _chain(self) -> dict[str, Work]:
        model = self.model(self.variants[0])
        return Chain(self.test_set, self.batch, model, lambda images: self._person_detector(images)).works()

    def _detect(self) -> Work:
        """Detect people in whole images, read before; counted per annotated person."""
        return self._chain()['detect']

    def _draw(self) -> Work:
        """Draw the annotated people on their images, read before."""
        return self._chain()['draw']

    def _load(self) -> Work:
        """Read, augment, warp, pack and make targets on one core."""
        return self._loading(self.training_set)

    def _packed(self, form: str) -> Work:
        """The same from packed crops of `codec_batch` people, packed into a temporary folder."""
        folder = TemporaryDirectory(prefix='hrpose_crops_')
        self._kept.append(folder)
        settings = self.cfg.train_dataloader.dataset.to_dict()
        settings['indices'] = min(self.codec_batch, len(self.training_set))
        pack_people(self._dataset(settings), Path(folder.name), form)
        settings['pipeline'] = [dict(type='LoadCrop', pack=folder.name), *settings['pipeline'][1:]]
        return self._loading(self._dataset(settings))

    def _loading(self, dataset: Any) -> Work:
        codec = self.model('fp32').cpu().head.codec

        def run() -> None:
            samples = self.train_samples(self.codec_batch, dataset)
            labels = [sample['data_samples'].gt_instance_labels for sample in samples]
            keypoints = torch.from_numpy(np.concatenate([label.keypoints for label in labels]))
            weights = torch.from_numpy(np.concatenate([label.keypoint_weights for label in labels]))
            codec.encode(keypoints, weights)

        return Work(run, self.codec_batch, alone=True)

    def _encode(self) -> Work:
        codec = self.model('fp32').head.codec
        keypoints, weights = (torch.from_numpy(labels).to(self.device) for labels in self.labels)
        return Work(lambda: codec.encode(keypoints, weights), len(keypoints))

    def _decode(self) -> Work:
        head = self.model('fp32').head
        return Work(lambda: [part.cpu() for part in head.predict(self.heatmaps)], len(self.heatmaps))

    def _forward(self, variant: str) -> Work:
        model = self.model(variant)

        @torch.no_grad()
        def run() -> None:
            model.inference(self.images)

        return self._network_work('forward', variant, run)

    def _predict(self, variant: str) -> Work:
        """Packed people to keypoints in image px, with flip test."""
        model, batch = self.model(variant), pseudo_collate(self.test_samples)
        return self._network_work('predict', variant, lambda: model.test_step(batch))

    def _predict_exported(self, path: Path) -> Work:
        """The same people's crops to keypoints in crop px by an exported network, on the CPU.

        Raises:
            UserError: the file has another input size, batch or flip test than what it is compared with.
        """
        graph, metadata = load_any(path, threads=torch.get_num_threads())
        for what, has, needs in (
            ('input size', metadata.input_size, tuple(self.cfg.codec.input_size)),
            ('flip test', metadata.flip_test, self.flip_test),
            ('batch', metadata.batch or self.batch, self.batch),
        ):
            if has != needs:
                raise UserError(f'{path}: its {what} is {has}, but {needs} is measured; export it again with that')
        crops = np.stack([sample['inputs'].permute(1, 2, 0).numpy() for sample in self.test_samples])
        return Work(lambda: graph(crops), self.batch)

    def _train(self, variant: str) -> Work:
        """One step: targets, forward, backward, optimizer."""
        model = self.model(variant).train()
        settings = self.cfg.optim_wrapper.to_dict()
        if VARIANTS[variant].get('precision') == 'bf16':
            settings['type'] = 'BF16OptimWrapper'
        optimizer, batch = build_optim_wrapper(model, settings), pseudo_collate(self.train_samples(self.batch))
        return self._network_work('train', variant, lambda: model.train_step(batch, optimizer))

    def _evaluate(self) -> Work:
        """COCO's ten metrics of results of val2017's size."""
        truth, results, sigmas = coco_case()
        return Work(lambda: evaluate_coco(truth, results, sigmas), len(results))
