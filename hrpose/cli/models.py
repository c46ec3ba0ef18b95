"""`hrpose models`: list the configs and published weights that are known by name."""

import argparse
import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description='List the configs and published weights that every command takes by name. Weights are downloaded '
        'when they are first used.',
    )
    parser.add_argument(
        'pattern',
        nargs='?',
        default='',
        help="only names that contain this, for instance coco_256; or mmpose's name of a config or checkpoint",
    )
    arguments = parser.parse_args(words)
    from hrpose.checkpoints.names import weights_folder
    from hrpose.checkpoints.table import PUBLISHED
    from hrpose.config.mmpose import names_here
    from hrpose.config.shipped import config_folder, config_names
    from hrpose.errors import UserError, nearest

    configs, known = config_names(), {*config_names(), *PUBLISHED}
    names = sorted(name for name in known if arguments.pattern in name)
    if not names:
        names = names_here(arguments.pattern, known) or []
    if not names and arguments.pattern.startswith('td-hm_'):
        raise UserError(
            f'{arguments.pattern}: a name of mmpose without a counterpart here; if hrpose has the network, hrpose '
            "migrate turns mmpose's file into a config of hrpose"
        )
    if not names:
        raise UserError(f"no name contains '{arguments.pattern}'; {nearest(arguments.pattern, known)}")
    folder = weights_folder()
    width = max(map(len, names))
    print(f'{"name":{width}}  config  weights     description')
    for name in names:
        row = PUBLISHED.get(name)
        weights = '-' if row is None else 'here' if (folder / row.file).is_file() else 'to download'
        if name in configs:
            about = first_sentence(config_folder() / f'{name}.py')
        else:
            codec = PUBLISHED[name].codec
            about = f'no config of its own; trained for {codec}' if codec else 'a backbone'
        print(f'{name:{width}}  {"yes" if name in configs else "-":6}  {weights:11} {about}'.rstrip())
    print(f'\nconfigs  {config_folder()}\nweights  {folder}')


def first_sentence(config: Path) -> str:
    """Return the first sentence of the comment that a config begins with; '' if there is none."""
    comment = takewhile(lambda line: line.startswith('#'), config.read_text().splitlines())
    text = ' '.join(line.removeprefix('#').strip() for line in comment)
    return re.split(r'(?<!\bal)\. |[.:]$', text, maxsplit=1)[0]
