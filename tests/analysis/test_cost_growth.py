"""Cost grows linearly with people, images and joints: shown by counts, which other load does not change."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from hrpose.analysis.benchmark import growth
from hrpose.analysis.benchmark.growth import fit_line

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


@pytest.mark.parametrize('name', list(growth.AXES['joints'].works))
def test_more_joints_need_no_more_operations(name):
    work = growth.AXES['joints'].works[name]
    (calls, *others), numbers = zip(*(operations(work(k, CONFIG, CPU)) for k in (20, 40, 80)), strict=True)
    assert set(others) == {calls}
    assert numbers[2] - numbers[1] == pytest.approx(2 * (numbers[1] - numbers[0]), rel=0.01)


def test_more_people_in_an_image_are_operations_in_proportion():
    counts = [operations(growth.people_in_an_image(people, CONFIG, CPU)) for people in (8, 16, 32)]
    for few, more, most in zip(*counts, strict=True):
        assert most - more == pytest.approx(2 * (more - few), rel=0.01)


@pytest.mark.parametrize('name', list(growth.AXES['images'].works))
def test_more_images_are_calls_in_proportion(name):
    work = growth.AXES['images'].works[name]
    work(100, CONFIG, CPU)()  # imports what it needs
    few, more, most = (python_calls(work(images, CONFIG, CPU)) for images in (100, 200, 400))
    assert most - more == pytest.approx(2 * (more - few), rel=0.05)


def test_fit_line_finds_lines_and_the_distance_of_a_step():
    sizes = [1, 10, 100, 1000]
    line = fit_line(sizes, [3 + 2 * size for size in sizes])
    assert (line.start, line.slope, line.distance) == pytest.approx((3, 2, 0), abs=1e-9)
    cliff = fit_line(sizes, [5, 23, 203, 20 * 2003])
    assert cliff.distance > 0.5
    np.testing.assert_allclose(line(np.array([2, 4])), [7, 11])


def test_peak_memory_is_what_a_call_holds_at_once(repository):
    script = (
        'import numpy, torch; from hrpose.analysis.benchmark.measure import peak_mib; '
        'hold = lambda: numpy.ones(32 * 2**20, numpy.uint8); '
        "print(peak_mib(lambda: (hold(), hold()), torch.device('cpu')))"
    )
    output = subprocess.run([sys.executable, '-c', script], cwd=repository, capture_output=True, text=True, check=True)
    assert float(output.stdout) == pytest.approx(64, abs=8)


def test_the_tool_draws_and_prints_each_curve(call, tmp_path):
    words = ['--axes', 'joints', '--largest', 17, '--repeats', 1, '--out', tmp_path / 'a' / 'growth.png']
    status, output = call('analysis.cost_growth', CONFIG, *words, '--json', tmp_path / 'growth.json')
    assert status == 0, output[-2000:]
    assert (tmp_path / 'a' / 'growth.png').stat().st_size > 10_000
    curves = json.loads((tmp_path / 'growth.json').read_text())['joints']
    assert set(curves) == set(growth.AXES['joints'].works)
    assert all(value > 0 for curve in curves.values() for value in (*curve['seconds'], *curve['mib']))
    assert 'largest distance' in output


def test_fewer_than_two_sizes_are_one_message(call):
    status, output = call('analysis.cost_growth', CONFIG, '--largest', 0)
    assert status == 2
    assert 'fewer than two sizes' in output
