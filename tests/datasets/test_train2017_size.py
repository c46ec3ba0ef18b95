"""The generated annotations have COCO's proportions; time and memory at full size keep their bounds."""

import json
import re
import subprocess
import sys

import pytest

from tests.datasets.train2017_size import build, write_annotations


def test_generated_annotations_have_the_stated_counts(tmp_path):
    path = tmp_path / 'small.json'
    people = write_annotations(path, share=0.01)
    content = json.loads(path.read_text())
    dataset = build(path, [])
    assert (len(content['images']), len(content['annotations']), people) == (1183, 2625, 1498)
    assert len(dataset) == people
    assert len(set(dataset.data_list.values('img_id'))) == 566
    assert set(dataset.skipped) == {'crowd', 'without a labelled keypoint'}


@pytest.mark.slow
def test_train2017_is_built_in_15_s_and_8_workers_share_records(repository):
    command = [sys.executable, '-m', 'tests.datasets.train2017_size']
    output = subprocess.run(command, cwd=repository, text=True, capture_output=True, check=True, timeout=600).stdout
    ((people, seconds),) = re.findall(r'build: (\d+) people in .* \(([\d.]+) s of CPU\)', output)
    (times,) = re.findall(r'with 8: ([\d.]+) times', output)
    assert int(people) == 149_813
    assert float(seconds) <= 15
    assert 1 <= float(times) <= 1.5
