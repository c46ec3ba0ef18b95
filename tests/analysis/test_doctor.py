"""tools/data/doctor.py names each seeded fault, finds none in a healthy data set, and never ends in a traceback."""

import json
import re
from typing import get_args

import cv2
import numpy as np
import pytest

from hrpose.analysis.ap_ceiling import heatmap_ceiling
from hrpose.analysis.doctor.examine import count_of
from hrpose.analysis.doctor.finding import Fault
from hrpose.analysis.doctor.grid import measure_grid
from hrpose.analysis.doctor.people import people_of
from hrpose.cli.doctor import main
from hrpose.codecs import MSRAHeatmap
from hrpose.datasets import CocoDataset
from hrpose.datasets.transforms import PadBox
from hrpose.evaluation import CocoMetric
from tests.analysis.doctor_seeds import COCO, NAMES, SEEDS, Case, exchange, healthy, set_flag


@pytest.fixture
def case(tmp_path) -> Case:
    return healthy(tmp_path)


def findings(output: str) -> dict[str, str]:
    """Return the findings by fault: severity, place, explanation and advice."""
    parts = re.split(r'^(error|warning|note) +(\w+), ', output, flags=re.M)
    found: dict[str, str] = {}
    for severity, name, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        found[name] = f'{found.get(name, "")}{severity} {text}'
    return found


def examined(call, case: Case, *words: object) -> tuple[object, dict[str, str], str]:
    """Run the doctor on a case; return its exit status, its findings and what it printed."""
    status, output = call('data.doctor', case.write(), *words, *case.words)
    assert 'Traceback' not in output
    assert status in (0, 1), output[-3000:]
    return status, findings(output), output


def test_a_healthy_data_set_has_no_findings_and_a_sheet(case, call):
    status, found, output = examined(call, case)
    assert (status, found) == (0, {})
    assert '0 errors, 0 warnings, 0 notes' in output
    assert 'these heatmaps allow an AP of at most 1.000' in output
    sheet = cv2.imread(str(case.folder / 'sheets' / 'test.png'))
    assert sheet.shape[1] > 1000


@pytest.mark.parametrize('fault', SEEDS)
def test_a_seeded_fault_is_named(fault, case, call):
    SEEDS[fault](case)
    status, found, _ = examined(call, case)
    assert fault in found
    assert status == any(text.startswith('error') for text in found.values())


def test_every_fault_has_a_seed():
    assert set(SEEDS) == set(get_args(Fault))


def test_docs_explain_exactly_the_known_findings(repository):
    page = (repository / 'docs' / 'doctor.md').read_text()
    assert sorted(re.findall(r'^\| `(\w+)` \|', page, re.M)) == sorted(get_args(Fault))


@pytest.mark.parametrize('value', [float('nan'), float('-inf'), None, 1e12], ids=str)
@pytest.mark.parametrize('field', ['keypoints', 'bbox'])
def test_a_number_of_no_image_is_a_finding_and_the_rest_is_drawn(field, value, case, call):
    case.people[5][field][0] = value
    status, found, output = examined(call, case)
    assert (status, set(found)) == (1, {'not_numbers'})
    assert 'annotations 105 of ann.json' in found['not_numbers']
    assert '11 of them used' in output and 'allow an AP of at most' in output
    assert (case.folder / 'sheets' / 'test.png').is_file()


def test_a_far_joint_leaves_something_of_the_image_to_draw(case, call):
    case.people[5]['keypoints'][0] = 1e7
    examined(call, case)
    assert (case.folder / 'sheets' / 'test.png').is_file()


def test_a_far_detection_is_a_warning(case, call):
    case.detections[0]['bbox'][0] = 1e12
    assert set(examined(call, case)[1]) == {'broken_detections'}


