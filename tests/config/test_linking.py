"""One value stands in one place of a config and takes effect everywhere, however it was overridden."""

from pathlib import Path

import pytest
from mmengine.config import Config

from hrpose.config import each_dataset, load_config, parse_options, text_of
from hrpose.config.parts import EVALUATORS
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from tests.config.cases import FIVE, LOADERS, ROOT, W32, as_dict, assert_linked, steps, write_leaf


def as_lines(changes: dict) -> list[str]:
    """Return overrides by dotted name as lines of a config: {'a.b': 2} -> ['a = dict(b=2)']."""
    tops: dict[str, list[str]] = {}
    for name, value in changes.items():
        top, *rest = name.split('.')
        tops.setdefault(top, []).append(f'{rest[0]}={value!r}' if rest else repr(value))
    dotted = {name.split('.')[0] for name in changes if '.' in name}
    return [
        f'{top} = dict({", ".join(values)})' if top in dotted else f'{top} = {values[0]}'
        for top, values in tops.items()
    ]


def by_leaf(folder: Path, changes: dict) -> Config:
    return load_config(write_leaf(folder / 'leaf.py', W32, as_lines(changes)))


def by_two_levels(folder: Path, changes: dict) -> Config:
    """Override twice: the config in between sets other values, which must leave no trace."""
    lines = ['codec = dict(input_size=(288, 384), sigma=3)', "metainfo = 'lsp'"]
    middle = write_leaf(folder / 'middle.py', W32, lines)
    return load_config(write_leaf(folder / 'leaf.py', middle, as_lines({'metainfo': 'coco', **changes})))


def by_options(folder: Path, changes: dict) -> Config:
    words = [f'{name}={value}'.replace(' ', '') for name, value in changes.items()]
    return load_config(W32, parse_options(words))


@pytest.mark.parametrize('override', [by_leaf, by_two_levels, by_options])
@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({'codec.input_size': (64, 96)}, {'size': (64, 96), 'heatmap': (16, 24)}),
        ({'codec.sigma': 3.5}, {'sigma': 3.5}),
        ({'metainfo': 'lsp'}, {'joints': 14}),
        ({'codec.heatmap_size': (96, 128), 'codec.input_size': (192, 256)}, {'heatmap': (96, 128)}),
        ({'codec.input_size': (96, 128), 'codec.sigma': 1.5, 'metainfo': 'lsp'}, {'size': (96, 128), 'joints': 14}),
    ],
)
def test_one_override_takes_effect_everywhere(override, changes, expected, tmp_path):
    cfg = override(tmp_path, changes)
    assert_linked(cfg)
    found = {
        'size': tuple(cfg.model.head.codec.input_size),
        'heatmap': tuple(cfg.model.head.codec.heatmap_size),
        'sigma': cfg.model.head.codec.sigma,
        'joints': cfg.model.head.out_channels,
    }
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ('base', 'metainfo'),
    [
        ('hrnet_w32_coco_256x192', FIVE),
        ('hrnet_w16_synthetic_128x96', FIVE),
        ('hrnet_w16_lspet_128x128', {'_delete_': True, **FIVE}),  # a name that the base spells out
    ],
)
def test_a_leaf_may_spell_out_its_own_joints(base, metainfo, tmp_path):
    path = ROOT / 'configs' / f'{base}.py'
    cfg = load_config(write_leaf(tmp_path / 'leaf.py', path, [f'metainfo = {metainfo!r}']))
    assert_linked(cfg)
    assert cfg.model.head.out_channels == 5
    assert tuple(steps(cfg, 'WarpAffine')[0].flip_indices) == (0, 2, 1, 4, 3)


def test_a_leaf_may_replace_the_train_pipeline(tmp_path):
    own = ['LoadImage', 'PadBox', 'WarpAffine', 'PackPose']
    cfg = by_leaf(tmp_path, {'train_pipeline': [{'type': name} for name in own]})
    assert [step.type for step in cfg.train_dataloader.dataset.pipeline] == own
    assert_linked(cfg)


