"""Hostile annotation and detection files: each form that a data set, a metric, the doctor or `hrpose infer` reads."""

import copy
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.io import savemat

from hrpose.analysis.doctor.examine import examine
from hrpose.apis.box_file import BoxFile
from hrpose.cli.doctor import parse_arguments, read_subjects
from hrpose.config import load_config
from hrpose.datasets import CocoDataset, CrowdPoseDataset, MpiiDataset, MpiiMatDataset, PoseTrack18Dataset
from hrpose.datasets.base import PoseDataset
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.evaluation import CocoMetric, CrowdPoseMetric, PoseTrack18Metric
from hrpose.registry import DATASETS
from tests.conftest import ROOT
from tests.fuzz.sandbox import Case
from tests.fuzz.strategies import json_files, spoiled, spoiled_bytes, values

FOUND = [{'image_id': index, 'category_id': 1, 'bbox': [1, 2, 30, 40], 'score': 0.5} for index in range(3)]


def coco_file(metainfo: str, **fields: Any) -> dict[str, Any]:
    """Return a file of three people in COCO's layout; `fields` are of each image."""
    names = list(resolve(metainfo)['keypoint_names'])
    person = {'category_id': 1, 'iscrowd': 0, 'num_keypoints': len(names), 'bbox': [10, 5, 40, 30], 'area': 1200}
    person['bbox_head'] = [12, 6, 9, 9]  # of PoseTrack18
    person['keypoints'] = [number for joint in range(len(names)) for number in (10 + joint, 8 + joint, 2)]
    images = [{'id': index, 'file_name': f'{index}.jpg', 'width': 80, 'height': 60, **fields} for index in range(3)]
    annotations = [{'id': 100 + index, 'image_id': index, **copy.deepcopy(person)} for index in range(3)]
    return {
        'images': images,
        'annotations': annotations,
        'categories': [{'id': 1, 'name': 'person', 'keypoints': names}],
    }


def read_all(dataset: PoseDataset) -> None:
    for index in range(len(dataset)):
        record = dataset.get_data_info(index)
        assert np.isfinite(record['box']).all() and np.isfinite(record['box_score'])
        if 'keypoints' in record:
            assert record['keypoints'].shape == (dataset.num_joints, 2) and np.isfinite(record['keypoints']).all()


def reader(read: Callable[[str], object], name: str = 'case.json') -> Callable[[Path], Case]:
    """Return how a sandbox makes the case that writes its input to a file, and reads it."""

    def make(work_dir: Path) -> Case:
        path = work_dir / name

        def case(content: bytes) -> None:
            path.write_bytes(content)
            read(str(path))

        return case

    return make


