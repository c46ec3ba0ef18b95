"""Parts from outside the package: finding them, and explaining why one is not found or cannot be built."""

from hrpose.plugins.explain import arguments_of, explain_failure, unknown_part
from hrpose.plugins.find import find_module, import_plugins

__all__ = ['arguments_of', 'explain_failure', 'find_module', 'import_plugins', 'unknown_part']
