"""A part says what it takes; its subclasses, scoped names and nested uses are linked like the part itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine import registry as root
from mmengine.config import Config
from mmengine.hooks import Hook

from hrpose import registry
from hrpose.config import link, load_config, read_config
from hrpose.datasets import CombinedDataset
from hrpose.datasets.metainfo import KNOWN
from hrpose.datasets.transforms import WarpAffine
from hrpose.errors import UserError
from hrpose.visualization import PoseVisualizer
from tests.config.cases import W32, as_dict, write_leaf

COCO, LSP = KNOWN['coco'], KNOWN['lsp']
WARP = {'type': 'WarpAffine'}
DATASET = {'type': 'CocoDataset', 'ann_file': 'a.json', 'pipeline': [WARP]}

# Parts that take values, each with a config that uses it.
USES = [
    ('TRANSFORMS', 'PadBox', 'hrnet_w32_coco_256x192'),
    ('TRANSFORMS', 'WarpAffine', 'hrnet_w32_coco_256x192'),
    ('TRANSFORMS', 'RandomHalfBody', 'hrnet_w32_coco_256x192'),
    ('DATASETS', 'CocoDataset', 'hrnet_w32_coco_256x192'),
    ('DATASETS', 'MpiiDataset', 'hrnet_w32_mpii_256x256'),
    ('MODELS', 'TopdownPoseEstimator', 'hrnet_w32_coco_256x192'),
    ('MODELS', 'HeatmapHead', 'hrnet_w32_coco_256x192'),
    ('METRICS', 'CocoMetric', 'hrnet_w32_coco_256x192'),
    ('METRICS', 'MpiiMetric', 'hrnet_w32_mpii_256x256'),
    ('METRICS', 'CrowdPoseMetric', 'hrnet_w32_crowdpose_256x192'),
    ('METRICS', 'PoseTrack18Metric', 'hrnet_w32_posetrack18_256x192'),
    ('METRICS', 'PCKMetric', 'hrnet_w16_lspet_128x128'),
]


@pytest.fixture
def register(monkeypatch) -> Callable[..., str]:
    """Register a class for one test, and return its name."""

    def add(kind: str, cls: type) -> str:
        monkeypatch.setitem(getattr(registry, kind)._module_dict, cls.__name__, cls)
        return cls.__name__

    return add


def renamed(value: Any, old: str, new: str) -> Any:
    """Return a config's values with another `type` for one kind of part."""
    if isinstance(value, dict):
        return {key: new if key == 'type' and item == old else renamed(item, old, new) for key, item in value.items()}
    return [renamed(item, old, new) for item in value] if isinstance(value, list) else value


def linked(**changes: Any) -> Config:
    """Return the linked config of W32 with other top-level values."""
    return link(Config({**as_dict(read_config(W32)), **changes}))


@pytest.mark.parametrize(('kind', 'name', 'config'), USES, ids=[name for _, name, _ in USES])
@pytest.mark.parametrize('how', ['scoped', 'subclass', 'class'])
def test_another_name_is_linked_alike(kind, name, config, how, register):
    part = getattr(registry, kind).get(name)
    other = {'scoped': f'hrpose.{name}', 'class': part}.get(how) or register(kind, type(f'Own{name}', (part,), {}))
    raw = as_dict(read_config(config))
    found = as_dict(link(Config(renamed(raw, name, other))))
    assert renamed(found, other, name) == as_dict(link(Config(raw)))
    assert all(repr(key) in repr(found) for key in part.linked)


def test_a_subclass_may_take_more(register):
    more = {**WarpAffine.linked, 'sigma': 'codec.sigma', 'names': 'metainfo.keypoint_names'}
    warp = register('TRANSFORMS', type('GaussianWarp', (WarpAffine,), {'linked': more}))
    step = linked(train_pipeline=[{'type': warp}]).train_dataloader.dataset.pipeline[0]
    assert (step.input_size, step.sigma, step.names) == ((192, 256), 2, COCO['keypoint_names'])


def test_what_the_config_does_not_say_is_left_to_the_part(register):
    warp = register('TRANSFORMS', type('OffsetWarp', (WarpAffine,), {'linked': {'offset': 'codec.offset'}}))
    assert linked(train_pipeline=[{'type': warp}]).train_dataloader.dataset.pipeline == [{'type': warp}]


@pytest.mark.parametrize(
    ('kind', 'place', 'changes'),
    [
        ('MODELS', 'model.backbone', {'model': {'type': 'Other', 'backbone': {'type': 'Own'}}}),
        ('VISUALIZERS', 'visualizer', {'visualizer': {'type': 'Own'}}),
        ('HOOKS', 'custom_hooks.0', {'custom_hooks': [{'type': 'Own'}]}),
        ('HOOKS', 'default_hooks.own', {'default_hooks': {'own': {'type': 'Own'}}}),
        ('DATA_SAMPLERS', 'val_dataloader.sampler', {'val_dataloader': {'sampler': {'type': 'Own'}, 'dataset': {}}}),
        ('CODECS', 'codec', {'codec': {'type': 'Own', 'input_size': (192, 256)}}),
    ],
)
def test_a_plug_in_of_any_kind_is_linked(kind, place, changes, register):
    bases = {'HOOKS': Hook, 'VISUALIZERS': PoseVisualizer}
    register(kind, type('Own', (bases.get(kind, object),), {'linked': {'flip_indices': 'metainfo.flip_indices'}}))
    part = linked(**changes)
    for key in place.split('.'):
        part = part[int(key)] if key.isdigit() else part[key]
    assert part.flip_indices == COCO['flip_indices']


