"""What only a GPU can show: correctness, speed, feeding, several processes and learning, one part a file.

`tools/analysis/gpu_check.py` runs the parts in the order of `PARTS`, the most valuable first.
"""

from hrpose.analysis.gpu.report import Case, Report, as_tables

__all__ = ['Case', 'PARTS', 'Report', 'as_tables', 'run_part']

PARTS = ('correct', 'speed', 'feeding', 'learning', 'processes', 'compiled')


def run_part(name: str, case: Case, report: Report) -> None:
    """Run one of `PARTS` and write each of its values to `report` as soon as it is known."""
    from importlib import import_module

    module = import_module(f'hrpose.analysis.gpu.{"speed" if name == "compiled" else name}')
    (module.run_compiled if name == 'compiled' else module.run)(case, report)
