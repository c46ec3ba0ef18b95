"""Cost grows linearly with people, images and joints: shown by counts, which other load does not change."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.analysis import growth

CPU = torch.device('cpu')
CONFIG = 'hrnet_w16_synthetic_128x96'


class Operations(TorchDispatchMode):
    """Counts the operations of PyTorch and the numbers in their results."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = self.numbers = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = function(*args, **(kwargs or {}))
        self.calls += 1
        self.numbers += sum(part.numel() for part in torch.utils._pytree.tree_leaves(found) if torch.is_tensor(part))
        return found


def operations(run: Callable[[], Any]) -> tuple[int, int]:
    """Return the operations of a second call, and the numbers in their results."""
    run()
    with Operations() as counted:
        run()
    return counted.calls, counted.numbers


def python_calls(run: Callable[[], Any]) -> int:
    """Return how many functions a call calls, including those in C."""
    count = 0

    def step(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ('call', 'c_call')

    before = sys.getprofile()
    sys.setprofile(step)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize('name', list(growth.JOINTS))
def test_more_joints_need_no_more_operations(name):
    work = growth.JOINTS[name]
    (calls, *others), numbers = zip(*(operations(work(k, CONFIG, CPU)) for k in (20, 40, 80)), strict=True)
    assert set(others) == {calls}
    assert numbers[2] - numbers[1] == pytest.approx(2 * (numbers[1] - numbers[0]), rel=0.01)


def test_more_people_in_an_image_are_operations_in_proportion():
    counts = [operations(growth.people_in_an_image(people, CONFIG, CPU)) for people in (8, 16, 32)]
    for few, more, most in zip(*counts, strict=True):
        assert most - more == pytest.approx(2 * (more - few), rel=0.01)


@pytest.mark.parametrize('name', list(growth.IMAGES))
def test_more_images_are_calls_in_proportion(name):
    work = growth.IMAGES[name]
    work(100, CONFIG, CPU)()  # imports what it needs
    few, more, most = (python_calls(work(images, CONFIG, CPU)) for images in (100, 200, 400))
    assert most - more == pytest.approx(2 * (more - few), rel=0.05)
