"""What the documents name is there: files, configs, weights; and their commands are ones that the tools take."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from hrpose.checkpoints.table import PUBLISHED
from hrpose.cli.infer import KINDS, parse_arguments
from hrpose.cli.page import parse_arguments as parse_page_arguments
from hrpose.config import load_config, parse_options
from hrpose.page.limits import Limits
from tests.golden import golden, golden_data_sets

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / 'README.md', ROOT / 'README_zh-CN.md', ROOT / 'SECURITY.md', *sorted((ROOT / 'docs').rglob('*.md'))]
ZOO = (ROOT / 'docs' / 'model_zoo.md').read_text()
NAMED = re.compile(r'(?<![\w./])((?:hrpose|configs|tools|tests|docs)/[\w./]*\w\.(?:py|md|sh))\b')
CONFIGS = {path.stem for path in (ROOT / 'configs').glob('*.py')}


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(document):
    text = document.read_text()
    named = NAMED.findall(text)
    links = re.findall(r'\]\((?!http)([^)#]+)\)', text)
    missing = [path for path in named if not (ROOT / path).is_file()]
    missing += [path for path in links if not (document.parent / path).is_file()]
    assert missing == []


def test_the_documents_name_many_files():
    assert len(NAMED.findall('\n'.join(document.read_text() for document in DOCUMENTS))) > 200


def test_the_zoo_has_every_config_and_no_other():
    assert set(re.findall(r'`configs/(\w+)\.py`', ZOO)) == CONFIGS


def test_the_list_of_configs_has_every_config_and_no_other():
    text = (ROOT / 'docs' / 'configs.md').read_text()
    rows = ' '.join(re.findall(r'^\| `\w+\.py`.*?\|', text, re.M))
    assert set(re.findall(r'`(\w+)\.py`', rows)) == CONFIGS


COMMANDS = re.findall(r'^python tools/test\.py configs/(\w+)\.py (\w+)(?: --cfg-options (\S+))?$', ZOO, re.M)


def test_each_published_config_has_one_command_that_evaluates_it():
    with_weights = [config for config in CONFIGS if config.removesuffix('_mmpose_recipe') in PUBLISHED]
    assert sorted(config for config, _, _ in COMMANDS) == sorted(with_weights)


@pytest.mark.parametrize(('config', 'weights', 'option'), COMMANDS, ids=lambda word: word)
def test_the_zoos_commands_name_weights_and_options_that_exist(config, weights, option):
    assert weights == config.removesuffix('_mmpose_recipe')
    assert weights in PUBLISHED
    (boxes,) = re.findall(r'^BOXES=(.*)$', ZOO, re.M)
    cfg = load_config(ROOT / 'configs' / f'{config}.py', parse_options([boxes] if option == '$BOXES' else []))
    assert cfg.test_dataloader.dataset.get('bbox_file', '').endswith('AP_H_56_person.json') == bool(
        re.search('coco|wholebody', config)
    )


def test_the_weights_that_the_zoo_names_are_known():
    named = set(re.findall(r'`((?:hrnet|simplebaseline)_\w+(?:_\d+x\d+|_imagenet))`', ZOO))
    assert named and named <= set(PUBLISHED)


def official_rows() -> dict[str, str]:
    """Return, by config, the cells that its row in the zoo has to hold: parameters, GFLOPs, the ten metrics."""
    rows = {}
    for name, cells in golden('published.json')['coco'].items():
        network, size = name.lower().replace('-', '_').rsplit(maxsplit=1)
        rows[f'`configs/{network.replace(" ", "_")}_coco_{size}.py`'] = ' | '.join(cells)
    return rows


def mmpose_rows() -> dict[str, str]:
    """Return, by weights, the cells of its row: the metrics of mmpose's table, then those of its metafile."""
    rows = {}
    for name, model in mmpose_models('coco').items():
        table, metafile = model['figures_in_table'], model['figures_in_metafile']
        first = [f'{float(table[key]):.3f}'[1:] for key in ('AP', 'AP50', 'AP75', 'AR', 'AR50')]
        second = [f'{metafile[key]:.3f}'[1:] for key in ('AP', 'AP@0.5', 'AP@0.75', 'AR', 'AR@0.5')]
        rows[f'`{name}`'] = ' | '.join([*first, ' '.join(second)])
    return rows


def mmpose_models(data: str) -> dict[str, dict]:
    """Return mmpose's entries of the weights that have a config of the same name."""
    # Two rows of ResNet-101 name the same file, so the input size decides.
    models = golden('weights.json')['models']
    by_file = {
        (each['weights'].rsplit('/', 1)[-1], each['figures_in_table'].get('Input Size')): each for each in models
    }
    names = [name for name in CONFIGS if name in PUBLISHED and data in name]
    return {name: by_file[PUBLISHED[name].file, re.search(r'\d+x\d+', name)[0]] for name in names}