@pytest.mark.parametrize(
    ('fault', 'said'),
    [
        ('flip_pairs', 'left_eye -> right_eye -> left_ear'),
        ('sigma_count', '16 entries for 17 joints'),
        ('joint_counts', '1 have 16'),
        ('duplicate_annotation_ids', 'annotation ids 100 '),
        ('duplicate_image_ids', 'image ids 0 '),
        ('swapped_pair', 'left_hip and right_hip'),
        ('boxes_miss_joints', 'annotations 105 '),
        ('missing_images', 'images/2.jpg'),
        ('unreadable_images', '2.jpg is cut short'),
        ('image_sizes', '2.jpg is 320 x 100, stated 640 x 200'),
        ('foreign_detections', '12 of 12 detections (100%)'),
        ('annotation_file', 'not valid JSON'),
        ('unlabelled_joints', 'right_ear'),
    ],
)
def test_a_finding_says_what_and_where(fault, said, case, call):
    SEEDS[fault](case)
    assert said in ' '.join(examined(call, case)[1][fault].split())


def test_one_swapped_pair_does_not_blame_the_other_pairs(case, call):
    exchange(NAMES.index('left_knee'))(case)
    found = examined(call, case)[1]
    assert set(found) == {'swapped_pair'}
    assert found['swapped_pair'].count('look exchanged') == 1


def test_people_without_a_labelled_joint_are_one_error(case, call):
    set_flag(slice(None), 0)(case)
    status, found, _ = examined(call, case)
    assert (status, set(found)) == (1, {'unlabelled_joints', 'left_out'})
    assert 'nothing to learn' in found['unlabelled_joints']


BROKEN = {
    'empty': '',
    'null': 'null',
    'a_list': '[]',
    'no_lists': '{}',
    'images_no_list': '{"images": 5}',
    'images_of_numbers': '{"images": [1], "annotations": [2]}',
    'nothing_in_it': '{"images": [], "annotations": [], "categories": []}',
    'annotations_no_list': '{"images": [], "annotations": 3}',
    'categories_of_text': '{"images": [], "annotations": [], "categories": ["person"]}',
    'nonsense_joints': '{"images": [{}], "annotations": [{"keypoints": {}}], "categories": [{"keypoints": 3}]}',
    'nonsense_limbs': '{"images": [], "annotations": [], "categories": [{"keypoints": ["a"], "skeleton": [3, "b"]}]}',
    'nested_joints': '{"images": [{"id": 1}], "annotations": [{"image_id": 1, "keypoints": [[1, 2, 2]], "bbox": 5}]}',
}


