"""The effect of options in docs/training.md on the numbers, compared with the same computed by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.structures import InstanceData

from hrpose.checkpoints import read_checkpoint
from hrpose.structures import PoseDataSample
from tests.checkpoints.cases import clone, small_model
from tests.engine.cases import runner_of

WITHOUT_VALIDATION = 'val_dataloader = val_cfg = val_evaluator = None'


class Watcher(Hook):
    """Note the weights at the start, after each step and in validation, and the gradients' norm at each step."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.after: list[dict] = []
        self.validated: dict = {}
        self.norms: list[float] = []
        self.start: dict = {}

    def before_train(self, runner) -> None:
        self.start = clone(runner.model.state_dict())

        def note(*_) -> None:
            gradients = [value.grad for value in runner.model.parameters() if value.grad is not None]
            self.norms.append(float(torch.nn.utils.get_total_norm(gradients)))

        runner.optim_wrapper.optimizer.register_step_pre_hook(note)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.after.append(clone(runner.model.state_dict()))

    def before_val_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.validated = clone(runner.model.state_dict())


def test_ema_is_the_running_mean_and_is_validated_and_saved(tiny_coco, tiny_config, tmp_path):
    extra = "custom_hooks = [dict(type='EMAHook', momentum=0.25)]"
    watcher = Watcher()
    runner_of(tiny_config(tiny_coco(images=8), extra=extra), tmp_path / 'run', hooks=[watcher]).train()
    first, *others = watcher.after
    assert len(others) == 3
    mean = {name: first[name] for name, _ in small_model().named_parameters()}
    for weights in others:
        mean = {name: 0.75 * value + 0.25 * weights[name] for name, value in mean.items()}
    saved = read_checkpoint(tmp_path / 'run' / 'epoch_1.pth')['state_dict']
    for found in (watcher.validated, saved):
        torch.testing.assert_close({name: found[name] for name in mean}, mean, rtol=1e-5, atol=1e-7)
    assert not saved['backbone.conv1.weight'].equal(watcher.after[-1]['backbone.conv1.weight'])


def test_gradients_are_clipped_to_the_given_norm(tiny_coco, tiny_config, tmp_path):
    data = tiny_coco(images=4)
    norms = []
    for name, clip in (('free', None), ('clipped', {'max_norm': 1e-4})):
        watcher = Watcher()
        options = {'optim_wrapper.clip_grad': clip}
        config = tiny_config(data, extra=WITHOUT_VALIDATION)
        runner_of(config, tmp_path / name, ('train_dataloader',), hooks=[watcher], **options).train()
        norms.append(watcher.norms)
    free, clipped = norms
    assert min(free) > 2e-4
    assert clipped == pytest.approx([1e-4] * len(free), rel=1e-2)


def batch_of(rng: np.random.Generator, people: int, joints: int) -> dict:
    """Return a batch of `people` as a loader gives it."""
    samples = []
    for _ in range(people):
        truth = InstanceData(
            keypoints=rng.uniform(0, 64, (1, joints, 2)).astype(np.float32),
            keypoint_weights=np.ones((1, joints), np.float32),
        )
        samples.append(PoseDataSample(gt_instance_labels=truth))
    images = [torch.from_numpy(rng.integers(0, 255, (3, 64, 64), dtype=np.uint8)) for _ in range(people)]
    return {'inputs': images, 'data_samples': samples}


def test_two_accumulated_batches_equal_one_of_twice_the_size(rng):
    batch = batch_of(rng, 4, 5)
    halves = [{name: part[place] for name, part in batch.items()} for place in (slice(2), slice(2, 4))]
    torch.manual_seed(0)
    start = small_model(5).eval().state_dict()
    ends = []
    for batches in ([batch], halves):
        model = small_model(5).eval()  # batch norm then does not depend on the batch
        model.load_state_dict(start)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        wrapper = OptimWrapper(optimizer, accumulative_counts=len(batches))
        for part in batches:
            model.train_step_losses = model(**model.data_preprocessor(part, True), mode='loss')
            loss, _ = model.parse_losses(model.train_step_losses)
            wrapper.update_params(loss)
        ends.append(dict(model.state_dict()))
    assert not ends[0]['head.final_layer.weight'].equal(start['head.final_layer.weight'])
    torch.testing.assert_close(ends[1], ends[0], rtol=1e-4, atol=1e-7)


