"""Translate mmpose's codec and model."""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import mmengine

from hrpose.checkpoints.table import PUBLISHED
from hrpose.codecs.base import default_heatmap_size
from hrpose.config.migration.notes import Given, Notes, kind_of
from hrpose.errors import UserError
from hrpose.models.backbones.hourglass import LEVELS_52
from hrpose.models.backbones.hrnet import ARCHS, STEM_CHANNELS, resolve_arch
from hrpose.models.data_preprocessor import IMAGENET_MEAN, IMAGENET_STD

Part = dict[str, Any]
BACKBONES = ('HRNet', 'ResNet', 'HourglassNet')


def migrate_codec(value: Mapping[str, Any], notes: Notes) -> Part:
    """Return hrpose's codec for one of mmpose's.

    Raises:
        UserError: a codec that hrpose does not have.
    """
    with notes.reading(value, 'codec') as given:
        codec = _sizes(given)
        unbiased, combined = given.take('unbiased', False), given.take('heatmap_type', 'gaussian') == 'combined'
        blur = given.take('blur_kernel_size', 11)
        if given.kind == 'MSRAHeatmap':
            codec['type'] = 'DarkHeatmap' if unbiased else 'MSRAHeatmap'
        elif given.kind == 'UDPHeatmap':
            codec['type'] = 'UDPHeatmap'
            factor = given.take('radius_factor')
            codec |= {'target': 'combined'} if combined else {}
            codec |= {'radius_factor': factor} if combined and factor is not None else {}
        else:
            raise UserError(
                f'codec.type is {given.kind!r}, and hrpose has heatmaps of MSRAHeatmap, with or without unbiased, and '
                'UDPHeatmap; train with one of these, or write a codec (projects/README.md)'
            )
        # Where it is not written, mmpose blurs by 11 cells for any sigma, hrpose by 17 for a sigma of 3, as published.
        if codec['type'] != 'MSRAHeatmap' and blur != max(3, 2 * int(3 * codec['sigma']) - 1):
            codec['blur_kernel_size'] = blur
    extra = ' with unbiased=True' if unbiased else " with heatmap_type='combined'" if combined else ''
    notes.became('codec', f'{given.kind}{extra} -> {codec["type"]}{" with target combined" if combined else ""}')
    return codec


def _sizes(given: Given) -> Part:
    size = tuple(given.take('input_size', (192, 256)))
    cells, sigma = tuple(given.take('heatmap_size', default_heatmap_size(size))), given.take('sigma', 2)
    codec = {'type': '', 'input_size': size, 'sigma': int(sigma) if sigma == int(sigma) else sigma}
    return codec if cells == default_heatmap_size(size) else {**codec, 'heatmap_size': cells}


def migrate_model(value: Mapping[str, Any], codec: Part, notes: Notes) -> tuple[Part, Part]:
    """Return hrpose's model, and the top-level values that follow from mmpose's (`frozen`, `sync_bn`, `custom_hooks`).

    Raises:
        UserError: an estimator, backbone, neck or head that hrpose does not have.
    """
    with notes.reading(value, 'model') as given:
        if given.kind != 'TopdownPoseEstimator':
            raise UserError(
                f'model.type is {given.kind!r}, and hrpose has the top-down heatmap estimator TopdownPoseEstimator '
                'alone; keep mmpose for this network'
            )
        if given.take('neck') is not None:
            raise UserError('model.neck: hrpose has no neck of mmpose for poses; keep mmpose for this network')
        top: Part = {}
        model: Part = {
            'type': 'TopdownPoseEstimator',
            'backbone': _backbone(given.take('backbone', {}), top, notes),
            'head': _head(given.take('head', {}), notes),
        }
        if order := _channel_order(given.take('data_preprocessor') or {}, notes):
            model['data_preprocessor'] = order
        model |= _flip_test(given.take('test_cfg') or {}, codec, notes)
        if start := _start(given.take('init_cfg'), 'model', notes):
            model['init_cfg'] = start
        given.take('metainfo')  # the data's
        given.take_if(use_syncbn=False)
        if given.take('use_syncbn'):
            top['sync_bn'] = 'torch'
        given.take('train_cfg')  # compute_acc alone, which logs a training accuracy
    notes.became('model.head', f'{kind_of(value["head"])} -> {model["head"]["type"]}')
    return model, top


