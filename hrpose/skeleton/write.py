"""Fill in the texts of a kind, after a look at the name."""

import keyword
from importlib.util import find_spec
from pathlib import Path
from string import Template

from hrpose import registry
from hrpose.errors import UserError, nearest

# A name that Python cannot import: setuptools would take folders of data for packages.
TEXTS = Path(__file__).parent / 'text-files'

# The registry of each kind, by its name in `hrpose.registry`.
KINDS = {
    'backbone': 'MODELS',
    'head': 'MODELS',
    'codec': 'CODECS',
    'dataset': 'DATASETS',
    'metric': 'METRICS',
    'hook': 'HOOKS',
}


def write_project(name: str, kind: str, folder: Path) -> Path:
    """Write a project into `folder`/`name` and return that.

    Raises:
        UserError: an unknown kind; a name that Python cannot import, or that a module, a registered part or something
            that lies there has taken. Nothing is written then.
    """
    if kind not in KINDS:
        raise UserError(f"no skeleton of a '{kind}'; {nearest(kind, KINDS)}")
    target = folder / name
    words = {'name': name, 'class_name': class_name(name), 'kind': kind, 'registry': KINDS[kind]}
    _check_name(words, target)
    for path in (TEXTS / 'every_kind', TEXTS / kind):
        for source in sorted(path.glob('*.txt')):
            _write(target / _place(source.stem, name), Template(source.read_text()).substitute(words))
    return target


def class_name(name: str) -> str:
    """Return the class for a module: 'my_net' -> 'MyNet'."""
    return ''.join(word[:1].upper() + word[1:] for word in name.split('_'))


def _check_name(words: dict[str, str], target: Path) -> None:
    name, part = words['name'], words['class_name']
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower() or not part.isidentifier():
        raise UserError(f"'{name}' names a Python module: small letters, digits and _, a letter first, as in my_net")
    if target.exists():
        raise UserError(f'{target} is there already, and nothing is overwritten')
    if find_spec(name) is not None:
        raise UserError(f"Python already has a module '{name}', and would import that one: choose another name")
    if part in getattr(registry, words['registry']):
        raise UserError(f"there is already a part called '{part}' in {words['registry']}: choose another name")


def _place(stem: str, name: str) -> str:
    """Return where a text goes, relative to the project."""
    places = {
        'init': '__init__.py',
        'part': f'{name}.py',
        'config': f'configs/{name}_synthetic_128x96.py',
        'test': f'test_{name}.py',
    }
    return places.get(stem, f'{stem}.md')


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
