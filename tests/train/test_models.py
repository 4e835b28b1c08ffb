"""The networks against torchvision's own and against the figures of He et al."""

import pytest
import torch
import torchvision

from train.describe import describe
from train.errors import TrainError
from train.models.blocks import BasicBlock, PadShortcut, PreBasicBlock, PreBottleneck
from train.models.build import build_model
from train.optim.make import make_sgd


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"])
def test_torchvisions_state_dict_loads_and_gives_the_same_outputs(name):
    torch.manual_seed(3)
    theirs = torchvision.models.get_model(name, weights=None, num_classes=7).eval()
    for buffer_name, buffer in theirs.named_buffers():  # running statistics that are not the trivial 0 and 1
        if buffer_name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif buffer_name.endswith("running_var"):
            buffer.uniform_(0.8, 1.2)
    ours = build_model(name, 7).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    pictures = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = theirs(pictures)
        torch.testing.assert_close(ours(pictures), expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))
        back = torchvision.models.get_model(name, weights=None, num_classes=7).eval()
        back.load_state_dict(ours.state_dict(), strict=True)
        torch.testing.assert_close(back(pictures), expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7), (1202, 19.4)]
)
def test_cifar_family_has_the_papers_parameter_counts(depth, millions):
    found = describe(f"resnet{depth}", size=32, classes=10)
    digits = 2 if millions < 1 else 1
    assert round(found.parameters / 1e6, digits) == millions
    assert found.depth == depth


def test_imagenet_family_has_the_papers_flops_and_depths():
    for depth, billions in [(18, 1.8), (34, 3.6), (50, 4.1), (101, 7.8), (152, 11.5)]:
        found = describe(f"resnet{depth}", size=224, classes=1000)
        assert found.depth == depth
        assert found.flops / 1e9 == pytest.approx(billions, abs=0.07)  # v1.5: 4.1, not v1's 3.8


def test_plain_networks_have_the_weights_of_their_twin_but_no_shortcut():
    assert describe("plain56", size=32, classes=10).parameters == describe("resnet56", size=32, classes=10).parameters
    plain = build_model("plain20", 10)
    assert not any(isinstance(m, PadShortcut) for m in plain.modules())
    block = next(m for m in plain.modules() if isinstance(m, BasicBlock)).eval()
    with torch.no_grad():
        for parameter in block.bn2.parameters():
            parameter.zero_()
        assert block(torch.ones(1, 16, 8, 8)).abs().max() == 0  # nothing flows around a plain block


def test_option_a_subsamples_and_pads_with_zeros():
    x = torch.arange(2 * 4 * 4, dtype=torch.float32).reshape(1, 2, 4, 4)
    out = PadShortcut(2, 4, stride=2)(x)
    assert out.shape == (1, 4, 2, 2)
    assert torch.equal(out[:, 1:3], x[:, :, ::2, ::2])
    assert out[:, 0].abs().sum() == 0
    assert out[:, 3].abs().sum() == 0


def test_zero_gamma_makes_every_block_an_identity_at_the_start():
    model = build_model("resnet20", 10, zero_gamma=True).eval()
    stage = model.get_submodule("layer1")
    x = torch.rand(1, 16, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(stage(x), x)


def test_initialisation_follows_he_or_glorot_and_depends_on_the_seed_alone():
    torch.manual_seed(1)
    first = build_model("resnet18", 10, seed=5)
    torch.manual_seed(2)
    again = build_model("resnet18", 10, seed=5)
    other = build_model("resnet18", 10, seed=6)
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.conv1.weight, other.conv1.weight)
    weight = first.get_submodule("layer3")[1].conv1.weight  # 256 -> 256, 3x3
    assert float(weight.detach().std()) == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.02)
    glorot = build_model("resnet18", 10, init="glorot").get_submodule("layer3")[1].conv1.weight
    assert float(glorot.detach().abs().max()) <= (6 / (2 * 256 * 9)) ** 0.5


