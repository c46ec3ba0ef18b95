"""COCO files: which people come out, which are left out and counted, and what a broken file says."""

import json

import numpy as np
import pytest

from hrpose.datasets import CocoDataset, SampleKey
from hrpose.datasets.metainfo import resolve
from hrpose.datasets.transforms import LoadImage, PackPose, PadBox, WarpAffine
from hrpose.errors import UserError
from hrpose.evaluation import CocoMetric
from hrpose.images.files import ImageError

PIPELINE = (LoadImage(), PadBox((64, 64)), WarpAffine((64, 64), range(5)), PackPose())
KINDS = ('missing', 'truncated', 'empty', 'text')


@pytest.fixture
def reports(monkeypatch) -> list[str]:
    """What the data sets log."""
    lines: list[str] = []
    monkeypatch.setattr('hrpose.datasets.base.print_log', lambda message, *_, **__: lines.append(message))
    return lines


def detection(**changes: object) -> dict:
    return {'image_id': 0, 'category_id': 1, 'bbox': [5.0, 6.0, 20.0, 30.0], 'score': 0.5, **changes}


def with_detections(data, detections: object, **options: object) -> CocoDataset:
    path = data.root / 'detections.json'
    path.write_text(json.dumps(detections))
    return CocoDataset(**data.arguments, bbox_file=str(path), test_mode=True, **options)


def test_a_record_holds_what_the_annotation_says(tiny_coco):
    data = tiny_coco(images=2)
    record = CocoDataset(**data.arguments).get_data_info(1)
    person = data.content['annotations'][1]
    x, y, width, height = person['bbox']
    assert (record['img_id'], record['id'], record['box_score']) == (1, 101, 1.0)
    assert record['img_path'] == str(data.images / '001.jpg')
    np.testing.assert_array_equal(record['box'], [x, y, x + width - 1, y + height - 1])
    np.testing.assert_array_equal(record['keypoints'], np.reshape(person['keypoints'], (5, 3))[:, :2])
    np.testing.assert_array_equal(record['visible'], np.full(5, 2))


def test_labelled_people_become_records_and_others_are_counted(sample_data):
    source = sample_data / 'coco'
    dataset = CocoDataset(str(source / 'test_coco.json'), data_prefix={'img': str(source)})
    assert len(dataset) == 12
    assert dict(dataset.skipped) == {'without a labelled keypoint': 2}


# In place of a value: the key is to be taken away.
ABSENT = object()


def change(entry: dict, changes: dict) -> None:
    """Set the entry's values, and take away those that are to be absent."""
    entry.update(changes)
    for key in [key for key, value in changes.items() if value is ABSENT]:
        del entry[key]


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'iscrowd': 1}, 'crowd'),
        ({'iscrowd': '1'}, 'crowd'),
        ({'keypoints': [0.0] * 15}, 'without a labelled keypoint'),
        ({'keypoints': []}, 'without a labelled keypoint'),
        ({'keypoints': None}, 'without a labelled keypoint'),
        ({'keypoints': ABSENT}, 'without a labelled keypoint'),
        ({'keypoints': [1, 1, 2, float('nan'), 1, 2] + [1, 1, 2] * 3}, 'NaN or infinity in its keypoints'),
        ({'keypoints': [1, 1, float('nan')] * 5}, 'without a labelled keypoint'),
        ({'bbox': ABSENT}, 'without a box'),
        ({'bbox': [0.2, 0.1, 0.5, 0.8]}, 'which looks normalised: multiply'),
        ({'bbox': None}, 'without a box'),
        ({'bbox': []}, 'without a box'),
        ({'bbox': [5, 5, 0, 0]}, 'box without an area'),
        ({'bbox': [5, 5, -10, -10], 'area': 9}, 'box without an area'),
        ({'bbox': [5, 5, 1, 1], 'area': 1}, 'box without an area'),
        ({'bbox': [200, 5, 10, 10]}, 'box without an area'),
        ({'bbox': [5, 5, float('nan'), 9]}, 'NaN or infinity in its box'),
        ({'bbox': [5, 5, float('inf'), 9]}, 'NaN or infinity in its box'),
        ({'area': 0}, 'box without an area'),
        ({'area': '0.0'}, 'box without an area'),
        ({'area': float('nan')}, 'box without an area'),
        ({'category_id': 2}, 'of another category'),
        ({'category_id': '2'}, 'of another category'),
        ({'image_id': 99}, 'does not list'),
        ({'image_id': '0001'}, 'does not list'),
    ],
)
def test_unusable_entries_are_counted_by_reason(changes, reason, tiny_coco):
    data = tiny_coco(edit=lambda content: change(content['annotations'][1], changes))
    dataset = CocoDataset(**data.arguments)
    assert [record['id'] for record in map(dataset.get_data_info, range(3))] == [100, 102, 103]
    (found,) = dataset.skipped
    assert reason in found
    assert dataset.skipped[found] == 1


