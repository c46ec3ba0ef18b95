"""The progress of a job of many batches, on disk, so that it goes on after being killed at any moment.

Beside the result `OUT` lies a folder `OUT.unfinished`, in which each process appends a line of JSON for each batch that
it finished. The folder is removed once the result is written.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hrpose.files import whole

_JOB, _FINISHED = 'job.json', 'finished.jsonl'

Line = dict[str, Any]


class UnfinishedJob:
    """The finished batches of a job.

    Args:
        out: the job's result, which does not exist yet.
        job: what the result depends on, as plain JSON. Batches of a job that differs are not used.
    """

    def __init__(self, out: Path, job: Mapping[str, Any]) -> None:
        self.folder = out.with_name(out.name + '.unfinished')
        self.job = dict(job)

    def open(self) -> str | None:
        """Gather the finished batches in one file; the main process calls this before any other method is used.

        Returns:
            If there are batches of another job, which are deleted, the name of what differs; else None.
        """
        before = self._job_before()
        different = next((key for key in self.job if before is not None and before.get(key) != self.job[key]), None)
        if different is not None:
            shutil.rmtree(self.folder)
        with whole(self.folder / _JOB) as part:
            part.write_text(json.dumps(self.job))
        files = sorted(self.folder.glob('*.jsonl'))
        lines = _by_batch(files)
        with whole(self.folder / _FINISHED) as part:
            part.write_text(''.join(json.dumps(line) + '\n' for line in lines.values()))
        for file in files:
            if file.name != _FINISHED:
                file.unlink()
        return different

    def finished(self) -> dict[int, Line]:
        """Return the lines that `open` gathered, by the number of their batch."""
        return _by_batch([self.folder / _FINISHED])

    @contextmanager
    def append(self, rank: int) -> Iterator[Callable[[Line], None]]:
        """Provide a function that appends a line to the file of process `rank`, so that it outlives the process."""
        with open(self.folder / f'process_{rank}.jsonl', 'a') as file:

            def write(line: Line) -> None:
                file.write(json.dumps(line) + '\n')
                file.flush()

            yield write

    def all_lines(self) -> list[Line]:
        """Return the lines of all processes, by the number of the batch."""
        lines = _by_batch(self.folder.glob('*.jsonl'))
        return [lines[batch] for batch in sorted(lines)]

    def remove(self) -> None:
        """Remove the folder, after the result was written."""
        shutil.rmtree(self.folder)

    def _job_before(self) -> dict[str, Any] | None:
        try:
            return json.loads((self.folder / _JOB).read_text())
        except (OSError, ValueError):
            return {} if self.folder.exists() else None


def _by_batch(files: Iterable[Path]) -> dict[int, Line]:
    """Return the lines of files by the number of their batch, without a last line that was cut off in writing."""
    texts = (text for file in files for text in file.read_text().splitlines(keepends=True))
    lines = [json.loads(text) for text in texts if text.endswith('\n')]
    return {line['batch']: line for line in lines}
