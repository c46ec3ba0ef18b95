"""What `hrpose track` refuses before it reads anything."""

import pytest

from hrpose.cli.track import require_replaceable
from hrpose.errors import UserError


def test_only_folders_of_json_files_are_replaced(tmp_path):
    folder = tmp_path / 'out'
    require_replaceable(folder, overwrite=False)
    folder.mkdir()
    require_replaceable(folder, overwrite=False)
    (folder / 'a.json').write_text('{}')
    with pytest.raises(UserError, match='exists and is not empty; name another folder, or give --overwrite'):
        require_replaceable(folder, overwrite=False)
    require_replaceable(folder, overwrite=True)
    (folder / 'thesis.tex').write_text('dear reader')
    with pytest.raises(UserError, match='holds thesis.tex, which an overwritten folder may not'):
        require_replaceable(folder, overwrite=True)
    with pytest.raises(UserError, match='is a file; name a folder'):
        require_replaceable(folder / 'a.json', overwrite=True)
