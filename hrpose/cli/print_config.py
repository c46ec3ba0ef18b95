"""`hrpose print-config`: the whole of a config, where each value comes from, and which of them nothing reads."""

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def parse_arguments(words: Sequence[str] | None, prog: str | None) -> argparse.Namespace:
    from hrpose.cli.arguments import add_config_arguments

    parser = argparse.ArgumentParser(prog=prog, description='Print a config with all that it inherits.')
    add_config_arguments(parser)
    parser.add_argument('--origin', action='store_true', help='a line a value, with its file; flags what nothing reads')
    parser.add_argument('--linked', action='store_true', help='with --origin: also what follows from written values')
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Print as the command line says."""
    arguments = parse_arguments(words, prog)
    from hrpose.config import link, parse_options, read_config

    options = parse_options(arguments.cfg_options)
    written = read_config(arguments.config, options)
    linked = link(written)
    if not arguments.origin:
        print(linked.pretty_text)
        return
    print_origins(Path(linked.filename), written, linked, options, with_linked=arguments.linked)


def print_origins(config: Path, written: Any, linked: Any, options: dict[str, Any], *, with_linked: bool) -> None:
    """Print a line for each value, and after them those that nothing reads."""
    from hrpose.config.origins import inheritance, leaves, origin_of, origin_tree
    from hrpose.config.unread import unread
    from hrpose.shipped import bases_by_name

    tree = origin_tree(config, options)
    found = [(path, value, origin_of(tree, path)) for path, value in leaves(linked._cfg_dict.to_dict())]
    shown = [item for item in found if item[2] or with_linked]
    lines = [f'{_dotted(path)} = {value!r}' for path, value, _ in shown]
    width = min(76, max(map(len, lines)))
    for line, (_, _, origin) in zip(lines, shown, strict=True):
        print(f'{line:{width}}  # {_short(origin)}')
    if len(shown) < len(found):
        print(f'\n{len(found) - len(shown)} values more follow from these; --linked shows them')
    with bases_by_name():
        files = list(inheritance(config))
    for place, why in sorted(unread(written._cfg_dict, linked._cfg_dict, files)):
        written_at = _short(origin_of(tree, tuple(int(key) if key.isdigit() else key for key in place.split('.'))))
        print(f'nothing reads {place} ({written_at}): {why}')


def _dotted(path: Iterable[Any]) -> str:
    return '.'.join(map(str, path))


def _short(origin: str | None) -> str:
    """Return a file as seen from the working directory where that is shorter."""
    if origin is None:
        return 'follows from other values'
    return min(origin, os.path.relpath(origin), key=len) if os.path.isabs(origin) else origin
