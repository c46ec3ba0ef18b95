"""Fitting weights into a model: what did not fit is said, or refused with the share that did."""

import pytest
import torch

from hrpose.checkpoints import load_weights
from hrpose.errors import UserError
from tests.checkpoints.cases import BACKBONE_LAYOUTS, clone, small_model

LAST = ['head.final_layer.weight', 'head.final_layer.bias']


def test_all_of_a_models_own_weights_match(messages):
    model = small_model()
    fit = load_weights(small_model(), model.state_dict(), name='own.pth', complete=True)
    total = len(model.state_dict())
    assert len(fit.loaded) == total
    assert (fit.other_shape, fit.missing, fit.unused, fit.dropped) == ([], [], [], [])
    assert messages == [f'own.pth (mmpose 1.x or hrpose): {total} of {total} weights (100%) matched']


def test_the_refusal_of_another_model_names_the_share_that_matched():
    model, wider = small_model(), small_model(arch='w18')
    before = clone(model.state_dict())
    same = [key for key, value in wider.state_dict().items() if key in before and before[key].shape == value.shape]
    with pytest.raises(UserError) as error:
        load_weights(model, wider.state_dict(), name='w18.pth', complete=True)
    share = f'{len(same)} of {len(before)} weights ({100 * len(same) // len(before)}%) matched'
    assert 'w18.pth: does not fit this model' in str(error.value)
    assert share in str(error.value)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize('complete', [True, False])
@pytest.mark.parametrize('content', [{'conv.weight': torch.zeros(1)}, {'state_dict': {}}, {'state_dict': 5}, {}])
def test_a_checkpoint_of_which_nothing_fits_is_refused(complete, content):
    with pytest.raises(UserError, match=r'a.pth: does not fit this model: 0 of \d+ weights \(0%\) matched'):
        load_weights(small_model(), content, name='a.pth', complete=complete)


def test_fine_tuning_to_other_joints_starts_the_last_layer_anew(messages):
    source, target = small_model(17), small_model(5)
    fresh = clone(target.state_dict())
    fit = load_weights(target, source.state_dict(), name='coco.pth', complete=False)
    assert fit.other_shape == LAST
    assert (fit.missing, fit.unused) == ([], [])
    (line,) = messages
    assert f'left to initialisation: 2 of another shape ({", ".join(LAST)})' in line
    for key, value in target.state_dict().items():
        torch.testing.assert_close(value, fresh[key] if key in LAST else source.state_dict()[key], rtol=0, atol=0)


def test_one_weight_too_few_is_less_than_100_percent(messages):
    weights = dict(small_model().state_dict())
    del weights['head.final_layer.bias']
    load_weights(small_model(), weights, name='a.pth', complete=False)
    (line,) = messages
    assert f'{len(weights)} of {len(weights) + 1} weights (99%) matched' in line
    assert 'left to initialisation: 1 not in the file (head.final_layer.bias)' in line


@pytest.mark.parametrize('layout', BACKBONE_LAYOUTS)
def test_a_backbones_file_starts_a_training_and_is_no_test(layout, messages):
    source, target = small_model(), small_model()
    fresh = clone(target.state_dict())
    file = BACKBONE_LAYOUTS[layout][1](source.state_dict())
    with pytest.raises(UserError, match='2 not in the file .* it holds a backbone only') as error:
        load_weights(target, file, name='imagenet.pth', complete=True)
    assert 'imagenet.pth: does not fit this model' in str(error.value)
    torch.testing.assert_close(target.state_dict(), fresh, rtol=0, atol=0)
    load_weights(target, file, name='imagenet.pth', complete=False)
    (line,) = messages
    assert f'left to initialisation: 2 not in the file ({", ".join(LAST)})' in line
    for key, value in target.state_dict().items():
        torch.testing.assert_close(value, fresh[key] if key in LAST else source.state_dict()[key], rtol=0, atol=0)


def test_what_the_model_does_not_have_is_counted_by_reason(messages):
    file = BACKBONE_LAYOUTS['classifier'][1](small_model().state_dict()) | {'novelty.weight': torch.zeros(1)}
    load_weights(small_model(), file, name='a.pth', complete=False)
    assert messages[0].endswith(
        'dropped: 5 of other parts (neck, classifier), '
        '2 not in this model (backbone.stage4.0.fuse_layers.1.0.0.0.weight, backbone.novelty.weight)'
    )


@pytest.mark.parametrize('codec', ['MSRAHeatmap', 'UDPHeatmap'])
def test_published_weights_say_the_codec_that_they_were_trained_for(codec, messages):
    head = dict(type='HeatmapHead', codec=dict(type=codec, input_size=(64, 64)), out_channels=17)
    model = small_model(head=head)
    load_weights(model, model.state_dict(), name='hrnet_w32_coco_256x192_udp', complete=True)
    (message,) = messages
    assert message.startswith('hrnet_w32_coco_256x192_udp (mmpose 1.x or hrpose, trained for UDPHeatmap): ')
    advice = 'this model has MSRAHeatmap; for their metrics add --cfg-options codec.type=UDPHeatmap'
    assert message.endswith(advice) == (codec == 'MSRAHeatmap')