TRAPS = {
    'no num_keypoints': lambda content, person: change(person, {'num_keypoints': ABSENT}),
    'num_keypoints of 0': lambda content, person: change(person, {'num_keypoints': 0}),
    'no area': lambda content, person: change(person, {'area': ABSENT}),
    'no iscrowd': lambda content, person: change(person, {'iscrowd': ABSENT}),
    'null iscrowd': lambda content, person: change(person, {'iscrowd': None, 'area': None, 'category_id': None}),
    'no category': lambda content, person: change(person, {'category_id': ABSENT}),
    'no categories': lambda content, person: change(content, {'categories': ABSENT}),
    'no size': lambda content, person: change(content['images'][1], {'width': ABSENT, 'height': None}),
    'image ids as text': lambda content, person: [
        change(image, {'id': str(image['id'])}) for image in content['images']
    ],
    'image id as text': lambda content, person: change(person, {'image_id': '1'}),
    'image id as float': lambda content, person: change(person, {'image_id': 1.0}),
    'keypoints as text': lambda content, person: change(person, {'keypoints': [str(v) for v in person['keypoints']]}),
    'keypoints as floats': lambda content, person: change(
        person, {'keypoints': [float(v) for v in person['keypoints']]}
    ),
    'keypoints in triples': lambda content, person: change(
        person, {'keypoints': np.reshape(person['keypoints'], (-1, 3)).tolist()}
    ),
    'box as text': lambda content, person: change(person, {'bbox': [str(v) for v in person['bbox']]}),
    'all else as text': lambda content, person: change(
        person, {'area': str(person['area']), 'iscrowd': '0', 'category_id': '1'}
    ),
    'size as text': lambda content, person: change(content['images'][1], {'width': '80', 'height': '60'}),
}


@pytest.mark.parametrize('trap', TRAPS.values(), ids=TRAPS)
def test_odd_spellings_are_read_and_scored_like_the_plain_file(trap, tiny_coco):
    plain = CocoDataset(**tiny_coco(name='plain').arguments)
    data = tiny_coco(name='odd', edit=lambda content: trap(content, content['annotations'][1]))
    odd = CocoDataset(**data.arguments)
    assert not odd.skipped
    for place in range(4):
        wanted, found = (dataset.get_data_info(place) for dataset in (plain, odd))
        assert list(found) == list(wanted)
        assert str(found['img_id']) == str(wanted['img_id'])
        for name in ('id', 'keypoints', 'visible', 'box', 'box_score'):
            np.testing.assert_array_equal(found[name], wanted[name])
    metric = CocoMetric(str(data.ann_file), data.metainfo, nms=None)
    metric.process(None, [perfect(record) for record in map(odd.get_data_info, range(4))])
    assert metric.evaluate(4)['coco/AP'] == pytest.approx(1, abs=1e-9)