def test_building_a_model_leaves_the_global_generator_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    build_model("resnet20", 10, seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_small_input_keeps_the_resolution_of_small_pictures():
    layers = {x.name: x for x in describe("resnet18", size=32, classes=10, small_input=True).layers}
    assert layers["conv1"].output == (64, 32, 32)
    assert layers["layer4.1.conv2"].output == (512, 4, 4)


def test_width_multiplies_channels():
    assert build_model("resnet20", 10, width=2.0).fc.in_features == 128


def test_the_articles_net_ends_in_one_pixel_for_32():
    layers = {x.name: x for x in describe("article", size=32, classes=10).layers}
    assert list(layers.values())[-1].parameters == 512 * 10 + 10
    assert build_model("article", 10, size=48)(torch.rand(2, 3, 48, 48)).shape == (2, 10)


def test_the_deepest_cifar_network_takes_a_training_step():
    model = build_model("resnet1202", 4)
    before = model.fc.weight.detach().clone()
    optimiser = make_sgd(model, lr=0.1, momentum=0.9, weight_decay=0)
    torch.nn.functional.cross_entropy(model(torch.randn(2, 3, 8, 8)), torch.tensor([0, 3])).backward()
    optimiser.step()
    assert not torch.equal(model.fc.weight, before)
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_pre_activation_blocks_compute_what_their_paper_says():
    torch.manual_seed(0)
    block = PreBasicBlock(4, 4, 1, "pad").eval()
    x = torch.randn(2, 4, 6, 6)
    with torch.no_grad():
        by_hand = x + block.conv2(torch.relu(block.bn2(block.conv1(torch.relu(block.bn1(x))))))
        torch.testing.assert_close(block(x), by_hand)
        for parameter in block.conv2.parameters():
            parameter.zero_()
        assert torch.equal(block(x), x)  # negative numbers pass too: nothing comes after the sum


@pytest.mark.parametrize("name", ["preresnet20", "preresnet110", "preresnet18", "preresnet50"], ids=str)
def test_the_pre_activation_form_has_the_depth_of_its_name_and_starts_as_an_identity(name):
    large = name in ("preresnet18", "preresnet50")
    found = describe(name, size=64 if large else 32, classes=10)
    assert found.depth == int(name.removeprefix("preresnet"))
    model = build_model(name, 10, zero_gamma=True).eval()
    block = next(m for m in reversed(list(model.modules())) if isinstance(m, PreBasicBlock | PreBottleneck))
    x = torch.randn(1, model.channels, 4, 4)
    with torch.no_grad():
        assert torch.equal(block(x), x)
        assert model(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def test_description_names_blocks_with_what_goes_around_them():
    found = describe("resnet56", size=32, classes=10)
    assert len(found.blocks) == 27
    assert [b.name for b in found.blocks if b.shortcut == "padding"] == ["layer2.0", "layer3.0"]
    outside = sum(x.parameters for x in found.layers if not x.name.startswith("layer"))
    assert sum(b.parameters for b in found.blocks) + outside == found.parameters
    assert {b.shortcut for b in describe("plain20", size=32, classes=10).blocks} == {"none"}
    assert describe("resnet50", size=224, classes=10).blocks[0].shortcut == "projection"


def test_the_articles_net_is_the_list_of_layers_that_the_article_prints():
    kinds = [(x.kind, x.output) for x in describe("article", size=32, classes=10).layers if x.kind != "BatchNorm2d"]
    assert kinds == [
        ("Conv2d", (64, 16, 16)),
        ("MaxPool2d", (64, 8, 8)),
        *[("Conv2d", (64, 8, 8))] * 2,
        ("MaxPool2d", (64, 4, 4)),
        *[("Conv2d", (128, 4, 4))] * 2,
        ("MaxPool2d", (128, 2, 2)),
        *[("Conv2d", (256, 2, 2))] * 2,
        ("MaxPool2d", (256, 1, 1)),
        *[("Conv2d", (512, 1, 1))] * 2,
        ("MaxPool2d", (512, 1, 1)),
        ("Linear", (10,)),
    ]


@pytest.mark.parametrize("name", ["resnet19", "vgg16", "plain21", "resnet2"])
def test_unknown_names_are_refused_with_the_list(name):
    with pytest.raises(TrainError, match=name) as caught:
        build_model(name, 10)
    assert "resnet18/34/50/101/152" in caught.value.hint
    assert caught.value.exit_code == 2
