"""What the tests of metrics share."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mmengine.logging import MMLogger


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    """Lines that metrics write to the current logger."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    level = logger.level  # another test may have silenced it
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lines
    logger.setLevel(level)
    logger.removeHandler(handler)


@pytest.fixture
def posetrack(sample_data: Path) -> tuple[Path, dict[str, Any]]:
    """The sample of PoseTrack18: its annotation file, and what that holds."""
    path = sample_data / 'posetrack18' / 'annotations' / 'test_posetrack18_val.json'
    return path, json.loads(path.read_text())
