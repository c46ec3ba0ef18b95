"""Folders are complete or absent."""

import pytest

from hrpose.files import whole_folder


def test_a_folder_is_replaced_once_it_is_complete(tmp_path):
    folder = tmp_path / 'deep' / 'out'
    for text in ('first', 'second'):
        with whole_folder(folder) as part:
            (part / f'{text}.json').write_text(text)
            assert not (folder / f'{text}.json').exists()
        assert [path.name for path in folder.iterdir()] == [f'{text}.json']
    assert [path.name for path in folder.parent.iterdir()] == ['out']


def test_a_failure_leaves_the_old_folder(tmp_path):
    folder = tmp_path / 'out'
    folder.mkdir()
    (folder / 'old.json').write_text('old')
    with pytest.raises(KeyboardInterrupt), whole_folder(folder) as part:
        (part / 'new.json').write_text('new')
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ['out']
    assert [path.name for path in folder.iterdir()] == ['old.json']
