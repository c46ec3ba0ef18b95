"""An exported RTMDet finds the boxes that `PersonDetector` finds; what cannot be exported is refused."""

import cv2
import numpy as np
import onnx
import pytest
import torch

from hrpose.apis import PersonDetector
from hrpose.apis.detector import init_detector
from hrpose.cli import export, page, run_exported
from hrpose.config import load_config
from hrpose.errors import UserError
from hrpose.export.detector import describe_detector, export_detector
from hrpose.export.metadata import KEY, DetectorMetadata
from hrpose.export.runtime import ExportedDetector, ExportedPose, fit_image, load_graph
from hrpose.export.verify import compare_boxes, verify_detector

pytest.importorskip('mmdet')

SHAPES = [(60, 90), (200, 120), (96, 96), (11, 300)]


def small_config(repository, *, classes: int = 1, **test_cfg):
    """Return the config of a small RTMDet with an input of 96 px."""
    cfg = load_config(repository / 'configs/detection/rtmdet_nano_synthetic_224x224.py')
    for step in cfg.test_dataloader.dataset.pipeline:
        for key in {'scale', 'size'} & set(step):
            step[key] = (96, 96)
    cfg.test_dataloader.dataset.metainfo = dict(classes=('person', *(f'class{index}' for index in range(1, classes))))
    cfg.model.bbox_head.update(stacked_convs=1, num_classes=classes)
    cfg.model.test_cfg.update(test_cfg)
    return cfg


def small_detector(repository, *, classes: int = 1, threshold: float = 0.0, **test_cfg) -> PersonDetector:
    """Return that detector with random weights, whose boxes overlap and whose scores differ by more than rounding."""
    torch.manual_seed(0)
    model = init_detector(small_config(repository, classes=classes, **test_cfg), device='cpu')
    for distances, scores in zip(model.bbox_head.rtm_reg, model.bbox_head.rtm_cls, strict=True):
        distances.weight.data.normal_(std=0.3)
        distances.bias.data.fill_(2.0)  # in strides
        scores.weight.data.normal_(std=20)  # what they see is small in untrained networks
        scores.bias.data.fill_(-2.0)
    return PersonDetector(model, score_threshold=threshold)


@pytest.fixture(scope='module')
def images() -> list[np.ndarray]:
    """Images of smooth noise: lying, upright, square and very wide."""
    rng = np.random.default_rng(0)
    return [cv2.resize(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8), (w, h)) for h, w in SHAPES]


@pytest.fixture(scope='module')
def detector(repository) -> PersonDetector:
    return small_detector(repository, max_per_img=20)


@pytest.fixture(scope='module')
def detector_file(detector, tmp_path_factory):
    """Its exported file."""
    path = tmp_path_factory.mktemp('detector') / 'det.onnx'
    if torch.__version__.startswith('2.6.'):
        with pytest.raises(UserError, match='exporter of PyTorch 2.6.* cannot write this network .*batch_norm'):
            export_detector(detector, path)
        pytest.skip("PyTorch 2.6's exporter does not know batch normalisation")
    export_detector(detector, path)
    return path


def assert_same(path, detector, images, backend=None) -> None:
    """Hold an exported file to `PersonDetector`. Boxes whose scores are equal but for rounding may change places."""
    exported, expected = ExportedDetector(path, backend=backend), detector(images)
    for ours, theirs in zip(exported(images), expected, strict=True):
        assert len(ours.boxes) == len(theirs.boxes)
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)
        assert ours.boxes.dtype == theirs.boxes.dtype and ours.scores.dtype == theirs.scores.dtype
    found = compare_boxes(exported(images), expected)
    assert found.counts[0] > 40 and found.pixels.max() < 1e-3 and found.scores.max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_exported_boxes_are_those_of_mmdet(backend, detector, detector_file, images):
    assert_same(detector_file, detector, images, backend)
    assert {len(found.boxes) for found in detector(images)} == {20}  # cut off at the most boxes


