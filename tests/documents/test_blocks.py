"""Every block of code in the documents runs, or says why it cannot be run here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents.blocks import BLOCKS, ROOT, Block
from tests.documents.sandbox import NAMES, make_sandbox, replaced

CONFIG = "_base_ = ['hrpose::hrnet_w32_coco_256x192.py']\n"


@pytest.fixture(scope='module')
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the documents speak of, in small."""
    return make_sandbox(tmp_path_factory.mktemp('sandbox'))


def run(words: list[str], sandbox: Path) -> None:
    """Run a program in the sandbox; its output is shown if it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']])
    python_path = os.pathsep.join([str(ROOT / 'tests/documents/small'), str(ROOT)])
    env = {**os.environ, 'PATH': path, 'PYTHONPATH': python_path, 'HRPOSE_WEIGHTS': 'weights', 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(words, cwd=sandbox, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f'{done.stdout[-2000:]}\n{done.stderr[-4000:]}'


@pytest.mark.slow
@pytest.mark.parametrize('block', [block for block in BLOCKS if block.reason is None], ids=str)
def test_a_block_of_a_document_runs(block: Block, sandbox: Path):
    if block.language == 'bash':
        for results in ('out', 'poses', 'people', 'val'):  # of blocks before, which no command replaces unless told
            shutil.rmtree(sandbox / results, ignore_errors=True)
        run(['bash', '-euo', 'pipefail', '-c', replaced(block.text)], sandbox)
    elif block.is_program:
        run([sys.executable, '-c', NAMES + block.text], sandbox)
    else:
        path = sandbox / f'config_{block.document.stem}_{block.line}.py'
        path.write_text(block.text if '_base_' in block.text else CONFIG + block.text)
        run([sys.executable, '-m', 'hrpose', 'print-config', path.name], sandbox)


def test_few_blocks_are_not_run():
    """So that no document is exempted as a whole; each reason is one that a reader understands."""
    reasons = {str(block): block.reason for block in BLOCKS if block.reason}
    assert len(reasons) < 0.4 * len(BLOCKS), reasons
