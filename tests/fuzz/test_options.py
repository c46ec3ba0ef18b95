"""Hostile words behind `--cfg-options`, through reading, linking, and building what they configure."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from hrpose.cli.run import run
from hrpose.config import load_config, parse_options
from hrpose.engine.launch import require_data
from hrpose.errors import UserError
from hrpose.registry import DATASETS, HOOKS, METRICS, MODELS, TRANSFORMS
from tests.fuzz.sandbox import Case

# Values that ask for something: code, another place, another kind of part, more than there is.
ODD_WORDS = (
    *(
        '1',
        '-1',
        '0',
        '0.5',
        '1e999',
        'nan',
        'None',
        'true',
        "'a'",
        '(1,2)',
        '[1,[2]]',
        '{}',
        '[]',
        '',
        '1e308',
        '2**70',
    ),
    *("{'type':'HRNet'}", "{'type':'HeatmapHead'}", "{'type':'CocoDataset'}", "{'type':None}", "{'_delete_':True}"),
    *('(' * 500, '9' * 5000, '[' * 5000, "{'a':" * 60 + '1' + '}' * 60, '\x00', 'é\ud800', '../../x', '${HOME}'),
    *("__import__('os').mkdir('HACKED')", "open('HACKED','w')", 'lambda: 0', '{{fileDirname}}', '{{$HOME:x}}'),
    *(
        "{'type':'os.mkdir','path':'HACKED'}",
        "{'type':'os.system','command':'touch HACKED'}",
        "{'type':'builtins.exec'}",
    ),
    *(
        "{'type':'subprocess.Popen','args':['touch','HACKED']}",
        "{'type':'pathlib.Path.mkdir'}",
        "{'type':'torch.load'}",
    ),
    *(
        '/etc/passwd',
        '/dev/zero',
        '/dev/stdin',
        'http://127.0.0.1:9/a.pth',
        's3://a/b',
        'file:///etc/passwd',
        '~root/a',
    ),
    *(
        '4000000000',
        '(4000000000,4000000000)',
        '[0,0]',
        '(64,64)',
        '(63,65)',
        'w18',
        'coco',
        'mpii',
        'from annotations',
    ),
)


def names_of(value: Any, before: str = '') -> list[str]:
    """Return every dotted name in a config."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [name for key, item in parts for name in (f'{before}{key}', *names_of(item, f'{before}{key}.'))]


@st.composite
def words(draw: st.DrawFn, known: list[str]) -> str:
    """Draw a word: a name of the config, perhaps misspelt, and a value of any kind."""
    odd = (
        'a.b',
        '',
        '.',
        'model.',
        '0',
        '__class__',
        'model.__init__',
        '_base_',
        'custom_imports.imports',
        'load_from',
    )
    name = draw(st.sampled_from(known) | st.sampled_from(known) | st.sampled_from(known) | st.sampled_from(odd))
    if name and draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(name) - 1))
        name = name[:at] + draw(st.sampled_from('x.0_é=')) + name[at + 1 :]
    equals = draw(st.sampled_from(('=', '=', '=', '=', '=', '', '==')))
    return name + equals + draw(st.sampled_from(ODD_WORDS) | st.integers().map(str) | st.text(max_size=9))


def build_all(config: Path, given: list[str]) -> None:
    """Do what a command does before its first step."""
    cfg = load_config(config, parse_options(given))
    for loader in ('train_dataloader', 'val_dataloader'):
        if cfg.get(loader) is not None:
            require_data(cfg, loader)
            dataset = DATASETS.build(cfg[loader].dataset)
            assert {'inputs', 'data_samples'} <= set(dataset[0])
    MODELS.build(cfg.model)
    for metric in cfg.get('val_evaluator') or ():
        METRICS.build(metric)
    for hook in [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]:
        HOOKS.build(hook)


@pytest.mark.parametrize('depth', ['read', 'build'])
def test_options(depth, tiny_coco, tiny_config, attack):
    config = tiny_config(tiny_coco(images=2))
    known = names_of(load_config(config)._cfg_dict.to_dict())

    def make(work_dir: Path) -> Case:
        # An unknown name is looked for in mmdet, too: what importing it writes is none of the words' doing.
        for registry in (MODELS, DATASETS, TRANSFORMS, METRICS, HOOKS):
            with pytest.raises(UserError):
                registry.build({'type': 'NoSuchPart'})

        def case(content: bytes) -> None:
            given = json.loads(content)
            read = load_config if depth == 'read' else lambda path, _: build_all(path, given)
            run(lambda: read(config, parse_options(given)))

        return case

    inputs = st.lists(words(known), min_size=1, max_size=2).map(lambda given: json.dumps(given).encode())
    outcomes = attack(f'options_{depth}', b'[]', inputs, make, cases=150 if depth == 'read' else 60)
    assert min(outcomes['taken'], outcomes['refused']) > outcomes.total() // 20
