"""The three tasks: for each how labels are read, which network is made, its loss on a batch, its figures on a split."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shards import Split
from train.device import Compute
from train.errors import TrainError
from train.heads.figures import Boxes, Ranked, class_iou, mean_known, mean_precision, ranked_answers, ranked_boxes
from train.heads.labels import Attribute, answers_of, attributes_in, boxes_of, mask_of
from train.heads.nets import AttributeNet, Detector, Segmenter, as_targets, normalised
from train.intervals import Weighted
from train.models.resnet import ResNet
from train.sources.release import read_meta

BATCH = 32


@dataclass(frozen=True)
class HeadPart:
    """Pictures uint8 [N, S, S, 3] of one split, their labels as the task has them, and their keys."""

    pixels: NDArray[np.uint8]
    labels: list[Any]
    keys: list[str]


class Task(Protocol):
    """What tells one kind of head from another; val chooses the epoch by its `figure`."""

    @property
    def figure(self) -> str:
        """The figure's name."""

    def knows(self, meta: dict[str, Any]) -> bool:
        """Whether people were asked about this sample."""

    def read(self, meta: dict[str, Any], side: int) -> Any:
        """A sample's label."""

    def network(self, backbone: ResNet, size: int) -> nn.Module:
        """The network to train."""

    def loss(
        self, model: nn.Module, part: HeadPart, rows: NDArray[np.int64], flip: NDArray[np.bool_], compute: Compute
    ) -> Tensor:
        """The loss of a batch."""

    def answers(self, model: nn.Module, part: HeadPart, compute: Compute) -> list[Any]:
        """What the network says of each picture of a split."""

    def figures(self, answers: list[Any], part: HeadPart) -> dict[str, Any]:
        """Figures of a split, every sample counted once."""

    def weighted(self, answers: list[Any], part: HeadPart) -> Weighted:
        """The task's figure where pictures count as often as weights float64 [N] say; NaN where there is none."""


def batches(part: HeadPart, compute: Compute) -> Any:
    """(rows, inputs) of a whole split, in order."""
    for start in range(0, len(part.keys), BATCH):
        rows = np.arange(start, min(start + BATCH, len(part.keys)))
        yield rows, normalised(part.pixels[rows], np.zeros(len(rows), bool), compute)


@dataclass(frozen=True)
class Attributes:
    """Several questions a picture."""

    attributes: tuple[Attribute, ...]
    figure: str = "map"

    def knows(self, meta: dict[str, Any]) -> bool:
        """See `Task`."""
        return bool(meta.get("attributes"))

    def read(self, meta: dict[str, Any], side: int) -> NDArray[np.float32]:
        """See `Task`."""
        return answers_of(meta, self.attributes)

    def network(self, backbone: ResNet, size: int) -> nn.Module:
        """See `Task`."""
        return AttributeNet(backbone, self.attributes)

    def loss(
        self, model: nn.Module, part: HeadPart, rows: NDArray[np.int64], flip: NDArray[np.bool_], compute: Compute
    ) -> Tensor:
        """See `Task`."""
        assert isinstance(model, AttributeNet)
        answers = torch.from_numpy(np.stack([part.labels[row] for row in rows])).to(compute.device)
        return model.loss(normalised(part.pixels[rows], flip, compute), answers)

    def answers(self, model: nn.Module, part: HeadPart, compute: Compute) -> list[Any]:
        """Logits float32 [all choices] of each picture."""
        with torch.inference_mode():
            return [row for _, x in batches(part, compute) for row in model(x).float().cpu().numpy()]

    def ranked(self, answers: list[Any], part: HeadPart) -> list[Ranked]:
        """Each choice's answers."""
        scores, truth = np.stack(answers), np.stack(part.labels)
        return [ranked_answers(scores[:, k], truth[:, k]) for k in range(truth.shape[1])]

    def weighted(self, answers: list[Any], part: HeadPart) -> Weighted:
        """See `Task`."""
        ranked = self.ranked(answers, part)
        return lambda weights: or_nan(mean_precision(ranked, weights))

    def figures(self, answers: list[Any], part: HeadPart) -> dict[str, Any]:
        """mAP over all choices; for each attribute its own, and the accuracy where one choice holds."""
        scores, truth, ranked = np.stack(answers), np.stack(part.labels), self.ranked(answers, part)
        each, start = {}, 0
        for attribute in self.attributes:
            piece = slice(start, start + len(attribute.choices))
            start = piece.stop
            precisions = [one.precision() for one in ranked[piece]]
            known = ~np.isnan(truth[:, piece]).any(axis=1)
            right = scores[known, piece].argmax(axis=1) == truth[known, piece].argmax(axis=1)
            right &= truth[known, piece].max(axis=1) > 0  # an answer that no training sample had cannot be given
            each[attribute.name] = {
                "samples": int(known.sum()),
                "map": mean_known(precisions),
                "accuracy": None if attribute.multiple or not known.any() else float(right.mean()),
                "ap": dict(zip(attribute.choices, precisions, strict=True)),
            }
        return {"map": mean_precision(ranked), "attributes": each}


