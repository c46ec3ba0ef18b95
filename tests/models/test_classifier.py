"""HRNet-W*-C has the official release's keys, parameters, cost and logits, and takes its files whole."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from hrpose.analysis.model_stats import layer_costs, total_cost
from hrpose.apis import init_model
from hrpose.checkpoints import load_weights
from hrpose.config import load_config
from hrpose.errors import UserError
from hrpose.models import HRNetClassificationNeck, ImageClassifier
from hrpose.registry import MODELS
from tests.checkpoints.cases import saved
from tests.golden import golden, golden_input, golden_weights

CONFIGS = Path(__file__).parents[2] / 'configs' / 'classification'


def config_of(arch: str) -> Path:
    return CONFIGS / f'hrnet_{arch}_imagenet_224x224.py'


def small_classifier(classes: int = 3) -> ImageClassifier:
    backbone = dict(type='HRNet', arch='w16_small', num_outputs=4)
    return ImageClassifier(backbone=backbone, neck=dict(type='HRNetClassificationNeck'), num_classes=classes)


@pytest.mark.parametrize('arch', ['w18', 'w32'])
def test_a_published_file_gives_the_official_logits(arch, tmp_path, messages):
    state = golden_weights(f'cls_hrnet_{arch}')
    model = init_model(config_of(arch), saved(state, tmp_path / 'hrnet.pth'))
    with torch.no_grad():
        logits = model(golden_input(224, 224)).numpy()
    expected = golden(f'cls_hrnet_{arch}_forward.npz')['logits']
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert f'(HRNet classifier): {len(state)} of {len(state)} weights (100%) matched' in messages[0]


# Published: 41.2 M and 8.31 GFLOPs for W32. The others' are known from this count only.
@pytest.mark.parametrize(('arch', 'millions', 'gflops'), [('w32', 41.2, 8.31)])
def test_parameters_and_cost_are_the_published_ones(arch, millions, gflops):
    with torch.device('meta'):
        model = MODELS.build(load_config(config_of(arch)).model)
    cost = total_cost(layer_costs(model.eval(), torch.zeros(1, 3, 224, 224, device='meta')).values())
    assert (round(cost.parameters / 1e6, 1), round(cost.official_gflops, 2)) == (millions, gflops)


def test_the_neck_takes_any_number_of_branches():
    neck = HRNetClassificationNeck((16, 24), out_channels=10).eval()
    assert neck([torch.zeros(2, 16, 8, 12), torch.zeros(2, 24, 4, 6)]).shape == (2, 10)


def test_a_classifier_of_other_classes_starts_from_all_but_the_last_layer(messages):
    source, target = small_classifier(3), small_classifier(5)
    fresh = target.classifier.weight.detach().clone()
    load_weights(target, source.state_dict(), name='a.pth', complete=False)
    assert torch.equal(target.neck.final_layer[0].weight, source.neck.final_layer[0].weight)
    assert torch.equal(target.classifier.weight, fresh)
    assert '2 of another shape (classifier.weight, classifier.bias)' in messages[0]


def test_loss_is_the_cross_entropy_and_prediction_gives_probabilities():
    torch.manual_seed(0)
    model, images = small_classifier().eval(), torch.randn(2, 3, 64, 64)
    samples = [BaseDataElement(gt_label=label) for label in (2, 0)]
    with torch.no_grad():
        probabilities = model(images).softmax(dim=-1)
        loss = model(images, samples, mode='loss')['loss']
        predicted = model(images, samples, mode='predict')
    torch.testing.assert_close(torch.stack([sample.pred_scores for sample in predicted]), probabilities)
    torch.testing.assert_close(loss, -(probabilities[0, 2].log() + probabilities[1, 0].log()) / 2)


@pytest.mark.parametrize(
    ('mode', 'samples', 'reason'),
    [
        ('train', [], "not 'train'"),
        ('loss', None, 'needs data_samples'),
        ('loss', [BaseDataElement(gt_label=3)], 'have a class 3, counted from 0, but model.num_classes is 3'),
    ],
)
def test_a_wrong_call_says_what_is_wrong(mode, samples, reason):
    with pytest.raises(UserError, match=reason):
        small_classifier()(torch.zeros(1, 3, 64, 64), samples, mode=mode)
