"""Images in a zip archive or in LMDB: the same samples as from files, forked workers included."""

import os
import pickle
import struct
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from hrpose.datasets import CocoDataset
from hrpose.datasets.storage.archives import ZipBackend, container_of
from hrpose.datasets.transforms import LoadImage
from hrpose.errors import UserError
from hrpose.images.files import ImageError, read_image

KINDS = ('zip', 'lmdb')


def write_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, 'w', method) as archive:
        archive.writestr('train/', b'')  # a folder; ZipFile.mkdir is of Python 3.11
        for name, content in files.items():
            archive.writestr(name, content)


def write_lmdb(path: Path, files: dict[str, bytes]) -> None:
    lmdb = pytest.importorskip('lmdb', reason='needs lmdb')
    with lmdb.open(str(path), map_size=2**24) as env, env.begin(write=True) as transaction:
        for name, content in files.items():
            transaction.put(name.encode(), content)


def packed(kind: str, path: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Write the files into an archive or LMDB; returns its backend_args."""
    if kind == 'zip':
        write_zip(path, files)
        return {'backend': 'zip', 'zip_path': str(path)}
    write_lmdb(path, files)
    return {'backend': 'lmdb', 'db_path': str(path)}


def packed_coco(kind: str, data, tmp_path: Path, name: str = 'train') -> tuple[dict, dict]:
    """Pack a data set's images under `name`/ and take the files away; returns its arguments and its backend_args."""
    files = {f'{name}/{path.name}': path.read_bytes() for path in data.images.iterdir()}
    backend_args = packed(kind, tmp_path / f'images.{kind}', files)
    for path in data.images.iterdir():
        path.unlink()
    return {**data.arguments, 'data_root': str(data.root), 'data_prefix': {'img': name}}, backend_args


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('test_mode', [True, False])
@pytest.mark.parametrize('workers', [0, 2])
def test_packed_images_give_the_samples_of_files(kind, test_mode, workers, tiny_coco, tmp_path):
    data = tiny_coco()
    plain = [LoadImage()({'img_path': str(data.images / f'{number:03d}.jpg')})['img'] for number in range(4)]
    arguments, backend_args = packed_coco(kind, data, tmp_path)
    dataset = CocoDataset(**arguments, pipeline=[LoadImage(backend_args)], test_mode=test_mode)
    dataset[0]  # what the main process has opened must not disturb the workers
    loader = DataLoader(
        dataset,
        num_workers=workers,
        multiprocessing_context='fork' if workers else None,
        collate_fn=lambda items: items[0],
    )
    for _ in range(2):
        for wanted, record in zip(plain, loader, strict=True):
            np.testing.assert_array_equal(record['img'], wanted)
    np.testing.assert_array_equal(dataset[3]['img'], plain[3])


@pytest.mark.parametrize('method', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_gives_every_member_back(method, tmp_path, rng):
    files = {f'folder {number % 7}/ß図_{number}': rng.bytes(int(rng.integers(0, 500))) for number in range(300)}
    write_zip(tmp_path / 'a.zip', files, method)
    backend = ZipBackend(str(tmp_path / 'a.zip'))
    for name, content in files.items():
        assert backend.exists(name)
        assert backend.get(name) == content
    assert not backend.exists('folder 1') and not backend.exists('train/') and not backend.exists('')


def test_threads_and_forked_processes_share_one_archive(tmp_path, rng):
    files = {f'{number}': rng.bytes(20_000) for number in range(50)}
    write_zip(tmp_path / 'a.zip', files, zipfile.ZIP_DEFLATED)
    backend = ZipBackend(str(tmp_path / 'a.zip'))
    assert backend.get('0') == files['0']
    wrong: list[str] = []

    def read_all() -> None:
        wrong.extend(name for _ in range(5) for name in files if backend.get(name) != files[name])

    child = os.fork()
    if child == 0:
        read_all()
        os._exit(len(wrong) > 0)
    threads = [threading.Thread(target=read_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.waitpid(child, 0)[1] == 0
    assert wrong == []


def test_a_data_set_on_an_archive_can_be_pickled_and_halved(tiny_coco, tmp_path):
    arguments, backend_args = packed_coco('zip', tiny_coco(), tmp_path)
    dataset = CocoDataset(**arguments, pipeline=[LoadImage(backend_args)])
    for copy in (pickle.loads(pickle.dumps(dataset)), dataset.get_subset(1)):
        np.testing.assert_array_equal(copy[0]['img'], dataset[0]['img'])


@pytest.mark.parametrize('kind', KINDS)
def test_a_missing_image_is_named_with_its_archive(kind, tmp_path):
    backend_args = packed(kind, tmp_path / 'some', {'a.jpg': b'not an image'})
    with pytest.raises(ImageError, match=rf'b\.jpg: the \w+ {tmp_path}/some has no such'):
        read_image('b.jpg', backend_args)
    with pytest.raises(ImageError, match=r'a\.jpg is in no format'):
        read_image('a.jpg', backend_args)


@pytest.mark.parametrize('kind', KINDS)
def test_missing_images_stop_a_test_and_only_all_stop_training(kind, tiny_coco, tmp_path):
    arguments, backend_args = packed_coco(kind, tiny_coco(broken={1: 'missing'}), tmp_path)
    pipeline = [LoadImage(backend_args)]
    with pytest.raises(UserError, match=rf'1 of 4 test images do not exist in .*{kind}, for instance train/001\.jpg'):
        CocoDataset(**arguments, pipeline=pipeline, test_mode=True)
    dataset = CocoDataset(**arguments, pipeline=pipeline)
    assert dataset[1]['id'] != 101
    assert dataset.broken_images.total() >= 1
    with pytest.raises(UserError, match=r'4 of 4 training images .* for instance val/000\.jpg'):
        CocoDataset(**{**arguments, 'data_prefix': {'img': 'val'}}, pipeline=pipeline)


@pytest.mark.parametrize('kind', KINDS)
def test_a_missing_archive_is_named_first(kind, tiny_coco, tmp_path):
    data = tiny_coco()
    if kind == 'lmdb':
        pytest.importorskip('lmdb', reason='needs lmdb')
    backend_args = {'backend': kind, f'{"zip" if kind == "zip" else "db"}_path': str(tmp_path / 'nowhere')}
    with pytest.raises(UserError, match=rf'{tmp_path}/nowhere does not exist'):
        CocoDataset(**data.arguments, pipeline=[LoadImage(backend_args)], lazy_init=True)


@pytest.mark.parametrize(
    ('backend_args', 'reason'),
    [
        ({'backend': 'zap'}, "no backend 'zap'; nearest: zip"),
        ({'backend': 'zip'}, 'zip_path'),
        ({'backend': 'zip', 'zip_path': 'a.zip', 'mode': 'r'}, 'mode'),
    ],
)
def test_wrong_backend_arguments_fail_at_construction(backend_args, reason):
    with pytest.raises(UserError, match=reason):
        LoadImage(backend_args)


def damaged(path: Path, how: str) -> None:
    """Write an archive with one member that cannot be read for the reason `how`."""
    if how == 'text':
        path.write_text('not an archive at all')
        return
    write_zip(path, {'a.jpg': b'x' * 1000}, zipfile.ZIP_BZIP2 if how == 'bzip2' else zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    if how == 'checksum':
        content[content.index(b'xxxx') + 5] ^= 1
    if how == 'header':
        content[content.index(b'a.jpg') - 30] ^= 1
    if how == 'cut':  # the directory at the end says more than the file holds
        place = content.rindex(b'PK\x01\x02')
        content[place + 20 : place + 24] = struct.pack('<I', 100_000)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ('how', 'reason'),
    [
        ('text', 'not a zip archive'),
        ('bzip2', 'neither stored nor deflated'),
        ('checksum', 'damaged'),
        ('header', 'damaged'),
        ('cut', 'cut short'),
    ],
)
def test_a_damaged_archive_is_an_error_that_names_it(how, reason, tmp_path):
    path = tmp_path / 'odd.zip'
    damaged(path, how)
    with pytest.raises(UserError, match=reason) as error:
        read_image('a.jpg', {'backend': 'zip', 'zip_path': str(path)})
    assert 'odd.zip' in str(error.value)


def test_all_readers_share_one_archive_index(tmp_path):
    write_zip(tmp_path / 'a.zip', {'a': b'1', 'b': b'2'})
    backend_args = {'backend': 'zip', 'zip_path': str(tmp_path / 'a.zip')}
    backend = container_of(backend_args)
    assert backend is container_of(dict(backend_args))
    assert backend.get('b') == b'2'
    assert sum(array.nbytes for array in backend._index) == 2 * 5 * 8
