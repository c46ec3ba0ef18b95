"""test-dev: images without labels, boxes of a detector, and the file for the COCO server."""

import json
from pathlib import Path

import pytest
import torch

from hrpose.apis import init_model


@pytest.fixture
def test_dev(tiny_coco, tiny_config, tmp_path):
    """The config, weights and options of a test on images without labels."""

    def without_labels(content: dict) -> None:
        del content['annotations']
        content['categories'] = [{'id': 3, 'name': 'car'}, {'id': 1, 'name': 'person'}]

    config = tiny_config(tiny_coco(images=2))
    data = tiny_coco(name='image_info_test-dev', images=3, edit=without_labels)
    boxes = tmp_path / 'boxes.json'
    kinds = [(0, 1, 0.9), (0, 1, 0.8), (2, 1, 0.7), (1, 3, 0.9), (1, 1, 0.01)]  # image, category, score
    boxes.write_text(
        json.dumps(
            [
                {'image_id': image, 'category_id': category, 'bbox': [5 * number, 5, 40, 30], 'score': score}
                for number, (image, category, score) in enumerate(kinds)
            ]
        )
    )
    checkpoint = tmp_path / 'weights.pth'
    torch.save(init_model(config).state_dict(), checkpoint)
    options = [
        f'test_dataloader.dataset.ann_file={data.ann_file.name}',
        f'test_dataloader.dataset.data_prefix.img={data.images}',
        f'test_dataloader.dataset.bbox_file={boxes}',
        'test_dataloader.dataset.bbox_threshold=0.05',
    ]
    return config, checkpoint, options


def run_test(call, test_dev, work_dir: Path, *more: str) -> tuple[object, str]:
    config, checkpoint, options = test_dev
    return call('test', config, checkpoint, '--work-dir', work_dir, '--cfg-options', *options, *more)


def test_images_without_labels_give_a_submission(test_dev, tmp_path, call):
    prefix = tmp_path / 'new' / 'person_keypoints_test-dev2017_mine_results'
    options = [f'test_evaluator.outfile_prefix={prefix}', 'test_evaluator.nms=None']
    status, output = run_test(call, test_dev, tmp_path / 'run', *options)
    assert status == 0, output[-3000:]
    assert '3 people from' in output
    assert '1 of another category; 1 detection below the score threshold' in output
    assert 'nothing was scored; 3 people written to' in output
    assert 'coco/AP' not in output
    found = json.loads(Path(f'{prefix}.keypoints.json').read_text())
    assert sorted((person['image_id'], person['category_id']) for person in found) == [(0, 1), (0, 1), (2, 1)]
    for person in found:
        assert sorted(person) == ['category_id', 'image_id', 'keypoints', 'score']
        assert len(person['keypoints']) == 15 and all(type(value) is float for value in person['keypoints'])
        assert type(person['score']) is float and 0 <= person['score'] <= 1


def test_a_submission_is_named_after_the_image_list(test_dev, tmp_path, call, monkeypatch):
    config, *others = test_dev
    monkeypatch.chdir(tmp_path)
    status, output = run_test(call, (config, *others), tmp_path / 'run')
    assert status == 0, output[-3000:]
    assert len(json.loads((tmp_path / 'image_info_test-dev_results.keypoints.json').read_text())) >= 2


def test_images_without_labels_need_boxes(test_dev, tmp_path, call):
    config, checkpoint, options = test_dev
    status, output = run_test(call, (config, checkpoint, options[:2]), tmp_path / 'run')
    assert status == 2
    assert 'lists only images' in output and 'bbox_file=' in output and 'Traceback' not in output
