"""The networks: a backbone of `train.models`, and on it a linear layer an attribute, FCOS, or an FCN.

FCOS: Tian et al., ICCV 2019; FPN: Lin et al., CVPR 2017; FCN: Long, Shelhamer, Darrell, CVPR 2015; all three are
torchvision's modules.
"""

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from train.device import Compute
from train.heads.figures import Boxes
from train.heads.labels import Attribute
from train.models.resnet import ResNet

FPN_CHANNELS = 64
LEVELS = 3


class AttributeNet(nn.Module):
    """Logits for every choice of every attribute, one linear layer on the backbone's features."""

    def __init__(self, backbone: ResNet, attributes: tuple[Attribute, ...]) -> None:
        super().__init__()
        self.backbone = backbone
        self.stages = backbone.stages
        self.attributes = attributes
        self.head = nn.Linear(backbone.channels, sum(len(a.choices) for a in attributes))

    def forward(self, x: Tensor) -> Tensor:
        """float [B, 3, S, S], normalised -> logits [B, all choices]."""
        return self.head(self.backbone.features(x))

    def loss(self, x: Tensor, answers: Tensor) -> Tensor:
        """Mean over attributes; answers [B, all choices] are NaN where nobody knows, and then count for nothing."""
        losses = []
        logits, start = self(x), 0
        for attribute in self.attributes:
            piece = slice(start, start + len(attribute.choices))
            start = piece.stop
            wanted = answers[:, piece]
            known = ~wanted.isnan().any(dim=1)
            if not bool(known.any()):
                continue
            own, wanted = logits[known, piece], wanted[known]
            if attribute.multiple:
                losses.append(F.binary_cross_entropy_with_logits(own, wanted))
            else:
                losses.append(F.cross_entropy(own, wanted))
        return torch.stack(losses).mean() if losses else logits.sum() * 0


class Pyramid(nn.Module):
    """The backbone's last three stages as maps of the same channels, for torchvision's detectors."""

    def __init__(self, backbone: ResNet, size: int) -> None:
        super().__init__()
        from torchvision.ops import FeaturePyramidNetwork

        self.backbone = backbone
        with torch.no_grad():
            maps = backbone.eval().maps(torch.zeros(1, 3, size, size))[-LEVELS:]
        self.strides = [size // m.shape[-1] for m in maps]
        self.fpn = FeaturePyramidNetwork([m.shape[1] for m in maps], FPN_CHANNELS)
        self.out_channels = FPN_CHANNELS

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """float [B, 3, S, S] -> maps by name, the finest first."""
        maps = self.backbone.maps(x)[-LEVELS:]
        found: OrderedDict[str, Tensor] = self.fpn(OrderedDict((str(i), m) for i, m in enumerate(maps)))
        return found


class Detector(nn.Module):
    """torchvision's FCOS on our backbone; class 0 inside it is the background."""

    def __init__(self, backbone: ResNet, classes: int, size: int) -> None:
        super().__init__()
        from torchvision.models.detection import FCOS
        from torchvision.models.detection.anchor_utils import AnchorGenerator

        pyramid = Pyramid(backbone, size)
        self.stages = backbone.stages
        self.classes = classes
        anchors = AnchorGenerator(tuple((s,) for s in pyramid.strides), ((1.0,),) * LEVELS)
        self.backbone = backbone  # also under its usual name, so that parts are found
        self.fcos = FCOS(
            pyramid,
            classes + 1,
            min_size=size,
            max_size=size,
            image_mean=[0.0] * 3,  # pictures come normalised
            image_std=[1.0] * 3,
            anchor_generator=anchors,
            score_thresh=0.05,
        )

    def loss(self, x: Tensor, targets: list[dict[str, Tensor]]) -> Tensor:
        """The sum of FCOS's three losses."""
        losses: dict[str, Tensor] = self.fcos(list(x), targets)
        return torch.stack(list(losses.values())).sum()

    def detect(self, x: Tensor) -> list[Boxes]:
        """The boxes of each picture, surest first."""
        return [
            Boxes(
                found["boxes"].float().cpu().numpy(),
                found["labels"].cpu().numpy() - 1,
                found["scores"].float().cpu().numpy(),
            )
            for found in self.fcos(list(x))
        ]


class Segmenter(nn.Module):
    """An FCN head on the last stage, joined by the stage before it, resized to the picture."""

    def __init__(self, backbone: ResNet, classes: int, size: int) -> None:
        super().__init__()
        from torchvision.models.segmentation.fcn import FCNHead

        self.backbone = backbone
        self.stages = backbone.stages
        with torch.no_grad():
            maps = backbone.eval().maps(torch.zeros(1, 3, size, size))
        self.heads = nn.ModuleList(FCNHead(m.shape[1], classes + 1) for m in maps[-LEVELS:])

    def forward(self, x: Tensor) -> Tensor:
        """float [B, 3, S, S], normalised -> logits [B, 1 + classes, S, S]; class 0 is nothing."""
        maps = self.backbone.maps(x)[-LEVELS:]
        logits = [
            F.interpolate(head(m), size=x.shape[-2:], mode="bilinear", align_corners=False)
            for head, m in zip(self.heads, maps, strict=True)
        ]
        return torch.stack(logits).sum(dim=0)

    def loss(self, x: Tensor, masks: Tensor) -> Tensor:
        """Cross entropy of every pixel; masks int64 [B, S, S]."""
        return F.cross_entropy(self(x), masks)


def normalised(pixels: NDArray[np.uint8], flip: NDArray[np.bool_], compute: Compute) -> Tensor:
    """uint8 [B, S, S, 3], some of them turned left to right -> what a network takes."""
    turned = np.where(flip[:, None, None, None], pixels[:, :, ::-1], pixels)
    return compute.normalise(torch.from_numpy(np.ascontiguousarray(turned)).permute(0, 3, 1, 2).to(compute.device))


def as_targets(found: list[Boxes], flip: NDArray[np.bool_], side: int, compute: Compute) -> list[dict[str, Any]]:
    """Boxes as torchvision's detectors want them, labels from 1."""
    targets = []
    for one, turned in zip(found, flip, strict=True):
        boxes = one.boxes.copy()
        if turned and len(boxes):
            boxes[:, [0, 2]] = side - boxes[:, [2, 0]]
        targets.append(
            {
                "boxes": torch.from_numpy(boxes).to(compute.device),
                "labels": torch.from_numpy(one.labels + 1).to(compute.device),
            }
        )
    return targets