@pytest.mark.parametrize('text', BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize('by', ['config', 'file'])
def test_a_broken_file_is_a_finding(text, by, case, call):
    case.texts['ann.json'] = text
    if by == 'config':
        assert examined(call, case)[1]
        return
    case.write()
    status, output = call('data.doctor', '--ann', case.folder / 'ann.json', '--images', case.folder / 'images')
    assert status in (0, 1)
    assert findings(output)


def test_a_file_and_a_folder_are_enough(case, call):
    case.write()
    words = ['--ann', case.folder / 'ann.json', '--images', case.folder / 'images', '--out', case.folder / 'out']
    status, output = call('data.doctor', *words, '--bbox-file', case.folder / 'boxes.json', '--most', 10)
    assert (status, findings(output)) == (0, {})
    assert '10 people of 12, evenly drawn' in output
    assert (case.folder / 'out' / 'ann.png').is_file()


def test_findings_for_programs_are_a_list(case, capsys):
    case.people[5]['bbox'][0] = None
    with pytest.raises(SystemExit) as left:
        main([str(case.write()), '--json', *case.words])
    printed = capsys.readouterr()
    (finding,) = json.loads(printed.out)
    assert (left.value.code, finding['fault'], finding['severity']) == (True, 'not_numbers', 'error')
    assert '1 error, 0 warnings' in printed.err


@pytest.mark.parametrize('words', [[], ['a.py', '--ann', 'b.json'], ['a.py', '--workers', 0], ['a.py', '--most', 0]])
def test_wrong_arguments_end_with_status_2(words, call):
    assert call('data.doctor', *words)[0] == 2


def test_a_contradictory_config_is_one_message(case, call):
    case.options.append('metainfo.skeleton=[(0,40)]')
    status, output = call('data.doctor', case.write(), *case.words)
    assert (status, 'joint 40' in output, 'Traceback' in output) == (2, True, False)


def test_ceiling_is_the_ap_of_the_decoded_ground_truth(case):
    case.write()
    file, folder = str(case.folder / 'ann.json'), str(case.folder / 'images')
    people = people_of(case.content, COCO, file)
    values = []
    for size in ((6, 8), (24, 32), (48, 64)):
        codec = MSRAHeatmap((192, 256), size, sigma=1)
        dataset = CocoDataset(file, data_prefix={'img': folder}, pipeline=[PadBox((192, 256))], test_mode=True)
        grid = measure_grid(dataset, codec, people, most=1000)
        assert grid.people == len(dataset) == 12
        assert grid.ap == heatmap_ceiling(dataset, codec, [CocoMetric(file, 'coco', nms=None)])['coco/AP']
        values.append(grid.ap)
    assert values[0] < values[1] <= values[2]
    assert values[2] == pytest.approx(1)


def test_bound_is_a_lower_bound_of_oks_inside_the_input(case):
    case.write()
    file = str(case.folder / 'ann.json')
    people = people_of(case.content, COCO, file)
    dataset = CocoDataset(file, data_prefix={'img': str(case.folder)}, pipeline=[PadBox((192, 256))])
    grid = measure_grid(dataset, MSRAHeatmap((192, 256)), people, most=1000)
    assert grid.outside == 0
    assert 0 < grid.error <= np.sqrt(0.5)
    assert 0.8 < grid.bound < 1


SAMPLES = {
    'coco': ('coco/test_coco.json', 'coco', 'coco/test_coco_det_AP_H_56.json', {'left_out'}),
    'crowdpose': (
        'crowdpose/test_crowdpose.json',
        'crowdpose',
        'crowdpose/test_crowdpose_det_AP_40.json',
        {'left_out', 'skeleton'},
    ),
    'posetrack18': (
        'posetrack18/annotations/test_posetrack18_val.json',
        'posetrack18',
        'posetrack18/annotations/test_posetrack18_human_detections.json',
        {'unlabelled_joints', 'skeleton'},
    ),
    'lspet': ('lspet/annotations/lspet_val.json', 'lspet/images', None, set()),
}


@pytest.mark.parametrize('name', SAMPLES)
def test_samples_of_public_data_sets_give_notes_only(name, call, sample_data, tmp_path):
    ann, images, boxes, expected = SAMPLES[name]
    words = ['--ann', sample_data / ann, '--images', sample_data / images, '--out', tmp_path, '--most', 50]
    status, output = call('data.doctor', *words, *(['--bbox-file', sample_data / boxes] if boxes else []))
    found = findings(output)
    assert (status, set(found)) == (0, expected)
    assert all(text.startswith('note') for text in found.values())


def test_mpii_is_examined_through_its_records(call, sample_data, repository, tmp_path):
    source = sample_data / 'mpii'
    options = [f'data_root={source}', 'val_dataloader.dataset.ann_file=test_mpii.json']
    words = ['--split', 'val', '--out', tmp_path, '--cfg-options', *options, 'val_dataloader.dataset.data_prefix.img=.']
    status, output = call('data.doctor', repository / 'configs' / 'hrnet_w32_mpii_256x256.py', *words)
    assert (status, set(findings(output))) == (0, {'records_only'})
    assert 'the 5 people that MpiiDataset reads from it' in output
    assert '5 people, encoded and decoded' in output
    assert (tmp_path / 'val.png').is_file()


def test_findings_are_counted_by_severity():
    assert count_of([]) == '0 errors, 0 warnings, 0 notes'