def _backbone(value: Mapping[str, Any], top: Part, notes: Notes) -> Part:
    with notes.reading(value, 'model.backbone') as given:
        if given.kind not in BACKBONES:
            raise UserError(
                f'model.backbone.type is {given.kind!r}, and hrpose has those called {", ".join(BACKBONES)} in mmpose; '
                'keep mmpose for this network, or write the backbone as a plug-in (projects/README.md)'
            )
        build = {'HRNet': _hrnet, 'ResNet': _resnet, 'HourglassNet': _hourglass}[given.kind]
        backbone, stages = build(given, notes)
        given.take_if(in_channels=3, conv_cfg=None, with_cp=False, norm_eval=False, frozen_stages=-1)
        given.take('zero_init_residual')  # of initial weights, which here are the official release's
        if (norm := given.take('norm_cfg')) and kind_of(norm) == 'SyncBN':
            top['sync_bn'] = 'torch'
            notes.became('model.backbone.norm_cfg', "SyncBN -> sync_bn = 'torch', for the whole model")
        elif norm and kind_of(norm) != 'BN':
            raise UserError(f'model.backbone.norm_cfg is {dict(norm)!r}, and hrpose has batch normalisation alone')
        if (frozen := given.take('frozen_stages')) is not None:
            top['frozen'] = [f'backbone.{name}' for names in stages[: frozen + 1] for name in names]
            notes.became('model.backbone.frozen_stages', f'{frozen} -> frozen, by the names of the parts')
        if given.take('norm_eval'):
            top['custom_hooks'] = [dict(type='FixedStatisticsHook', parts=['backbone'])]
            notes.became('model.backbone.norm_eval', 'True -> FixedStatisticsHook')
        if start := _start(given.take('init_cfg'), 'model.backbone', notes):
            backbone['init_cfg'] = start
    said = ', '.join(f'{key}={item!r}' for key, item in backbone.items() if key not in ('type', 'init_cfg'))
    notes.became('model.backbone', f'{given.kind} -> {backbone["type"]}({said})')
    return backbone


Stages = list[list[str]]


def _hrnet(given: Given, notes: Notes) -> tuple[Part, Stages]:
    plan = dict(given.take('extra') or {})
    first, *others = [dict(plan.pop(f'stage{number}')) for number in range(1, 5) if f'stage{number}' in plan]
    units = {count for stage in others for count in stage['num_blocks']}
    channels = tuple(others[-1]['num_channels'])
    fits = (
        (first['block'], tuple(first['num_channels']), len(units)) == ('BOTTLENECK', (STEM_CHANNELS,), 1)
        and all(
            stage['block'] == 'BASIC' and tuple(stage['num_channels']) == channels[: len(stage['num_channels'])]
            for stage in others
        )
        and [len(stage['num_channels']) for stage in others] == list(range(2, len(others) + 2))
    )
    upsample = {'mode': 'nearest', 'align_corners': None, **(plan.pop('upsample', None) or {})}
    if not fits or upsample['mode'] != 'nearest' or plan.pop('multiscale_output', False):
        raise UserError(
            'model.backbone.extra is another HRNet than those that hrpose builds: bottlenecks of 64 channels in stage '
            '1, then basic blocks, as many on each branch, the same channels in each stage, nearest upsampling, and '
            'the finest map as its only output'
        )
    for key, item in plan.items():
        notes.lacks(f'model.backbone.extra.{key}', f'{item!r:.80} has no counterpart', 'check whether you need it')
    arch = dict(
        channels=channels,
        exchange_blocks=tuple(stage['num_modules'] for stage in others),
        units=units.pop(),
        stem_units=tuple(first['num_blocks'])[0],
    )
    name = next((name for name, known in ARCHS.items() if known == resolve_arch(arch)), arch)
    stages = [['conv1', 'bn1', 'conv2', 'bn2'], ['layer1', 'transition1']]
    stages += [[f'stage{number}', f'transition{number}'] for number in range(2, len(others) + 1)]
    return {'type': 'HRNet', 'arch': name}, [*stages, [f'stage{len(others) + 1}']]