def perfect(record: dict) -> dict:
    """Return the sample of a model that finds every joint of the record."""
    found = {'keypoints': record['keypoints'][None], 'keypoint_scores': np.ones((1, 5)), 'bbox_scores': np.ones(1)}
    return {'img_id': record['img_id'], 'id': record['id'], 'box_size': np.full(2, 9.0), 'pred_instances': found}


def test_a_box_above_and_left_of_the_image_moves_into_its_corner(tiny_coco):
    data = tiny_coco(edit=lambda content: content['annotations'][1].update(bbox=[-50, -50, 10, 20]))
    np.testing.assert_array_equal(CocoDataset(**data.arguments).get_data_info(1)['box'], [0, 0, 9, 19])


def test_nan_where_a_joint_is_not_labelled_becomes_0(tiny_coco):
    nan = float('nan')
    data = tiny_coco(edit=lambda content: content['annotations'][1].update(keypoints=[nan, nan, 0, 3, 4, 2] + [0] * 9))
    record = CocoDataset(**data.arguments).get_data_info(1)
    np.testing.assert_array_equal(record['keypoints'], [[0, 0], [3, 4], [0, 0], [0, 0], [0, 0]])
    np.testing.assert_array_equal(record['visible'], [0, 2, 0, 0, 0])


def test_an_image_list_asks_for_a_detectors_boxes(tiny_coco):
    data = tiny_coco(edit=lambda content: change(content, {'annotations': ABSENT}))
    with pytest.raises(UserError, match='lists only images.*bbox_file='):
        CocoDataset(**data.arguments, test_mode=True)


def test_of_cocos_categories_only_persons_are_taken(tiny_coco):
    def edit(content: dict) -> None:
        del content['annotations']
        content['categories'] = [{'id': 3, 'name': 'car'}, {'id': 1, 'name': 'person'}]

    dataset = with_detections(tiny_coco(edit=edit), [detection(), detection(category_id=3)])
    assert (len(dataset), dict(dataset.skipped)) == (1, {'of another category': 1})


def test_what_was_left_out_is_reported_with_its_numbers(tiny_coco, reports):
    def edit(content: dict) -> None:
        content['annotations'][0]['iscrowd'] = content['annotations'][1]['iscrowd'] = 1
        content['annotations'][2]['keypoints'] = []

    CocoDataset(**tiny_coco(edit=edit).arguments)
    line, pairs = reports
    assert pairs == '5 joints; mirror pairs: left_a - right_a, left_b - right_b; not mirrored: nose'
    assert line.startswith('1 people from')
    assert line.endswith('left out: 2 crowd; 1 without a labelled keypoint')


def test_an_annotation_with_another_number_of_keypoints_names_both(tiny_coco):
    data = tiny_coco(edit=lambda content: content['annotations'][1].update(keypoints=[1, 1, 2] * 4))
    with pytest.raises(UserError, match="annotation 101 has 4 keypoints, but metainfo 'tiny' has 5; set metainfo"):
        CocoDataset(**data.arguments)


def test_a_file_with_another_number_of_keypoints_names_both(tiny_coco):
    data = tiny_coco()
    with pytest.raises(UserError, match=r'names 5 keypoints, but the metainfo has 17;'):
        CocoDataset(**{**data.arguments, 'metainfo': 'coco'})


@pytest.mark.parametrize('empty', [[], [{'iscrowd': 1}]])
def test_a_set_without_a_usable_person_is_refused(empty, tiny_coco):
    def edit(content: dict) -> None:
        content['annotations'] = [{**content['annotations'][0], **changes} for changes in empty]

    with pytest.raises(UserError, match='train.json: has no usable person') as error:
        CocoDataset(**tiny_coco(edit=edit).arguments)
    assert ('1 crowd' if empty else 'nothing') in str(error.value)


