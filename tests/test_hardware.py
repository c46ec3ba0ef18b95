"""Whether bf16 is worth it, and freed memory that stays with a process that asks for it."""

import os
import subprocess
import sys

import pytest
import torch

from hrpose import hardware

# Page faults of the second of two blocks of 64 MiB, 16,384 pages, after the first one was freed.
SCRIPT = """
import resource, numpy
from hrpose import hardware
{}
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    numpy.ones(2**26, numpy.uint8)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults)
"""


def page_faults(repository, call: str, **environment: str) -> int:
    done = subprocess.run(
        [sys.executable, '-c', SCRIPT.format(call)],
        cwd=repository,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != 'linux', reason="malloc's settings are glibc's")
def test_kept_memory_is_not_fetched_again(repository):
    plain = page_faults(repository, '')
    assert page_faults(repository, 'hardware.keep_freed_memory()') < 0.05 * plain
    undone = page_faults(repository, 'hardware.keep_freed_memory(); hardware.leave_memory_to_glibc()')
    assert undone == pytest.approx(plain, rel=0.1)


@pytest.mark.skipif(sys.platform != 'linux', reason="malloc's settings are glibc's")
def test_a_users_own_setting_of_malloc_stays(repository):
    plain = page_faults(repository, '')
    kept = page_faults(repository, 'hardware.keep_freed_memory()', MALLOC_MMAP_THRESHOLD_='1000000')
    assert kept == pytest.approx(plain, rel=0.1)


@pytest.mark.parametrize(
    ('most', 'settings'),
    [
        (2**30, [(-3, 2**30), (-1, 2**31 - 1)]),
        # As glibc was before, which refuses more than 32 MiB.
        (2**25, [(-3, 2**30), (-3, 2**25), (-1, 2**31 - 1)]),
        (0, [(-3, 2**30), (-3, 2**25)]),
    ],
)
def test_a_refused_size_leaves_malloc_as_it_is(most, settings, monkeypatch):
    asked = []

    class Library:
        @staticmethod
        def mallopt(setting, value):
            asked.append((setting, value.value))
            return int(setting != -3 or value.value <= most)

    for name in hardware._MALLOC_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hardware.ctypes, 'CDLL', lambda _: Library)
    hardware.keep_freed_memory()
    assert asked == settings


@pytest.mark.parametrize(('has', 'bf16_ms', 'faster'), [(True, 0.5, True), (True, 1.5, False), (False, 0.5, False)])
def test_bf16_is_advised_only_where_its_convolution_is_faster(has, bf16_ms, faster, monkeypatch):
    monkeypatch.setattr(hardware, 'has_bf16', lambda device: has)
    monkeypatch.setattr(hardware, 'convolution_ms', {torch.bfloat16: bf16_ms, torch.float32: 1.0}.__getitem__)
    hardware.bf16_is_faster.cache_clear()
    assert hardware.bf16_is_faster() is faster
    hardware.bf16_is_faster.cache_clear()


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_a_convolution_is_timed_in_either_precision(dtype):
    assert hardware.convolution_ms(dtype, repeats=1) > 0
