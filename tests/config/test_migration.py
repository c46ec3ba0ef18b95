"""mmpose's configs become hrpose's in their shortest form; the fixtures are written for these tests."""

from pathlib import Path

import pytest
from mmengine.config import Config

from hrpose.config import link, load_config, read_config
from hrpose.config.migration import Migration, migrate_config, migrated, read_mmpose
from hrpose.config.migration.notes import Notes
from hrpose.config.migration.shorten import base_name, read_shipped, render
from hrpose.config.origins import inheritance
from hrpose.config.shipped import bases_by_name, config_folder, find_config
from hrpose.config.unread import unread
from hrpose.errors import UserError
from hrpose.models.data_preprocessor import PoseDataPreprocessor
from hrpose.registry import MODELS

STYLE = Path(__file__).parent / 'mmpose_style'
NAMES = ('hrnet_udp', 'resnet_hand', 'hourglass_mpii')


def migrate(name: str, tmp_path: Path) -> tuple[Migration, Path]:
    out = tmp_path / 'mine.py'
    migration = migrate_config(STYLE / f'{name}.py', out)
    out.write_text(migration.text)
    return migration, out


def test_a_stock_config_becomes_a_few_lines_on_its_counterpart(tmp_path):
    migration, _ = migrate('hrnet_udp', tmp_path)
    assert migration.notes.missing == []
    assert migration.text.splitlines() == [
        "# Migrated from mmpose's hrnet_udp.py by `hrpose migrate`.",
        "_base_ = ['hrpose::hrnet_w32_coco_256x192_udp.py']",
        '',
        "val_dataloader = dict(dataset=dict(bbox_file='boxes/val.json'))",
        "model = dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='hrnet_w32_imagenet')))",
    ]


@pytest.mark.parametrize('name', NAMES)
def test_the_short_form_has_every_value_of_the_whole_one(name, tmp_path):
    _, out = migrate(name, tmp_path)
    path = STYLE / f'{name}.py'
    whole = link(Config(migrated(read_mmpose(path), path, Notes())))
    short = load_config(out)
    for key in ('codec', 'metainfo', 'param_scheduler', 'train_cfg', 'auto_scale_lr', 'load_from', 'data_root'):
        assert short[key] == whole[key], key
    assert sorted(short) == sorted(whole)
    models = [MODELS.build(cfg.model).state_dict() for cfg in (short, whole)]
    shapes = [{key: value.shape for key, value in model.items()} for model in models]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize('name', NAMES)
def test_every_value_that_is_written_is_read(name, tmp_path):
    _, out = migrate(name, tmp_path)
    written = read_config(out)
    with bases_by_name():
        files = list(inheritance(out))
    assert list(unread(written._cfg_dict, link(written)._cfg_dict, files)) == []


def test_joints_of_ones_own_keep_names_mirrors_limbs_and_sigmas(tmp_path):
    _, out = migrate('resnet_hand', tmp_path)
    metainfo = load_config(out).metainfo
    assert metainfo.keypoint_names == ('wrist', 'index', 'middle', 'ring')
    assert metainfo.flip_indices == (0, 3, 2, 1)
    assert metainfo.skeleton == ((0, 1), (0, 3))
    assert metainfo.sigmas == (0.03, 0.04, 0.04, 0.04)
    assert metainfo.upper_body_ids == (1, 2, 3)


def test_values_other_than_the_stock_ones_are_kept(tmp_path):
    migration, out = migrate('resnet_hand', tmp_path)
    cfg = load_config(out)
    assert cfg.codec.type == 'DarkHeatmap' and cfg.codec.sigma == 1.5 and cfg.codec.blur_kernel_size == 11
    assert cfg.model.backbone == dict(type='ResNet', depth=18)
    assert tuple(cfg.model.head.deconv_channels) == (64, 64, 64)
    assert cfg.model.flip_shift is False
    assert cfg.frozen == ['backbone.conv1', 'backbone.bn1', 'backbone.layer1'] and cfg.sync_bn == 'torch'
    assert cfg.train_dataloader.num_workers == 8 and cfg.val_dataloader.dataset.bbox_file == '/boxes/val.json'
    assert cfg.val_dataloader.dataset.bbox_threshold == 0.3
    kinds = [step.type for step in cfg.train_pipeline]
    assert kinds == ['LoadImage', 'PadBox', 'TruncatedScale', 'TruncatedRotation', 'WarpAffine', 'PackPose']
    assert [cfg.train_pipeline[1].padding, cfg.train_pipeline[2].low, cfg.train_pipeline[3].degrees] == [1.1, 0.8, 30]
    assert [metric.type for metric in cfg.val_evaluator] == ['CocoMetric', 'PCKMetric']
    assert cfg.val_evaluator[0].nms is None and tuple(cfg.val_evaluator[1].thresholds) == (0.2,)
    assert cfg.optim_wrapper.optimizer == dict(type='AdamW', lr=1e-3, weight_decay=0.01, fused=True)
    assert cfg.optim_wrapper.clip_grad == dict(max_norm=1)
    assert cfg.load_from == 'simplebaseline_r50_coco_256x192'
    assert 'codec: MSRAHeatmap with unbiased=True -> DarkHeatmap' in migration.notes.done


