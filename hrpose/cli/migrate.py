"""`hrpose migrate`: turn an mmpose config into one of hrpose."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hrpose.cli.parser import command_parser

EXAMPLES = ('hrpose migrate td-hm_hrnet-w32_8xb64-210e_coco-256x192.py --out mine.py',)


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser(
        prog,
        'Turn a top-down heatmap config of mmpose 1.x (HRNet, SimpleBaseline, Hourglass) into the shortest '
        'config of hrpose, and say what became of each part. mmpose need not be installed. A config is a Python '
        'program, and this command runs it: give only files that you trust.',
        EXAMPLES,
    )
    parser.add_argument('config', metavar='CONFIG.py', type=Path, help='config of mmpose, beside its bases')
    parser.add_argument('--out', required=True, type=Path, metavar='FILE.py', help='the file to write')
    parser.add_argument('--overwrite', action='store_true', help='replace the file if there is one')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Write the migrated config, and print what became of each part and what has no counterpart."""
    arguments = parser_of(prog).parse_args(words)
    from hrpose.config import load_config
    from hrpose.config.migration import migrate_config
    from hrpose.errors import UserError

    out = arguments.out
    if out.suffix != '.py':
        raise UserError(f'--out {out}: not a Python file; a config ends in .py')
    if out.exists() and not arguments.overwrite:
        raise UserError(f'--out {out}: the file exists; give another name, or --overwrite')
    migration = migrate_config(arguments.config, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(migration.text, encoding='utf-8')
    for line in migration.notes.done:
        print(line)
    for line in migration.notes.missing:
        print(f'no counterpart: {line}')
    load_config(out)
    print(f'{out}: {len(migration.text.splitlines())} lines, on {migration.base}; it can be read and linked')
