"""How a command ends: a mistake of the user in one line and status 2, a defect with its traceback."""

import re
from pathlib import Path

import pytest
from torch.utils.data import DataLoader, Dataset

from hrpose.cli.run import message_of, run
from hrpose.errors import UserError
from hrpose.images.files import ImageError, read_image
from hrpose.registry import MODELS


def fail(error: BaseException) -> None:
    raise error


def status_of(main) -> object:
    """Run a command that does not return; give its exit status."""
    with pytest.raises(SystemExit) as left:
        run(main)
    return left.value.code


def test_a_users_mistake_is_one_message_and_status_2(capsys):
    assert status_of(lambda: fail(UserError('no such file: x.py'))) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ('', 'error: no such file: x.py\n')


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)


def test_a_missing_package_names_the_extra_that_brings_it(capsys):
    def start() -> None:
        try:
            raise ModuleNotFoundError("No module named 'tensorboard'", name='tensorboard.compat')
        except ImportError:
            raise ImportError('Please run "pip install future tensorboard"') from None

    assert status_of(start) == 2
    expected = "error: package 'tensorboard' is not installed; install it with: pip install 'hrpose[train]'\n"
    assert capsys.readouterr().err == expected


def test_any_other_missing_module_keeps_its_traceback():
    with pytest.raises(ModuleNotFoundError):
        run(lambda: fail(ModuleNotFoundError("No module named 'mine'", name='mine')))


def test_ctrl_c_ends_with_status_130(capsys):
    assert status_of(lambda: fail(KeyboardInterrupt())) == 130
    assert 'Traceback' not in capsys.readouterr().err


def test_ctrl_c_while_a_config_is_formatted_has_status_130(capsys):
    def main():
        try:
            raise KeyboardInterrupt
        except BaseException as error:
            raise SyntaxError('Failed to format the config file') from error

    assert status_of(main) == 130
    assert capsys.readouterr().err == 'stopped by Ctrl-C\n'
    with pytest.raises(SyntaxError):
        run(lambda: fail(SyntaxError('of another kind')))


class Failing(Dataset):
    """Raises for every item: a plain mistake, or an unreadable image (an exception with a cause)."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> None:
        if self.kind == 'image':
            read_image('/nowhere/Error: odd name.jpg')
        raise UserError('two lines:\n  and Error: the second')


@pytest.mark.parametrize('kind', ['mistake', 'image'])
def test_a_loader_worker_changes_no_message(kind):
    messages = []
    for workers in (0, 1):
        with pytest.raises(UserError) as error:
            next(iter(DataLoader(Failing(kind), num_workers=workers)))
        assert type(error.value) is (ImageError if kind == 'image' else UserError)
        messages.append(message_of(error.value))
    assert messages[1] == messages[0]


def test_a_path_that_cannot_be_written_is_one_message(capsys):
    assert status_of(lambda: Path('/dev/null/x').write_text('')) == 2
    assert capsys.readouterr().err.startswith('error: /dev/null/x: ')


@pytest.mark.parametrize(
    ('arch', 'said'),
    [(dict(channels=5), 'HRNet cannot be built from its config: TypeError: '), (5, 'HRNet')],
)
def test_a_part_that_cannot_be_built_is_named_with_the_place(arch, said, capsys):
    assert status_of(lambda: MODELS.build({'type': 'HRNet', 'arch': arch})) == 2
    told = capsys.readouterr().err
    place = re.search(r'\((/\S+\.py), line \d+\)', told)
    assert said in told and place and Path(place[1]).is_file(), told