def test_bgr_networks_stay_bgr(tmp_path):
    _, out = migrate('resnet_hand', tmp_path)
    preprocessor = MODELS.build({'type': 'PoseDataPreprocessor', **load_config(out).model.data_preprocessor})
    assert isinstance(preprocessor, PoseDataPreprocessor) and preprocessor.channel_order == 'bgr'
    assert preprocessor.mean.flatten().tolist() == pytest.approx([123.675, 116.28, 103.53])


def test_a_part_without_counterpart_is_named_in_notes_and_in_the_file(tmp_path):
    migration, _ = migrate('resnet_hand', tmp_path)
    (line,) = migration.notes.missing
    assert line.startswith('train_pipeline.3: hrpose has no transform Albumentation')
    assert '# No counterpart: train_pipeline.3: hrpose has no transform Albumentation' in migration.text


def test_hourglass_and_mpii_keep_stacks_loss_and_ground_truth(tmp_path):
    _, out = migrate('hourglass_mpii', tmp_path)
    cfg = load_config(out)
    assert cfg.model.backbone == dict(type='Hourglass52', num_stacks=2)
    assert cfg.model.head.type == 'StackedHeatmapHead' and cfg.model.head.loss.factor == 0.5
    assert cfg.metainfo.dataset_name == 'mpii'
    assert cfg.val_evaluator[0].gt_file == 'data/mpii/annotations/mpii_gt_val.mat'
    assert cfg.val_dataloader.dataset.ann_file == 'annotations/mpii_val.json'


WRONG = [
    (
        "model = dict(backbone=dict(_delete_=True, type='SwinTransformer'))",
        "model.backbone.type is 'SwinTransformer', and",
    ),
    ("model = dict(type='BottomupPoseEstimator')", "model.type is 'BottomupPoseEstimator', and hrpose has"),
    ("model = dict(neck=dict(type='FPN'))", 'model.neck: hrpose has no neck of mmpose'),
    (
        "codec = dict(_delete_=True, type='SimCCLabel', input_size=(192, 256))",
        "codec.type is 'SimCCLabel', and hrpose has",
    ),
    ("model = dict(head=dict(loss=dict(type='AdaptiveWingLoss')))", "model.head.loss.type is 'AdaptiveWingLoss', and"),
    ("train_dataloader = dict(dataset=dict(type='MhpDataset'))", "train_dataloader.dataset.type is 'MhpDataset', and"),
    ("train_dataloader = dict(dataset=dict(data_mode='bottomup'))", "train_dataloader.dataset.data_mode is 'bottomup'"),
    ('train_dataloader = dict(dataset=dict(metainfo=dict(from_file="no.py")))', 'metainfo.from_file: no file no.py'),
    (
        'model = dict(backbone=dict(extra=dict(stage1=dict(num_channels=(32,)))))',
        'another HRNet than those that hrpose',
    ),
    (
        "model = dict(_delete_=True, type='TopdownPoseEstimator', head=dict(type='HeatmapHead'))",
        "model.backbone.type is ''",
    ),
    ('default_scope = "hrpose"\nmodel = None', "no config of mmpose 1.x, whose default_scope is 'mmpose'"),
    ('1 / 0', 'cannot be read: ZeroDivisionError'),
]


@pytest.mark.parametrize(('line', 'message'), WRONG, ids=[line[:40] for line, _ in WRONG])
def test_an_essential_part_without_counterpart_is_an_error(line, message, tmp_path):
    path = tmp_path / 'theirs.py'
    path.write_text(f'_base_ = [{str(STYLE / "hrnet_udp.py")!r}]\n{line}\n')
    with pytest.raises(UserError) as raised:
        migrate_config(path, tmp_path / 'mine.py')
    assert str(raised.value).startswith(f'{path}: ') and message in str(raised.value)


def test_a_missing_base_is_an_error_that_says_what_to_give(tmp_path):
    path = tmp_path / 'theirs.py'
    path.write_text("_base_ = ['../default_runtime.py']\n")
    with pytest.raises(UserError, match='a config that it inherits from is missing'):
        migrate_config(path, tmp_path / 'mine.py')


def test_a_config_that_needs_mmpose_itself_is_an_error(tmp_path):
    path = tmp_path / 'theirs.py'
    path.write_text("_base_ = ['mmpose::body/any.py']\n")
    with pytest.raises(UserError, match='without mmpose installed, give the config that mmpose has written'):
        migrate_config(path, tmp_path / 'mine.py')


