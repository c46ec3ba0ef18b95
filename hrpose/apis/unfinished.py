"""What a job of many batches has done so far, on disk: killed at any moment, it goes on from there.

Beside the result `OUT` lies a folder `OUT.unfinished`, in which each process appends a line of JSON for each batch that
it finished. It is gone once the result is written.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

_JOB, _FINISHED = 'job.json', 'finished.jsonl'

Line = dict[str, Any]


class Unfinished:
    """The finished batches of a job.

    Args:
        out: the job's result, which does not exist yet.
        job: what the result depends on, as plain JSON; what is left of a job that differs is not used.
    """

    def __init__(self, out: Path, job: Mapping[str, Any]) -> None:
        self.folder = out.with_name(out.name + '.unfinished')
        self.job = dict(job)

    def open(self) -> str | None:
        """Gather what is there in one file, in the main process, before any process calls another method.

        Returns:
            The name of what differs, if there is work of another job, which is thrown away; None otherwise.
        """
        before = self._job_before()
        different = next((key for key in self.job if before is not None and before.get(key) != self.job[key]), None)
        if different is not None:
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / _JOB, json.dumps(self.job))
        files = sorted(self.folder.glob('*.jsonl'))
        lines = {line['batch']: line for file in files for line in _whole_lines(file)}
        write_whole(self.folder / _FINISHED, ''.join(json.dumps(line) + '\n' for line in lines.values()))
        for file in files:
            if file.name != _FINISHED:
                file.unlink()
        return different

    def finished(self) -> dict[int, Line]:
        """Return the lines that `open` gathered, by the number of their batch."""
        return {line['batch']: line for line in _whole_lines(self.folder / _FINISHED)}

    def append(self, rank: int) -> TextIO:
        """Return the file that process `rank` writes its lines to; `write` adds one."""
        return open(self.folder / f'process_{rank}.jsonl', 'a')

    def all_lines(self) -> list[Line]:
        """Return what all processes finished, by the number of the batch."""
        lines = {line['batch']: line for file in self.folder.glob('*.jsonl') for line in _whole_lines(file)}
        return [lines[batch] for batch in sorted(lines)]

    def remove(self) -> None:
        """Remove the folder, after the result was written."""
        shutil.rmtree(self.folder)

    def _job_before(self) -> dict[str, Any] | None:
        try:
            return json.loads((self.folder / _JOB).read_text())
        except (OSError, ValueError):
            return {} if self.folder.exists() else None


def write_line(file: TextIO, line: Line) -> None:
    """Hand a line to the operating system at once: it outlives the process."""
    file.write(json.dumps(line) + '\n')
    file.flush()


def write_whole(path: Path, text: str) -> None:
    """Write all of `text` or nothing, making the folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.part')
    part.write_text(text)
    os.replace(part, path)


def _whole_lines(file: Path) -> Iterator[Line]:
    """Yield the lines of a file but for a last one that was cut off in writing."""
    for text in file.read_text().splitlines(keepends=True):
        if text.endswith('\n'):
            yield json.loads(text)
