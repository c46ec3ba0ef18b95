"""Parts from outside the package: how a config's `custom_imports` are found, and what to write where a name is not."""

from hrpose.plugins.explain import unknown_part
from hrpose.plugins.failures import arguments_of, explain_failure
from hrpose.plugins.find import find_module, import_plugins
from hrpose.plugins.registered import require_registered_parts

__all__ = [
    'arguments_of',
    'explain_failure',
    'find_module',
    'import_plugins',
    'require_registered_parts',
    'unknown_part',
]
