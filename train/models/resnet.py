"""The whole networks: a residual network as its `Architecture` says, and the article's net.

The ImageNet family of table 1 of He et al. (CVPR 2016) in its v1.5 form (stride in the 3x3 convolution, with
torchvision's parameter names), the CIFAR family 6n+2 of section 4.2 with parameter-free shortcuts (option A), the plain
form of each depth, and the pre-activation form (He et al., ECCV 2016).
"""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from train.models.architecture import Architecture
from train.models.blocks import BLOCKS, conv3x3


class ResNet(nn.Module):
    """Stem, stages `layer1`, `layer2`, ... of residual blocks, mean over the picture, linear layer.

    `channels` is how many numbers `features` gives for a picture.
    """

    def __init__(self, architecture: Architecture, classes: int) -> None:
        super().__init__()
        block = BLOCKS[architecture.block, architecture.pre]
        channels = architecture.widths[0]
        if architecture.stem == "large":
            self.conv1 = nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False)
            self.maxpool: nn.Module = nn.MaxPool2d(3, stride=2, padding=1)
        else:
            self.conv1 = conv3x3(3, channels)
            self.maxpool = nn.Identity()
        self.pre = architecture.pre
        if not self.pre:
            self.bn1 = nn.BatchNorm2d(channels)
        self.stages: list[str] = []
        for number, (count, width) in enumerate(zip(architecture.blocks, architecture.widths, strict=True), 1):
            stage = nn.Sequential()
            for index in range(count):
                stride = 2 if index == 0 and number > 1 else 1
                stage.append(block(channels, width, stride, architecture.shortcut))
                channels = width * block.expansion
            self.stages.append(f"layer{number}")
            self.add_module(f"layer{number}", stage)
        if self.pre:
            self.bn1 = nn.BatchNorm2d(channels)  # the last sum has had neither norm nor ReLU yet
        self.channels = channels
        self.fc = nn.Linear(channels, classes)

    def stem(self, x: Tensor) -> Tensor:
        """float [B, 3, H, W] -> what the first stage sees."""
        x = self.conv1(x)
        return self.maxpool(x if self.pre else F.relu(self.bn1(x), inplace=True))

    def maps(self, x: Tensor) -> list[Tensor]:
        """float [B, 3, H, W] -> the output of each stage, [B, C, H', W'], the last one ready to be pooled."""
        x = self.stem(x)
        found = []
        for name in self.stages:
            x = getattr(self, name)(x)
            found.append(x)
        if self.pre:
            found[-1] = F.relu(self.bn1(x), inplace=True)
        return found

    def features(self, x: Tensor) -> Tensor:
        """float [B, 3, H, W] -> float [B, C], what the linear layer sees."""
        return self.maps(x)[-1].mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """float [B, 3, H, W], normalised -> logits float [B, K]."""
        return self.fc(self.features(x))


class ArticleNet(nn.Sequential):
    """The net that the article behind this project prints as "ResNet", without any shortcut; made for 32 x 32.

    A 7x7 convolution with stride 2, then four stages of two 3x3 convolutions, each stage ended by a 3x3 max pool.
    """

    def __init__(self, classes: int, size: int) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(3, 64, 7, stride=2, padding=3),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        ]
        channels, side = 64, math.ceil(math.ceil(size / 2) / 2)
        for width in (64, 128, 256, 512):
            for _ in range(2):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(3, stride=2, padding=1))
            side = math.ceil(side / 2)
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels * side * side, classes))
        self.channels = channels * side * side

    def features(self, x: Tensor) -> Tensor:
        """float [B, 3, S, S] -> float [B, C], what the linear layer sees."""
        for layer in list(self)[:-1]:
            x = layer(x)
        return x
