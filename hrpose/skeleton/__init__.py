"""A part of one's own to start from: folder, code, config, test and README, of six kinds.

The folders in text-files/ hold the texts, one a file that is written; `$name` and `$class_name` are filled in.
"""

from hrpose.skeleton.write import KINDS, write_project

__all__ = ['KINDS', 'write_project']
