"""Exported networks without PyTorch give the results of `PoseInferencer`, and bad files end in a sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from hrpose.apis import Boxes, PoseInferencer
from hrpose.cli import run_exported
from hrpose.errors import UserError
from hrpose.export import session
from hrpose.export.metadata import KEY
from hrpose.export.runtime import ExportedPose, load_graph
from hrpose.export.verify import verify

BOXES = [[5, 5, 40, 80], [30.5, 10, 90, 88], [-20, -10, 50, 120]]
# What the runtime does without.
BLOCKED = ('torch', 'mmengine', 'mmcv', 'mmdet', 'matplotlib', 'scipy', 'simplejpeg', 'psutil', 'tqdm', 'safetensors')
WITHOUT = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {BLOCKED}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Block())
"""


@pytest.fixture(scope='module')
def image_file(tmp_path_factory) -> Path:
    """An image of smooth noise, 96 px wide and 90 px high."""
    coarse = np.random.default_rng(1).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp('images') / 'noise.png'
    cv2.imwrite(str(path), cv2.resize(coarse, (96, 90)))
    return path


@pytest.fixture(scope='module')
def expected(model, image_file):
    """The result of PyTorch."""
    return PoseInferencer(model)(str(image_file), BOXES)


def assert_same(found, expected) -> None:
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=1e-3)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    assert found.keypoints.dtype == expected.keypoints.dtype and found.scores.dtype == expected.scores.dtype
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    np.testing.assert_array_equal(found.box_scores, expected.box_scores)
    assert found.metainfo == expected.metainfo
    for name in ('image_size', 'source', 'name', 'frame_index', 'rate', 'track_ids'):
        assert getattr(found, name) == getattr(expected, name)


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_an_onnx_file_gives_the_inferencers_result(backend, onnx_file, image_file, expected):
    assert_same(ExportedPose(onnx_file, backend=backend, threads=1)(str(image_file), BOXES), expected)


def test_an_openvino_file_of_two_takes_three_people(openvino_file, image_file, expected):
    pose = ExportedPose(openvino_file)
    assert pose.batch_size == 2
    assert_same(pose(str(image_file), BOXES), expected)


def test_no_intermediate_file_is_left(openvino_file):
    # The intermediate ONNX file has this name too.
    assert {path.name for path in openvino_file.parent.glob('plain.*')} == {'plain.xml', 'plain.bin'}


def test_a_detector_says_where_the_people_are(onnx_file, image_file, expected):
    empty = [[3, 3, 3, 9]]
    pose = ExportedPose(onnx_file, lambda images: [Boxes(np.array(BOXES + empty), np.full(4, 0.5))])
    found = pose(str(image_file))
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=1e-3)
    assert found.box_scores.tolist() == [0.5] * 3


def test_nobody_gives_an_empty_result(onnx_file, image_file):
    found = ExportedPose(onnx_file)(str(image_file), [])
    assert found.keypoints.shape == (0, 3, 2) and found.scores.shape == (0, 3)


def test_the_file_says_what_it_is(model, onnx_file):
    metadata = load_graph(onnx_file)[1]
    assert metadata.metainfo == model.metainfo
    assert (metadata.input_size, metadata.padding, metadata.stride) == ((64, 128), 1.25, (4.0, 4.0))
    assert (metadata.codec, metadata.flip_test, metadata.precision, metadata.batch) == ('MSRAHeatmap', True, 'fp32', 0)


def test_the_runtime_needs_no_pytorch(onnx_file, image_file, expected):
    code = (
        f'{WITHOUT}from hrpose.export.runtime import ExportedPose\n'
        f'found = ExportedPose({str(onnx_file)!r})({str(image_file)!r}, {BOXES})\n'
        f'found.draw({str(image_file)!r}); found.to_coco(1); print(found.to_json())\n'
        f'from hrpose.cli.run_exported import main\n'
        f'main([{str(image_file)!r}, "--model", {str(onnx_file)!r}])'
    )
    environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=120, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    given, whole = map(json.loads, done.stdout.splitlines())
    people = [person['keypoints'] for person in given['people']]
    np.testing.assert_allclose(np.array(people)[..., :2], expected.keypoints, atol=1e-3)
    assert whole['people'][0]['box'] == [0, 0, 96, 90]


