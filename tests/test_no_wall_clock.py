"""No quick test asserts how long something took: that depends on what else the machine does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLOCKS = {'time', 'time_ns', 'perf_counter', 'perf_counter_ns', 'monotonic', 'monotonic_ns', 'process_time', 'timeit'}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def names_in(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def reads_clock(node: ast.AST) -> bool:
    calls = (inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call))
    return any(ast.unparse(call).rpartition('.')[2] in CLOCKS for call in calls)


def timed_names(tree: ast.AST) -> set[str]:
    """Return the functions that read a clock, and the variables whose values come from one."""
    timed = {inner.name for inner in ast.walk(tree) if isinstance(inner, Function) and reads_clock(inner)}
    assignments = [inner for inner in ast.walk(tree) if isinstance(inner, ast.Assign | ast.AugAssign)]
    before = None
    while before != timed:
        before = set(timed)
        for one in assignments:
            if reads_clock(one.value) or names_in(one.value) & timed:
                timed |= names_in(one.targets[0] if isinstance(one, ast.Assign) else one.target)
    return timed


def wall_clock_assertions(path: Path) -> Iterator[str]:
    """Yield the place of each assertion about time in the quick tests of a file."""
    tree = ast.parse(path.read_text())
    functions = [part for part in tree.body if isinstance(part, Function)]
    # A fixture may read a clock for a file name.
    helpers = {one.name for one in functions if not one.decorator_list and reads_clock(one)}
    for test in functions:
        if any('slow' in ast.unparse(mark) for mark in test.decorator_list):
            continue
        timed = timed_names(test) | helpers
        for inner in ast.walk(test):
            if isinstance(inner, ast.Assert) and (reads_clock(inner.test) or names_in(inner.test) & timed):
                yield f'{path.name}:{inner.lineno}'


def test_no_quick_test_asserts_a_time():
    files = [path for folder in ('tests', 'projects') for path in ROOT.glob(f'{folder}/**/*.py')]
    assert len(files) > 100
    assert [place for path in files for place in wall_clock_assertions(path)] == []


TIMED = 'began = time.perf_counter()\n    work()\n    seconds = time.perf_counter() - began\n    assert seconds < 1'


@pytest.mark.parametrize(
    ('text', 'count'),
    [
        (f'def test_a():\n    {TIMED}', 1),
        (f'@pytest.mark.slow\ndef test_a():\n    {TIMED}', 0),
        ('def test_a():\n    def run():\n        return time.time()\n    least = run()\n    assert least < 1', 1),
        ('def seconds():\n    return time.monotonic()\n\ndef test_a():\n    assert seconds() < 1', 1),
        ('def test_a():\n    end = time.time() + 9\n    while time.time() < end:\n        pass\n    assert ok', 0),
    ],
)
def test_an_assertion_about_time_is_found(text, count, tmp_path):
    path = tmp_path / 'test_a.py'
    path.write_text(text)
    assert len(list(wall_clock_assertions(path))) == count
