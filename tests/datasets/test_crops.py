"""Crops packed once give training what the images give it."""

import numpy as np
import pytest

from hrpose.config import load_config
from hrpose.datasets import SampleKey
from hrpose.datasets.storage.crops import CropPack
from hrpose.datasets.storage.pack_crops import Cutter, pack_people
from hrpose.errors import UserError
from hrpose.registry import DATASETS

# Strong augmentation of every kind, and a person is only one visit in a hundred away from any bound.
PIPELINE = [
    dict(type='LoadImage'),
    dict(type='PadBox'),
    dict(type='RandomHalfBody', prob=0.5, min_joints=4),
    dict(type='RandomShift', prob=0.5),
    dict(type='RandomScale', spread=0.35),
    dict(type='RandomRotation', degrees=45, prob=0.6),
    dict(type='RandomFlip'),
    dict(type='WarpAffine'),
    dict(type='PackPose'),
]


@pytest.fixture(scope='module')
def configured(sample_data, repository):
    """Make the training set of real people, with the pipeline's first step and options as given."""
    source = str(sample_data / 'coco')
    options = {'data_root': source, 'train_dataloader.dataset.ann_file': 'test_coco.json'}
    options['train_dataloader.dataset.data_prefix.img'] = source

    def make(pack=None, pipeline=PIPELINE, **changes):
        first = dict(type='LoadCrop', pack=str(pack)) if pack else pipeline[0]
        changes = options | changes | {'train_pipeline': [first, *pipeline[1:]]}
        cfg = load_config(repository / 'configs' / 'hrnet_w32_coco_256x192.py', changes)
        return DATASETS.build(cfg.train_dataloader.dataset)

    return make


@pytest.fixture(scope='module')
def packed(configured, tmp_path_factory):
    """A pack of each format: (folder, data set that reads it)."""

    def make(form, **options):
        folder = tmp_path_factory.mktemp(form)
        pack_people(configured(), folder, form, **options)
        return folder, configured(folder)

    return make


def visits(dataset, epochs):
    return [dataset[SampleKey(3, epoch, index)] for epoch in range(epochs) for index in range(len(dataset))]


# A JPEG of quality 95 changes a pixel by 1.2 on average over these crops.
@pytest.mark.parametrize(
    ('form', 'bound', 'codec'), [('raw', 0.0, 'MSRAHeatmap'), ('jpeg', 2.5, 'MSRAHeatmap'), ('raw', 0.0, 'UDPHeatmap')]
)
def test_augmented_crops_and_keypoints_are_those_of_the_images(form, bound, codec, configured, packed):
    # A pack holds pixels of the image, so it serves every codec.
    folder, _ = packed(form, shard=5)
    plain_data, dataset = (configured(pack, **{'codec.type': codec}) for pack in (None, folder))
    for plain, crop in zip(visits(plain_data, 8), visits(dataset, 8), strict=True):
        labels = [sample['data_samples'].gt_instance_labels for sample in (plain, crop)]
        np.testing.assert_array_equal(labels[0].keypoints, labels[1].keypoints)
        np.testing.assert_array_equal(labels[0].keypoint_weights, labels[1].keypoint_weights)
        difference = plain['inputs'].numpy().astype(float) - crop['inputs'].numpy()
        assert np.abs(difference).mean() <= bound
        assert crop['data_samples'].ori_shape == plain['data_samples'].ori_shape


def test_large_people_are_kept_no_finer_than_augmentation_shows_them(configured, tmp_path):
    dataset = configured(**{'codec.input_size': (48, 64)})
    pack_people(dataset, tmp_path, 'raw')
    small = configured(
        **{'codec.input_size': (48, 64), 'train_pipeline.0': {'type': 'LoadCrop', 'pack': str(tmp_path)}}
    )
    differences = [
        np.abs(plain['inputs'].numpy().astype(float) - crop['inputs'].numpy()).mean()
        for plain, crop in zip(visits(dataset, 2), visits(small, 2), strict=True)
    ]
    assert CropPack(tmp_path).about['bytes'] < 0.5 * sum(
        3 * np.prod(small.pipeline.transforms[0](dataset.get_data_info(index))['ori_shape']) for index in range(12)
    )
    # Averaging areas is smoother than reading single pixels of a fine image; means stay.
    assert np.mean(differences) < 12


