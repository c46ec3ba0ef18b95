"""What is copied between host and device, counted on PyTorch's `meta` device, which has shapes but no numbers.

There it is an error if the host asks for a number (`.item()`, a condition on a tensor). So a training step that passes
never waits for the device. B people, K joints.
"""

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.structures import InstanceData
from torch.utils._python_dispatch import TorchDispatchMode

from hrpose.structures import PoseDataSample
from tests.checkpoints.cases import small_model

B, SIDE = 3, 64
META = torch.device('meta')


class Transfers(TorchDispatchMode):
    """Records the shapes of copies down to the host and up to the device; copies down are zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.down: list[tuple[int, ...]] = []
        self.up: list[tuple[tuple[int, ...], bool]] = []  # and whether the copy is non-blocking

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is torch.ops.aten._to_copy.default and kwargs.get('device') is not None:
            source, target = args[0].device.type, torch.device(kwargs['device']).type
            if (source, target) == ('meta', 'cpu'):
                self.down.append(tuple(args[0].shape))
                return torch.zeros(args[0].shape, dtype=kwargs.get('dtype') or args[0].dtype)
            if (source, target) == ('cpu', 'meta'):
                self.up.append((tuple(args[0].shape), bool(kwargs.get('non_blocking'))))
        return function(*args, **kwargs)


@pytest.fixture
def model():
    return small_model().to(META)


def batch_of(joints: int) -> dict[str, list[Any]]:
    """Return B packed people, as a loader gives them."""
    samples = []
    for _ in range(B):
        fields = {'box_center': np.array([40.0, 30.0]), 'box_size': np.array([50.0, 50.0]), 'img_path': 'a.jpg'}
        sample = PoseDataSample(metainfo=fields)
        sample.gt_instances = InstanceData(bboxes=np.zeros((1, 4)), bbox_scores=np.ones(1))
        sample.gt_instance_labels = InstanceData(
            keypoints=np.full((1, joints, 2), 30, np.float32), keypoint_weights=np.ones((1, joints), np.float32)
        )
        samples.append(sample)
    return {'inputs': [torch.zeros(3, SIDE, SIDE, dtype=torch.uint8) for _ in range(B)], 'data_samples': samples}


def test_prediction_copies_three_numbers_a_joint_to_the_host(model):
    joints = model.head.out_channels
    with Transfers() as moved:
        found = model.eval().test_step(batch_of(joints))
    assert moved.down == [(B, joints, 3)]
    assert found[0].pred_instances.keypoints.shape == (1, joints, 2)


def test_a_training_step_never_waits_for_the_device(model, monkeypatch):
    monkeypatch.setattr('torch.autocast', lambda *_, **__: nullcontext())  # it has no type for this device
    joints = model.head.out_channels
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    with Transfers() as moved:
        losses = model.train().train_step(batch_of(joints), optimizer)
    assert moved.down == []
    assert moved.up == [((B, 3, SIDE, SIDE), True), ((B, joints, 3), True)]
    assert losses['loss'].device == META


def test_images_on_the_device_stay_there(model):
    batch = {'inputs': [torch.zeros(3, SIDE, SIDE, dtype=torch.uint8, device=META) for _ in range(B)]}
    with Transfers() as moved:
        prepared = model.data_preprocessor(batch)['inputs']
    assert (moved.down, moved.up) == ([], [])
    assert prepared.shape == (B, 3, SIDE, SIDE) and prepared.is_contiguous(memory_format=torch.channels_last)


def test_an_item_in_a_step_is_an_error(model):
    with pytest.raises(RuntimeError, match='cannot be called on meta tensors'), Transfers():
        model.head.final_layer.weight.sum().item()