@pytest.mark.slow
@pytest.mark.parametrize(
    'options',
    [
        dict(nms_pre=15, threshold=0.15),
        dict(min_bbox_size=30),
        dict(min_bbox_size=-1, score_thr=0.12),
        dict(classes=3, nms_pre=40, max_per_img=60),
        dict(classes=80, nms_pre=3000, max_per_img=2000),
    ],
)
def test_every_threshold_of_mmdet_is_in_the_file(options, repository, images, tmp_path):
    detector = small_detector(repository, **options)
    export_detector(detector, tmp_path / 'det.onnx')
    assert_same(tmp_path / 'det.onnx', detector, images)
    plain = small_detector(repository, classes=options.get('classes', 1))
    assert any(len(a.boxes) != len(b.boxes) for a, b in zip(plain(images), detector(images), strict=True))


def test_an_image_is_fitted_as_in_the_test_pipeline(detector, images):
    metadata = describe_detector(detector)
    for image in images:
        padded, factors = fit_image(image, metadata)
        prepared = detector.prepare(image)
        np.testing.assert_array_equal(padded.transpose(2, 0, 1), prepared['inputs'].numpy())
        np.testing.assert_array_equal(factors, prepared['data_samples'].scale_factor)


def test_the_description_of_a_detector(detector):
    found = describe_detector(detector)
    assert (found.input_size, found.scale, found.pad_value) == ((96, 96), (96, 96), (114, 114, 114))
    assert (found.classes, found.iou_threshold, found.max_boxes) == (('person',), 0.7, 20)
    assert found.score_threshold == 0 and 'RTMDetSepBNHead' in found.config


@pytest.mark.slow
def test_the_commands_export_verify_and_run_a_detector(repository, onnx_file, detector, images, tmp_path, capsys):
    config, weights, out = tmp_path / 'small.py', tmp_path / 'weights.pth', tmp_path / 'det.onnx'
    small_config(repository, max_per_img=20).dump(config)
    torch.save({'state_dict': detector.model.state_dict(), 'meta': {}}, weights)
    cv2.imwrite(str(tmp_path / 'image.png'), images[0])
    words = [config, weights, '--to', 'onnx', '--out', out, '--box-threshold', 0, '--verify', tmp_path / 'image.png']
    export.main([*map(str, words)])
    said = capsys.readouterr().out
    assert f'{out}: detector, 96x96 px, box scores from 0, ' in said
    assert '1 images: 20 boxes in PyTorch, 20 in the file; largest difference' in said
    run_exported.main([str(tmp_path / 'image.png'), '--model', str(onnx_file), '--detector', str(out)])
    assert capsys.readouterr().out.count('box_score') == 20
    with pytest.raises(UserError, match='net.onnx: the file is a pose network, not a detector; give it as the pose'):
        run_exported.main([str(tmp_path / 'image.png'), '--model', str(onnx_file), '--detector', str(onnx_file)])
    with pytest.raises(UserError, match='det.onnx: the file is a detector, not a pose network; give it as the det'):
        run_exported.main([str(tmp_path / 'image.png'), '--model', str(out)])


@pytest.mark.slow
@pytest.mark.slow
def test_the_page_takes_an_exported_detector(onnx_file, detector, detector_file, images):
    arguments = page.parse_arguments(['--model', str(onnx_file), '--detector', str(detector_file)], None)
    pose, _ = page.build_pose(arguments)
    result, (expected,) = pose(images[0]), detector([images[0]])
    np.testing.assert_allclose(result.boxes, expected.boxes, atol=1e-3)
    assert result.keypoints.shape == (20, 3, 2)


def test_a_box_that_differs_is_found(detector, detector_file, images, tmp_path):
    assert verify_detector(detector_file, detector, images).ok
    content = onnx.load(str(detector_file))
    most = next(each for each in content.graph.initializer if each.name == 'max_boxes')
    most.CopyFrom(onnx.helper.make_tensor('max_boxes', onnx.TensorProto.INT64, [1], [19]))
    onnx.save(content, str(tmp_path / 'other.onnx'))
    found = verify_detector(tmp_path / 'other.onnx', detector, images)
    assert not found.ok and found.counts == (80, 76) and found.unequal == 4


