"""What mkdocs cannot find in docs/: the front page, the documents elsewhere in the repository, and the reference."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = [
    'README_zh-CN.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'tests/golden/README.md',
    'projects/README.md',
]
OUTSIDE += [str(path.relative_to(ROOT)) for path in sorted((ROOT / 'projects').glob('*/README.md'))]
ROOMS = ('apis', 'codecs', 'structures', 'datasets', 'models', 'evaluation', 'tracking', 'config')
LINK = re.compile(r'\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)')


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not in docs/."""
    pages = {'index.md': linked('README.md', 'index.md')}
    pages |= {name: linked(name, name) for name in OUTSIDE}
    pages |= {f'reference/{room}.md': f'# hrpose.{room}\n\n::: hrpose.{room}\n' for room in ROOMS}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead the links of docs/, which hold in the repository, to pages of the site."""
    source = page.file.src_uri
    return markdown if page.file.generated_by else relinked(markdown, f'docs/{source}', source)


def linked(name: str, page: str) -> str:
    """Return the text of a file of the repository, with links that hold on its page of the site."""
    return relinked((ROOT / name).read_text(), name, page)


def relinked(text: str, name: str, page: str) -> str:
    """Return a text with the links of file `name` of the repository turned into those of `page` of the site.

    A link to a file that the site does not have, such as code, becomes its path.
    """

    def turned(match: re.Match[str]) -> str:
        target = (ROOT / name).parent.joinpath(match[1]).resolve().relative_to(ROOT).as_posix()
        if target == 'README.md':
            target = 'docs/index.md'
        if not target.startswith('docs/') and target not in OUTSIDE:
            return f']<{target}>'
        path = PurePosixPath(target.removeprefix('docs/'))
        up = '../' * (len(PurePosixPath(page).parts) - 1)
        return f']({up}{path}{match[2] or ""})'

    turned_text = LINK.sub(turned, text)
    # `[name]<path>` is what is left of a link to code.
    return re.sub(r'\[([^\]]*)\]<([^>]+)>', r'\1 (`\2`)', turned_text)