@pytest.mark.parametrize('text', ['{"images": [', '[]', '{"annotations": []}', '{"images": 3}', '\xff\xfe'])
def test_a_file_that_is_no_coco_json_is_refused_by_name(text, tiny_coco):
    data = tiny_coco()
    data.ann_file.write_bytes(text.encode('latin-1'))
    with pytest.raises(UserError, match='train.json'):
        CocoDataset(**data.arguments)


@pytest.mark.parametrize(
    ('place', 'broken'),
    [
        ('annotations', {'bbox': [1, 2, 3]}),
        ('annotations', {'keypoints': [1, 1, 2] * 4 + [1]}),
        ('annotations', {'image_id': ABSENT}),
        ('images', {'file_name': ABSENT}),
        ('images', {'id': ABSENT}),
        ('annotations', {'id': ABSENT}),
        ('annotations', {'bbox': 'left'}),
        ('annotations', {'keypoints': ['a', 'b', 'c'] * 5}),
        ('annotations', {'iscrowd': 'yes'}),
        ('categories', {'id': 'person'}),
    ],
)
def test_a_broken_entry_is_refused_or_counted(place, broken, tiny_coco):
    data = tiny_coco(edit=lambda content: change(content[place][-1], broken))
    try:
        assert CocoDataset(**data.arguments).skipped.total() == 1
    except UserError as error:
        assert 'train.json' in str(error)


ADVICE = {
    'annotations/person_keypoints_val2017.json': 'person_keypoints_{train,val}2017.json',
    'annotations/person_keypoints_val.json': 'hrpose make-synthetic nowhere/mine',
    'annotations/val': 'hrpose make-synthetic data/synthetic_video --video',
    'mine.json': 'data_root=/path/to/it',
}


@pytest.mark.parametrize('ann_file', ADVICE)
def test_advice_on_missing_data_fits_the_data_set(ann_file):
    with pytest.raises(UserError) as error:
        CocoDataset(ann_file, data_root='nowhere/mine', lazy_init=True)
    message = str(error.value)
    assert f'nowhere/mine/{ann_file} does not exist' in message and ADVICE[ann_file] in message
    assert ('make-synthetic' in message) == (ann_file != 'mine.json')
    assert ('{train,val}2017' in message) == ann_file.endswith('2017.json')


def test_a_missing_image_folder_is_named(tiny_coco, tmp_path):
    arguments = {**tiny_coco().arguments, 'data_prefix': {'img': str(tmp_path / 'nowhere')}}
    with pytest.raises(UserError, match='nowhere does not exist'):
        CocoDataset(**arguments, lazy_init=True)


def test_a_missing_bbox_file_is_named_with_its_rule(tiny_coco):
    data = tiny_coco()
    arguments = {**data.arguments, 'data_root': str(data.root), 'bbox_file': 'dets.json'}
    with pytest.raises(UserError) as error:
        CocoDataset(**{**arguments, 'data_prefix': {'img': str(data.images)}}, test_mode=True, lazy_init=True)
    expected = f'bbox_file: {data.root}/dets.json does not exist; relative to data_root unless absolute'
    assert str(error.value).startswith(expected) and 'annotations' not in str(error.value)


def test_an_annotation_file_that_is_a_folder_is_refused(tiny_coco):
    data = tiny_coco()
    with pytest.raises(UserError, match='train'):
        CocoDataset(**{**data.arguments, 'ann_file': str(data.images)})