def test_hooks_that_are_known_stay_and_others_are_named(tmp_path):
    path = tmp_path / 'theirs.py'
    hooks = "dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.1), dict(type='YOLOXPoseModeSwitchHook')"
    path.write_text(f'_base_ = [{str(STYLE / "hrnet_udp.py")!r}]\ncustom_hooks = [{hooks}]\n')
    migration = migrate_config(path, tmp_path / 'mine.py')
    assert "custom_hooks = [dict(type='EMAHook', momentum=0.1)]" in migration.text
    places = [line.split(':')[0] for line in migration.notes.missing]
    assert places == ['custom_hooks.0.ema_type', 'custom_hooks.1']


def test_a_config_of_mmpose_is_pointed_to_hrpose_migrate():
    path = STYLE / 'hrnet_udp.py'
    for options in (None, {'train_cfg.max_epochs': 1}):
        with pytest.raises(UserError) as raised:
            load_config(path, options)
        assert str(raised.value).endswith(f'into one of hrpose: hrpose migrate {path} --out mine.py')
    with pytest.raises(UserError, match='the config: a config of mmpose, which hrpose does not build'):
        link(Config(read_mmpose(path)))


def test_a_name_of_mmpose_in_place_of_a_config_leads_to_ours():
    with pytest.raises(
        UserError, match='and hrpose has hrnet_w32_coco_256x192 and hrnet_w32_coco_256x192_mmpose_recipe'
    ):
        find_config('td-hm_hrnet-w32_8xb64-210e_coco-256x192.py')


def test_beside_shipped_configs_the_base_is_a_file_name(tmp_path):
    assert base_name('hrnet_w32_coco_256x192', config_folder() / 'mine.py') == 'hrnet_w32_coco_256x192.py'
    assert base_name('hrnet_w32_coco_256x192', tmp_path / 'mine.py') == 'hrpose::hrnet_w32_coco_256x192.py'


def test_rendered_values_read_back_as_they_were(tmp_path):
    values = read_shipped('hrnet_w32_coco_256x192_dark')
    (tmp_path / 'whole.py').write_text(render({'_base_': [], **values}))
    assert Config.fromfile(tmp_path / 'whole.py')._cfg_dict.to_dict() == values
    assert max(map(len, (tmp_path / 'whole.py').read_text().splitlines())) <= 120


def test_a_data_set_of_mmpose_keeps_its_joints_metric_and_halves(tmp_path):
    path = tmp_path / 'theirs.py'
    lines = [
        f'_base_ = [{str(STYLE / "hrnet_udp.py")!r}]',
        'dataset = dict(type="CocoWholeBodyDataset", ann_file="annotations/whole.json")',
        'train_dataloader = dict(dataset=dataset)',
        'val_dataloader = dict(dataset=dataset)',
        'test_dataloader = dict(dataset=dataset)',
        'val_evaluator = dict(type="CocoWholeBodyMetric", ann_file="data/coco/annotations/whole.json", use_area=False)',
        'test_evaluator = val_evaluator',
        'default_hooks = dict(checkpoint=dict(save_best="coco-wholebody/AP", rule="greater"))',
    ]
    path.write_text('\n'.join(lines) + '\n')
    migration = migrate_config(path, tmp_path / 'mine.py')
    (tmp_path / 'mine.py').write_text(migration.text)
    cfg = load_config(tmp_path / 'mine.py')
    assert migration.notes.missing == []
    assert cfg.metainfo.dataset_name == 'coco_wholebody' and cfg.model.head.out_channels == 133
    assert {cfg[f'{stage}_dataloader'].dataset.type for stage in ('train', 'val')} == {'CocoWholeBodyDataset'}
    assert (cfg.val_evaluator[0].type, cfg.val_evaluator[0].use_area) == ('CocoWholeBodyMetric', False)
    (half,) = [step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'RandomHalfBody']
    assert tuple(half.lower_body_ids) == tuple(range(11, 23))
    assert cfg.default_hooks.checkpoint.save_best == 'auto'


@pytest.mark.parametrize(
    ('theirs', 'joints'),
    [('AicDataset', 'aic'), ('HumanArtDataset', 'humanart'), ('OCHumanDataset', 'ochuman')],
)
def test_a_data_set_in_cocos_layout_becomes_a_coco_dataset_with_its_joints(theirs, joints, tmp_path):
    path = tmp_path / 'theirs.py'
    data = '\n'.join(f'{stage}_dataloader = dict(dataset=dict(type={theirs!r}))' for stage in ('train', 'val', 'test'))
    path.write_text(f'_base_ = [{str(STYLE / "hrnet_udp.py")!r}]\n{data}\n')
    migration = migrate_config(path, tmp_path / 'mine.py')
    (tmp_path / 'mine.py').write_text(migration.text)
    cfg = load_config(tmp_path / 'mine.py')
    assert (cfg.train_dataloader.dataset.type, cfg.metainfo.dataset_name) == ('CocoDataset', joints)
