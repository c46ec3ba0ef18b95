"""tools/analysis/model_stats.py, as a user runs it."""

import pytest


def figures(output: str) -> dict[str, list[float]]:
    """Return the table's rows: part -> parameters M, published GFLOPs, multiply-adds G, FLOPs G, activations M."""
    rows = [line.split() for line in output.splitlines() if line.split()[-1:] and line[-1].isdigit()]
    return {name: [float(value) for value in values] for name, *values in rows}


def test_the_published_count_stands_beside_the_plain_one_for_each_part(call, repository):
    status, output = call('analysis.model_stats', repository / 'configs/hrnet_w32_coco_256x192.py')
    assert status == 0
    table = figures(output)
    parameters, published, multiply_adds, flops, _ = table['whole']
    assert (round(parameters, 1), round(published, 1)) == (28.5, 7.1)
    assert multiply_adds == pytest.approx(published * 1024**3 / 1e9, abs=2e-3)
    assert flops == pytest.approx(2 * multiply_adds, abs=2e-3)
    assert {'backbone.layer1', 'backbone.stage4', 'head.final_layer'} < set(table)
    for column in range(5):
        parts = sum(row[column] for name, row in table.items() if name != 'whole')
        assert parts == pytest.approx(table['whole'][column], abs=0.01)


def test_the_shape_may_be_another_and_parts_coarser(call, repository):
    words = ['--shape', 64, 64, '--depth', 1]
    status, output = call('analysis.model_stats', repository / 'configs/hrnet_w16_lspet_128x128.py', *words)
    assert (status, '64 x 64 px' in output) == (0, True)
    assert list(figures(output)) == ['backbone', 'head', 'whole']


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--shape', 0, 64], 'two positive numbers'),
        (['--shape', 100, 64], 'does not take an input of 100 x 64 px'),
    ],
)
def test_an_impossible_shape_is_one_message(words, said, call, repository):
    status, output = call('analysis.model_stats', repository / 'configs/hrnet_w16_lspet_128x128.py', *words)
    assert (status, said in output, 'Traceback' in output) == (2, True, False)


def test_a_config_without_codec_asks_for_the_shape(call, tmp_path):
    config = tmp_path / 'classifier.py'
    config.write_text("model = dict(type='hrpose.HRNet', arch='w16_small', num_outputs=4)\n")
    status, output = call('analysis.model_stats', config)
    assert (status, '--shape W H' in output) == (2, True)
    status, output = call('analysis.model_stats', config, '--shape', 64, 64)
    assert (status, 'stage4' in output) == (0, True)
