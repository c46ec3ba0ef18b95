"""Several processes compute the same as one: weights in training, metrics in a test."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import EMAHook, Hook
from mmengine.structures import InstanceData
from torch import distributed, nn

from hrpose.engine.distributed.processes import average_in_any_order, join, leave, require_launcher
from hrpose.engine.distributed.shared_file import CHUNK, as_first_process_has_it
from hrpose.engine.failures import is_lost_process
from hrpose.errors import UserError
from hrpose.models.estimators import TopdownPoseEstimator
from tests.engine.cases import runner_of
from tests.engine.processes import run_processes

SGD = {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9}
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')


class FrozenStatistics(Hook):
    """Put batch norm into evaluation mode, as for small batches."""

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        for module in runner.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def trained(config: Path, work_dir: Path, options: dict, hooks: tuple = ()) -> dict[str, torch.Tensor]:
    """Train in the group of this process, in true fp32; return the weights by name."""
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False
    runner = runner_of(config, work_dir, ('train_dataloader',), launcher='pytorch', hooks=hooks, **options)
    model = runner.train()
    averaged = [hook.ema_model.state_dict(prefix='ema.') for hook in runner.hooks if isinstance(hook, EMAHook)]
    weights = {**getattr(model, 'module', model).state_dict(), **(averaged[0] if averaged else {})}
    return {name: value.cpu().clone() for name, value in weights.items()}


def weights_by_processes(
    config: Path, work_dir: Path, *, batch: int, hooks: tuple = (), method: str = 'fork', **options: object
) -> dict:
    """Train with 1 and 2 processes on the same batches; return the weights of process 0 by their number."""
    found = {}
    for count in (1, 2):
        given = {'train_dataloader.batch_size': batch // count, 'optim_wrapper.optimizer': SGD, **options}
        found[count] = run_processes(count, trained, config, work_dir / str(count), given, hooks, method=method)
        for other in found[count]:
            torch.testing.assert_close(other, found[count][0], rtol=0, atol=0)
    return {count: weights[0] for count, weights in found.items()}


def test_two_processes_with_half_the_batch_train_like_one(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=20), extra='model["backbone"]["init_cfg"] = []')
    found = weights_by_processes(config, tmp_path, batch=4, hooks=(FrozenStatistics(),))
    torch.testing.assert_close(found[2], found[1], rtol=0, atol=1e-5)
    start = run_processes(1, trained, config, tmp_path / 'start', {'optim_wrapper.optimizer': {**SGD, 'lr': 1e-12}})[0]
    moved = max((found[1][name] - start[name]).abs().max().item() for name in start if 'weight' in name)
    assert moved > 1e-3


@needs_gpu
def test_two_processes_with_sync_bn_train_like_one(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=20), extra='model["backbone"]["init_cfg"] = []')
    options = {
        'sync_bn': 'torch',
        'env_cfg.dist_cfg': {'backend': 'gloo'},  # NCCL takes one process a GPU
        'env_cfg.cudnn_benchmark': False,
    }
    found = weights_by_processes(config, tmp_path, batch=4, method='spawn', **options)
    torch.testing.assert_close(found[2], found[1], rtol=0, atol=1e-5)


def test_processes_share_batch_norm_statistics_after_an_epoch(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=4))
    options = {'custom_hooks': [{'type': 'EMAHook'}]}
    first, second = run_processes(2, trained, config, tmp_path / 'shared', options)
    assert any('ema.module.backbone.bn1.running_mean' in name for name in first)
    torch.testing.assert_close(second, first, rtol=0, atol=0)
    options['default_hooks.shared_statistics'] = None
    first, second = run_processes(2, trained, config, tmp_path / 'apart', options)
    differing = {name.split('.')[-1] for name in first if not first[name].equal(second[name])}
    assert differing == {'running_mean', 'running_var'}


def guess(self, inputs, data_samples):
    """Predict the ground truth of each person, shifted by a distance that depends on the person."""
    for sample in data_samples:
        rng = np.random.default_rng(sample.id)
        truth = sample.gt_instances
        moved = truth.keypoints + rng.normal(0, 2, truth.keypoints.shape)
        scores = rng.uniform(0.3, 1, truth.keypoints.shape[:2])
        boxes = {'bboxes': truth.bboxes, 'bbox_scores': truth.bbox_scores}
        sample.pred_instances = InstanceData(keypoints=moved, keypoint_scores=scores, **boxes)
    return data_samples


def evaluated(config: Path, folder: Path, options: dict) -> tuple[dict[str, float], list[int]]:
    """Test in the group of this process; return the metrics, and the ids of people with dumped predictions."""
    torch.set_num_threads(1)
    dump = {'type': 'DumpResults', 'out_file_path': str(folder / 'found.pkl'), 'collect_device': 'gpu'}
    evaluators = [{'type': 'CocoMetric'}, {'type': 'PCKMetric'}, dump]
    metrics = runner_of(
        config, folder, ('test_dataloader',), launcher='pytorch', test_evaluator=evaluators, **options
    ).test()
    return metrics, [person['id'] for person in pickle.loads((folder / 'found.pkl').read_bytes())]


@pytest.mark.parametrize(
    ('images', 'count', 'round_up'), [(1, 4, False), (1, 4, True), (5, 2, False), (5, 3, False), (5, 3, True)]
)
def test_metrics_do_not_depend_on_the_number_of_processes(
    images, count, round_up, tiny_coco, tiny_config, tmp_path, monkeypatch
):
    monkeypatch.setattr(TopdownPoseEstimator, 'predict', guess)
    config = tiny_config(tiny_coco(images=images))
    options = {'test_dataloader.sampler.round_up': round_up}
    ((alone, people),) = run_processes(1, evaluated, config, tmp_path / '1', options)
    assert people == list(range(100, 100 + images))
    assert 0 < alone['coco/AP'] < 1 and alone['pck/EPE'] > 0
    for metrics, found in run_processes(count, evaluated, config, tmp_path / 'several', options):
        assert found == people
        assert {**metrics, 'time': 0, 'data_time': 0} == {**alone, 'time': 0, 'data_time': 0}


def file_of_the_first(folder: Path, size: int) -> bytes:
    join('pytorch')
    rank = distributed.get_rank()
    own = folder / str(rank)
    own.mkdir()
    if rank != 1:
        (own / 'a.pth').write_bytes(random_bytes(size if rank == 0 else 3))
    os.chdir(own)
    with as_first_process_has_it('a.pth') as name:
        content = Path(name).read_bytes()
    leave()
    return content


def random_bytes(size: int) -> bytes:
    return np.random.default_rng(0).bytes(size)


@pytest.mark.parametrize('size', [1, 1000, CHUNK + 1])
def test_all_processes_get_the_file_of_process_0(size, tmp_path):
    assert run_processes(3, file_of_the_first, tmp_path, size) == [random_bytes(size)] * 3


def file_that_nobody_has() -> str:
    join('pytorch')
    with as_first_process_has_it('hrnet_w32_coco_256x192') as name:
        leave()
        return name


def test_a_name_of_published_weights_is_passed_on():
    assert run_processes(2, file_that_nobody_has) == ['hrnet_w32_coco_256x192'] * 2


class Bucket:
    """A bucket as `DistributedDataParallel` gives it to a hook."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values

    def buffer(self) -> torch.Tensor:
        return self.values


