"""Muon: its directions, its steps beside PyTorch's own for matrices, and AdamW for the rest."""

import copy

import pytest
import torch
from torch import Tensor, nn

from hrpose.engine.muon import MuonAdamW, orthogonalised
from hrpose.errors import UserError

SHAPES = [(16, 144), (64, 27), (128, 1152), (17, 16), (64, 64), (1, 9)]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def trained(parameters: list[Tensor], optimizer: torch.optim.Optimizer, steps: range) -> list[Tensor]:
    """Return the parameters after `steps` with gradients that depend on the step alone."""
    for step in steps:
        for index, each in enumerate(parameters):
            each.grad = random(*each.shape, seed=1000 * step + index)
        optimizer.step()
    return [each.detach().clone() for each in parameters]


def parameters_of(*shapes: tuple[int, ...]) -> list[Tensor]:
    return [nn.Parameter(random(*shape, seed=index)) for index, shape in enumerate(shapes)]


@pytest.mark.parametrize('shape', SHAPES)
def test_the_matrix_is_that_of_five_rounds_one_after_the_other(shape: tuple[int, int]) -> None:
    matrices = random(3, *shape)
    matrices[1, :, : shape[1] // 2] *= 1e-3
    expected = matrices.double() / matrices.double().norm(dim=(1, 2), keepdim=True)
    for _ in range(5):
        square = expected @ expected.mT
        expected = 3.4445 * expected + (-4.7750 * square + 2.0315 * square @ square) @ expected
    assert torch.allclose(orthogonalised(matrices).double(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize('shape', [(16, 144), (64, 27), (128, 1152)])
def test_singular_values_are_near_1_and_singular_vectors_stay(shape: tuple[int, int]) -> None:
    matrix = random(*shape)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    values = left.mT @ orthogonalised(matrix[None])[0] @ right.mT
    assert 0.65 < values.diagonal().min() < values.diagonal().max() < 1.25
    assert torch.allclose(values, values.diagonal().diag(), atol=1e-4)


@pytest.mark.parametrize('rank', [0, 1, 3])
@pytest.mark.parametrize(
    ('dtype', 'autocast'),
    [(torch.float32, False), (torch.float32, True), (torch.bfloat16, False), (torch.float16, False)],
    ids=['fp32', 'fp32_in_autocast', 'bf16', 'fp16'],
)
def test_a_matrix_of_low_rank_keeps_its_rank_and_grows_in_no_precision(
    rank: int, dtype: torch.dtype, autocast: bool
) -> None:
    matrix = (random(64, rank) @ random(rank, 576, seed=1)).to(dtype)
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        result = orthogonalised(matrix[None])[0]
    assert result.dtype == dtype
    values = torch.linalg.svdvals(result.float())
    # A matrix rounded to bf16 has more singular values, far below.
    assert (values[:rank] > 0.65).all() and (values[:rank] < 1.25).all() and (values[rank:] < 0.5).all()


def test_a_matrix_steps_as_pytorchs_muon_with_the_length_of_adamw() -> None:
    Muon = getattr(torch.optim, 'Muon', None)
    if Muon is None:
        pytest.skip('this PyTorch has no Muon')
    ours, theirs = parameters_of((32, 48), (48, 32)), parameters_of((32, 48), (48, 32))
    initial = [each.detach().clone() for each in ours]
    muon = Muon(theirs, lr=0.01, weight_decay=0.1, momentum=0.95, nesterov=True, adjust_lr_fn='match_rms_adamw')
    reference = trained(theirs, muon, range(5))
    result = trained(ours, MuonAdamW(ours, lr=0.01, weight_decay=0.1), range(5))
    for ours_now, theirs_now, before in zip(result, reference, initial, strict=True):
        # PyTorch computes the direction in bf16.
        assert (ours_now - theirs_now).norm() < 0.02 * (theirs_now - before).norm()


def test_a_kernel_steps_as_the_matrix_of_its_output_channels() -> None:
    kernels, matrices = parameters_of((8, 4, 3, 3)), [nn.Parameter(random(8, 4, 3, 3).flatten(1))]
    result = trained(kernels, MuonAdamW(kernels, lr=0.1), range(1))[0]
    gradient = random(8, 4, 3, 3, seed=0).flatten(1)
    matrices[0].grad = gradient
    MuonAdamW(matrices, lr=0.1).step()
    assert torch.equal(result.flatten(1), matrices[0])


@pytest.mark.parametrize('shapes', [[(5,)], [(5,), (7,), ()]])
@pytest.mark.parametrize('fused', [True, False])
def test_biases_step_as_adamws_to_the_bit(shapes: list[tuple[int, ...]], fused: bool) -> None:
    options = {'lr': 0.01, 'weight_decay': 0.1, 'betas': (0.8, 0.99), 'eps': 1e-6, 'fused': fused}
    ours, theirs = parameters_of(*shapes), parameters_of(*shapes)
    result = trained(ours, MuonAdamW(ours, **options), range(5))
    reference = trained(theirs, torch.optim.AdamW(theirs, **options), range(5))
    assert all(torch.equal(*pair) for pair in zip(result, reference, strict=True))


def test_each_group_has_its_learning_rate_and_decay() -> None:
    kernels = parameters_of((4, 6), (4, 6), (3,))
    before = [each.detach().clone() for each in kernels]
    groups = [
        {'params': kernels[:1], 'lr': 0.0},
        {'params': kernels[1:2], 'lr': 0.1, 'weight_decay': 0.5},
        {'params': kernels[2:], 'lr': 0.0},
    ]
    after = trained(kernels, MuonAdamW(groups, lr=1.0), range(1))
    assert torch.equal(before[0], after[0]) and torch.equal(before[2], after[2])
    # In Nesterov's form the first step is along the gradient itself.
    direction = orthogonalised(random(4, 6, seed=1)[None])[0] * 0.2 * 6**0.5
    assert torch.allclose(after[1], before[1] * (1 - 0.1 * 0.5) - 0.1 * direction, atol=1e-6)


def test_groups_with_momenta_of_their_own_step_as_apart() -> None:
    options = [{'momentum': 0.5, 'betas': (0.5, 0.9)}, {'momentum': 0.9, 'betas': (0.8, 0.99)}]
    together = parameters_of((4, 6), (3,), (4, 6), (3,))
    groups = [{'params': together[:2], **options[0]}, {'params': together[2:], **options[1]}]
    result = trained(together, MuonAdamW(groups, lr=0.1), range(3))
    apart = parameters_of((4, 6), (3,), (4, 6), (3,))
    optimizers = [MuonAdamW(apart[:2], lr=0.1, **options[0]), MuonAdamW(apart[2:], lr=0.1, **options[1])]
    for step in range(3):
        for index, each in enumerate(apart):
            each.grad = random(*each.shape, seed=1000 * step + index)
        for optimizer in optimizers:
            optimizer.step()
    assert all(torch.equal(*pair) for pair in zip(result, apart, strict=True))


def test_a_parameter_without_gradient_stays_and_a_gradient_of_0_gives_no_nan() -> None:
    frozen, still = parameters_of((4, 6), (4, 6))
    still.grad = torch.zeros(4, 6)
    before = [frozen.detach().clone(), still.detach().clone()]
    MuonAdamW([frozen, still], weight_decay=0.0).step()
    assert torch.equal(frozen, before[0]) and torch.equal(still, before[1])


def test_memory_format_changes_nothing() -> None:
    first, last = parameters_of((8, 4, 3, 3)), parameters_of((8, 4, 3, 3))
    last = [nn.Parameter(last[0].detach().contiguous(memory_format=torch.channels_last))]
    results = [trained(each, MuonAdamW(each, lr=0.1), range(3))[0] for each in (first, last)]
    assert torch.equal(*results)
    assert last[0].is_contiguous(memory_format=torch.channels_last)


def test_saved_and_loaded_it_goes_on_to_the_bit() -> None:
    shapes = [(8, 4, 3, 3), (8,), (5, 8)]
    through = parameters_of(*shapes)
    optimizer = MuonAdamW(through, lr=0.05)
    stopped = [nn.Parameter(each) for each in trained(through, optimizer, range(3))]
    state = copy.deepcopy(optimizer.state_dict())
    expected = trained(through, optimizer, range(3, 6))
    resumed = MuonAdamW(stopped, lr=1.0)
    resumed.load_state_dict(state)
    assert all(torch.equal(*pair) for pair in zip(trained(stopped, resumed, range(3, 6)), expected, strict=True))


def test_a_closure_computes_the_gradients() -> None:
    weight = nn.Parameter(random(4, 6))

    def closure() -> float:
        loss = weight.square().sum()
        loss.backward()
        return loss.item()

    optimizer = MuonAdamW([weight], lr=0.1)
    before = optimizer.step(closure)
    assert before is not None and weight.square().sum().item() < before


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'lr': -1.0}, 'lr has to be at least 0, not -1.0'),
        ({'weight_decay': -0.1}, 'weight_decay has to be at least 0'),
        ({'momentum': 1.0}, 'momentum has to be at least 0 and below 1, not 1.0'),
        ({'betas': (0.9,)}, 'betas have to be two numbers'),
        ({'betas': (0.9, float('nan'))}, 'betas has to be at least 0 and below 1, not nan'),
    ],
)
def test_a_number_out_of_range_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        MuonAdamW([nn.Parameter(random(2, 2))], **options)  # type: ignore[arg-type]
