"""The generated annotations have COCO's proportions; time and memory at full size keep their bounds."""

import json
import re
import subprocess
import sys

import pytest

from tools.analysis.dataset_size import build, write_annotations


def test_the_generated_file_gives_as_many_people_and_images_as_it_says(tmp_path):
    path = tmp_path / 'small.json'
    people = write_annotations(path, share=0.01)
    content = json.loads(path.read_text())
    dataset = build(path, [])
    assert (len(content['images']), len(content['annotations']), people) == (1183, 2625, 1498)
    assert len(dataset) == people
    assert len(set(dataset.data_list.values('img_id'))) == 566
    assert set(dataset.skipped) == {'crowd', 'without a labelled key point'}


@pytest.mark.slow
def test_train2017_is_built_in_15_s_of_one_core_and_8_workers_take_at_most_1_5_times_the_memory_of_one(repository):
    command = [sys.executable, 'tools/analysis/dataset_size.py']
    output = subprocess.run(command, cwd=repository, text=True, capture_output=True, check=True, timeout=600).stdout
    ((people, seconds),) = re.findall(r'build: (\d+) people in .* \(([\d.]+) s of CPU\)', output)
    (times,) = re.findall(r'with 8: ([\d.]+) times', output)
    assert int(people) == 149_813
    assert float(seconds) <= 15
    assert 1 <= float(times) <= 1.5
