"""A user's mistake becomes one sentence and exit status 2; a defect keeps its traceback."""

import re
from pathlib import Path

import pytest
from torch.utils.data import DataLoader, Dataset

from hrpose.datasets.transforms.decode import ImageError
from hrpose.datasets.transforms.load_image import read_image
from hrpose.errors import UserError, nearest, run, sentence


def fail(error: BaseException) -> None:
    raise error


def test_a_users_mistake_is_one_message_and_status_2(capsys):
    with pytest.raises(SystemExit) as left:
        run(lambda: fail(UserError('no such file: x.py')))
    assert left.value.code == 2
    out, err = capsys.readouterr()
    assert (out, err) == ('', 'error: no such file: x.py\n')


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)


def test_ctrl_c_leaves_with_130(capsys):
    with pytest.raises(SystemExit) as left:
        run(lambda: fail(KeyboardInterrupt()))
    assert left.value.code == 130
    assert 'Traceback' not in capsys.readouterr().err


def test_ctrl_c_that_mmengine_wraps_while_it_formats_a_config_leaves_with_130_too(capsys):
    def main():
        try:
            raise KeyboardInterrupt
        except BaseException as error:
            raise SyntaxError('Failed to format the config file') from error

    with pytest.raises(SystemExit) as left:
        run(main)
    assert left.value.code == 130
    assert capsys.readouterr().err == 'stopped by Ctrl-C\n'
    with pytest.raises(SyntaxError):
        run(lambda: fail(SyntaxError('of somebody else')))


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
def test_a_message_from_a_loader_worker_is_the_same_as_from_this_process(kind):
    messages = []
    for workers in (0, 1):
        with pytest.raises(UserError) as error:
            next(iter(DataLoader(Failing(kind), num_workers=workers)))
        assert type(error.value) is (ImageError if kind == 'image' else UserError)
        messages.append(sentence(error.value))
    assert messages[1] == messages[0]


@pytest.mark.parametrize(
    ('name', 'choices', 'clause'),
    [
        ('HRNett', ['HRNet', 'ResNet', 'CPN'], 'nearest: HRNet, ResNet'),
        ('zzz', ['b', 'a'], 'choices: a, b'),
        ('zzz', [], 'choices: none'),
        ('zzz', [f'name{index}' for index in range(13)], 'none of the 13 known names is close'),
    ],
)
def test_nearest_names_the_likely_choices(name, choices, clause):
    assert nearest(name, choices) == clause


def test_a_path_that_cannot_be_written_ends_in_a_sentence(capsys):
    def main():
        Path('/dev/null/x').write_text('')

    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith('error: /dev/null/x: ')


def test_a_part_that_fails_while_it_is_built_is_named_with_the_place(capsys):
    from hrpose.registry import MODELS

    for arch, said in (
        (dict(channels=5), 'HRNet cannot be built from what the config gives it: TypeError: '),
        (5, 'HRNet'),
    ):
        with pytest.raises(SystemExit) as ended:
            run(lambda arch=arch: MODELS.build({'type': 'HRNet', 'arch': arch}))
        assert ended.value.code == 2
        told = capsys.readouterr().err
        place = re.search(r'\((/\S+\.py), line \d+\)', told)
        assert said in told and place and Path(place[1]).is_file(), told
