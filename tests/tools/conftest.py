"""Run tools in this process, which saves importing PyTorch again."""

import importlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.logging import MMLogger

from hrpose.cli.run import run as run_command
from hrpose.config import load_config


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable:
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


@pytest.fixture
def detector(repository: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The config and the untrained weights of a small detector with an input of 64 px."""
    pytest.importorskip('mmdet')
    from hrpose.apis.detector import init_detector

    cfg = load_config(repository / 'configs/detection/rtmdet_nano_synthetic_224x224.py')
    for step in cfg.test_dataloader.dataset.pipeline:
        for key in {'scale', 'size'} & set(step):
            step[key] = (64, 64)
    cfg.model.test_cfg.max_per_img = 5
    config, checkpoint = tmp_path / 'detector.py', tmp_path / 'detector.pth'
    cfg.dump(config)
    torch.manual_seed(0)
    model = init_detector(cfg)
    for distances in model.bbox_head.rtm_reg:
        distances.bias.data.fill_(1.0)  # in strides: boxes with an area without training
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, checkpoint)
    return config, checkpoint
