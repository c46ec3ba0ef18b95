"""`hrpose models`: list the configs and published weights that are known by name."""

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from hrpose.cli.parser import command_parser

EXAMPLES = (
    'hrpose models',
    'hrpose models mpii',
    'hrpose models td-hm_hrnet-w32_8xb64-210e_coco-256x192',
)

# Use of a name -> what to do with it.
USES = {
    'infer': 'ready to use, weights and config: hrpose infer SOURCE --pose NAME',
    'train': 'configs to train: hrpose train NAME; then hrpose infer SOURCE --pose NAME --weights FILE',
    'weights': 'backbones to start a training from, by the option that the first lines of their configs give',
    'detection': 'detectors of people, by mmdet: hrpose train NAME; or with weights: hrpose infer SOURCE --det NAME',
    'classification': 'configs of classifiers of images, to train: hrpose train NAME',
}


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser(
        prog,
        'List the configs and published weights that every command takes by name. Weights are downloaded '
        'when they are first used.',
        EXAMPLES,
    )
    parser.add_argument(
        'pattern',
        nargs='?',
        default='',
        help="only names that contain this, for instance coco_256; or mmpose's name of a config or checkpoint",
    )
    parser.add_argument('--json', action='store_true', help='print a list for programs')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Print the table."""
    arguments = parser_of(prog).parse_args(words)
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
    rows = [row_of(name, name in configs) for name in names]
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        print('\n\n'.join(tables(rows)))
        print(f'\nconfigs  {config_folder()}\nweights  {weights_folder()}')


def row_of(name: str, has_config: bool) -> dict[str, str]:
    """Return what is known about a name: its use (a key of `USES`), where its weights are, and a description."""
    from hrpose.checkpoints.names import weights_folder
    from hrpose.checkpoints.table import PUBLISHED
    from hrpose.config.shipped import config_folder

    row = PUBLISHED.get(name)
    weights = '' if row is None else 'here' if (weights_folder() / row.file).is_file() else 'to download'
    if has_config:
        about = first_sentence(config_folder() / f'{name}.py')
        folder = name.partition('/')[0] if '/' in name else ''
        use = folder or ('infer' if row else 'train')
    else:
        about, use = 'trained on ImageNet', 'weights'  # every published network has a config
    return {'name': name, 'use': use, 'weights': weights, 'description': about}


def tables(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    """Yield a table for each use, under a line that says what its names are for."""
    width = max(len(row['name']) for row in rows)
    for use, title in USES.items():
        if own := [row for row in rows if row['use'] == use]:
            lines = [
                f'  {row["name"]:{width}}  {row["weights"] or "-":11}  {row["description"]}'.rstrip() for row in own
            ]
            yield '\n'.join([title, *lines])


def first_sentence(config: Path) -> str:
    """Return the first sentence of the comment that a config begins with; '' if there is none."""
    comment = takewhile(lambda line: line.startswith('#'), config.read_text().splitlines())
    text = ' '.join(line.removeprefix('#').strip() for line in comment)
    return re.split(r'(?<!\bal)\. |[.:]$', text, maxsplit=1)[0]
