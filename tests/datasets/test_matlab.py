"""MATLAB files are read as SciPy reads them; a damaged one is an error that names it."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.io import savemat

from hrpose.datasets.annotations import read_matlab
from hrpose.errors import UserError


def test_a_file_comes_back_as_scipy_reads_it(tmp_path):
    path = tmp_path / 'a.mat'
    savemat(path, {'joints': np.arange(6.0).reshape(2, 3), 'person': {'scale': 2.0}})
    content = read_matlab(path, struct_as_record=False, squeeze_me=True)
    np.testing.assert_array_equal(content['joints'], [[0, 1, 2], [3, 4, 5]])
    assert content['person'].scale == 2


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r'a\.mat: there is no such MATLAB file'):
        read_matlab(tmp_path / 'a.mat')


def test_a_damaged_file_is_named_with_the_readers_error(tmp_path):
    path = tmp_path / 'a.mat'
    path.write_bytes(b'\x00' * 200)
    with pytest.raises(UserError, match=r'a\.mat: cannot be read as a MATLAB file: \w+Error: '):
        read_matlab(path)


READ = """
import sys
from hrpose.datasets.annotations import read_matlab
from hrpose.errors import UserError
try:
    read_matlab(sys.argv[1], struct_as_record=False, squeeze_me=True)
except UserError as error:
    print(error)
"""


def test_a_file_that_crashes_scipy_gives_one_sentence(repository):
    path = repository / 'tests' / 'fuzz' / 'found' / 'annotations_mpii_mat' / 'crashes_scipy.mat'
    # A process of its own, because pytest's fault handler writes where no fixture captures it.
    command = [sys.executable, '-X', 'faulthandler', '-c', READ, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{path}: cannot be read as a MATLAB file: SciPy's reader crashed on it\n"
    assert done.stderr == ''
