"""The comparison of networks: measured size and cost beside the published ones, accuracy from work directories."""

import json
import re
from pathlib import Path

import pytest

from hrpose.analysis.comparison import best_validation, compare, comparison_table, draw_comparison
from hrpose.analysis.published import PUBLISHED
from hrpose.config.shipped import config_names
from hrpose.errors import UserError

SMALL = 'hrnet_w16_synthetic_128x96'


def train_log(work_dir: Path) -> None:
    """Write the scalars of a training with two validations."""
    scalars = work_dir / '20250131_120000' / 'vis_data' / 'scalars.json'
    scalars.parent.mkdir(parents=True)
    lines = [{'loss': 1.0, 'step': 1, 'epoch': 1, 'lr': 0.1, 'iter': 1}]
    lines += [{'coco/AP': value, 'coco/AP50': 0.9, 'step': step} for step, value in ((1, 0.25), (2, 0.75), (3, 0.5))]
    scalars.write_text('\n'.join(map(json.dumps, lines)))


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp('work_dirs')
    train_log(folder / SMALL)
    return compare([SMALL], work_dirs=folder, repeats=1)


def test_a_row_has_size_cost_and_the_best_validation(small):
    (one,) = small
    assert one.size == (96, 128) and one.parameters == 1461473
    assert one.gflops == pytest.approx(0.238, abs=5e-4)
    assert one.seconds > 0 and one.memory > 4 * one.parameters / 2**20
    assert (one.metric, one.measured, one.published) == ('coco/AP', 0.75, None)
    assert re.search(rf'{SMALL} +96x128 +1\.461 .* coco/AP +0\.750', comparison_table(small))


def test_the_drawing_has_a_panel_for_each_metric(small, tmp_path):
    drawn = draw_comparison(small, tmp_path / 'comparison.svg').read_text()
    assert 'coco/AP, measured' in drawn.replace('<!-- ', '') and 'w16_128x96' in drawn


def test_without_any_accuracy_nothing_is_drawn(tmp_path):
    (tmp_path / SMALL).mkdir()  # with checkpoints, perhaps, but no log
    found = compare([SMALL], work_dirs=tmp_path, repeats=1)
    assert found[0].measured is None
    with pytest.raises(UserError, match='no config has an accuracy to draw'):
        draw_comparison(found, tmp_path / 'comparison.png')


def test_a_training_without_validation_has_no_accuracy(tmp_path):
    train_log(tmp_path)
    scalars = next(tmp_path.rglob('scalars.json'))
    scalars.write_text(scalars.read_text().split('\n')[0])
    assert best_validation(tmp_path) == ('', None)


def test_published_values_are_of_configs_that_exist():
    assert set(PUBLISHED) <= set(config_names())
