"""tools/analysis/ap_account.py, row by row against tools/test.py, on a network that finds joints by their colour."""

import json
from pathlib import Path

import pytest

from hrpose.analysis.ap_account import protocol_rows
from tests.analysis.colours import Colours


def account(call, out: Path, *words: object) -> list[dict]:
    """Run the tool; return its rows."""
    status, output = call('analysis.ap_account', *words, '--out', out)
    assert status == 0, output[-3000:]
    return json.loads(out.read_text())


def metrics_of_test(call, work_dir: Path, config: Path, checkpoint: Path, options: str) -> dict[str, float]:
    """Run tools/test.py; return its metrics, unrounded."""
    # mmengine keeps one logger for each name and second.
    words = ['--cfg-options', f'experiment_name={work_dir.name}', *options.split()]
    status, output = call('test', config, checkpoint, '--work-dir', work_dir, *words)
    assert status == 0, output[-3000:]
    (file,) = work_dir.glob('*/*.json')
    metrics = json.loads(file.read_text()).items()
    return {name.removeprefix('coco/'): value for name, value in metrics if name.startswith('coco/')}


def test_every_row_equals_a_test_with_its_options(coloured, call, tmp_path):
    status, output = call('analysis.calibrate', *coloured, '--out', tmp_path / 'calibrated.pth')
    assert status == 0, output[-3000:]
    coloured = coloured[0], tmp_path / 'calibrated.pth'
    rows = account(call, tmp_path / 'account.json', *coloured)
    assert [row['title'] for row in rows] == [row.title for row in protocol_rows(detections=True)]
    for number, row in enumerate(rows):
        assert row['metrics'] == metrics_of_test(call, tmp_path / f'{number}', *coloured, row['options']), row['title']
    values = [row['metrics']['AP'] for row in rows]
    assert 0.1 < values[0] < 0.99
    assert len(set(values)) == len(values)


def test_the_network_runs_once_for_each_source_of_boxes(coloured, call, tmp_path):
    Colours.seen.clear()
    account(call, tmp_path / 'account.json', *coloured)
    people, boxes = 18, len(json.loads((tmp_path / 'boxes.json').read_text()))
    batches = [number for number in Colours.seen if number > 1]  # one image alone is a look at the backbone's shapes
    assert len(batches) == -(-people // 8) + -(-boxes // 8)
    assert sum(batches) == 2 * (people + boxes)


def test_without_a_detectors_boxes_the_row_names_bbox_file(coloured, call, tmp_path):
    words = [*coloured, '--cfg-options', 'test_dataloader.dataset.bbox_file=None']
    whole, detected, *others = account(call, tmp_path / 'a.json', *words)
    assert (detected['metrics'], '--bbox-file' in detected['reason']) == (None, True)
    missing = {row['title']: row['reason'] for row in others if not row['metrics']}
    assert list(missing) == ['calibrated rescoring'] and 'calibrate.py adds one' in missing['calibrated rescoring']
    _, other, *_ = account(call, tmp_path / 'b.json', *words, '--bbox-file', tmp_path / 'boxes.json')
    assert other['metrics'] == whole['metrics']


def test_parts_that_the_config_switches_off_are_scored(coloured, call, tmp_path):
    rows = account(call, tmp_path / 'a.json', *coloured)
    words = [*coloured, '--out', tmp_path / 'b.json', '--cfg-options']
    status, output = call(
        'analysis.ap_account', *words, 'model.flip_test=False', 'test_evaluator.nms=None', 'codec.offset=0'
    )
    assert (status, 'leaves out flip test, NMS:' in output) == (0, True)
    again = {row['title']: row for row in json.loads((tmp_path / 'b.json').read_text())}
    assert 'no quarter offset' in again['no quarter offset']['reason']
    assert 'no other codec' in again['decoding of another codec']['reason']
    assert again["whole protocol, a detector's boxes"]['metrics'] == rows[4]['metrics']


@pytest.mark.parametrize(
    ('edit', 'options', 'said'),
    [
        (None, ['test_evaluator.type=PCKMetric'], 'needs a CocoMetric'),
        (lambda content: content.pop('annotations'), [], 'has no annotations'),
    ],
)
def test_a_test_without_ap_is_one_message(edit, options, said, coloured, call, tmp_path):
    if edit:
        content = json.loads((tmp_path / 'ann.json').read_text())
        edit(content)
        (tmp_path / 'ann.json').write_text(json.dumps(content))
    status, output = call('analysis.ap_account', *coloured, *(['--cfg-options', *options] if options else []))
    assert (status, said in output, 'Traceback' in output) == (2, True, False)