@pytest.mark.slow
def test_a_detector_of_one_image_alone_is_a_sentence(detector_file, images):
    with pytest.raises(UserError, match=r'write detector\(\[image\]\)'):
        ExportedDetector(detector_file)(images[0])


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda each: setattr(each, 'nms_threshold', 0.5), 'nms_threshold cannot be exported; leave it out'),
        (lambda each: setattr(each._pipeline.transforms[1], 'keep_ratio', False), 'with keep_ratio=True, bilinear'),
        (
            lambda each: each._pipeline.transforms.pop(2),
            'has the steps LoadImageFromNDArray, Resize, PackDetInputs, but',
        ),
        (lambda each: each.model.bbox_head.test_cfg.nms.update(type='soft_nms'), "has nms={'type': 'soft_nms'"),
        (
            lambda each: setattr(each.model, 'bbox_head', torch.nn.Linear(1, 1)),
            'with the head Linear cannot be exported',
        ),
    ],
)
def test_what_the_file_cannot_have_is_a_sentence(change, said, repository):
    detector = small_detector(repository)
    change(detector)
    with pytest.raises(UserError, match=said):
        describe_detector(detector)


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--flip-test'], '--flip-test has no effect on a detector; leave it out'),
        (['--fp16'], '--fp16 has no effect on a detector'),
        (['--batch', '4'], '--batch has no effect on a detector'),
        (['--verify'], '--verify: name the images'),
        (['--verify', 'nowhere.jpg'], 'there is no nowhere.jpg'),
        (['--to', 'openvino', '--out', 'det.xml'], '--to openvino: a detector is exported to onnx only'),
    ],
)
def test_an_option_that_a_detector_lacks_is_a_sentence(words, said, repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = repository / 'configs/detection/rtmdet_nano_synthetic_224x224.py'
    with pytest.raises(UserError, match=said):
        export.main([str(config), '--to', 'onnx', '--out', 'det.onnx', *words])
    assert [*tmp_path.glob('det.*')] == []


def test_a_pose_network_is_no_detector(onnx_file):
    with pytest.raises(UserError, match='net.onnx: the file is a pose network, not a detector; give it as the pose'):
        ExportedDetector(onnx_file)


def test_a_detector_is_no_pose_network(onnx_file, detector, tmp_path):
    content = onnx.load(str(onnx_file))
    onnx.helper.set_model_props(content, {KEY: describe_detector(detector).to_json()})
    onnx.save(content, str(tmp_path / 'det.onnx'))
    with pytest.raises(UserError, match='det.onnx: the file is a detector, not a pose network; give it as the det'):
        ExportedPose(tmp_path / 'det.onnx')
    with pytest.raises(UserError, match=r'says inputs of \[\[1, 96, 96, 3\], \[2\]\], but its graph takes'):
        ExportedDetector(tmp_path / 'det.onnx')


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(scale=(200, 96)), 'the scale is not between 0 and the input size'),
        (dict(pad_value=(0, 0, 256)), 'the padding is not a colour'),
        (dict(classes=()), 'there are no classes'),
    ],
)
def test_a_description_of_a_detector_that_is_wrong_is_a_sentence(change, said, detector, onnx_file, tmp_path):
    content = onnx.load(str(onnx_file))
    described = DetectorMetadata(**{**vars(describe_detector(detector)), **change})
    onnx.helper.set_model_props(content, {KEY: described.to_json()})
    onnx.save(content, str(tmp_path / 'det.onnx'))
    with pytest.raises(UserError, match=said):
        ExportedDetector(tmp_path / 'det.onnx')


def test_a_file_of_before_there_were_kinds_is_a_pose_network(onnx_file, tmp_path):
    content = onnx.load(str(onnx_file))
    content.metadata_props[0].value = content.metadata_props[0].value.replace('"kind": "pose", ', '')
    assert '"kind"' not in content.metadata_props[0].value
    onnx.save(content, str(tmp_path / 'old.onnx'))
    assert load_graph(tmp_path / 'old.onnx')[1] == load_graph(onnx_file)[1]