@pytest.mark.parametrize(('published', 'count'), [(official_rows, 10), (mmpose_rows, 25)])
def test_the_zoo_prints_the_published_metrics_of_coco(published, count):
    rows = published()
    assert len(rows) == count
    for name, cells in rows.items():
        assert f'| {name} | {cells} |' in ZOO


def test_the_zoo_prints_the_published_metrics_of_mpii():
    for name, (*cells, at_tenth) in golden('published.json')['mpii'].items():
        config = f'{name.lower().replace("-", "_").replace(" ", "_")}_mpii_256x256'
        (row,) = re.findall(rf'^\| `configs/{config}\.py` \| official .*$', ZOO, re.M)
        assert row.endswith(f'| {" | ".join(cells)} | {at_tenth} (at 0.11) |')
    models = mmpose_models('mpii')
    assert len(models) == 9
    for name, model in models.items():
        mean, tenth = (f'{100 * float(model["figures_in_table"][key]):.1f}' for key in ('Mean', 'Mean@0.1'))
        (row,) = re.findall(rf'^\| `configs/{name}\.py` \| mmpose .*$', ZOO, re.M)
        assert row.endswith(f'| {mean} | {tenth} (at 0.10) |')


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_the_inference_command_takes_what_documents_show(document):
    text = document.read_text().replace('\\\n', ' ')
    commands = re.findall(r'^(?:hrpose infer|python tools/infer\.py) (.*)$', text, re.M)
    assert commands or document.name not in ('README.md', 'inference.md')
    for command in commands:
        assert set(parse_arguments(shlex.split(command), None).save) <= set(KINDS)


def test_the_pages_command_takes_what_its_document_shows():
    text = (ROOT / 'docs' / 'page.md').read_text()
    commands = re.findall(r'^hrpose page ([^#\n]*)', text, re.M)
    assert len(commands) == 4
    for command in commands:
        parse_page_arguments(shlex.split(command), None)
    for limit in fields(Limits):
        option = f'--max-{limit.name.replace("_", "-")}'
        (row,) = re.findall(rf'^\| (.*`{option}`.*?) \| (.*?) \|', text, re.M)
        defaults = dict(zip(re.findall(r'`(.*?)`', row[0]), row[1].split(', '), strict=True))
        assert defaults[option] == str(limit.default)


def test_the_chinese_readme_has_the_commands_links_and_rows_of_the_english_one():
    english, chinese = ((ROOT / name).read_text() for name in ('README.md', 'README_zh-CN.md'))
    assert re.findall(r'```.*?```', chinese, re.S) == re.findall(r'```.*?```', english, re.S)
    assert len(re.findall(r'^## ', chinese, re.M)) == len(re.findall(r'^## ', english, re.M))
    links = [set(re.findall(r'\]\(([^)]+)\)', text)) - {'README.md', 'README_zh-CN.md'} for text in (english, chinese)]
    assert links[0] == links[1]
    numbers = [re.findall(r'^\| .* \| (`\w+` \| .*) \|$', text, re.M) for text in (english, chinese)]
    assert numbers[0] == numbers[1] != []


def test_the_zoo_prints_the_published_metrics_of_whole_bodies():
    by_file = {each['weights'].rsplit('/', 1)[-1]: each['metrics'] for each in golden_data_sets()['models']}
    names = [name for name in PUBLISHED if 'wholebody' in name]
    assert len(names) == 12
    for name in names:
        metrics = by_file[PUBLISHED[name].file]
        parts = ('Body', 'Foot', 'Face', 'Hand', 'Whole')
        cells = [' '.join(f'{metrics[f"{part} {kind}"]:.3f}'[1:] for kind in ('AP', 'AR')) for part in parts]
        (row,) = re.findall(rf'^\| `configs/{name}\.py` \| [\d.]+M \| [\d.]+ \| (.*) \|$', ZOO, re.M)
        assert row == ' | '.join(cells)


def test_the_zoo_prints_the_published_metrics_of_further_data_sets():
    for each in golden_data_sets()['models']:
        metrics, file = each['metrics'], each['weights'].rsplit('/', 1)[-1]
        name = next((name for name, row in PUBLISHED.items() if row.file == file), '')
        if 'jhmdb' in name:
            parts = ('Head', 'Sho', 'Elb', 'Wri', 'Hip', 'Knee', 'Ank', 'Mean')
            assert f'| {" | ".join(f"{metrics[part]:.1f}" for part in parts)} |' in ZOO, name
        elif name in CONFIGS and 'AP@0.5' in metrics and each['dataset'] != 'COCO':
            cells = [
                f'{metrics[kind]:.3f}'[1:] for kind in ('AP', 'AP@0.5', 'AP@0.75', 'AR', 'AR@0.5') if kind in metrics
            ]
            assert f'| {" | ".join(cells)} |' in ZOO, name
