"""What the tests of metrics share."""

import logging
from collections.abc import Iterator

import pytest
from mmengine.logging import MMLogger


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    """Lines that metrics write to the current logger."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)