def test_detections_give_their_own_boxes_unclipped_and_scores(tiny_coco):
    boxes = [detection(), detection(image_id=2, bbox=[-5.0, 50.0, 100.0, 40.0], score=0.25)]
    dataset = with_detections(tiny_coco(), boxes)
    first, second = (dataset.get_data_info(index) for index in range(2))
    np.testing.assert_array_equal(first['box'], [5, 6, 25, 36])
    np.testing.assert_array_equal(second['box'], [-5, 50, 95, 90])
    assert [first['box_score'], second['box_score']] == [0.5, 0.25]
    assert [first['img_id'], second['img_id']] == [0, 2]
    assert first['id'] != second['id']
    assert 'keypoints' not in first


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'category_id': 2}, 'of another category'),
        ({'score': 0.05}, 'below the score threshold'),
        ({'bbox': [1, 1, 0, 5]}, 'box without an area'),
        ({'bbox': [1, 1, float('nan'), 5]}, 'NaN or infinity in its box'),
        ({'bbox': ABSENT}, 'without a box'),
        ({'bbox': None}, 'without a box'),
        ({'score': float('nan')}, 'NaN or infinity in its score'),
        ({'score': '0.05'}, 'below the score threshold'),
        ({'image_id': 99}, 'does not list'),
    ],
)
def test_unusable_detections_are_counted_by_reason(changes, reason, tiny_coco):
    unusable = detection()
    change(unusable, changes)
    dataset = with_detections(tiny_coco(), [detection(), unusable], bbox_threshold=0.1)
    assert len(dataset) == 1
    (found,) = dataset.skipped
    assert reason in found


@pytest.mark.parametrize(
    'changes',
    [
        {'image_id': '0'},
        {'image_id': 0.0},
        {'bbox': ['5', '6', '20.0', '30.0']},
        {'score': '0.5'},
        {'category_id': '1'},
        {'category_id': ABSENT},
    ],
)
def test_a_detection_with_one_meaning_is_read_like_the_plain_one(changes, tiny_coco):
    odd = detection()
    change(odd, changes)
    plain, found = map(with_detections(tiny_coco(), [detection(), odd]).get_data_info, range(2))
    np.testing.assert_array_equal(found['box'], plain['box'])
    assert (found['img_id'], found['box_score']) == (plain['img_id'], plain['box_score'])


@pytest.mark.parametrize('wrong', [{'images': []}, [{'image_id': 0, 'bbox': [0, 0, 1, 1]}], [[1, 2]], [3]])
def test_a_detection_file_of_another_layout_is_refused_by_name(wrong, tiny_coco):
    with pytest.raises(UserError, match=r'detections\.json'):
        with_detections(tiny_coco(), wrong)


def test_detections_cannot_be_trained_on(tiny_coco):
    data = tiny_coco()
    path = data.root / 'detections.json'
    path.write_text(json.dumps([detection()]))
    with pytest.raises(UserError, match='bbox_file'):
        CocoDataset(**data.arguments, bbox_file=str(path))


def test_all_detections_become_records(sample_data):
    source = sample_data / 'coco'
    dataset = CocoDataset(
        str(source / 'test_coco.json'),
        data_prefix={'img': str(source)},
        bbox_file=str(source / 'test_coco_det_AP_H_56.json'),
        test_mode=True,
    )
    assert len(dataset) == 118
    assert not dataset.skipped


def test_a_missing_image_stops_a_test_before_it_starts(tiny_coco):
    data = tiny_coco(broken={1: 'missing'})
    with pytest.raises(UserError, match=r'1 of 4 test images do not exist, for instance .*001\.jpg'):
        CocoDataset(**data.arguments, pipeline=PIPELINE, test_mode=True)


@pytest.mark.parametrize('kind', [kind for kind in KINDS if kind != 'missing'])
def test_a_broken_image_is_an_error_in_a_test(kind, tiny_coco):
    data = tiny_coco(broken={1: kind})
    dataset = CocoDataset(**data.arguments, pipeline=PIPELINE, test_mode=True)
    assert dataset[0]['data_samples'].id == 100
    with pytest.raises(ImageError, match=r'001\.jpg'):
        dataset[1]


@pytest.mark.parametrize('kind', KINDS)
def test_a_broken_image_is_replaced_and_counted_in_training(kind, tiny_coco, reports):
    data = tiny_coco(broken={1: kind})
    dataset = CocoDataset(**data.arguments, pipeline=PIPELINE)
    chosen = [dataset[SampleKey(0, epoch, 1)]['data_samples'].id for epoch in range(10)]
    assert set(chosen) == {100, 102, 103}
    ((message, count),) = dataset.broken_images.items()
    assert '001.jpg' in message
    assert count >= 10
    assert len([line for line in reports if '001.jpg' in line]) == 1


