"""MATLAB files are read in a process that may crash."""

import os
import signal

import numpy as np
import pytest
from scipy.io import savemat

from hrpose.datasets.annotations.files import read_matlab
from hrpose.errors import UserError


def test_a_file_comes_back_as_scipy_reads_it(tmp_path):
    path = tmp_path / 'a.mat'
    savemat(path, {'joints': np.arange(6.0).reshape(2, 3), 'person': {'scale': 2.0}})
    content = read_matlab(path, struct_as_record=False, squeeze_me=True)
    np.testing.assert_array_equal(content['joints'], [[0, 1, 2], [3, 4, 5]])
    assert content['person'].scale == 2


def test_a_reader_that_crashes_or_fails_is_a_sentence_and_this_process_lives(tmp_path, monkeypatch):
    path = tmp_path / 'a.mat'
    with pytest.raises(UserError, match=r'there is no MATLAB file .*a\.mat'):
        read_matlab(path)
    path.write_bytes(b'\x00' * 200)
    with pytest.raises(UserError, match=r'a\.mat is no readable MATLAB file: \w+Error: '):
        read_matlab(path)
    monkeypatch.setattr('scipy.io.loadmat', lambda *_, **__: os.kill(os.getpid(), signal.SIGSEGV))
    with pytest.raises(UserError, match=r'reading it crashed \(SIGSEGV\)'):
        read_matlab(path)