def test_hrpose_run_writes_lines_and_drawings(onnx_file, image_file, expected, tmp_path, capsys):
    boxes = ';'.join(','.join(map(str, box)) for box in BOXES)
    run_exported.main([str(image_file), '--model', str(onnx_file), f'--boxes={boxes}', '--out', str(tmp_path)])
    (line,) = (tmp_path / 'poses.jsonl').read_text().splitlines()
    people = [person['keypoints'] for person in json.loads(line)['people']]
    np.testing.assert_allclose(np.array(people)[..., :2], expected.keypoints, atol=1e-3)
    assert cv2.imread(str(tmp_path / 'noise.jpg')).shape == (90, 96, 3)
    assert capsys.readouterr().out == f'{tmp_path}: 1 image, 3 people\n'


def test_hrpose_run_skips_a_broken_image_and_says_so(onnx_file, image_file, tmp_path, capsys):
    folder = tmp_path / 'images'
    folder.mkdir()
    (folder / 'a.jpg').write_bytes(b'broken')
    (folder / 'b.png').write_bytes(image_file.read_bytes())
    run_exported.main([str(folder), '--model', str(onnx_file)])
    printed = capsys.readouterr()
    assert json.loads(printed.out)['source'].endswith('b.png')
    assert printed.err.startswith('skipped: ') and 'a.jpg' in printed.err


def test_hrpose_run_fails_if_no_image_can_be_read(onnx_file, tmp_path):
    (tmp_path / 'a.jpg').write_bytes(b'broken')
    with pytest.raises(UserError, match=r'a\.jpg'):
        run_exported.main([str(tmp_path / 'a.jpg'), '--model', str(onnx_file)])


@pytest.mark.parametrize('boxes', ['1,2,3', 'nothing.json', '1,2,3,4;5'])
def test_boxes_that_are_neither_file_nor_numbers_are_refused(boxes, onnx_file, image_file):
    with pytest.raises(UserError, match='there is no such file, and it is not X1,Y1,X2,Y2 either'):
        run_exported.main([str(image_file), '--model', str(onnx_file), '--boxes', boxes])


def test_without_boxes_and_detector_is_a_sentence(onnx_file, image_file):
    with pytest.raises(UserError, match='nothing says where the people are; give boxes='):
        ExportedPose(onnx_file)(str(image_file))


def spoilt(path: Path, target: Path, **changes: object) -> Path:
    """Return an ONNX file whose description is changed; `None` removes a field, `text` replaces all."""
    content = onnx.load(str(path))
    described = json.loads(content.metadata_props[0].value)
    text = changes.pop('text', None)
    described = {key: value for key, value in {**described, **changes}.items() if value is not None}
    content.metadata_props[0].value = json.dumps(described) if text is None else text
    onnx.save(content, str(target))
    return target


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'text': '{'}, 'its description is not JSON'),
        ({'text': '[' * 100_000}, 'its description is not JSON'),
        ({'text': '[]'}, 'its description is a list, not a mapping; export it again'),
        ({'format': 2, 'version': '9.1'}, 'hrpose 9.1 exported it, which is newer; update hrpose'),
        ({'sigmas': None}, "its description lacks 'sigmas'; export it again"),
        ({'padding': 'wide'}, "padding has 'wide' in place of a float"),
        ({'input_size': [64]}, 'input_size has 1 entries in place of 2'),
        ({'keypoint_names': 'abc'}, "keypoint_names has 'abc' in place of a list"),
        ({'input_size': [128, 64]}, r'inputs of \[\[.any., 64, 128, 3\]\], but its graph takes'),
        ({'batch': 4}, r'inputs of \[\[4, 128, 64, 3\]\], but its graph takes'),
        ({'flip_indices': [0, 1, 1]}, 'flip_indices do not name each joint once'),
        ({'sigmas': [0.1]}, 'sigmas and joints differ in number'),
        ({'skeleton': [[0, 7]]}, 'a limb or the upper body has a joint that does not exist'),
        ({'padding': 0}, 'a stride or padding is not between 0 and 32767'),
        ({'input_size': [0, 128]}, 'a side of the input is not between 0 and 32767'),
        ({'kind': ['pose']}, 'the file is of an unknown kind; export it again'),
        ({'precision': 'fp8'}, 'the precision is not one of fp32, fp16, bf16, int8'),
        ({'batch': -1}, 'the batch is negative'),
    ],
)
def test_a_description_that_is_wrong_is_a_sentence(changes, said, onnx_file, tmp_path):
    with pytest.raises(UserError, match=said):
        load_graph(spoilt(onnx_file, tmp_path / 'spoilt.onnx', **changes))


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_a_file_that_hrpose_did_not_export_is_a_sentence(backend, onnx_file, tmp_path):
    content = onnx.load(str(onnx_file))
    del content.metadata_props[:]
    onnx.save(content, str(tmp_path / 'foreign.onnx'))
    with pytest.raises(UserError, match='the file has no description, so hrpose did not export it'):
        load_graph(tmp_path / 'foreign.onnx', backend)


