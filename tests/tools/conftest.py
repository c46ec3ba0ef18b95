"""Tools as a user calls them, in this process, which spares importing PyTorch again."""

import importlib
import sys
from collections.abc import Callable

import pytest

from hrpose import errors


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, quick: None) -> Callable:
    """Run a tool by its name, for instance 'analysis.model_stats'; returns its exit status and what it printed."""

    def run(tool: str, *words: object) -> tuple[object, str]:
        monkeypatch.setattr(sys, 'argv', [f'tools/{tool}.py', *map(str, words)])
        status: object = 0
        try:
            errors.run(importlib.import_module(f'tools.{tool}').main)
        except SystemExit as left:
            status = left.code
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return run
