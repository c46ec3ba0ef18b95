"""`hrpose print-config`: print a whole config, where each value comes from, and which values nothing reads."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hrpose.cli.parser import command_parser

EXAMPLES = ('hrpose print-config hrnet_w32_coco_256x192 --origin',)


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    from hrpose.cli.arguments import add_config_arguments

    parser = command_parser(prog, 'Print a config with everything that it inherits.', EXAMPLES)
    add_config_arguments(parser)
    parser.add_argument('--origin', action='store_true', help='print each value with its file, and what nothing reads')
    parser.add_argument('--linked', action='store_true', help='with --origin: print values filled in by linking too')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Print a config."""
    arguments = parser_of(prog).parse_args(words)
    from hrpose.config import link, parse_options, read_config, text_of

    options = parse_options(arguments.cfg_options)
    written = read_config(arguments.config, options)
    linked = link(written)
    if arguments.origin:
        print_origins(Path(linked.filename), written, linked, options, with_linked=arguments.linked)
    else:
        print(text_of(linked), end='')


def print_origins(config: Path, written: Any, linked: Any, options: dict[str, Any], *, with_linked: bool) -> None:
    """Print a line for each value, then a line for each that nothing reads."""
    from hrpose.config.origins import inheritance, leaves, origin_of, origin_tree
    from hrpose.config.shipped import bases_by_name
    from hrpose.config.unread import unread

    tree = origin_tree(config, options)
    found = [(path, value, origin_of(tree, path)) for path, value in leaves(linked._cfg_dict.to_dict())]
    shown = [item for item in found if item[2] or with_linked]
    lines = [f'{".".join(map(str, path))} = {value!r}' for path, value, _ in shown]
    width = min(76, max(map(len, lines)))
    for line, (_, _, origin) in zip(lines, shown, strict=True):
        print(f'{line:{width}}  # {_short(origin)}')
    if len(shown) < len(found):
        print(f'\n{len(found) - len(shown)} more values follow from these; --linked prints them')
    with bases_by_name():
        files = list(inheritance(config))
    for place, why in sorted(unread(written._cfg_dict, linked._cfg_dict, files)):
        written_at = _short(origin_of(tree, tuple(int(key) if key.isdigit() else key for key in place.split('.'))))
        print(f'nothing reads {place} ({written_at}): {why}')


def _short(origin: str | None) -> str:
    """Return the file relative to the working directory if that is shorter."""
    if origin is None:
        return 'follows from other values'
    return min(origin, os.path.relpath(origin), key=len) if os.path.isabs(origin) else origin