def sample_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return what a metric gets of a record whose joints were found where they are."""
    joints = record['keypoints'][None]
    found = {'keypoints': joints, 'keypoint_scores': np.ones(joints.shape[:2]), 'bbox_scores': np.ones(1)}
    return {'img_id': record['img_id'], 'id': record['id'], 'box_size': (9.0, 9.0), 'pred_instances': found}


def both(dataset: type, metric: type, metainfo: str) -> Callable[[str], None]:
    """Return what reads a file as training does, then as the validation behind it."""

    def read(path: str) -> None:
        people = dataset(path, metainfo=metainfo)
        read_all(people)
        evaluator = metric(ann_file=path, metainfo=metainfo)
        evaluator.process(None, [sample_of(people.get_data_info(index)) for index in range(len(people))])
        evaluator.compute_metrics(evaluator.results)

    return read


def diagnose(path: str, *words: str) -> None:
    _, (subject,) = read_subjects(parse_arguments(['--ann', path, '--metainfo', 'coco', *words], None))
    assert all(map(str, examine(subject, open_images=False).findings))


PERSON = {'image': 'a.jpg', 'center': [101.0, 51.0], 'scale': 2.0, 'joints': [[5.0, 9.0]] * 16, 'joints_vis': [1] * 16}

# Form -> a file of it, and what reads it.
FORMS: dict[str, tuple[Any, Callable[[str], object]]] = {
    'coco': (coco_file('coco'), both(CocoDataset, CocoMetric, 'coco')),
    'crowdpose': (coco_file('crowdpose', crowdIndex=0.3), both(CrowdPoseDataset, CrowdPoseMetric, 'crowdpose')),
    'posetrack18': (
        coco_file('posetrack18', vid_id='1', is_labeled=True, frame_id=1),
        both(PoseTrack18Dataset, PoseTrack18Metric, 'posetrack18'),
    ),
    'from_annotations': (coco_file('lsp'), lambda path: read_all(CocoDataset(path, metainfo='from annotations'))),
    'mpii': ([PERSON, {**PERSON, 'center': [-1.0, -1.0]}], lambda path: read_all(MpiiDataset(path))),
    'doctor': (coco_file('coco'), diagnose),
}


def both_ways(outcomes: Counter[str], form: str) -> None:
    """Hold that the inputs were neither all good nor all bad; to the doctor everything is a finding."""
    least = outcomes.total() // 100
    assert outcomes['taken'] > least and (outcomes['refused'] > least) != (form == 'doctor')


@pytest.mark.parametrize('form', FORMS)
def test_annotations(form, attack):
    document, read = FORMS[form]
    outcomes = attack(f'annotations_{form}', json.dumps(document).encode(), json_files(document), reader(read))
    both_ways(outcomes, form)


def truth_beside(path: str) -> Path:
    """Return a whole annotation file beside `path`, with images."""
    annotations = Path(path).with_name('truth.json')
    if not annotations.is_file():
        content = coco_file('coco')
        annotations.write_text(json.dumps(content))
        for image in content['images']:
            (annotations.parent / image['file_name']).touch()
    return annotations


def boxes_of_test(path: str) -> None:
    annotations = truth_beside(path)
    prefix = {'img': str(annotations.parent)}
    read_all(CocoDataset(str(annotations), bbox_file=path, data_prefix=prefix, test_mode=True))


DETECTIONS: dict[str, tuple[Any, Callable[[str], object]]] = {
    'bbox_file': (FOUND, boxes_of_test),
    'infer_results': (FOUND, BoxFile),
    'infer_annotations': (coco_file('coco'), BoxFile),
    'doctor': (FOUND, lambda path: diagnose(str(truth_beside(path)), '--bbox-file', path)),
}


@pytest.mark.parametrize('form', DETECTIONS)
def test_detections(form, attack):
    document, read = DETECTIONS[form]
    outcomes = attack(f'detections_{form}', json.dumps(document).encode(), json_files(document), reader(read))
    both_ways(outcomes, form)


# MATLAB ---------------------------------------------------------------------------------------------------------------


def mat_file(content: dict[str, Any]) -> bytes:
    """Return a MATLAB file, or as much of one as can be written of odd values."""
    buffer = io.BytesIO()
    try:
        savemat(buffer, content)
    except Exception:  # of values that MATLAB has no form for
        buffer.write(b'\x00' * 128)
    return buffer.getvalue()


def release() -> dict[str, Any]:
    """Return MPII's MATLAB structure of two images, one person each."""
    points = [{'id': joint, 'x': 10.0 + joint, 'y': 20.0, 'is_visible': 1} for joint in range(16)]
    person = {'objpos': {'x': 101.0, 'y': 51.0}, 'scale': 2.0, 'annopoints': {'point': points}}
    return {
        'RELEASE': {
            'annolist': [{'image': {'name': f'{index}.jpg'}, 'annorect': copy.deepcopy(person)} for index in range(2)],
            'img_train': [1, 1],
        }
    }


def leeds(path: str) -> None:
    read_all(DATASETS.build({'type': 'LspExtendedDataset', 'ann_file': path, 'images': (1, 3)}))


odd_arrays = st.builds(
    lambda shape, fill, kind: np.full(shape, fill, dtype='float64').astype(kind),
    st.sampled_from(
        ((14, 3, 3), (14, 3, 2), (14, 3, 1), (14, 3, 0), (3, 14, 2), (14, 3), (14,), (), (14, 3, 2, 2), (0, 3, 2))
    ),
    st.sampled_from((0.0, 1.0, -5.0, float('nan'), float('inf'), 1e308)),
    st.sampled_from(('float64', 'float32', 'int8', 'uint64', 'complex128', 'bool')),
)


@pytest.mark.parametrize('form', ['mpii', 'leeds'])
@pytest.mark.filterwarnings('ignore')
def test_matlab_files(form, attack):
    if form == 'mpii':
        near, read = spoiled(release()).map(mat_file), lambda path: read_all(MpiiMatDataset(path))
        whole = mat_file(release())
    else:
        load_config(ROOT / 'projects' / 'lsp_extended' / 'configs' / 'lsp_extended_hrnet_w16_128x128.py')
        near = (odd_arrays | values).map(lambda array: mat_file({'joints': array}))
        read, whole = leeds, mat_file({'joints': np.ones((14, 3, 3))})
    outcomes = attack(
        f'annotations_{form}_mat', whole, near | near | spoiled_bytes(whole), reader(read, 'case.mat'), cases=50
    )
    both_ways(outcomes, form)


def test_saved_programs_are_not_run_by_their_suffix(tmp_path, monkeypatch):
    """A config is a program of the user's; data never are, whatever they are called."""
    monkeypatch.chdir(tmp_path)
    program = tmp_path / 'train.py'
    program.write_text("open('HACKED', 'w')")
    with pytest.raises(UserError):
        CocoDataset(str(program))
    assert not Path('HACKED').exists()
