"""Every config in configs/: what it says is the published recipe, and what it names can be built."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from hrpose.checkpoints.table import PUBLISHED
from hrpose.config import link, load_config, parse_options
from hrpose.datasets.transforms.base import RegionStep
from hrpose.registry import DATASETS, MODELS, TRANSFORMS
from tests.config.cases import LOADERS, as_dict, assert_linked
from tests.datasets.test_metainfo import COUNTS

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted((ROOT / 'configs').glob('*.py'))
every_config = pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)


@dataclass(frozen=True)
class Recipe:
    """What a published row was trained with; `batch` is per GPU and over all of them."""

    arch: str | int  # of HRNet; of ResNet the depth
    input_size: tuple[int, int]
    data: str = 'coco'
    sigma: float = 2
    batch: tuple[int, int] = (32, 128)
    rate: float = 1e-3
    warm_up: int = 0
    loss_factor: float = 0.5
    epochs: int = 210
    steps: tuple[int, int] = (170, 200)
    start: str | None = None
    map_index: int = 0
    codec: str = 'MSRAHeatmap'


MMPOSE_W32 = dict(batch=(64, 512), rate=5e-4, warm_up=500, loss_factor=1)
MMPOSE_W48 = MMPOSE_W32 | dict(batch=(32, 256))
MMPOSE_JHMDB_SCHEDULE = dict(epochs=20, steps=(8, 15), **MMPOSE_W32)
SIMPLE_BASELINES = (('simplebaseline_r50', 50), ('simplebaseline_r101', 101), ('simplebaseline_r152', 152))
BY_MMPOSE = ('aic', 'humanart', 'ochuman')
SIMPLE_BASELINE = dict(epochs=140, steps=(90, 120))

# Sources: the official releases' yaml files, mmpose 1.x's configs, and for PoseTrack section 4.3 of Sun et al. (2019).
RECIPES = {
    'hrnet_w32_coco_256x192': Recipe('w32', (192, 256)),
    'hrnet_w48_coco_256x192': Recipe('w48', (192, 256)),
    'hrnet_w32_coco_384x288': Recipe('w32', (288, 384), sigma=3),
    'hrnet_w48_coco_384x288': Recipe('w48', (288, 384), sigma=3, batch=(24, 96)),
    'hrnet_w32_mpii_256x256': Recipe('w32', (256, 256), data='mpii'),
    'hrnet_w48_mpii_256x256': Recipe('w48', (256, 256), data='mpii'),
    'hrnet_w32_coco_256x192_mmpose_recipe': Recipe('w32', (192, 256), **MMPOSE_W32),
    'hrnet_w32_crowdpose_256x192': Recipe('w32', (192, 256), data='crowdpose'),
    **{f'hrnet_w32_{data}_256x192': Recipe('w32', (192, 256), data=data, **MMPOSE_W32) for data in BY_MMPOSE},
    'hrnet_w48_humanart_256x192': Recipe('w48', (192, 256), data='humanart', **MMPOSE_W48),
    'simplebaseline_r101_aic_256x192': Recipe(101, (192, 256), data='aic', **MMPOSE_W32),
    'hrnet_w32_halpe_256x192': Recipe('w32', (192, 256), data='halpe', **MMPOSE_W32),
    'hrnet_w32_jhmdb_256x256': Recipe(
        'w32',
        (256, 256),
        data='jhmdb',
        start='hrnet_w32_mpii_256x256',
        **MMPOSE_JHMDB_SCHEDULE,
    ),
    **{
        f'{name}_ap10k_256x256': Recipe(arch, (256, 256), data='ap10k', **MMPOSE_W32)
        for name, arch in (('hrnet_w32', 'w32'), ('hrnet_w48', 'w48'), *SIMPLE_BASELINES[:2])
    },
    **{
        f'simplebaseline_r50_jhmdb_sub{split}_256x256': Recipe(
            50, (256, 256), data='jhmdb', start='simplebaseline_r50_mpii_256x256', **MMPOSE_JHMDB_SCHEDULE
        )
        for split in (1, 2, 3)
    },
    'hrnet_w32_posetrack18_256x192': Recipe(
        'w32', (192, 256), data='posetrack18', rate=1e-4, epochs=20, steps=(10, 15), start='hrnet_w32_coco_256x192'
    ),
    'hrnet_w48_posetrack18_384x288': Recipe(
        'w48',
        (288, 384),
        sigma=3,
        batch=(24, 96),
        data='posetrack18',
        rate=1e-4,
        epochs=20,
        steps=(10, 15),
        start='hrnet_w48_coco_384x288',
    ),
}
# mmpose trained the smaller of each on 8 x 64 and the larger on 8 x 32.
for name, arch, recipe in (
    ('hrnet_w32', 'w32', MMPOSE_W32),
    ('hrnet_w48', 'w48', MMPOSE_W48),
    ('simplebaseline_r50', 50, MMPOSE_W32),
    ('simplebaseline_r101', 101, MMPOSE_W48),
    ('simplebaseline_r152', 152, MMPOSE_W48),
):
    BODY = dict(data='coco_wholebody', **recipe)
    RECIPES[f'{name}_wholebody_256x192'] = Recipe(arch, (192, 256), **BODY)
    RECIPES[f'{name}_wholebody_384x288'] = Recipe(arch, (288, 384), sigma=3, **BODY)
DARK_BODY = dict(data='coco_wholebody', codec='DarkHeatmap')
RECIPES['hrnet_w32_wholebody_256x192_dark'] = Recipe('w32', (192, 256), **DARK_BODY, **MMPOSE_W32)
RECIPES['hrnet_w48_wholebody_384x288_dark'] = Recipe('w48', (288, 384), sigma=3, **DARK_BODY, **MMPOSE_W48)
for depth, recipe in ((50, MMPOSE_W32), (101, MMPOSE_W32), (152, MMPOSE_W48)):
    DARK = dict(codec='DarkHeatmap', **recipe)
    RECIPES[f'simplebaseline_r{depth}_coco_256x192_dark'] = Recipe(depth, (192, 256), **DARK)
    RECIPES[f'simplebaseline_r{depth}_coco_384x288_dark'] = Recipe(depth, (288, 384), sigma=3, **DARK)
for arch in ('w32', 'w48'):
    RECIPES[f'hrnet_{arch}_mpii_256x256_dark'] = Recipe(arch, (256, 256), data='mpii', codec='DarkHeatmap')
for arch, batch in (('w32', (64, 512)), ('w48', (32, 256))):
    for codec, word in (('DarkHeatmap', 'dark'), ('UDPHeatmap', 'udp')):
        MMPOSE = dict(codec=codec, batch=batch, rate=5e-4, warm_up=500, loss_factor=1)
        RECIPES[f'hrnet_{arch}_coco_256x192_{word}'] = Recipe(arch, (192, 256), **MMPOSE)
        RECIPES[f'hrnet_{arch}_coco_384x288_{word}'] = Recipe(arch, (288, 384), sigma=3, **MMPOSE)
    LONGER = dict(epochs=420, steps=(380, 410), **MMPOSE)
    RECIPES[f'hrnet_{arch}_coco_256x192_best'] = Recipe(arch, (192, 256), **LONGER)
    RECIPES[f'hrnet_{arch}_coco_384x288_best'] = Recipe(arch, (288, 384), sigma=3, **LONGER)
for height, width in ((128, 96), (192, 128), (320, 224), (352, 256)):
    RECIPES[f'hrnet_w32_coco_{height}x{width}'] = Recipe('w32', (width, height))
for map_index, coarser in enumerate(('2x', '4x', '8x'), 1):
    RECIPES[f'hrnet_w32_coco_256x192_map_{coarser}'] = Recipe('w32', (192, 256), map_index=map_index)
for arch, name in (('w32', 'final_exchange'), ('w32', 'across_exchange'), ('w24', 'all_branches')):
    RECIPES[f'hrnet_{arch}_coco_256x192_{name}'] = Recipe(f'{arch}_{name}', (192, 256))
RECIPES['dilated_r50_coco_256x192'] = Recipe(50, (192, 256), **SIMPLE_BASELINE)
for depth in (50, 101, 152):
    RECIPES |= {
        f'simplebaseline_r{depth}_coco_256x192': Recipe(depth, (192, 256), **SIMPLE_BASELINE),
        f'simplebaseline_r{depth}_coco_384x288': Recipe(depth, (288, 384), sigma=3, **SIMPLE_BASELINE),
        f'simplebaseline_r{depth}_mpii_256x256': Recipe(depth, (256, 256), data='mpii', **SIMPLE_BASELINE),
    }

OFFICIAL_COCO = [
    ('RandomHalfBody', dict(prob=0.3, min_joints=8, padding=1.5, upper_prob=pytest.approx(0.6915, abs=1e-4))),
    ('RandomScale', dict(spread=0.35)),
    ('RandomRotation', dict(degrees=45, prob=0.6)),
    ('RandomFlip', dict(prob=0.5)),
]
SIMPLE_COCO = [
    ('RandomScale', dict(spread=0.3)),
    ('RandomRotation', dict(degrees=40, prob=0.6)),
    ('RandomFlip', dict(prob=0.5)),
]
OFFICIAL_MPII = [
    ('RandomScale', dict(spread=0.25)),
    ('RandomRotation', dict(degrees=30, prob=0.6)),
    ('RandomFlip', dict(prob=0.5)),
]
MMPOSE_JHMDB = [
    ('RandomFlip', dict(prob=0.5)),
    ('TruncatedShift', dict(factor=0.16, prob=0.3)),
    ('TruncatedScale', dict(middle=1.0, span=0.25)),
    ('TruncatedRotation', dict(degrees=60, prob=0.6)),
]
MMPOSE_COCO = [
    ('RandomFlip', dict(prob=0.5)),
    ('RandomHalfBody', dict(prob=0.3, min_joints=8, padding=1.5, upper_prob=0.7)),
    ('TruncatedShift', dict(factor=0.16, prob=0.3)),
    ('TruncatedScale', dict(middle=1.0, span=0.5)),
    ('TruncatedRotation', dict(degrees=80, prob=0.6)),
]


def load(name: str) -> Config:
    return load_config(ROOT / 'configs' / f'{name}.py')


def build_pipeline(cfg: Config, loader: str) -> list[Any]:
    return [TRANSFORMS.build(step) for step in cfg[loader].dataset.pipeline]


@pytest.fixture
def build_on_meta():
    """Build models on the meta device: shapes without numbers, in a tenth of a second."""

    def build(cfg: Config) -> torch.nn.Module:
        with torch.device('meta'):
            return MODELS.build(cfg.model)

    return build


@every_config
def test_link_is_pure_and_idempotent(path):
    raw = Config.fromfile(str(path))
    before = as_dict(raw)
    once = link(raw)
    assert as_dict(raw) == before
    after = as_dict(once)
    assert as_dict(link(once)) == after
    assert as_dict(once) == after
    once.codec.sigma = 99
    once.train_dataloader.dataset.pipeline[1].padding = 99
    assert as_dict(raw) == before


@every_config
def test_every_config_links_and_its_pipelines_build(path):
    cfg = load_config(path)
    assert_linked(cfg)
    for loader in LOADERS:
        steps = [type(step).__name__ for step in build_pipeline(cfg, loader)]
        assert (steps[:2], steps[-1]) == (['LoadImage', 'PadBox'], 'PackPose')
        is_best = 'coco' in path.stem and path.stem.endswith('_best')
        pixels = ['ColorJitter', 'Cutout'] if is_best else ['ColorJitter'] if path.stem.endswith('_best_long') else []
        assert steps[steps.index('WarpAffine') + 1 : -1] == (pixels if loader == 'train_dataloader' else [])
    assert [type(step).__name__ for step in build_pipeline(cfg, 'test_dataloader')[2:-2]] == []


@every_config
def test_every_configs_model_builds_with_a_heatmap_a_joint(path, build_on_meta):
    cfg = load_config(path)
    model = build_on_meta(cfg).eval()
    width, height = cfg.codec.input_size
    heatmaps = model(torch.zeros(1, 3, height, width, device='meta'))
    assert heatmaps.shape == (1, len(cfg.metainfo.keypoint_names), *reversed(cfg.codec.heatmap_size))
    assert model.head.codec.input_size == (width, height)
    assert model.flip_test


def test_every_published_config_has_its_recipe_here():
    names = {path.stem for path in CONFIGS}
    own = {name for name in names if 'lspet' in name or 'synthetic' in name}
    elsewhere = {name for name in names if name.startswith(('cpn', 'hourglass'))}  # tests/models/
    assert names - own - elsewhere == set(RECIPES)


@pytest.mark.parametrize(('name', 'recipe'), RECIPES.items(), ids=RECIPES)
def test_a_config_states_the_published_network_and_schedule(name, recipe, build_on_meta):
    cfg = load(name)
    assert (cfg.metainfo.dataset_name, len(cfg.metainfo.keypoint_names)) == (recipe.data, COUNTS[recipe.data])
    width, height = recipe.input_size
    assert tuple(cfg.codec.input_size) == recipe.input_size
    stride = 4 * 2**recipe.map_index
    assert tuple(cfg.codec.heatmap_size) == (width // stride, height // stride)
    assert (cfg.codec.type, cfg.codec.sigma) == (recipe.codec, recipe.sigma)
    assert cfg.model.backbone.get('depth', cfg.model.backbone.get('arch')) == recipe.arch
    model = build_on_meta(cfg)
    finest = int(recipe.arch[1:].split('_')[0]) if isinstance(recipe.arch, str) else 2048
    assert (model.backbone.out_channels[0], cfg.model.head.get('map_index', 0)) == (finest, recipe.map_index)
    assert model.head.loss_module.factor == recipe.loss_factor
    assert (cfg.train_dataloader.batch_size, cfg.auto_scale_lr.base_batch_size) == recipe.batch
    assert (cfg.train_cfg.max_epochs, cfg.load_from) == (recipe.epochs, recipe.start)
    optimizer = as_dict(cfg)['optim_wrapper']['optimizer']
    assert optimizer == dict(type='Adam', lr=recipe.rate, fused=True)  # no weight decay
    *warm_up, steps = cfg.param_scheduler
    assert (steps.type, steps.milestones, steps.gamma) == ('MultiStepLR', list(recipe.steps), 0.1)
    assert [(part.type, part.end, part.by_epoch) for part in warm_up] == [('LinearLR', recipe.warm_up, False)] * bool(
        recipe.warm_up
    )


@pytest.mark.parametrize('name', RECIPES)
def test_a_config_augments_as_published(name):
    published = SIMPLE_COCO if isinstance(RECIPES[name].arch, int) else OFFICIAL_COCO
    by_mmpose = MMPOSE_JHMDB if 'jhmdb' in name else MMPOSE_COCO
    expected = by_mmpose if RECIPES[name].warm_up else OFFICIAL_MPII if 'mpii' in name else published
    steps = [step for step in build_pipeline(load(name), 'train_dataloader') if isinstance(step, RegionStep)][1:]
    assert [type(step).__name__ for step in steps] == [kind for kind, _ in expected]
    for step, (_, values) in zip(steps, expected, strict=True):
        assert {key: getattr(step, key) for key in values} == values


@pytest.mark.parametrize('name', RECIPES)
def test_only_the_best_recipes_average_weights(name):
    hooks = [hook.type for hook in load(name).get('custom_hooks', [])]
    assert hooks == (['EMAHook'] if name.endswith('_best') else [])


@pytest.mark.parametrize('name', [name for name in RECIPES if 'coco' in name])
def test_a_train_pipeline_turns_a_person_into_an_input(name, tiny_coco):
    data = tiny_coco(joints=17, images=1)
    dataset = as_dict(load(name))['train_dataloader']['dataset']
    paths = {key: value for key, value in data.arguments.items() if key != 'metainfo'}
    packed = DATASETS.build({**dataset, **paths, 'data_root': ''})[0]
    width, height = RECIPES[name].input_size
    assert packed['inputs'].shape == (3, height, width)
    assert packed['data_samples'].gt_instance_labels.keypoints.shape == (1, 17, 2)


@pytest.mark.parametrize('name', RECIPES)
def test_the_box_is_padded_by_a_quarter_and_fitted_to_the_input(name):
    for loader in LOADERS:
        pad = build_pipeline(load(name), loader)[1]
        width, height = RECIPES[name].input_size
        assert (pad.padding, pad.aspect) == (1.25, width / height)


def test_mpii_is_read_where_the_official_release_puts_it():
    cfg = load_config(ROOT / 'configs' / 'hrnet_w32_mpii_256x256.py', {'data_root': '/elsewhere'})
    files = [cfg[loader].dataset.ann_file for loader in LOADERS]
    assert files == ['annot/train.json', 'annot/valid.json', 'annot/valid.json']
    assert {cfg[loader].dataset.type for loader in LOADERS} == {'MpiiDataset'}
    assert {cfg[loader].dataset.data_prefix.img for loader in LOADERS} == {'images'}
    (metric,) = cfg.test_evaluator
    assert (metric.type, metric.gt_file) == ('MpiiMetric', '/elsewhere/annot/gt_valid.mat')


def states_the_whole_model(name: str) -> bool:
    return "type='TopdownPoseEstimator'" in (ROOT / 'configs' / f'{name}.py').read_text()


@pytest.mark.parametrize(
    'name', [n for n, r in RECIPES.items() if r.arch == 'w32' and not r.start and states_the_whole_model(n)]
)
def test_the_start_from_imagenet_is_the_option_that_the_comment_says(name):
    path = ROOT / 'configs' / f'{name}.py'
    (words,) = re.findall(r'^# +--cfg-options (.*)$', path.read_text(), re.M)
    cfg = load_config(path, parse_options(words.split()))
    assert as_dict(cfg)['model']['backbone']['init_cfg'] == dict(type='Pretrained', checkpoint='hrnet_w32_imagenet')
    assert 'init_cfg' not in load(name).model.backbone
    assert {'hrnet_w32_imagenet', 'hrnet_w48_imagenet'} <= set(PUBLISHED)


@pytest.mark.parametrize(
    ('name', 'annotations', 'metrics'),
    [
        ('hrnet_w32_crowdpose_256x192', 'annotations/crowdpose_test.json', ['CrowdPoseMetric']),
        ('hrnet_w32_posetrack18_256x192', 'annotations/val', ['PoseTrack18Metric', 'CocoMetric']),
    ],
)
def test_a_metric_reads_its_truth_where_the_data_set_reads_it(name, annotations, metrics):
    cfg = load_config(ROOT / 'configs' / f'{name}.py', {'data_root': '/elsewhere'})
    assert [metric.type for metric in cfg.test_evaluator] == metrics
    assert {metric.ann_file for metric in cfg.test_evaluator} == {f'/elsewhere/{annotations}'}
