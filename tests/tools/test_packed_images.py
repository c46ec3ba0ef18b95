"""Training and testing on images in an archive."""

import zipfile

import pytest


@pytest.mark.parametrize('workers', [0, 1])
def test_training_and_testing_read_one_archive(workers, tiny_coco, tiny_config, tmp_path, call):
    train, val = tiny_coco(images=2), tiny_coco(name='val', images=2)
    with zipfile.ZipFile(tmp_path / 'images.zip', 'w') as archive:
        for data in (train, val):
            for path in data.images.iterdir():
                archive.write(path, f'{data.images.name}/{path.name}')
                path.unlink()
    config = tiny_config(train, val)
    options = [f'{phase}_dataloader.num_workers={workers}' for phase in ('train', 'val')]
    for phase in ('train', 'test'):
        options += [
            f'{phase}_pipeline.0.backend_args.backend=zip',
            f'{phase}_pipeline.0.backend_args.zip_path={tmp_path}/images.zip',
        ]
    status, output = call('train', config, '--work-dir', tmp_path / 'run', '--cfg-options', *options)
    assert (status, 'coco/AP' in output) == (0, True), output[-3000:]
    words = ['--work-dir', tmp_path / 'test', '--show-dir', tmp_path / 'show', '--cfg-options', *options]
    status, output = call('test', config, tmp_path / 'run' / 'epoch_1.pth', *words)
    assert (status, 'coco/AP' in output) == (0, True), output[-3000:]
    assert sorted(path.name for path in (tmp_path / 'show').iterdir()) == ['000.jpg', '001.jpg']
