"""The code blocks of the documents, and what each is: commands, a program, or part of a config."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / 'README.md',
    ROOT / 'CONTRIBUTING.md',
    *sorted((ROOT / 'docs').rglob('*.md')),
    *sorted((ROOT / 'projects').glob('**/README.md')),
]
# `<!-- not run: REASON -->` may stand in the line before a block.
BLOCK = re.compile(r'(?:<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$', re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A code block: where it stands, its text, and why it cannot be run here, if it cannot."""

    document: Path
    line: int
    language: str
    text: str
    reason: str | None

    def __str__(self) -> str:
        return f'{self.document.relative_to(ROOT)}:{self.line}'

    @property
    def is_program(self) -> bool:
        """Whether it is a Python program, in contrast to values of a config."""
        return self.language == 'python' and re.search(r'^(?:from|import) ', self.text, re.M) is not None

    @property
    def commands(self) -> list[str]:
        """The commands of a bash block, each on one line, without comments."""
        lines = self.text.replace('\\\n', ' ').splitlines()
        return [line for line in (re.sub(r'(?:^|\s)#.*', '', line).strip() for line in lines) if line]


def blocks_of(document: Path) -> list[Block]:
    """Return the blocks of bash and Python in a document."""
    text = document.read_text()
    return [
        Block(
            document,
            text.count('\n', 0, found.start('language')) + 1,
            found['language'],
            found['text'],
            found['reason'],
        )
        for found in BLOCK.finditer(text)
        if found['language'] in ('bash', 'python')
    ]


BLOCKS = [block for document in DOCUMENTS for block in blocks_of(document)]
