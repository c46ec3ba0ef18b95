"""The GPU check: its report, its tables, and a rehearsal on the CPU."""

import json

import pytest
import torch

from hrpose.analysis.gpu import Report, as_tables
from tests.tools.scripts import run_program, run_script

TIMED = {'ms_a_person': 2.0, 'least': 1.5, 'most': 3.0, 'people_a_second': 500.0, 'peak_mib': 100.0, 'TFLOP/s': 1.0}


def test_an_interrupted_check_keeps_its_values(tmp_path):
    path = tmp_path / 'gpu.json'
    Report(path).add('speed', 'a', {'ok': True})
    again = Report(path)
    assert again.has('speed', 'a') and not again.has('speed', 'b')
    again.add('speed', 'b', 1.5)
    assert json.loads(path.read_text()) == {'speed': {'a': {'ok': True}, 'b': 1.5}}


def test_tables_compare_each_side_with_mmpose():
    peer = {**TIMED, 'ms_a_person': 5.0, 'peak_mib': None}
    tables = as_tables({'speed': {'train': {'mmpose 1.3.2': peer, 'hrpose bf16': TIMED}, 'best': {'TFLOP/s': 1.0}}})
    assert '| train | hrpose bf16 | 2.000 | 1.500 to 3.000 | 2.50 | 100 |' in tables
    assert '| train | mmpose 1.3.2 | 5.000 | 1.500 to 3.000 |  |  |' in tables


@pytest.mark.parametrize(
    ('words', 'reason'),
    [
        (['--only', 'spead', '--small'], "there is no part 'spead'; nearest: speed"),
        ([], '--device: PyTorch finds no GPU on this machine; --small rehearses the check on the CPU'),
    ],
)
def test_a_wrong_call_is_one_sentence(words, reason, call):
    if not words and torch.cuda.is_available():
        pytest.skip('this machine has a GPU')
    status, output = call('analysis.gpu_check', *words)
    assert status == 2 and reason in output


@pytest.mark.parametrize('script', ['gpu_check.sh', 'gpu_wheels.sh'])
def test_each_script_explains_itself(script):
    done = run_script(f'analysis/{script}')
    assert done.returncode == 2 and f'tools/analysis/{script} FOLDER' in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize('part', ['correct', 'processes'])
def test_a_rehearsal_on_the_cpu_finds_all_well(part, tmp_path):
    path = tmp_path / 'gpu.json'
    done = run_program('tools/analysis/gpu_check.py', '--small', '--only', part, '--minutes', '9', '--json', path)
    values = json.loads(path.read_text())[part]
    assert done.returncode == 0 and 'failed' not in values
    assert all(value['ok'] for value in values.values())
