"""Parts by name: found with nothing imported before, explained if they are unknown."""

import subprocess
import sys

import pytest
from mmengine import registry as root
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from hrpose import registry
from hrpose.errors import UserError
from hrpose.plugins.openmmlab import prepare_openmmlab

OWN_PARTS = {
    'MODELS': 'HRNet HRNetClassificationNeck HeatmapHead ImageClassifier KeypointMSELoss PoseDataPreprocessor ResNet '
    'TopdownPoseEstimator',
    'CODECS': 'MSRAHeatmap',
    'DATASETS': 'CocoDataset ImageFolder',
    'DATA_SAMPLERS': 'EpochSampler',
    'TRANSFORMS': 'LoadImage PadBox RandomFlip RandomHalfBody RandomRotation RandomScale WarpAffine PackPose '
    'RandomResizedCrop ResizeCenterCrop PackImage',
    'METRICS': 'AccuracyMetric CocoMetric PCKMetric',
    'VISUALIZERS': 'PoseVisualizer',
    'HOOKS': 'PoseVisualizationHook',
    'OPTIMIZERS': 'MuonAdamW',
    'OPTIM_WRAPPERS': 'BF16OptimWrapper',
    'TASK_UTILS': 'DISFlow',
    'RUNNERS': 'PoseRunner',
}

MISTAKES = [
    ('MODELS', 'HRNett', 'HRNet'),
    ('CODECS', 'MSRAHeatmaps', 'MSRAHeatmap'),
    ('DATASETS', 'CoCoDatset', 'CocoDataset'),
    ('TRANSFORMS', 'WarpAfine', 'WarpAffine'),
    ('METRICS', 'CocoMetrik', 'CocoMetric'),
    ('HOOKS', 'IterTimrHook', 'IterTimerHook'),
    ('OPTIMIZERS', 'Adamm', 'Adam'),
]

# Each registry in a forked process, in which only the registries of hrpose are imported.
FRESH = """
import os, sys
import cv2, matplotlib.pyplot, mmengine.runner, torch.utils.tensorboard
from hrpose import registry
parts = {parts!r}
assert not [name for name in sys.modules if name.startswith(('hrpose.models', 'hrpose.codecs', 'hrpose.datasets'))]
for kind, names in parts.items():
    if os.fork() == 0:
        missing = [name for name in names.split() if name not in getattr(registry, kind)]
        os._exit(bool(missing))
    _, status = os.wait()
    print(kind, status)
"""


def test_parts_are_found_with_nothing_imported_before(repository):
    script = FRESH.format(parts=OWN_PARTS)
    done = subprocess.run([sys.executable, '-c', script], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.split('\n')[:-1] == [f'{kind} 0' for kind in OWN_PARTS]


def test_other_toolboxes_build_parts_by_scope(repository):
    script = (
        'from mmengine.registry import MODELS\n'
        "print(MODELS.build(dict(type='hrpose.HRNet', arch='w16_small')).out_channels)"
    )
    done = subprocess.run([sys.executable, '-c', script], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '(16,)'


@pytest.mark.parametrize(
    ('kind', 'name'),
    [('HOOKS', 'IterTimerHook'), ('OPTIMIZERS', 'Adam'), ('DATASETS', 'ConcatDataset'), ('METRICS', 'DumpResults')],
)
def test_parts_of_mmengine_are_reachable(kind, name):
    ours = getattr(registry, kind)
    assert ours.get(name) is getattr(root, kind).get(name)
    assert name in ours


@pytest.mark.parametrize(('kind', 'wrong', 'near'), MISTAKES)
def test_an_unknown_name_gives_the_nearest_and_custom_imports(kind, wrong, near):
    with pytest.raises(UserError) as error:
        getattr(registry, kind).build({'type': wrong})
    assert f"'{wrong}'" in str(error.value)
    assert f'nearest: {near}' in str(error.value)
    assert 'custom_imports' in str(error.value)
    assert wrong not in getattr(registry, kind)


@pytest.mark.parametrize(('kind', 'wrong', 'near'), [mistake for mistake in MISTAKES if mistake[0] != 'CODECS'])
def test_mmengines_registry_explains_unknown_names_too(kind, wrong, near):
    with DefaultScope.overwrite_default_scope('hrpose'), pytest.raises(UserError, match=f'nearest: {near}'):
        getattr(root, kind).build({'type': wrong})


def test_the_runner_explains_unknown_names_too(tmp_path):
    with pytest.raises(UserError, match='nearest: TopdownPoseEstimator'):
        Runner(
            model={'type': 'TopdownPoseEstimatr'},
            work_dir=str(tmp_path),
            default_scope='hrpose',
            experiment_name='unknown_name',
            log_level='ERROR',
        )


@pytest.mark.parametrize('name', ['os.mkdir', 'subprocess.Popen', 'builtins.eval', 'torch.load', 'hrpose.cli.run.run'])
@pytest.mark.parametrize('scope', ['hrpose', 'mmengine', 'mmdet'])
def test_a_type_is_never_merely_importable(name, scope, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepare_openmmlab()
    for hooks in (registry.HOOKS, root.HOOKS):
        with pytest.raises((UserError, KeyError, RuntimeError)):
            hooks.build({'type': name, 'path': 'HACKED', '_scope_': scope})
    assert list(tmp_path.iterdir()) == []


def test_a_full_name_may_name_a_registered_part():
    assert registry.MODELS.get('hrpose.models.backbones.hrnet.HRNet').__name__ == 'HRNet'
    prepare_openmmlab()
    assert root.MODELS.get('mmengine.model.ImgDataPreprocessor').__name__ == 'ImgDataPreprocessor'