def averages_in_two_orders() -> list[torch.Tensor]:
    """Average the same numbers in two orders: by the hook, and in fp32."""
    join('pytorch')
    values = torch.randn(100_000, generator=torch.Generator().manual_seed(distributed.get_rank()))
    found = []
    for order in (values, values.flip(0)):
        ours = average_in_any_order(None, Bucket(order)).wait()
        plain = order.clone()
        distributed.all_reduce(plain)
        found += [ours, plain / distributed.get_world_size()]
    leave()
    return [found[0], found[2].flip(0), found[1], found[3].flip(0)]


def test_averaged_gradients_do_not_depend_on_their_order():
    first, *others = run_processes(3, averages_in_two_orders)
    ours, ours_turned, plain, plain_turned = first
    assert ours.equal(ours_turned) and all(ours.equal(other[0]) for other in others)
    assert not plain.equal(plain_turned)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-6)


@pytest.mark.parametrize(('launcher', 'told'), [('pytorch', 'RANK'), ('slurm', 'SLURM_PROCID'), ('mpi', 'OMPI_')])
def test_a_process_of_another_launcher_is_refused(launcher, told):
    with pytest.raises(UserError, match=f'--launcher {launcher}: {told}.* is not set'):
        require_launcher(launcher, {})


def test_an_address_where_nobody_answers_is_one_message(monkeypatch):
    place = {'RANK': '1', 'WORLD_SIZE': '2', 'LOCAL_RANK': '0', 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': '9'}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match='process 1 of 2 cannot join the others at 127.0.0.1:9 by '):
        join('pytorch', backend='gloo', timeout=1)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_sync_bn_on_a_cpu_is_refused(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=2))
    with pytest.raises(AssertionError, match="UserError: sync_bn='torch': .* needs GPUs"):
        run_processes(2, trained, config, tmp_path, {'sync_bn': 'torch'})
    with pytest.raises(AssertionError, match="sync_bn: has to be 'torch' or None, not 'mmcv'"):
        run_processes(1, trained, config, tmp_path, {'sync_bn': 'mmcv'})


@pytest.mark.parametrize(
    ('error', 'is_lost'),
    [
        (
            RuntimeError('[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [::1]'),
            True,
        ),
        (distributed.DistBackendError('NCCL error: ncclRemoteError: … a remote process exiting prematurely.'), True),
        (distributed.DistStoreError('wait timeout after 5000ms'), True),
        (distributed.DistBackendError('NCCL error: invalid usage. Last error: Duplicate GPU detected'), False),
        (RuntimeError('/home/gloo/data: connection closed'), False),
        (distributed.DistError(''), False),
    ],
)
def test_only_some_errors_mean_a_lost_process(error, is_lost):
    assert is_lost_process(error) is is_lost
