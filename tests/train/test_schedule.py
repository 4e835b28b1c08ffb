"""The learning rate over a run, and which weights decay."""

import itertools
import math

import pytest
import torch

from train.models.build import build_model
from train.optim.make import make_sgd
from train.schedule import rate_factor


def test_cosine_rises_to_one_then_falls_to_nothing():
    factors = [rate_factor(step, 100, kind="cosine", warmup=0.1) for step in range(100)]
    assert factors[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert max(factors) == factors[9] == factors[10] == 1
    assert all(a > b for a, b in itertools.pairwise(factors[10:]))
    assert 0 < factors[-1] < 0.001
    assert factors[55] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.5)))


def test_hes_steps_divide_by_ten_at_half_and_three_quarters():
    factors = [rate_factor(step, 64, kind="steps", warmup=0) for step in range(64)]
    assert factors == [1.0] * 32 + [0.1] * 16 + [0.01] * 16


def test_constant_stays():
    assert {rate_factor(step, 9, kind="constant", warmup=0) for step in range(9)} == {1.0}


def test_norms_and_biases_do_not_decay():
    model = build_model("resnet20", 10)
    optimiser = make_sgd(model, lr=0.1, momentum=0.9, weight_decay=1e-3)
    first, second = optimiser.param_groups
    (weights, decay), (rest, none) = ((group["params"], group["weight_decay"]) for group in (first, second))
    assert (decay, none) == (1e-3, 0.0)
    assert len(weights) == 20
    assert len(weights) + len(rest) == len(list(model.parameters()))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert torch.equal(model.bn1.weight, before["bn1.weight"])
    assert torch.equal(model.fc.bias, before["fc.bias"])
    assert float(model.fc.weight.detach().norm()) < float(before["fc.weight"].norm())


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_torchs_sgd(momentum):
    ours, theirs = build_model("resnet8", 4), build_model("resnet8", 4)
    mine = make_sgd(ours, lr=0.05, momentum=momentum, weight_decay=0.01)
    groups = [{"params": [p for p in theirs.parameters() if p.ndim >= 2], "weight_decay": 0.01}]
    groups += [{"params": [p for p in theirs.parameters() if p.ndim < 2], "weight_decay": 0.0}]
    reference = torch.optim.SGD(groups, lr=0.05, momentum=momentum, nesterov=momentum > 0)
    random = torch.Generator().manual_seed(0)
    for step in range(4):
        for group in [*mine.param_groups, *reference.param_groups]:
            group["lr"] = 0.05 / (step + 1)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            p.grad = torch.randn(p.shape, generator=random)
            q.grad = p.grad.clone()
        mine.step()
        reference.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-6, atol=1e-7)