@pytest.mark.parametrize(
    'dataset',
    [
        {'type': 'RepeatDataset', 'times': 2, 'dataset': DATASET},
        {'type': 'ConcatDataset', 'datasets': [{'type': 'RepeatDataset', 'times': 2, 'dataset': DATASET}]},
        {'type': 'CombinedDataset', 'datasets': [DATASET]},
        {**DATASET, 'pipeline': [{'type': 'RandomApply', 'transforms': [WARP]}]},
        {**DATASET, 'pipeline': [{'type': 'RandomChoice', 'transforms': [[{'type': 'LoadImage'}, WARP]]}]},
    ],
)
def test_parts_inside_parts_are_linked(dataset):
    values = repr(as_dict(linked(train_dataloader={'dataset': dataset}))['train_dataloader'])
    wanted = {
        'type': 'WarpAffine',
        'input_size': (192, 256),
        'flip_indices': COCO['flip_indices'],
        'align_corners': False,
    }
    assert repr(wanted) in values


@pytest.mark.parametrize('evaluator', [[{'type': 'CocoMetric'}], {'metrics': [{'type': 'CocoMetric'}]}])
def test_metrics_in_a_list_or_an_evaluator_are_linked(evaluator):
    found = linked(val_evaluator=evaluator).val_evaluator
    (metric,) = found if isinstance(evaluator, list) else found.metrics
    assert metric.metainfo.dataset_name == 'coco'
    assert metric.ann_file == 'data/coco/annotations/person_keypoints_val2017.json'


def test_an_estimator_in_another_is_linked():
    student = as_dict(read_config(W32))['model']
    model = linked(model={'type': 'Distiller', 'student': student}).model
    assert model.student.metainfo == COCO
    assert model.student.head.out_channels == 17


def test_parts_of_a_subclassed_mixture_keep_their_joints(register):
    mixture = register('DATASETS', type('OwnMixture', (CombinedDataset,), {}))
    parts = [{**DATASET, 'metainfo': 'lsp'}, DATASET]
    found = linked(train_dataloader={'dataset': {'type': mixture, 'datasets': parts}}).train_dataloader.dataset
    assert [found.metainfo, *(part.metainfo for part in found.datasets)] == [COCO, LSP, COCO]
    concatenated = {'type': 'ConcatDataset', 'datasets': parts}
    with pytest.raises(
        UserError, match="train_dataloader.dataset.datasets.0.metainfo is 'lsp', but metainfo is 'coco'"
    ):
        linked(train_dataloader={'dataset': concatenated})


def test_a_contradiction_in_a_plug_in_names_both_places(register):
    warp = register('TRANSFORMS', type('OwnWarp', (WarpAffine,), {}))
    with pytest.raises(UserError, match=r'train_dataloader.dataset.pipeline.0.input_size is \(64, 64\), but codec.inp'):
        linked(train_pipeline=[{'type': warp, 'input_size': (64, 64)}])


def test_a_metric_says_when_less_is_better(register):
    error = register('METRICS', type('OwnEPE', (registry.METRICS.get('EPE'),), {}))
    assert linked(val_evaluator={'type': error}).default_hooks.checkpoint.rule == 'less'
    assert linked(val_evaluator=[{'type': 'CocoMetric'}, {'type': error}]).default_hooks.checkpoint.rule == 'greater'


def test_a_part_of_another_toolbox_is_found_by_its_scope():
    theirs = registry.Registry('transform', parent=root.TRANSFORMS, scope='their_toolbox')
    theirs.register_module(module=type('TheirWarp', (WarpAffine,), {}))
    try:
        for step, scope in (('their_toolbox.TheirWarp', 'hrpose'), ('TheirWarp', 'their_toolbox')):
            cfg = linked(train_pipeline=[{'type': step}], default_scope=scope)
            assert cfg.train_dataloader.dataset.pipeline[0].input_size == (192, 256)
    finally:
        del root.TRANSFORMS.children['their_toolbox']


@pytest.mark.parametrize('name', ['Unknown', 'mmdet.CSPNeXt', '.', 'no such', None, 3])
def test_a_part_that_is_not_found_is_left_to_its_builder(name):
    step = {'type': name, 'prob': 1}
    assert as_dict(linked(train_pipeline=[step]))['train_dataloader']['dataset']['pipeline'] == [step]


PLUG_IN = """
from hrpose.datasets.transforms import WarpAffine
from hrpose.registry import TRANSFORMS

@TRANSFORMS.register_module()
class CountedWarp(WarpAffine):
    linked = {**WarpAffine.linked, 'joints': 'len(metainfo.keypoint_names)'}
"""


def test_a_plug_in_of_a_saved_config_follows_an_option(tmp_path, register):
    (tmp_path / 'counted_warp.py').write_text(PLUG_IN)
    lines = ["custom_imports = dict(imports=['counted_warp'])", "test_pipeline = [dict(type='CountedWarp')]"]
    cfg = load_config(write_leaf(tmp_path / 'leaf.py', W32, lines))
    saved = Path(tmp_path / 'saved.py')
    cfg.dump(saved)
    again = load_config(saved, {'metainfo': 'lsp', 'codec.input_size': (64, 96)})
    steps = [loaded.val_dataloader.dataset.pipeline[0] for loaded in (cfg, again)]
    assert [(step.joints, step.input_size) for step in steps] == [(17, (192, 256)), (14, (64, 96))]


def test_the_top_level_pipeline_stays_as_it_is_written():
    steps = [{'type': 'RandomApply', 'transforms': [WARP]}]
    assert as_dict(linked(train_pipeline=steps))['train_pipeline'] == steps
