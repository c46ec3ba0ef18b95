"""Data sets beside COCO: their joints are those of the release, and their files are read and scored."""

import json

import numpy as np
import pytest

from hrpose.config import load_config, parse_options
from hrpose.datasets.metainfo import joint_sides, resolve
from hrpose.datasets.metainfo.wholebody import LOWER_BODY_IDS
from hrpose.registry import DATASETS, METRICS
from tests.conftest import ROOT
from tests.data_sets import DATA_SETS, NUMBER, lay_out
from tests.evaluation.cases import evaluate, predicted_sample
from tests.golden import golden_data_sets

FACTS = golden_data_sets()['metainfo']
every_data_set = pytest.mark.parametrize('name', DATA_SETS)


@every_data_set
def test_joints_pairs_limbs_and_sigmas_are_the_published_ones(name):
    info, facts = resolve(name), FACTS[name]
    assert info['keypoint_names'] == tuple(facts['names'])
    assert info['flip_indices'] == tuple(facts['swap'])
    assert info['skeleton'] == tuple(map(tuple, facts['links']))
    assert info['sigmas'] == tuple(facts['sigmas'])
    assert len(info['sigmas']) == len(info['keypoint_names'])


@every_data_set
def test_a_flip_undoes_itself_and_exchanges_sides(name):
    info = resolve(name)
    flip, sides = info['flip_indices'], joint_sides(info)
    assert [flip[mirror] for mirror in flip] == list(range(len(flip)))
    assert all(flip[joint] != joint for joint, side in enumerate(sides) if side != 'centre')
    other = {'left': 'right', 'right': 'left', 'centre': 'centre'}
    assert [sides[mirror] for mirror in flip] == [other[side] for side in sides]


# mmpose's AP-10K has the right fore paw in the lower half, and the left one in the upper.
OTHER_HALF = {'ap10k': {10}}


@every_data_set
def test_the_upper_body_is_the_published_one(name):
    assert set(resolve(name)['upper_body_ids']) == set(FACTS[name]['upper']) | OTHER_HALF.get(name, set())


@pytest.mark.parametrize('name', LOWER_BODY_IDS)
def test_half_bodies_leave_out_face_and_hands(name):
    assert LOWER_BODY_IDS[name] == tuple(FACTS[name]['lower'])
    cfg = load_config(ROOT / 'configs' / f'{DATA_SETS[name][0]}.py')
    (half,) = [step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'RandomHalfBody']
    assert tuple(half.lower_body_ids) == LOWER_BODY_IDS[name]


@pytest.fixture
def laid_out(request, tmp_path):
    """The linked config of a data set that reads generated files, and the joints (N, K, 3) in them, image px."""
    config = ROOT / 'configs' / f'{DATA_SETS[request.param][0]}.py'
    options, joints = lay_out(request.param, tmp_path)
    return load_config(config, parse_options(options)), joints


@pytest.mark.parametrize('laid_out', DATA_SETS, indirect=True)
def test_records_hold_what_was_annotated(laid_out):
    cfg, joints = laid_out
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataset = DATASETS.build(cfg[loader].dataset)
        records = [dataset.get_data_info(number) for number in range(NUMBER)]
        np.testing.assert_array_equal([record['keypoints'] for record in records], joints[..., :2])
        np.testing.assert_array_equal([record['visible'] > 0 for record in records], joints[..., 2] > 0)
        sample = dataset[0]['data_samples']
        assert sample.gt_instance_labels.keypoint_weights.shape == (1, joints.shape[1])


@pytest.mark.parametrize('name, laid_out', [(name, name) for name in DATA_SETS], indirect=['laid_out'])
def test_annotated_people_as_predictions_have_the_full_score(name, laid_out):
    cfg, joints = laid_out
    *_, metric, value = DATA_SETS[name]
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    samples = []
    for number, person in enumerate(joints):
        sample = predicted_sample(number, 100 + number, person[:, :2], np.full(len(person), 0.9))
        visit = dataset[number]['data_samples']
        sample.gt_instances = visit.gt_instances
        if 'category_id' in visit:
            sample.set_metainfo({'category_id': visit.category_id})
        samples.append(sample)
    found = [evaluate(METRICS.build(each), samples) for each in cfg.test_evaluator]
    assert next(iter(found[0])) == metric
    assert found[0][metric] == pytest.approx(value, abs=1e-9)
    exact = found[0][metric]
    for sample in samples:
        sample.pred_instances.keypoints += 25
    assert evaluate(METRICS.build(cfg.test_evaluator[0]), samples)[metric] < exact / 2


@pytest.mark.parametrize('laid_out', ['ap10k'], indirect=True)
def test_animals_of_all_species_are_read_with_their_species(laid_out):
    cfg, _ = laid_out
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    assert [dataset[number]['data_samples'].category_id for number in range(NUMBER)] == [7, 8, 9, 10]
    assert dict(dataset.skipped) == {}


@pytest.mark.parametrize('laid_out', ['jhmdb'], indirect=True)
def test_jhmdbs_boxes_count_from_0_and_reach_their_far_edge(laid_out, tmp_path):
    cfg, _ = laid_out
    path = tmp_path / cfg.test_dataloader.dataset.ann_file
    content = json.loads(path.read_text())
    content['annotations'][0]['bbox'] = [11, 21, 30, 25]
    content['annotations'][1]['bbox'] = [0, 21, 200, 25]
    path.write_text(json.dumps(content))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    np.testing.assert_array_equal(dataset.get_data_info(0)['box'], [10, 20, 40, 45])
    np.testing.assert_array_equal(dataset.get_data_info(1)['box'], [0, 20, 79, 45])