@dataclass(frozen=True)
class Detection:
    """Boxes around objects."""

    categories: tuple[str, ...]
    figure: str = "map50"

    def knows(self, meta: dict[str, Any]) -> bool:
        """See `Task`; an empty list says that there is no object."""
        return meta.get("boxes") is not None

    def read(self, meta: dict[str, Any], side: int) -> Boxes:
        """See `Task`."""
        return Boxes(*boxes_of(meta, self.categories, side))

    def network(self, backbone: ResNet, size: int) -> nn.Module:
        """See `Task`."""
        return Detector(backbone, len(self.categories), size)

    def loss(
        self, model: nn.Module, part: HeadPart, rows: NDArray[np.int64], flip: NDArray[np.bool_], compute: Compute
    ) -> Tensor:
        """See `Task`."""
        assert isinstance(model, Detector)
        targets = as_targets([part.labels[row] for row in rows], flip, part.pixels.shape[1], compute)
        return model.loss(normalised(part.pixels[rows], flip, compute), targets)

    def answers(self, model: nn.Module, part: HeadPart, compute: Compute) -> list[Any]:
        """The boxes of each picture."""
        assert isinstance(model, Detector)
        with torch.inference_mode():
            return [boxes for _, x in batches(part, compute) for boxes in model.detect(x)]

    def weighted(self, answers: list[Any], part: HeadPart) -> Weighted:
        """See `Task`."""
        ranked = ranked_boxes(answers, part.labels, len(self.categories))
        return lambda weights: or_nan(mean_precision(ranked, weights))

    def figures(self, answers: list[Any], part: HeadPart) -> dict[str, Any]:
        """mAP at an IoU of 0.5, and AP of each category."""
        each = [one.precision() for one in ranked_boxes(answers, part.labels, len(self.categories))]
        boxes = sum(len(one.labels) for one in part.labels)
        return {"map50": mean_known(each), "ap50": dict(zip(self.categories, each, strict=True)), "boxes": boxes}


@dataclass(frozen=True)
class Segmentation:
    """A category for every pixel."""

    categories: tuple[str, ...]
    figure: str = "miou"

    def knows(self, meta: dict[str, Any]) -> bool:
        """See `Task`."""
        return meta.get("shapes") is not None

    def read(self, meta: dict[str, Any], side: int) -> NDArray[np.uint8]:
        """See `Task`."""
        return mask_of(meta, self.categories, side)

    def network(self, backbone: ResNet, size: int) -> nn.Module:
        """See `Task`."""
        return Segmenter(backbone, len(self.categories), size)

    def loss(
        self, model: nn.Module, part: HeadPart, rows: NDArray[np.int64], flip: NDArray[np.bool_], compute: Compute
    ) -> Tensor:
        """See `Task`."""
        assert isinstance(model, Segmenter)
        masks = np.stack([part.labels[row] for row in rows])
        masks = np.where(flip[:, None, None], masks[:, :, ::-1], masks)
        wanted = torch.from_numpy(masks.astype(np.int64)).to(compute.device)
        return model.loss(normalised(part.pixels[rows], flip, compute), wanted)

    def answers(self, model: nn.Module, part: HeadPart, compute: Compute) -> list[Any]:
        """The mask uint8 [S, S] of each picture, as `read` has it."""
        with torch.inference_mode():
            called = [model(x).argmax(dim=1).to(torch.uint8).cpu().numpy() for _, x in batches(part, compute)]
        return [mask for masks in called for mask in masks]

    def counts(self, answers: list[Any], part: HeadPart) -> NDArray[np.int64]:
        """Pixels of each picture, int64 [N, true, called]."""
        size = len(self.categories) + 1
        pairs = zip(answers, part.labels, strict=True)
        found = [
            np.bincount((true.astype(np.int64) * size + called).ravel(), minlength=size**2) for called, true in pairs
        ]
        return np.stack(found).reshape(-1, size, size)

    def weighted(self, answers: list[Any], part: HeadPart) -> Weighted:
        """See `Task`."""
        counts = self.counts(answers, part)
        return lambda weights: or_nan(mean_known(class_iou(np.tensordot(weights, counts, 1))))

    def figures(self, answers: list[Any], part: HeadPart) -> dict[str, Any]:
        """mIoU over the categories and nothing, over all pixels of the split; IoU of each."""
        each = class_iou(self.counts(answers, part).sum(axis=0))
        return {"miou": mean_known(each), "iou": dict(zip(("nothing", *self.categories), each, strict=True))}


def or_nan(value: float | None) -> float:
    """A number even where there is none."""
    return math.nan if value is None else value


def task_of(name: str, train: Split, categories: tuple[str, ...]) -> Task:
    """The task by its name. TrainError where the training split has no answers of that kind."""
    task: Task = Detection(categories) if name == "detect" else Segmentation(categories)
    if name == "attributes":
        task = Attributes(attributes_in(train))
    if not any(task.knows(read_meta(train, row)) for row in range(len(train))):
        what = {"attributes": "attributes", "detect": "boxes", "segment": "shapes"}[name]
        raise TrainError(
            f"No training sample of {train.release} has {what}.", "build a release whose task collects them", 2
        )
    return task
