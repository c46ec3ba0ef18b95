"""Several threads that predict for the first time."""

import threading

import pytest
import torch

from tests.checkpoints.cases import small_model


@pytest.mark.parametrize('shared', [True, False], ids=['one_model', 'a_model_each'])
def test_first_predictions_in_several_threads_agree(shared):
    torch.manual_seed(0)
    models = [small_model(3).eval()] * 3 if shared else [small_model(3).eval() for _ in range(3)]
    images = torch.randn(1, 3, 64, 64)
    start, found, errors = threading.Barrier(3), {}, []

    def predict(index: int) -> None:
        start.wait()
        try:
            with torch.no_grad():
                found[index] = models[index].inference(images)
                # A plain forward pass, while others may still be traced.
                models[index].backbone(images)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=predict, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for index, model in enumerate(models):
        assert (
            len([module for module in model.inference.parts[0].modules() if isinstance(module, torch.nn.BatchNorm2d)])
            == 0
        )
        torch.testing.assert_close(found[index], model.inference(images), rtol=0, atol=0)
    assert not shared or models[0].inference is models[1].inference
    assert torch.nn.Module.__call__.__module__ == 'torch.nn.modules.module'
