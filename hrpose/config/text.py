"""A config as the text of a Python file, written in milliseconds; mmengine's own way, yapf, takes seconds."""

import ast
from collections.abc import Iterator

from mmengine.config import Config

WIDTH = 79


def text_of(cfg: Config) -> str:
    """Return the values of `cfg` as Python source; what does not fit in a line is broken after each element."""
    plain = Config(cfg._cfg_dict.to_dict(), format_python_code=False)
    return ''.join(f'{"".join(_broken(statement))}\n' for statement in ast.parse(plain.pretty_text).body)


def _broken(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Assign):
        name = f'{ast.unparse(statement.targets[0])} = '
        yield f'{name}{_value(statement.value, indent=0, taken=len(name))}'
    else:
        yield ast.unparse(statement)


def _value(node: ast.expr, *, indent: int, taken: int) -> str:
    """Return the source of a value whose line is indented by `indent` and has `taken` characters beside it."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.Dict):
        node = node.args[0]  # mmengine writes dict({…}) if a key is no name
    line = ast.unparse(node)
    elements = list(_elements(node, indent + 4))
    if indent + taken + len(line) <= WIDTH or not elements:
        return line
    opening, closing = ('dict(', ')') if isinstance(node, ast.Call) else (line[0], line[-1])
    inner = '\n'.join(f'{" " * (indent + 4)}{element},' for element in elements)
    return f'{opening}\n{inner}\n{" " * indent}{closing}'


def _elements(node: ast.expr, indent: int) -> Iterator[str]:
    """Yield the source of each element of a dict, list or tuple; nothing for other values."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict' and not node.args:
        for keyword in node.keywords:
            yield f'{keyword.arg}={_value(keyword.value, indent=indent, taken=len(keyword.arg or "") + 2)}'
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            name = '**' if key is None else f'{ast.unparse(key)}: '
            yield f'{name}{_value(value, indent=indent, taken=len(name) + 1)}'
    elif isinstance(node, ast.List | ast.Tuple):
        for element in node.elts:
            yield _value(element, indent=indent, taken=1)