def _resnet(given: Given, notes: Notes) -> tuple[Part, Stages]:
    backbone = {'type': 'ResNet', 'depth': given.take('depth'), **given.chosen('strides', 'dilations')}
    for key, value in {'style': 'pytorch', 'deep_stem': False, 'avg_down': False, 'num_stages': 4}.items():
        if (found := given.take(key, value)) != value:
            raise UserError(f'model.backbone.{key} is {found!r}, and hrpose has the ResNet with {value!r} alone')
    if tuple(given.take('out_indices', (3,))) != (3,):
        raise UserError('model.backbone.out_indices: hrpose migrates a ResNet with its last map as only output')
    given.take_if(stem_channels=64, base_channels=64, expansion=None)
    return backbone, [['conv1', 'bn1'], *([f'layer{number}'] for number in range(1, 5))]


def _hourglass(given: Given, notes: Notes) -> tuple[Part, Stages]:
    depth, feature = given.take('downsample_times', 5), given.take('feat_channel', 256)
    channels, blocks = (
        tuple(given.take(f'stage_{key}', default))[: depth + 1]
        for key, default in zip(('channels', 'blocks'), zip(*LEVELS_52, strict=True), strict=True)
    )
    if feature != channels[0]:
        raise UserError(f'model.backbone.feat_channel is {feature}, and hrpose has that of the finest level alone')
    levels = tuple(zip(channels, blocks, strict=True))
    backbone = {'type': 'Hourglass52', 'num_stacks': given.take('num_stacks', 2)}
    return backbone if levels == LEVELS_52 else {**backbone, 'levels': levels}, []


def _head(value: Mapping[str, Any], notes: Notes) -> Part:
    with notes.reading(value, 'model.head') as given:
        if given.kind == 'HeatmapHead':
            head: Part = {'type': 'HeatmapHead'}
        elif given.kind == 'CPMHead':
            head = {'type': 'StackedHeatmapHead'}
            given.take('num_stages')
        else:
            raise UserError(
                f'model.head.type is {given.kind!r}, and hrpose has HeatmapHead, and CPMHead after HourglassNet; keep '
                'mmpose for this network, or write the head as a plug-in (projects/README.md)'
            )
        channels = tuple(given.take('deconv_out_channels', (256, 256, 256)) or ())
        kernels = tuple(given.take('deconv_kernel_sizes', (4,) * len(channels)) or ())
        final = given.take('final_layer', {'kernel_size': 1})
        plain = not given.take('conv_out_channels') and dict(final or {}) == {'kernel_size': 1}
        if set(kernels) > {4} or not plain or (channels and given.kind == 'CPMHead'):
            raise UserError(
                'model.head: hrpose has transposed convolutions with kernels of 4 (after HourglassNet none), and after '
                'them one convolution with a kernel of 1'
            )
        if channels:
            head['deconv_channels'] = channels
        given.take('conv_kernel_sizes')
        for key in ('in_channels', 'out_channels', 'decoder'):  # follow from backbone, metainfo and codec here
            given.take(key)
        given.take('init_cfg')  # mmpose's and hrpose's default are the same
        loss = given.take('loss') or {'type': 'KeypointMSELoss', 'use_target_weight': True}
        head['loss'] = _loss(_same_loss(loss) if isinstance(loss, list | tuple) else loss, notes)
    return head


def _same_loss(losses: Any) -> Any:
    if any(dict(loss) != dict(losses[0]) for loss in losses):
        raise UserError('model.head.loss: hrpose has the same loss for every stack; give them one')
    return losses[0]


