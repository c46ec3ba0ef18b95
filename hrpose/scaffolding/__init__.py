"""Templates of new projects: a part of one of six kinds with code, config, test and README.

`project-templates/` has a text for each file that is written, with `$name` and `$class_name` to fill in.
"""

import keyword
from importlib.util import find_spec
from pathlib import Path
from string import Template

from hrpose import registry
from hrpose.errors import UserError, nearest

# Not a valid module name, or setuptools would take the folders for packages.
TEMPLATES = Path(__file__).parent / 'project-templates'

# The registry of each kind, by its name in `hrpose.registry`.
KINDS = {
    'backbone': 'MODELS',
    'head': 'MODELS',
    'codec': 'CODECS',
    'dataset': 'DATASETS',
    'metric': 'METRICS',
    'hook': 'HOOKS',
}

# Where each template goes in the project.
PLACES = {
    'README': 'README.md',
    'init': '__init__.py',
    'part': '{name}.py',
    'config': 'configs/{name}_synthetic_128x96.py',
    'test': 'test_{name}.py',
    'test_training': 'test_{name}_training.py',
}


def write_project(name: str, kind: str, folder: Path) -> Path:
    """Write a project into `folder`/`name` and return that path.

    Raises:
        UserError: the kind is unknown, the name is no module name, or it is taken by a module, a registered part or a
            file. Nothing is written then.
    """
    if kind not in KINDS:
        raise UserError(f"there is no template of kind '{kind}'; {nearest(kind, KINDS)}")
    target = folder / name
    class_name = ''.join(word[:1].upper() + word[1:] for word in name.split('_'))
    _require_free(name, class_name, KINDS[kind], target)
    words = {'name': name, 'class_name': class_name, 'kind': kind}
    for source in sorted([*TEMPLATES.glob('every-kind/*.txt'), *TEMPLATES.glob(f'{kind}/*.txt')]):
        path = target / PLACES[source.stem].format(name=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(source.read_text()).substitute(words), encoding='utf-8')
    return target


def _require_free(name: str, class_name: str, registry_name: str, target: Path) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower() or not class_name.isidentifier():
        raise UserError(f"'{name}' is no module name; use lower-case letters, digits and _, for instance my_net")
    if target.exists():
        raise UserError(f'{target} exists and is not overwritten; choose another name or --folder')
    if find_spec(name) is not None:
        raise UserError(f"Python already has a module '{name}' and would import that one; choose another name")
    if class_name in getattr(registry, registry_name):
        raise UserError(f"{registry_name} already has a part called '{class_name}'; choose another name")
