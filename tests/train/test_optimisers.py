"""Optimisers against torch's own, rates that hold for any batch, frozen and slower parts, averages, losses."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from train.average import Average
from train.config import LOSSES
from train.losses import balanced_weights, early_learning, sample_losses
from train.models.build import build_model
from train.optim import peak_rate
from train.optim.groups import freeze, make_groups
from train.optim.make import make_optimiser
from train.optim.muon import orthogonalise
from train.optim.sgd import FusedSGD, NesterovSGD


def gradients(model, seed):
    random = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.randn(parameter.shape, generator=random)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_is_torchs_with_decay_on_weights_alone(name):
    model = build_model("resnet8", 4)
    optimiser = make_optimiser(model, name, lr=0.01, momentum=0.9, weight_decay=0.1)
    assert isinstance(optimiser, torch.optim.AdamW if name == "adamw" else torch.optim.Adam)
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.1, 0.0]
    before = model.bn1.weight.detach().clone()
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert torch.equal(model.bn1.weight, before)


def test_muon_steps_are_orthogonal_for_hidden_filters_and_sgds_for_the_rest():
    model = build_model("resnet8", 4)
    optimiser = make_optimiser(model, "muon", lr=0.02, momentum=0.9, weight_decay=0.0)
    before = copy.deepcopy(model.state_dict())
    gradients(model, 0)
    optimiser.step()
    hidden = "layer2.0.conv2.weight"
    step = (model.state_dict()[hidden] - before[hidden]).flatten(1) / 0.02
    singular = torch.linalg.svdvals(step)
    assert 0.5 < float(singular.min()) <= float(singular.max()) < 1.4
    wanted = -0.1 * (1 + 0.9) * model.conv1.weight.grad  # 0.1: SGD's own default where Muon's is 0.02
    torch.testing.assert_close(model.conv1.weight.detach() - before["conv1.weight"], wanted)
    again = make_optimiser(build_model("resnet8", 4), "muon", lr=0.02, momentum=0.9, weight_decay=0.0)
    again.load_state_dict(optimiser.state_dict())
    assert torch.equal(again.sgd.velocity[0][0], optimiser.sgd.velocity[0][0])


@pytest.mark.parametrize("momentum", [0.9, 0.0], ids=["momentum", "none"])
def test_a_run_may_change_between_the_fused_sgd_of_gpus_and_ours(momentum):
    """Steps of one, the rest by the other from its state: the weights are those of one alone, either way round."""
    weights = []
    for kinds in ((NesterovSGD, NesterovSGD), (FusedSGD, NesterovSGD), (NesterovSGD, FusedSGD), (FusedSGD, FusedSGD)):
        model, state = build_model("resnet8", 4), None
        for turn, kind in enumerate(kinds):
            groups = make_groups(model, 0.1)
            for group in groups:
                group["lr"] = 0.05
            optimiser = kind(groups, momentum)
            if state is not None:
                optimiser.load_state_dict(state)
            for step in range(3):
                optimiser.zero_grad()
                gradients(model, 10 * turn + step)
                optimiser.step()
            state = copy.deepcopy(optimiser.state_dict())
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    for other in weights[1:]:
        torch.testing.assert_close(other, weights[0], rtol=1e-5, atol=1e-6)


def test_orthogonalising_keeps_the_singular_vectors():
    matrix = torch.randn(6, 10, generator=torch.Generator().manual_seed(1))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    turned = left.T @ orthogonalise(matrix, low_precision=False) @ right.T
    off = turned - torch.diag(turned.diagonal())
    assert float(off.abs().max()) < 0.05
    assert float(turned.diagonal().min()) > 0.5


def test_a_rate_means_the_same_way_for_any_batch_and_momentum():
    """A constant gradient moves a weight equally far over the same samples."""
    assert peak_rate("sgd", 8.0, 128, 0.9) == 0.1
    ways = []
    for batch, momentum in ((64, 0.9), (256, 0.9), (64, 0.0), (128, 0.5)):
        velocity = moved = 0.0
        for _ in range(64 * 4096 // batch):
            velocity = momentum * velocity + 1
            moved += peak_rate("sgd", 8.0, batch, momentum) * (1 + momentum * velocity)
        ways.append(moved)
    assert max(ways) / min(ways) == pytest.approx(1, abs=0.01)


def test_parts_learn_slower_towards_the_stem_and_frozen_ones_not_at_all():
    model = build_model("resnet8", 4)
    assert {g["scale"] for g in make_groups(model, 0.1, 0.5)} == {1.0, 0.5, 0.25, 0.125, 0.0625}
    norms = freeze(model, 2)
    assert len(norms) == 3
    names = [name for group in make_groups(model, 0.1) for name in group["names"]]
    assert not any(name.startswith(("conv1", "bn1", "layer1")) for name in names)
    assert {name.split(".")[0] for name in names} == {"layer2", "layer3", "fc"}


def test_the_average_follows_weights_and_statistics():
    model = build_model("resnet8", 4)
    average = Average(model, 0.9)
    by_hand = {name: t.clone().double() for name, t in model.state_dict().items() if t.is_floating_point()}
    for step in range(1, 6):
        with torch.no_grad():
            for tensor in model.state_dict().values():
                tensor.add_(1)
        average.update()
        decay = min(0.9, (1 + step) / (10 + step))
        for name, value in by_hand.items():
            value.mul_(decay).add_(model.state_dict()[name].double(), alpha=1 - decay)
    for name, value in by_hand.items():
        torch.testing.assert_close(average.model.state_dict()[name].double(), value, rtol=1e-5, atol=1e-5)
    assert int(average.model.bn1.num_batches_tracked) == int(model.bn1.num_batches_tracked)


@pytest.mark.parametrize("kind", LOSSES)
def test_losses_are_zero_at_best_and_hard_labels_equal_soft_ones(kind):
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    hard = sample_losses(logits, labels, kind)
    torch.testing.assert_close(hard, sample_losses(logits, F.one_hot(labels, 4).float(), kind))
    sure = sample_losses(F.one_hot(labels, 4).float() * 50, labels, kind)
    assert float(sure.abs().max()) < 1e-3
    assert bool((hard > sure).all())


def test_robust_losses_pull_less_at_a_label_that_the_network_denies():
    def pull(kind):
        logits = torch.tensor([[8.0, 0.0, 0.0]], requires_grad=True)
        sample_losses(logits, torch.tensor([1]), kind).sum().backward()
        return float(logits.grad.abs().max())

    assert pull("gce") < 0.1 * pull("ce")
    assert pull("sce") < 0.3 * pull("ce")


def test_early_learning_remembers_what_the_network_said_of_each_sample():
    memory = torch.full((5, 3), 1 / 3)
    logits = torch.tensor([[9.0, 0, 0], [0, 9.0, 0]])
    first = early_learning(logits, memory, torch.tensor([4, 2]))
    assert torch.equal(memory[[0, 1, 3]], torch.full((3, 3), 1 / 3))
    assert float(memory[4, 0]) > 0.5
    again = early_learning(logits, memory, torch.tensor([4, 2]))
    assert bool((again < first).all())


def test_balanced_weights_make_classes_weigh_the_same():
    labels = np.array([0] * 8 + [1] * 2)
    weights = balanced_weights(labels, 3)
    assert weights.tolist() == pytest.approx([10 / 16, 10 / 4, 0])
    assert float(weights[labels].mean()) == pytest.approx(1)