def test_only_broken_images_end_training_with_a_message(tiny_coco):
    data = tiny_coco(images=2, broken={0: 'empty', 1: 'missing'})
    with pytest.raises(UserError, match='images in a row cannot be read'):
        CocoDataset(**data.arguments, pipeline=PIPELINE)[0]


def test_a_sample_has_the_fields_that_others_rely_on(tiny_coco):
    data = tiny_coco(images=1)
    packed = CocoDataset(**data.arguments, pipeline=PIPELINE, test_mode=True)[0]
    sample = packed['data_samples']
    assert (packed['inputs'].shape, str(packed['inputs'].dtype)) == ((3, 64, 64), 'torch.uint8')
    assert (sample.ori_shape, sample.input_size, sample.flip, sample.rotation) == ((60, 80), (64, 64), False, 0.0)
    assert sample.gt_instances.keypoints.shape == (1, 5, 2)
    assert sample.gt_instances.bboxes.shape == (1, 4)
    assert sample.gt_instance_labels.keypoints.dtype == np.float32
    np.testing.assert_array_equal(sample.gt_instance_labels.keypoint_weights, np.ones((1, 5)))
    assert sample.box_size[0] == sample.box_size[1]


def test_visibility_1_and_2_weigh_the_same_and_0_nothing(tiny_coco):
    def edit(content: dict) -> None:
        content['annotations'][0]['keypoints'][2::3] = [0, 1, 2, 0, 2]

    data = tiny_coco(images=1, edit=edit)
    sample = CocoDataset(**data.arguments, pipeline=PIPELINE)[0]['data_samples']
    np.testing.assert_array_equal(sample.gt_instance_labels.keypoint_weights, [[0, 1, 1, 0, 1]])
    np.testing.assert_array_equal(sample.gt_instances.keypoints_visible, [[0, 1, 2, 0, 2]])


def test_the_data_set_tells_its_complete_metainfo(tiny_coco):
    data = tiny_coco()
    assert CocoDataset(**data.arguments).metainfo == resolve(data.metainfo)


def test_a_folder_of_files_is_read_as_one(tiny_coco):
    data = tiny_coco(images=4)
    folder = data.root / 'parts'
    folder.mkdir()
    for number, (image, person) in enumerate(zip(data.content['images'], data.content['annotations'], strict=True)):
        part = {**data.content, 'images': [image], 'annotations': [person]}
        (folder / f'{number}.json').write_text(json.dumps(part))
    whole, parts = (CocoDataset(**{**data.arguments, 'ann_file': str(path)}) for path in (data.ann_file, folder))
    ids = [[dataset.get_data_info(index)['id'] for index in range(len(dataset))] for dataset in (whole, parts)]
    assert ids[0] == ids[1] == [100, 101, 102, 103]


def test_a_folder_without_files_is_named(tiny_coco):
    data = tiny_coco()
    with pytest.raises(UserError, match=r'train: this folder has no \.json file'):
        CocoDataset(**{**data.arguments, 'ann_file': str(data.images)})


def test_training_can_treat_a_broken_image_as_an_error(tiny_coco):
    data = tiny_coco(broken={1: 'truncated'})
    dataset = CocoDataset(**data.arguments, pipeline=PIPELINE, on_broken_image='error')
    assert dataset[0]['data_samples'].ori_shape == (60, 80)
    with pytest.raises(ImageError, match=r'001\.jpg is cut short'):
        dataset[1]
    assert not dataset.broken_images


def test_an_unknown_treatment_of_broken_images_is_refused(tiny_coco):
    with pytest.raises(UserError, match="'skip' is neither 'replace' nor 'error'"):
        CocoDataset(**tiny_coco().arguments, on_broken_image='skip')