@pytest.mark.parametrize(
    ('name', 'backend'), [('net.onnx', 'onnxruntime'), ('net.onnx', 'openvino'), ('net.xml', None)]
)
@pytest.mark.parametrize('content', [b'', b'not a network', bytes(range(256))])
def test_a_file_that_is_no_network_is_a_sentence(name, backend, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match='is not a network that .* can load'):
        load_graph(tmp_path / name, backend)


def test_an_openvino_file_without_its_weights_is_a_sentence(openvino_file, tmp_path):
    (tmp_path / 'net.xml').write_bytes(openvino_file.read_bytes())
    with pytest.raises(UserError, match='is not a network that OpenVINO can load'):
        load_graph(tmp_path / 'net.xml')


@pytest.mark.parametrize(
    ('name', 'backend', 'said'),
    [
        ('nothing.onnx', None, 'there is no file .*nothing.onnx; check the path'),
        ('net.pt2', None, "the runtime reads no files with the suffix '.pt2'; give an .onnx or .xml"),
        ('net.xml', 'onnxruntime', 'onnxruntime reads no .xml files; take openvino'),
        ('net.onnx', 'onnxruntim', "there is no backend 'onnxruntim'; nearest: onnxruntime"),
    ],
)
def test_what_no_backend_reads_is_a_sentence(name, backend, said, tmp_path):
    for each in ('net.pt2', 'net.xml', 'net.onnx'):
        (tmp_path / each).touch()
    with pytest.raises(UserError, match=said):
        load_graph(tmp_path / name, backend)


def test_a_missing_backend_is_a_sentence(onnx_file, monkeypatch):
    monkeypatch.setattr(session, 'find_spec', lambda name: None)
    with pytest.raises(UserError, match='needs onnxruntime or openvino, which is not installed; pip install onnx'):
        load_graph(onnx_file)


def test_bf16_on_a_processor_without_it_is_a_sentence(onnx_file, monkeypatch, tmp_path):
    import openvino

    path = spoilt(onnx_file, tmp_path / 'bf16.onnx', precision='bf16')
    real = openvino.Core.get_property
    monkeypatch.setattr(
        openvino.Core, 'get_property', lambda self, *names: ['FP32'] if 'CPU' in names else real(self, *names)
    )
    with pytest.raises(UserError, match='computes in bf16, for which this processor has no instructions; export fp32'):
        load_graph(path, 'openvino')


def test_a_difference_above_the_tolerance_is_found(model, onnx_file, crops, tmp_path):
    content = onnx.load(str(onnx_file))
    bias = next(each for each in content.graph.initializer if each.name.endswith('bias') and each.dims[0] == 3)
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + np.float32(1e-2), bias.name))
    onnx.save(content, str(tmp_path / 'other.onnx'))
    found = verify(tmp_path / 'other.onnx', model, crops)
    assert not found.ok
    assert found.scores.max() > 1e-3 and KEY in {each.key for each in content.metadata_props}
