"""Measurements, their table and their JSON."""

import json
import mmap
import time
from pathlib import Path

import pytest
import torch
from mmengine.dataset import pseudo_collate

from hrpose.analysis.benchmark.chain import WHOLE, Chain
from hrpose.analysis.benchmark.measure import Memory, Timing, Work, best_rate, measure
from hrpose.analysis.benchmark.memory import peak_while
from hrpose.analysis.benchmark.report import as_chain, as_json, as_table, stages_of
from hrpose.analysis.benchmark.stages import STAGES, Bench
from hrpose.apis import init_model
from hrpose.config import load_config
from hrpose.export.write import export_model

CPU = torch.device('cpu')


def test_works_run_in_turn():
    order = []

    def sleep(name, seconds):
        order.append(name)
        time.sleep(seconds)

    works = {'a': Work(lambda: sleep('a', 0.02), people=2), 'b': Work(lambda: sleep('b', 0.04), people=2)}
    timings = measure(works, CPU, repeats=3, warm_up=1)
    assert order == ['a', 'b', *'ababab']
    assert timings['a'].median >= 0.01
    assert timings['b'].median / timings['a'].median == pytest.approx(2, rel=0.5)


def test_work_alone_runs_on_one_thread():
    before, seen = torch.get_num_threads(), []
    measure({'a': Work(lambda: seen.append(torch.get_num_threads()), 1, alone=True)}, CPU, repeats=1, warm_up=0)
    assert (seen, torch.get_num_threads()) == ([1], before)


def test_table_compares_with_the_peer():
    timings = {'load': {'peer': Timing((0.004, 0.006)), 'hrpose': Timing((0.002,))}}
    row = as_table(timings, 'peer', {}).splitlines()[-1].split()
    assert row[:3] == ['load', 'hrpose', '2.000']
    assert '2.500' in row


def test_a_networks_rate_counts_two_operations_for_each_multiply_add():
    work = Work(lambda: time.sleep(0.01), people=4, multiply_adds=1e6)
    timing = measure({'a': work}, CPU, repeats=1, warm_up=0)['a']
    assert timing.rate == pytest.approx(2e6 / (4 * timing.median))


@pytest.mark.parametrize(('flip_test', 'passes'), [(True, 2), (False, 1)])
def test_the_flip_test_counts_as_a_second_pass(flip_test, passes, tiny_coco, tiny_config):
    cfg = load_config(tiny_config(tiny_coco(joints=17, images=1)), {'model.flip_test': flip_test})
    bench = Bench(cfg, CPU, batch=2)
    forward, predict = (bench.works(stage)['hrpose fp32'].multiply_adds for stage in ('forward', 'predict'))
    assert predict == passes * forward > 0


def test_json_maps_a_stage_to_hrposes_own_median():
    timings = {'encode': {'peer': Timing((0.5,)), 'hrpose': Timing((0.1, 0.3, 0.2))}}
    content = as_json(timings, 'peer', {'processor': 'p'})
    assert content['encode']['median_s_per_person'] == 0.2
    assert content['encode']['sides']['peer']['median_s_per_person'] == 0.5
    assert content['machine'] == {'processor': 'p'}


def test_chain_table_gives_shares_and_times_an_image():
    steps = {
        WHOLE: Timing((0.5,), people_per_image=2),
        'detect': Timing((0.3,), people_per_image=2),
        'draw': Timing((0.1,), people_per_image=2),
    }
    rows = [line.split() for line in as_chain(steps).splitlines()[2:]]
    assert rows[0] == ['detect', '600.000', '300.000', '75.000']
    assert rows[-2] == ['sum', '800.000', '400.000', '100.000']
    assert rows[-1][-3:] == ['1000.000', '500.000', '125.000']


def test_chain_detects_each_image_once_and_poses_each_person(tiny_coco, tiny_config):
    data = tiny_coco(joints=17, images=3)
    looked_at = []
    bench = Bench(load_config(tiny_config(data)), CPU, batch=8)
    chain = Chain(bench.test_set, 8, bench.model('fp32'), lambda images: looked_at.append(len(images)))
    works = chain.works()
    assert {(work.people, work.images) for work in works.values()} == {(3, 3)}
    works['detect'].run()
    assert looked_at == [3]
    found = works['decode'].run()
    plain = bench.model('fp32').test_step(pseudo_collate([bench.test_set[number] for number in range(3)]))
    assert [sample.img_path for sample in found] == [sample.img_path for sample in plain]
    assert all((image != drawn).any() for image, drawn in zip(chain.images, works['draw'].run(), strict=True))


def test_stages_that_need_mmdet_are_left_out_without_it(monkeypatch, capsys):
    monkeypatch.setattr('hrpose.analysis.benchmark.report.find_spec', lambda name: None)
    assert stages_of(None) == [stage for stage in STAGES if stage not in ('detect', 'chain')]
    assert 'not measured: detect, chain' in capsys.readouterr().out


