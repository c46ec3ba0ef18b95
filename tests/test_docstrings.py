"""The reference is complete: every public name says what it takes, gives and raises, with the shapes of arrays."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from hrpose import registry
from hrpose.errors import UserError

ROOMS = (
    'apis',
    'codecs',
    'config',
    'datasets',
    'evaluation',
    'images',
    'models',
    'structures',
    'tracking',
    'visualization',
)
ARRAY = re.compile(r'\b(Tensor|ndarray|Image)\b')
SHAPE = re.compile(r'\([^()]*,[^)]*\)|\(\.\.\.\)')  # such as (B, K, 2), (N,), (...)


def public() -> dict[str, Any]:
    """Return what hrpose's packages export and its registries hold, by full name."""
    parts = []
    for room in ROOMS:
        module = import_module(f'hrpose.{room}')
        parts += [getattr(module, name) for name in module.__all__]
    for each in vars(registry).values():
        if isinstance(each, registry.Registry):
            each.import_from_location()
            parts += each.module_dict.values()
    named = {
        f'{part.__module__}.{part.__qualname__}': part
        for part in parts
        if inspect.isroutine(part) or inspect.isclass(part)
    }
    return {name: part for name, part in named.items() if name.startswith('hrpose.')}


def functions(part: Any) -> Iterator[tuple[str, Callable, str, bool]]:
    """Yield a function, or a class's constructor and the public methods that it defines.

    Each with its name, its documentation, and whether its arguments are explained by the library whose method it
    overrides. A method that overrides one of hrpose's shares its documentation.
    """
    if not inspect.isclass(part):
        yield part.__name__, inspect.unwrap(part), part.__doc__ or '', False
        return
    ours = [base for base in part.__mro__ if base.__module__.startswith('hrpose.')]
    for name in vars(part):
        function = inspect.unwrap(member) if callable(member := getattr(part, name)) else None
        is_public = not name.startswith('_') or name in ('__init__', '__call__')
        # The methods of dataclasses and named tuples are generated.
        if not is_public or not inspect.isfunction(function) or function.__code__.co_filename.startswith('<'):
            continue
        # A class's docstring documents its constructor, and what its instances do when they are called.
        same = [base if name in ('__init__', '__call__') else vars(base)[name] for base in ours if name in vars(base)]
        same += [vars(base)[name] for base in ours if name == '__call__' in vars(base)]
        doc = '\n'.join(each.__doc__ or '' for each in same)
        theirs = any(name in vars(base) for base in part.__mro__ if base not in (*ours, object))
        yield name, function, doc, theirs and name != '__init__'


def lacking(function: Callable, doc: str, explained: bool) -> Iterator[str]:
    """Yield what a docstring lacks."""
    if not doc:
        yield 'a docstring'
        return
    signature = inspect.signature(function)
    parameters = {name: each for name, each in signature.parameters.items() if name != 'self' and '*' not in str(each)}
    for name, parameter in parameters.items():
        named = re.search(rf'\b{re.escape(name).replace("_", "[_ ]")}', doc)
        # One or two arguments may be described in words.
        if not named and not explained and len(parameters) > 2:
            yield f'its argument {name}'
        elif ARRAY.search(str(parameter.annotation)) and not SHAPE.search(doc):
            yield f'the shape of {name}'
    if ARRAY.search(str(signature.return_annotation)) and not SHAPE.search(doc):
        yield 'the shape of what it returns'
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    raised = [
        node.exc.func for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    ]
    if 'UserError' in map(ast.unparse, raised) and not re.search(r'UserError|[Rr]aise', doc):
        yield 'that it raises UserError'


@pytest.mark.parametrize('name', PUBLIC := public())
def test_a_public_name_says_what_it_takes_gives_and_raises(name):
    found = {member: list(lacking(*rest)) for member, *rest in functions(PUBLIC[name])}
    assert {member: what for member, what in found.items() if what} == {}


def test_a_docstring_without_an_argument_a_shape_or_an_error_is_noticed():
    def crop(image: 'np.ndarray', box: list, size: tuple) -> 'np.ndarray':  # noqa: F821
        """Crop an image to a size."""
        raise UserError('no box')

    lack = ['the shape of image', 'its argument box', 'the shape of what it returns', 'that it raises UserError']
    assert list(lacking(crop, crop.__doc__, False)) == lack
    assert list(lacking(crop, '', False)) == ['a docstring']
