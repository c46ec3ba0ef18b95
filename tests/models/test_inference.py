"""The network for prediction computes what the model computes, and follows its weights."""

import pytest
import torch

from hrpose.errors import UserError
from hrpose.models import TopdownPoseEstimator
from hrpose.models.inference import fold_norms, inference_network
from tests.checkpoints.cases import small_model
from tests.golden import fill_model, golden_input


@pytest.fixture
def model() -> TopdownPoseEstimator:
    return fill_model(small_model()).eval()


@pytest.fixture
def images() -> torch.Tensor:
    return golden_input(64, 64)


def plain(model: TopdownPoseEstimator, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(images)


def fast(model: TopdownPoseEstimator, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model.inference(images)


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def test_folded_normalisations_change_heatmaps_by_rounding_only(model, images):
    network = inference_network([model.backbone, model.head])
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.parts[0].modules())
    with torch.no_grad():
        assert relative_error(network(images), plain(model, images)) <= 1e-5


def test_half_precision_gives_float32_heatmaps_within_its_rounding(model, images):
    network = inference_network([model.backbone, model.head], precision='bf16')
    with torch.no_grad():
        heatmaps = network(images)
    assert heatmaps.dtype == torch.float32
    assert next(network.parts[0].parameters()).dtype == torch.bfloat16
    assert 0 < relative_error(heatmaps, plain(model, images)) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(('precision', 'bound'), [('fp32', 1e-5), ('bf16', 0.05)])
def test_a_compiled_network_computes_the_same(model, images, precision, bound):
    network = inference_network([model.backbone, model.head], precision=precision, compile=True)
    with torch.no_grad():
        assert relative_error(network(images), plain(model, images)) <= bound
        three = torch.cat([images] * 3)
        assert relative_error(network(three), plain(model, three)) <= bound


def test_prediction_leaves_the_models_weights_alone(model, images):
    before = {key: value.clone() for key, value in model.state_dict().items()}
    fast(model, images)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize('change', ['load_state_dict', 'in_place_then_eval', 'double'])
def test_changed_weights_are_seen(model, images, change):
    fast(model, images)
    with torch.no_grad():
        if change == 'load_state_dict':
            model.load_state_dict({key: 2 * value for key, value in model.state_dict().items()})
        elif change == 'in_place_then_eval':
            model.head.final_layer.weight.mul_(2)
            model.eval()
        else:
            model.double()
    if change == 'double':
        assert next(model.inference.parts[0].parameters()).dtype == torch.float64
    else:
        assert relative_error(fast(model, images), plain(model, images)) <= 1e-5


def test_a_model_in_training_is_its_own_network(model, images):
    assert model.train().inference is model


class Untraceable(torch.nn.Module):
    """A network that cannot be traced, because its flow depends on its input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)) if x.sum() > 0 else x


@pytest.mark.parametrize('network', [Untraceable(), torch.nn.Conv2d(3, 3, 1)], ids=['untraceable', 'without_norms'])
def test_what_cannot_be_folded_stays_as_it_is(network):
    assert fold_norms(network.eval()) is network


class SharedConvolution(torch.nn.Module):
    """A convolution whose output is read twice, so that folding would change the second reading."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4)
        self.norm.running_mean += 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return x + self.norm(x)


def test_a_convolution_that_is_read_twice_is_not_folded(images):
    network = SharedConvolution().eval()
    with torch.no_grad():
        torch.testing.assert_close(fold_norms(network)(images), network(images), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(('precision', 'hint'), [('bf8', 'bf16'), ('fp16', 'GPUs')])
def test_an_impossible_precision_is_refused(model, precision, hint):
    with pytest.raises(UserError, match=hint):
        inference_network([model.backbone, model.head], precision=precision)


def test_the_log_says_once_what_is_on(model, images, monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr('hrpose.models.estimators.topdown.print_log', lambda line, **_: lines.append(line))
    fast(model, images)
    fast(model.eval(), images)
    (line,) = lines
    norms = sum(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules())
    assert line.startswith(f'prediction on cpu: fp32, channels last, {norms} normalisations folded, not compiled')
