"""What the tests of checkpoints share: attacks, small models, and a model's weights in every layout."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hrpose.datasets.metainfo import resolve
from hrpose.registry import MODELS

State = dict[str, Tensor]


class RunsCode:
    """On unpickling, calls a function with arguments of the file's choice."""

    def __init__(self, call: Callable, *arguments: object) -> None:
        self.reduced = (call, arguments)

    def __reduce__(self) -> tuple:
        return self.reduced


def saved(content: object, path: Path, *, legacy: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def small_model(joints: int = 17, arch: str = 'w16_small', **options: Any) -> torch.nn.Module:
    metainfo = resolve({'keypoint_names': [f'joint{index}' for index in range(joints)]})
    codec = {'type': 'MSRAHeatmap', 'input_size': (64, 64)}
    backbone, head = {'type': 'HRNet', 'arch': arch}, {'type': 'HeatmapHead', 'codec': codec, 'out_channels': joints}
    parts = {'backbone': backbone, 'head': head, 'metainfo': metainfo}
    return MODELS.build({'type': 'TopdownPoseEstimator', **parts, **options})


def clone(state: Mapping[str, Tensor]) -> State:
    return {key: value.clone() for key, value in state.items()}


def official(state: State) -> State:
    """Return a model's weights under the official release's names."""
    return {key.removeprefix('backbone.').removeprefix('head.'): value for key, value in state.items()}


def distributed(state: State) -> State:
    return {f'module.{key}': value for key, value in state.items()}


def backbone_only(state: State) -> State:
    return {key.removeprefix('backbone.'): value for key, value in state.items() if key.startswith('backbone.')}


def classifier(state: State) -> State:
    """Return what HRNet-W*-C and timm's files have: the backbone, coarser outputs, and a classifier on top."""
    extras = ('incre_modules.0.0.conv1.weight', 'downsamp_modules.0.0.weight', 'final_layer.0.weight')
    extras += ('final_layer.1.running_var', 'classifier.weight', 'stage4.0.fuse_layers.1.0.0.0.weight')
    return backbone_only(state) | {key: torch.zeros(3, 3) for key in extras}


def imagenet(state: State) -> State:
    """Return what the official ImageNet files have: the backbone, and a classifier called as a pose head is."""
    return backbone_only(state) | {'head.final_layer.weight': state['head.final_layer.weight'] + 1}


# Layout -> the family that it is recognised as, and how a file of it is made from a model's weights.
POSE_LAYOUTS: dict[str, tuple[str, Callable[[State], dict]]] = {
    'hrpose': ('mmpose 1.x or hrpose', lambda state: {'state_dict': state, 'meta': {}}),
    'hrpose_bare': ('mmpose 1.x or hrpose', lambda state: state),
    'hrpose_distributed': ('mmpose 1.x or hrpose', lambda state: {'state_dict': distributed(state)}),
    'mmpose_1x': (
        'mmpose 1.x or hrpose',
        lambda state: {'state_dict': {'data_preprocessor.mean': torch.zeros(3), **state}, 'message_hub': {}},
    ),
    'mmpose_0x': (
        'mmpose 0.x',
        lambda state: {'state_dict': {key.replace('head.', 'keypoint_head.'): value for key, value in state.items()}},
    ),
    'official': ('official HRNet', official),
    'official_training': (
        'official HRNet',
        lambda state: {'epoch': 210, 'model': 'pose_hrnet', 'state_dict': distributed(official(state)), 'perf': 0.7},
    ),
    'official_best': ('official HRNet', lambda state: {'best_state_dict': official(state), 'optimizer': {}}),
    'without_counters': (
        'official HRNet',
        lambda state: {key: value for key, value in official(state).items() if 'num_batches' not in key},
    ),
}
BACKBONE_LAYOUTS: dict[str, tuple[str, Callable[[State], dict]]] = {
    'imagenet': ('ImageNet HRNet', imagenet),
    'backbone': ('ImageNet HRNet', backbone_only),
    'classifier': ('HRNet classifier', classifier),
    'classifier_nested': ('HRNet classifier', lambda state: {'state_dict': distributed(classifier(state))}),
}
LAYOUTS = POSE_LAYOUTS | BACKBONE_LAYOUTS
