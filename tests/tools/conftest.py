"""Run tools in this process, which saves importing PyTorch again."""

import importlib
import logging
import sys
from collections.abc import Callable

import pytest
from mmengine.logging import MMLogger

from hrpose.cli.run import run as run_command


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, quick: None) -> Callable:
    """Run a tool by its name, for instance 'analysis.model_stats'; return its exit status and what it printed."""

    def run(tool: str, *words: object) -> tuple[object, str]:
        # Loggers of earlier tests write to captured output that is closed by now.
        for logger in MMLogger._instance_dict.values():
            for handler in logger.handlers:
                if type(handler) is logging.StreamHandler:
                    monkeypatch.setattr(handler, 'stream', sys.stdout)
        monkeypatch.setattr(sys, 'argv', [f'tools/{tool}.py', *map(str, words)])
        status: object = 0
        try:
            run_command(importlib.import_module(f'tools.{tool}').main)
        except SystemExit as left:
            status = left.code
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return run
