"""The benchmark measures what it says, and tells it to people and programs."""

import json
import time

import pytest
import torch

from hrpose.benchmark import STAGES, Timing, Work, as_json, as_table, measure

CPU = torch.device('cpu')


def test_sides_run_in_turn_and_their_medians_keep_their_ratio():
    order = []

    def sleep(name, seconds):
        order.append(name)
        time.sleep(seconds)

    works = {'a': Work(lambda: sleep('a', 0.02), people=2), 'b': Work(lambda: sleep('b', 0.04), people=2)}
    timings = measure(works, CPU, repeats=3, warm_up=1)
    assert order == ['a', 'b', *'ababab']
    assert timings['a'].median >= 0.01
    assert timings['b'].median / timings['a'].median == pytest.approx(2, rel=0.5)


def test_work_of_one_core_runs_on_one_thread_and_gives_the_others_back():
    before, seen = torch.get_num_threads(), []
    measure({'a': Work(lambda: seen.append(torch.get_num_threads()), 1, alone=True)}, CPU, repeats=1, warm_up=0)
    assert (seen, torch.get_num_threads()) == ([1], before)


def test_the_table_says_how_many_times_faster_than_the_peer():
    timings = {'load': {'peer': Timing((0.004, 0.006)), 'hrpose': Timing((0.002,))}}
    row = as_table(timings, 'peer', {}).splitlines()[-1].split()
    assert row[:3] == ['load', 'hrpose', '2.000']
    assert '2.500' in row


def test_a_networks_rate_counts_two_operations_for_each_multiply_add():
    work = Work(lambda: time.sleep(0.01), people=4, multiply_adds=1e6)
    timing = measure({'a': work}, CPU, repeats=1, warm_up=0)['a']
    assert timing.rate == pytest.approx(2e6 / (4 * timing.median))


def test_json_maps_a_stage_to_hrposes_own_median():
    timings = {'encode': {'peer': Timing((0.5,)), 'hrpose': Timing((0.1, 0.3, 0.2))}}
    content = as_json(timings, 'peer', {'processor': 'p'})
    assert content['encode']['median_s_per_person'] == 0.2
    assert content['encode']['sides']['peer']['median_s_per_person'] == 0.5
    assert content['machine'] == {'processor': 'p'}


def test_every_stage_runs_on_a_config_of_ones_own(tiny_coco, tiny_config, tmp_path, call, monkeypatch):
    monkeypatch.setattr('hrpose.benchmark.coco_case.DETECTIONS', 300)
    monkeypatch.setattr('hrpose.benchmark.coco_case.PEOPLE', 100)
    target = tmp_path / 'speed.json'
    words = ['--json', target, '--repeats', 1, '--batch', 2, '--codec-batch', 4, '--variants', 'fp32', 'bf16']
    status, output = call('analysis.benchmark', tiny_config(tiny_coco(joints=17, images=2)), *words)
    assert status == 0, output[-2000:]
    content = json.loads(target.read_text())
    assert set(content) == {*STAGES, 'machine', 'peer'}
    assert all(content[stage]['median_s_per_person'] > 0 for stage in STAGES)
    assert set(content['train']['sides']) == {'hrpose fp32', 'hrpose bf16'}


@pytest.mark.parametrize(
    ('words', 'hint'), [(['--stages', 'lode'], 'load'), (['--against', 'mmpose'], 'not installed')]
)
def test_what_cannot_be_measured_is_a_sentence(tiny_coco, tiny_config, call, words, hint):
    status, output = call('analysis.benchmark', tiny_config(tiny_coco(images=1)), *words)
    assert status == 2
    assert hint in output