@pytest.mark.parametrize(
    ('changes', 'places'),
    [
        ({'model.head.out_channels': 5}, ['model.head.out_channels is 5', 'len(metainfo.keypoint_names) is 17']),
        ({'model.head.codec': {'type': 'MSRAHeatmap', 'input_size': (64, 64)}}, ['model.head.codec is', 'codec is']),
        (
            {'train_pipeline.1.input_size': (64, 64)},
            ['train_dataloader.dataset.pipeline.1.input_size', 'codec.input_s'],
        ),
        ({'train_pipeline.2.upper_body_ids': (0, 1)}, ['pipeline.2.upper_body_ids', 'metainfo.upper_body_ids']),
        (
            {'val_dataloader.dataset.metainfo': 'lsp'},
            ["val_dataloader.dataset.metainfo is 'lsp'", "metainfo is 'coco'"],
        ),
        ({'val_evaluator.metainfo': 'lsp'}, ["val_evaluator.metainfo is 'lsp'", "metainfo is 'coco'"]),
        (
            {'test_pipeline.2.align_corners': True},
            ['pipeline.2.align_corners is True, but MSRAHeatmap has align_corners = False', 'follows the codec'],
        ),
        (
            {'codec.type': 'UDPHeatmap', 'train_pipeline.6.align_corners': False},
            ['pipeline.6.align_corners is False, but UDPHeatmap has align_corners = True'],
        ),
        ({'model.metainfo': 'lsp'}, ["model.metainfo is 'lsp'", "metainfo is 'coco'"]),
    ],
)
def test_a_contradiction_names_both_places(changes, places):
    with pytest.raises(UserError) as error:
        load_config(W32, changes)
    for place in places:
        assert place in str(error.value)


@pytest.mark.parametrize(('codec', 'aligned'), [('MSRAHeatmap', False), ('DarkHeatmap', False), ('UDPHeatmap', True)])
def test_the_warp_follows_the_codecs_grid(codec, aligned, tmp_path):
    cfg = load_config(W32, {'codec.type': codec})
    assert [step.align_corners for step in steps(cfg, 'WarpAffine')] == [aligned] * 3
    assert_linked(cfg)
    other = 'MSRAHeatmap' if aligned else 'UDPHeatmap'
    cfg.dump(tmp_path / 'saved.py')
    again = load_config(tmp_path / 'saved.py', {'codec.type': other})
    assert [step.align_corners for step in steps(again, 'WarpAffine')] == [not aligned] * 3


def test_a_value_that_repeats_its_source_is_accepted():
    changes = {'model.head.out_channels': 17, 'train_pipeline.1.input_size': [192, 256], 'model.metainfo': 'coco'}
    assert_linked(load_config(W32, changes))


def test_the_test_takes_loader_and_metric_of_validation():
    cfg = load_config(W32, {'val_dataloader.batch_size': 7, 'val_evaluator.nms': 'soft_oks'})
    assert cfg.test_dataloader.batch_size == 7
    assert cfg.test_evaluator[0].nms == 'soft_oks'


def test_data_root_reaches_data_sets_and_metrics():
    cfg = load_config(W32, {'data_root': '/elsewhere'})
    assert {cfg[name].dataset.data_root for name in LOADERS} == {'/elsewhere'}
    assert cfg.val_evaluator[0].ann_file == '/elsewhere/annotations/person_keypoints_val2017.json'
    assert cfg.test_evaluator[0].ann_file == cfg.val_evaluator[0].ann_file


def test_data_sets_inside_a_wrapper_are_linked(tmp_path):
    cfg = load_config(W32)
    inner = {'type': 'CocoDataset', 'ann_file': 'a.json', 'data_prefix': {'img': 'a'}}
    wrapped = {'type': 'ConcatDataset', 'datasets': [{'type': 'RepeatDataset', 'times': 2, 'dataset': inner}, inner]}
    lines = [f'train_dataloader = dict(dataset=dict(_delete_=True, **{wrapped!r}))']
    cfg = load_config(write_leaf(tmp_path / 'leaf.py', W32, lines))
    first, second = cfg.train_dataloader.dataset.datasets
    for dataset in (first.dataset, second):
        assert dataset.metainfo.dataset_name == 'coco'
        assert dataset.pipeline[1].input_size == (192, 256)


def test_a_config_without_codec_comes_back_as_it_is(tmp_path):
    path = tmp_path / 'detector.py'
    path.write_text("model = dict(type='mmdet.RTMDet')\n")
    assert as_dict(load_config(path)) == {'model': {'type': 'mmdet.RTMDet'}}


EVERY = [path for path in sorted(ROOT.glob('configs/**/*.py')) if '_base_' not in path.parts]


