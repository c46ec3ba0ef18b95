"""Parts from outside the package: how a config's `custom_imports` are found, and what to write where a name is not."""

from hrpose.plugins.explain import unknown_elsewhere, unknown_part
from hrpose.plugins.find import find_module, import_plugins

__all__ = ['find_module', 'import_plugins', 'unknown_elsewhere', 'unknown_part']
