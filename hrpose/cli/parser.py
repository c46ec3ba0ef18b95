"""The parser of a subcommand: its description, and examples below its options."""

import argparse
from collections.abc import Sequence


class _HelpFormatter(argparse.HelpFormatter):
    """Wraps the description, and keeps the lines of the examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith('examples:') else super()._fill_text(text, width, indent)


def command_parser(prog: str | None, description: str, examples: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser whose help ends with `examples`, whole command lines."""
    epilog = '\n  '.join(('examples:', *examples))
    return argparse.ArgumentParser(prog=prog, description=description, epilog=epilog, formatter_class=_HelpFormatter)