@pytest.mark.parametrize('path', EVERY, ids=lambda path: path.stem)
def test_data_root_reaches_every_path_of_every_config(path, tmp_path):
    cfg = load_config(path, {'data_root': '/elsewhere'})
    # OCHuman has no training set, so its config trains on COCO, whose data are elsewhere.
    loaders = [name for name in LOADERS if (path.stem, name) != ('hrnet_w32_ochuman_256x192', 'train_dataloader')]
    for _, dataset in (item for name in loaders for item in each_dataset(cfg[name].dataset, name)):
        assert dataset.data_root == '/elsewhere'
    parts = [part for name in EVALUATORS for part in (cfg[name] if isinstance(cfg[name], list) else [cfg[name]])]
    for part in parts:
        assert part.get('ann_file', '/elsewhere/').startswith('/elsewhere/')


def test_a_saved_config_without_codec_follows_data_root_too(tmp_path):
    detector = ROOT / 'configs/detection/rtmdet_nano_synthetic_224x224.py'
    saved = tmp_path / 'saved.py'
    saved.write_text(text_of(load_config(detector)))
    changes = {'data_root': '/elsewhere'}
    assert as_dict(load_config(saved, changes)) == as_dict(load_config(detector, changes))


@pytest.mark.parametrize('codec', [True, False])
def test_data_root_without_effect_is_refused(codec, tmp_path):
    path = tmp_path / 'own.py'
    base, own = (f'_base_ = [{str(W32)!r}]\n' if codec else ''), "dict(dataset=dict(type='D', data_root='mine'))"
    path.write_text(f'{base}train_dataloader = {own}\nval_dataloader = {own}\n')
    with pytest.raises(UserError, match='each data set has a data_root of its own; write train_dataloader.dataset.'):
        load_config(path, {'data_root': '/elsewhere'})


@pytest.mark.parametrize('changes', [{'data_root': '/elsewhere'}, {'train_pipeline.3.spread': 0.0}])
def test_a_saved_config_follows_a_later_option(changes, tmp_path):
    saved = tmp_path / 'saved.py'
    saved.write_text('\n'.join(f'{key} = {value!r}' for key, value in as_dict(load_config(W32)).items()))
    try:
        assert as_dict(load_config(saved, changes)) == as_dict(load_config(W32, changes))
    except UserError as error:
        assert 'train_dataloader.dataset' in str(error)


def test_a_loader_without_workers_keeps_none_alive():
    cfg = load_config(W32, {'train_dataloader.num_workers': 0})
    assert not cfg.train_dataloader.persistent_workers
    assert cfg.val_dataloader.persistent_workers


def test_a_metric_of_mmengines_stands_beside_ours():
    dump = {'type': 'DumpResults', 'out_file_path': 'x.pkl'}
    cfg = load_config(W32, {'val_evaluator': [{'type': 'CocoMetric'}, dump]})
    assert as_dict(cfg)['val_evaluator'][1] == dump


def test_linked_metainfo_is_complete():
    cfg = load_config(W32, {'metainfo': FIVE})
    assert as_dict(cfg)['metainfo'] == resolve(FIVE)


def test_a_config_without_a_scope_gets_hrposes(tmp_path):
    path = tmp_path / 'bare.py'
    path.write_text("codec = dict(type='MSRAHeatmap', input_size=(64, 64))\n")
    assert load_config(path).default_scope == 'hrpose'


@pytest.mark.parametrize(('metric', 'rule'), [('CocoMetric', 'greater'), ('PCKMetric', 'greater'), ('EPE', 'less')])
def test_the_best_checkpoint_is_chosen_by_the_first_metric(metric, rule, tmp_path):
    lines = [f"val_evaluator = dict(_delete_=True, type='{metric}')"]
    cfg = load_config(write_leaf(tmp_path / 'leaf.py', W32, lines))
    assert cfg.default_hooks.checkpoint.rule == rule
    saved = tmp_path / 'saved.py'
    saved.write_text('\n'.join(f'{key} = {value!r}' for key, value in as_dict(cfg).items()))
    assert load_config(saved, {'val_evaluator': [{'type': 'EPE'}]}).default_hooks.checkpoint.rule == 'less'


@pytest.mark.parametrize(
    'place_and_value',
    [
        'train_dataloader.batch_size=lots',
        'val_dataloader.batch_size=-1',
        'train_dataloader.num_workers=two',
        'train_dataloader.num_workers=None',
        'train_cfg.max_epochs=1.5',
        'train_cfg.val_interval=0',
    ],
)
def test_numbers_that_are_not_whole_are_refused_by_their_place(place_and_value):
    place, value = place_and_value.split('=')
    with pytest.raises(UserError, match=f"^{place} is '?{value}'?; give a whole number of at least [01]$"):
        load_config(W32, parse_options([place_and_value]))
