"""Hostile input: how many cases, which were found before, and the process that they run in.

A bounded number of cases, always the same ones, runs with the other tests. By hand for longer, drawn anew each time:
    HRPOSE_FUZZ_CASES=20000 python -m pytest tests/fuzz -n 2 -s
What fails is shrunk by hypothesis, which prints the input and keeps it in `.hypothesis`: it comes first the next time.
Inputs that once found something lie in `tests/fuzz/found`, in a folder for each target, and are tried every time.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.strategies import SearchStrategy

from tests.fuzz.sandbox import Case, Sandbox

CASES = int(os.environ.get('HRPOSE_FUZZ_CASES', '0'))
FOUND = Path(__file__).parent / 'found'
ROOT = Path(__file__).resolve().parents[2]

# The sandbox has its own limit of time, and a case that hangs must not be a flaky test.
common = {'deadline': None, 'suppress_health_check': list(HealthCheck), 'print_blob': True}
settings.register_profile('bounded', settings(derandomize=True, database=None, **common))
database = DirectoryBasedExampleDatabase(ROOT / '.hypothesis')
settings.register_profile('long', settings(database=database, **common))


def found(target: str) -> list[bytes]:
    """Return the inputs that once found something."""
    return [path.read_bytes() for path in sorted((FOUND / target).glob('*'))]


@pytest.fixture
def attack(tmp_path: Path) -> Iterator[Callable[..., Counter[str]]]:
    """Try a case, made by `make` in the sandbox, on `cases` drawn inputs and on those found before.

    `whole` is an input that it takes. Returns how many were 'taken', and how many 'refused' in a sentence; anything
    else fails.
    """
    boxes: list[Sandbox] = []

    def run(
        target: str, whole: bytes, inputs: SearchStrategy[bytes], make: Callable[[Path], Case], cases: int = 150
    ) -> Counter[str]:
        box = Sandbox(make, whole, tmp_path / f'sandbox_{len(boxes)}')
        boxes.append(box)
        assert box.run(whole) == 'taken'
        outcomes: Counter[str] = Counter()

        @settings(settings.get_profile('long' if CASES else 'bounded'), max_examples=CASES or cases)
        @given(inputs)
        def each(content: bytes) -> None:
            outcomes[box.run(content)] += 1

        for content in found(target):
            each = example(content)(each)
        each()
        assert list((box.folder / 'here').iterdir()) == []
        print(f'{target}: {outcomes.total()} cases, {outcomes["taken"]} taken, {outcomes["refused"]} refused')
        return outcomes

    yield run
    for box in boxes:
        box.close()