def test_best_rate_is_that_of_the_best_kernel(monkeypatch):
    kernels = [(1e6, lambda: time.sleep(0.01)), (1e6, lambda: time.sleep(0.002))]
    monkeypatch.setattr('hrpose.analysis.benchmark.measure._kernels', lambda device, dtype: iter(kernels))
    assert best_rate(CPU, torch.float32) == pytest.approx(1e6 / 0.002, rel=0.5)


def test_every_stage_runs_on_a_custom_config(tiny_coco, tiny_config, tmp_path, call, monkeypatch):
    monkeypatch.setattr('hrpose.analysis.benchmark.cases.DETECTIONS', 300)
    monkeypatch.setattr('hrpose.analysis.benchmark.cases.PEOPLE', 100)
    target = tmp_path / 'speed.json'
    words = ['--json', target, '--repeats', 1, '--batch', 2, '--codec-batch', 4, '--variants', 'fp32', 'bf16']
    status, output = call('analysis.benchmark', tiny_config(tiny_coco(joints=17, images=2)), *words)
    assert status == 0, output[-2000:]
    content = json.loads(target.read_text())
    assert set(content) == {*STAGES, 'machine', 'peer'}
    assert all(content[stage]['median_s_per_person'] > 0 for stage in STAGES)
    assert content['detect']['sides']['hrpose']['median_s_per_image'] == content['detect']['median_s_per_person']
    assert content['chain']['median_s_per_person'] == content['chain']['sides'][WHOLE]['median_s_per_person']
    assert 'from file to drawing' in output
    assert set(content['train']['sides']) == {'hrpose fp32', 'hrpose bf16'}


def hold(mib: int) -> None:
    """Hold pages of the system, which an earlier test cannot have left to this process, and return them."""
    with mmap.mmap(-1, mib * 2**20) as pages:
        for start in range(0, len(pages), mmap.PAGESIZE):
            pages[start] = 1


@pytest.mark.skipif(not Path('/proc/self/clear_refs').exists(), reason='the peak is reset on Linux only')
def test_peak_memory_is_that_of_the_run_and_not_of_an_earlier_one():
    def build():
        hold(256)
        return lambda: hold(64)

    found = peak_while(build, CPU)
    assert found.peak - found.before == pytest.approx(64, abs=4)


def test_memory_has_a_column_a_batch():
    known = Timing((1.0,), memory={1: Memory(600.4, 400.0), 8: Memory(900.0, 410.0)})
    table = as_table({'encode': {'hrpose': Timing((1.0,))}, 'train': {'hrpose fp32': known}}, None, {}).splitlines()
    assert 'peak MiB at 1  peak MiB at 8  MiB before' in table[0]
    assert table[2].split()[-3:] == ['-', '-', '-']
    assert table[3].split()[-3:] == ['600', '900', '400']


def test_memory_of_training_and_prediction_is_measured_by_batch(tiny_coco, tiny_config, tmp_path, call):
    target = tmp_path / 'speed.json'
    words = ['--stages', 'encode,train', '--repeats', 1, '--batch', 2, '--memory', 1, 64, '--json', target]
    status, output = call('analysis.benchmark', tiny_config(tiny_coco(joints=17, images=2)), *words)
    assert status == 0, output[-2000:]
    content = json.loads(target.read_text())
    assert content['encode']['sides']['hrpose']['memory_mib_by_batch'] == {}
    found = content['train']['sides']['hrpose fp32']['memory_mib_by_batch']
    assert 100 < found['1']['before'] < found['1']['peak'] < found['64']['peak']


@pytest.fixture
def exported(tiny_coco, tiny_config, tmp_path):
    """A config and its network, exported with the flip test for any number of people."""
    pytest.importorskip('onnxruntime')
    config = tiny_config(tiny_coco(joints=17, images=2))
    export_model(init_model(config), tmp_path / 'net.onnx', to='onnx', flip_test=True)
    return config, tmp_path / 'net.onnx'


def test_exported_networks_predict_in_turn_with_pytorch(exported, tmp_path, call):
    config, file = exported
    words = ['--stages', 'predict', '--batch', 3, '--repeats', 1, '--json', tmp_path / 'speed.json']
    status, output = call('analysis.benchmark', config, *words, '--exported', file)
    assert status == 0, output[-2000:]
    sides = json.loads((tmp_path / 'speed.json').read_text())['predict']['sides']
    assert set(sides) == {'hrpose fp32', 'net.onnx'}
    assert all(side['median_s_per_person'] > 0 for side in sides.values())


def test_an_exported_network_without_the_flip_test_is_not_compared_with_one(exported, call):
    config, file = exported
    words = ['--stages', 'predict', '--repeats', 1, '--exported', file, '--cfg-options', 'model.flip_test=False']
    status, output = call('analysis.benchmark', config, *words)
    assert status == 2 and 'its flip test is True, but False is measured' in output


@pytest.mark.parametrize(
    ('words', 'hint'),
    [(['--stages', 'lode'], 'load'), (['--against', 'mmpose'], 'not installed'), (['--memory', '0'], 'at least 1')],
)
def test_a_wrong_option_is_one_message(tiny_coco, tiny_config, call, words, hint):
    status, output = call('analysis.benchmark', tiny_config(tiny_coco(images=1)), *words)
    assert status == 2
    assert hint in output