def _loss(value: Mapping[str, Any], notes: Notes) -> Part:
    names = {'KeypointMSELoss': {}, 'KeypointOHKMMSELoss': {'topk': 'top_k'}, 'CombinedTargetMSELoss': {}}
    with notes.reading(value, 'model.head.loss') as given:
        if given.kind not in names:
            raise UserError(
                f'model.head.loss.type is {given.kind!r}, and hrpose has {", ".join(names)}; train with one of these, '
                'or write the loss as a plug-in (projects/README.md)'
            )
        loss = {'type': given.kind, 'factor': given.take('loss_weight', 1)}
        loss |= {ours: given.take(theirs) for theirs, ours in names[given.kind].items() if theirs in given.values}
        if not given.take('use_target_weight', False):
            notes.lacks(
                'model.head.loss.use_target_weight',
                'False would train joints without a label towards empty heatmaps, which hrpose never does',
                'nothing needs to be done unless you want that',
            )
        given.take_if(skip_empty_channel=False)
    factor = loss['factor'] = int(loss['factor']) if loss['factor'] == int(loss['factor']) else loss['factor']
    notes.became('model.head.loss', f'{given.kind} -> {given.kind} with factor={factor}, the mean without a half')
    return loss


def _channel_order(value: Mapping[str, Any], notes: Notes) -> Part:
    with notes.reading(value, 'model.data_preprocessor') as given:
        flipped, mean, std = (given.take(key) for key in ('bgr_to_rgb', 'mean', 'std'))
        given.take_if(pad_size_divisor=1, pad_value=0, non_blocking=False, batch_augments=None, rgb_to_bgr=False)
    # Unlike mmpose, hrpose reads images as RGB.
    changed: Part = {} if flipped else {'channel_order': 'bgr'}
    for key, found, known in (('mean', mean, IMAGENET_MEAN), ('std', std, IMAGENET_STD)):
        found = (0.0,) * 3 if found is None and key == 'mean' else (1.0,) * 3 if found is None else tuple(found)
        changed |= {} if found == known else {key: found}
    notes.became('model.data_preprocessor', f'{changed}' if changed else "hrpose's default, the same values")
    return changed


def _flip_test(value: Mapping[str, Any], codec: Part, notes: Notes) -> Part:
    with notes.reading(value, 'model.test_cfg') as given:
        flip, shift = given.take('flip_test', False), given.take('shift_heatmap', False)
        mode = given.take('flip_mode', 'heatmap')
        aligned = codec['type'] == 'UDPHeatmap'
        given.take_if(output_heatmaps=False, align_corners=False)
    if mode not in ('heatmap', 'udp_combined'):
        notes.lacks('model.test_cfg.flip_mode', f'{mode!r} has no counterpart', 'heatmaps are averaged')
    if flip and shift and aligned:
        notes.lacks(
            'model.test_cfg.shift_heatmap',
            'UDP aligns corners, so a shift would move heatmaps a cell away',
            'it is left out, as in the stock configs',
        )
    changed: Part = {'flip_test': bool(flip)}
    if flip and not shift and not aligned:
        changed['flip_shift'] = False
    said = ', '.join(f'{key}={item}' for key, item in changed.items())
    notes.became('model.test_cfg', said if 'flip_shift' in changed else f'{said}; the shift follows from the codec')
    return changed


def _start(value: Any, place: str, notes: Notes) -> Any:
    """Return `init_cfg`, with hrpose's name for published weights where there is one."""
    if not isinstance(value, Mapping) or kind_of(value) != 'Pretrained':
        if value:
            notes.lacks(f'{place}.init_cfg', 'own initial weights are not migrated', 'hrpose starts as published')
        return None
    checkpoint = migrate_checkpoint(value['checkpoint'], f'{place}.init_cfg.checkpoint', notes)
    return None if checkpoint is None else {'type': 'Pretrained', 'checkpoint': checkpoint}


def migrate_checkpoint(given: str, place: str, notes: Notes) -> str | None:
    """Return hrpose's name of published weights, the address of torchvision's, or what was given; None if unknown."""
    file = PurePosixPath(given).name
    found: str | None = next((name for name, row in PUBLISHED.items() if row.file == file), given)
    scheme, separator, name = given.partition('://')
    if scheme == 'torchvision':
        table = Path(mmengine.__file__).parent / 'hub' / 'torchvision_0.12.json'
        found = json.loads(table.read_text()).get(name)
    elif separator and scheme not in ('http', 'https'):
        found = None
    if found is None:
        notes.lacks(place, f'{given!r} is no address that hrpose knows', 'download the file, and write its path')
    elif found != given:
        notes.became(place, f'{given} -> {found}')
    return found