def test_an_interrupted_pack_continues_to_the_same_pack(configured, tmp_path):
    dataset, seen = configured(), []

    def stop(done):
        seen.append(done)
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack_people(dataset, tmp_path / 'a', 'jpeg', shard=5, progress=stop)
    with pytest.raises(UserError, match='not finished'):
        CropPack(tmp_path / 'a')
    written = (tmp_path / 'a' / 'crops-00000.npz').stat().st_mtime_ns
    pack_people(dataset, tmp_path / 'a', 'jpeg', shard=5, workers=3)
    assert (tmp_path / 'a' / 'crops-00000.npz').stat().st_mtime_ns == written
    pack_people(dataset, tmp_path / 'b', 'jpeg', shard=5)
    for number in range(3):
        name = f'crops-0000{number}.bin'
        assert (tmp_path / 'a' / name).read_bytes() == (tmp_path / 'b' / name).read_bytes()


def test_a_folder_with_another_pack_is_refused(configured, packed, tmp_path):
    folder, _ = packed('jpeg')
    with pytest.raises(UserError, match='format differs'):
        pack_people(configured(), folder, 'raw')


def test_stronger_augmentation_than_packed_for_is_an_error(configured, tmp_path):
    mild = [dict(type='LoadImage'), dict(type='PadBox'), dict(type='WarpAffine'), dict(type='PackPose')]
    pack_people(configured(pipeline=mild), tmp_path, 'raw')
    dataset = configured(tmp_path)
    with pytest.raises(UserError, match='packed for milder augmentation'):
        visits(dataset, 4)


def test_a_pack_of_other_annotations_is_refused(configured, packed):
    folder, _ = packed('jpeg')
    dataset = configured(folder)
    record = dataset.get_data_info(0) | {'id': 1}
    with pytest.raises(UserError, match='made from other annotations'):
        dataset.pipeline.transforms[0](record)


def test_a_step_without_reach_cannot_be_packed(configured):
    transforms = configured().pipeline.transforms
    with pytest.raises(UserError, match='function does not tell how far it moves'):
        Cutter.of([*transforms[:2], lambda results: results, *transforms[2:]], 'raw')


def test_an_unreadable_image_is_named_and_replaced_in_training(tiny_coco, tiny_config, tmp_path):
    data = tiny_coco(joints=5, images=4)
    first = sorted(path for path in data.images.iterdir())[0]
    first.write_bytes(b'')
    cfg = load_config(tiny_config(data))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    about = pack_people(dataset, tmp_path / 'pack', 'raw')
    assert len(about['problems']) == 1
    assert first.name in about['problems'][0]
    cfg = load_config(tiny_config(data), {'train_pipeline.0': {'type': 'LoadCrop', 'pack': str(tmp_path / 'pack')}})
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert all(dataset[index]['inputs'].shape[0] == 3 for index in range(len(dataset)))


def test_no_pack_is_a_sentence_with_the_command(tmp_path):
    with pytest.raises(UserError, match='hrpose pack CONFIG'):
        CropPack(tmp_path)


def test_a_lower_jpeg_quality_makes_a_smaller_pack(configured, tmp_path):
    sizes = [pack_people(configured(), tmp_path / str(q), 'jpeg', quality=q)['bytes'] for q in (95, 60)]
    assert sizes[1] < 0.7 * sizes[0]


def test_a_pack_of_another_quality_is_refused(configured, tmp_path):
    pack_people(configured(), tmp_path, 'jpeg', quality=60)
    with pytest.raises(UserError, match='quality differs'):
        pack_people(configured(), tmp_path, 'jpeg', quality=61)


@pytest.mark.parametrize('test_mode', [False, True])
def test_a_pack_needs_no_image_beside_it(test_mode, configured, packed, tmp_path):
    folder, _ = packed('raw')
    gone = {'train_dataloader.dataset.data_prefix.img': str(tmp_path / 'nowhere')}
    dataset = configured(folder, **gone, **{'train_dataloader.dataset.test_mode': test_mode})
    assert dataset[SampleKey(0, 0, 0)]['inputs'].shape == (3, 256, 192)
