"""Checks and measurements that need a GPU. `tools/analysis/gpu_check.py` runs them; each part is a module."""

from importlib import import_module

from hrpose.analysis.gpu.report import Case, Report, as_tables

__all__ = ['Case', 'PARTS', 'Report', 'as_tables', 'run_part']

# In this order, because the time may not suffice for all.
PARTS = ('correct', 'speed', 'feeding', 'learning', 'processes', 'compiled')


def run_part(name: str, case: Case, report: Report) -> None:
    """Run one of `PARTS`; it adds each value to `report` once it is measured."""
    module = import_module(f'hrpose.analysis.gpu.{"speed" if name == "compiled" else name}')
    (module.run_compiled if name == 'compiled' else module.run)(case, report)