def test_each_part_learns_at_its_own_rate(tiny_coco, tiny_config, tmp_path):
    keys = {'backbone.stage4': dict(lr_mult=0.5), 'backbone.conv1': dict(lr_mult=0.0), 'backbone': dict(lr_mult=0.1)}
    config = tiny_config(tiny_coco(images=2), extra=f'{WITHOUT_VALIDATION}\nparam_scheduler = []')
    watcher = Watcher()
    options = {'optim_wrapper.paramwise_cfg': {'custom_keys': keys}}
    runner = runner_of(config, tmp_path / 'run', ('train_dataloader',), hooks=[watcher], **options)
    runner.train()
    rates = {id(group['params'][0]): group['lr'] for group in runner.optim_wrapper.param_groups}
    for name, parameter in runner.model.named_parameters():
        part = 'stage4' if 'stage4' in name else 'conv1' if name.startswith('backbone.conv1') else name.split('.')[0]
        wanted = {'stage4': 5e-4, 'conv1': 0.0, 'backbone': 1e-4, 'head': 1e-3}[part]
        assert rates[id(parameter)] == pytest.approx(wanted), name
        assert parameter.equal(watcher.start[name]) == (part == 'conv1'), name


def test_tensorboard_holds_the_losses_of_the_log(tiny_coco, tiny_config, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    backends = [{'type': 'LocalVisBackend'}, {'type': 'TensorboardVisBackend'}]
    config = tiny_config(tiny_coco(images=6), extra=WITHOUT_VALIDATION)
    options = {'visualizer.vis_backends': backends}
    runner_of(config, tmp_path / 'run', ('train_dataloader',), **options).train()
    (folder,) = tmp_path.glob('run/*/vis_data')
    lines = [json.loads(line) for line in (folder / 'scalars.json').read_text().splitlines()]
    events = EventAccumulator(str(folder)).Reload().Scalars('loss')
    assert [event.step for event in events] == [line['step'] for line in lines] == [1, 2, 3]
    assert [event.value for event in events] == pytest.approx([line['loss'] for line in lines])


def test_weights_and_biases_works_offline(tiny_coco, tiny_config, tmp_path, monkeypatch):
    wandb = pytest.importorskip('wandb', reason='Weights & Biases is not installed')
    monkeypatch.setenv('WANDB_MODE', 'offline')
    backends = [{'type': 'LocalVisBackend'}, {'type': 'WandbVisBackend', 'init_kwargs': {'mode': 'offline'}}]
    config = tiny_config(tiny_coco(images=4), extra=WITHOUT_VALIDATION)
    options = {'visualizer.vis_backends': backends}
    runner_of(config, tmp_path / 'run', ('train_dataloader',), **options).train()
    wandb.finish()
    (written,) = tmp_path.glob('run/*/vis_data/wandb/offline-run-*/run-*.wandb')
    assert b'loss' in written.read_bytes()


def weights_of(run: Path) -> dict:
    return read_checkpoint(run / 'epoch_1.pth')['state_dict']


def test_a_deterministic_training_repeats_to_the_bit(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=4), extra=WITHOUT_VALIDATION)
    options = {'randomness.seed': 3, 'randomness.deterministic': True}
    try:
        for name in ('first', 'second'):
            runner_of(config, tmp_path / name, ('train_dataloader',), **options).train()
            assert torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.benchmark
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic = False
    torch.testing.assert_close(weights_of(tmp_path / 'second'), weights_of(tmp_path / 'first'), rtol=0, atol=0)
