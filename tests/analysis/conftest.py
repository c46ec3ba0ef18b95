"""Tests of hrpose.analysis call tools as those of tools/ do."""

from tests.tools.conftest import call

__all__ = ['call']
