"""Hourglasses compute what their authors' releases compute, and train every stack."""

import pytest
import torch

from hrpose.apis import init_model
from hrpose.checkpoints import load_weights
from hrpose.codecs import MSRAHeatmap
from hrpose.config import load_config
from hrpose.errors import UserError
from hrpose.models import StackedHourglassHead
from hrpose.registry import MODELS
from tests.config.cases import as_dict
from tests.golden import WRONG, assert_earlier, assert_heatmaps, golden, golden_input, golden_keys, golden_weights

NEWELL = 'newell_hourglass8_256x256'


@pytest.fixture(scope='module')
def newell(tmp_path_factory):
    """Newell's eight stacks with the golden weights, under the release's own names."""
    path = tmp_path_factory.mktemp('newell') / 'a.pth'
    torch.save(golden_weights(NEWELL), path)
    return init_model('hourglass8_mpii_256x256', path)


@pytest.fixture(scope='module')
def stacks(newell):
    with torch.no_grad():
        return {
            name: found.numpy() for name, found in newell.head.outputs(newell.extract(golden_input(256, 256))).items()
        }


def test_newells_stacks_give_the_golden_heatmaps(stacks):
    stored = golden(f'{NEWELL}_forward.npz')
    assert list(stacks) == [f'stack{number}' for number in range(1, 9)]
    assert_heatmaps(stacks['stack8'], stored)
    assert_earlier(stacks['stack1'], stored['first_stack'])


@pytest.mark.parametrize('wrong', WRONG.values(), ids=WRONG)
def test_newells_golden_heatmaps_notice(wrong, stacks):
    stored = golden(f'{NEWELL}_forward.npz')
    with pytest.raises(AssertionError):
        assert_heatmaps(wrong(stacks['stack8']), stored)


EARLIER_WRONG = {name: wrong for name, wrong in WRONG.items() if name not in ('one joint missing', 'not a number')}


@pytest.mark.parametrize('wrong', EARLIER_WRONG.values(), ids=EARLIER_WRONG)
def test_the_golden_cells_of_the_first_stack_notice(wrong, stacks):
    stored = golden(f'{NEWELL}_forward.npz')['first_stack']
    with pytest.raises(AssertionError):
        assert_earlier(wrong(stacks['stack1']), stored)


def test_folded_normalisations_keep_newells_heatmaps(newell, stacks):
    with torch.no_grad():
        found = newell.inference(golden_input(256, 256))
    assert_heatmaps(found.numpy(), golden(f'{NEWELL}_forward.npz'))
    assert '239 normalisations folded' in newell._inference.how


def test_newells_model_has_every_weight_of_the_release_but_the_unused(newell):
    unused = {
        key
        for key, shape in golden_keys(NEWELL).items()
        if 'skip_layer' in key and not key.startswith(('pre.1.', 'pre.4.'))
    }
    own = {key.removeprefix('backbone.').removeprefix('head.') for key in newell.state_dict()}
    assert own == set(golden_keys(NEWELL)) - unused


def test_mmposes_two_stacks_give_the_golden_heatmaps_of_two_and_of_one():
    model = init_model('hourglass52x2_coco_256x256')
    load_weights(model, golden_weights('mmpose_hourglass52x2_256x256'), name='a.pth', complete=True)
    with torch.no_grad():
        first, last = model.head.outputs(model.extract(golden_input(256, 256))).values()
    stored = golden('mmpose_hourglass52x2_256x256_forward.npz')
    assert_heatmaps(last.numpy(), stored)
    assert_earlier(first.numpy(), stored['first_stack'])
    assert_heatmaps(first.numpy(), golden('mmpose_hourglass52_256x256_forward.npz'))  # weights of the same names


@pytest.mark.parametrize(('stacks', 'unused'), [('', 12), ('x2', 0)])
def test_mmposes_model_has_mmposes_keys_but_the_unused(stacks, unused):
    with torch.device('meta'):
        model = MODELS.build(load_config(f'hourglass52{stacks}_coco_256x256').model)
    left = golden_keys(f'mmpose_hourglass52{stacks}_256x256').keys() - model.state_dict().keys()
    assert set(model.state_dict()) == set(golden_keys(f'mmpose_hourglass52{stacks}_256x256')) - left
    assert len(left) == unused
    assert all(key.startswith('backbone.inters.0.') for key in left)


def test_mmposes_stacks_compile_as_one_graph():
    with torch.device('meta'):
        model = MODELS.build(load_config('hourglass52x2_coco_256x256').model).eval()
    found = torch.compile(model, fullgraph=True, backend='eager')(torch.zeros(1, 3, 256, 256, device='meta'))
    assert found.shape == (1, 17, 64, 64)


@pytest.mark.parametrize('stacks', [1, 2, 4, 8])
@pytest.mark.parametrize('data', ['coco', 'mpii'])
def test_newells_configs_have_hrnets_recipe(stacks, data):
    found = as_dict(load_config(f'hourglass{stacks}_{data}_256x256'))
    hrnet = load_config(f'hrnet_w32_{data}_256x{"192" if data == "coco" else "256"}', {'codec.input_size': (256, 256)})
    assert found['model']['head']['num_stacks'] == stacks
    assert {**found, 'model': None} == {**as_dict(hrnet), 'model': None}


@pytest.fixture
def small():
    torch.manual_seed(0)
    codec = dict(type='MSRAHeatmap', input_size=(48, 64), sigma=1)
    return StackedHourglassHead(codec=codec, in_channels=8, out_channels=3, num_stacks=2, depth=2)


def test_every_stack_has_a_loss(small):
    features, keypoints, weights = [torch.randn(2, 8, 16, 12)], torch.rand(2, 3, 2) * 40, torch.ones(2, 3)
    losses = small.eval().loss(features, keypoints, weights)
    targets, _ = MSRAHeatmap(input_size=(48, 64), sigma=1).encode(keypoints, weights)
    outputs = small.outputs(features)
    assert losses.keys() == {'loss_stack1', 'loss_stack2'}
    for name, heatmaps in outputs.items():
        torch.testing.assert_close(losses[f'loss_{name}'], 0.5 * (heatmaps - targets).square().mean())


def test_the_next_stack_sees_the_heatmaps_of_the_one_before(small):
    features = [torch.randn(1, 8, 16, 12)]
    before = small.eval().outputs(features)
    small.outs[0].conv.bias.data += 1
    after = small.outputs(features)
    torch.testing.assert_close(after['stack1'], before['stack1'] + 1)
    assert (after['stack2'] - before['stack2']).abs().max() > 1e-3


def test_newells_head_compiles_as_one_graph(small):
    features = [torch.randn(1, 8, 16, 12)]
    with torch.no_grad():
        found = torch.compile(small.eval(), fullgraph=True, backend='eager')(features)
        torch.testing.assert_close(found, small(features))


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(depth=3), r'heatmap_size \(12, 16\) cannot be halved 3 times; lower the depth, or take multiples of 8'),
        (dict(num_stacks=0), 'at least 1, not 0 and 4'),
    ],
)
def test_an_impossible_stack_is_an_error(options, said):
    with pytest.raises(UserError, match=said):
        codec = dict(type='MSRAHeatmap', input_size=(48, 64))
        StackedHourglassHead(codec=codec, in_channels=8, out_channels=3, **options)
