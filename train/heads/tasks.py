"""The three tasks: for each how labels are read, which network is made, its loss on a batch, its figures on a split."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shards import Split
from train.device import Compute
from train.errors import TrainError
from train.heads.figures import Boxes, answer_precision, box_precision, class_iou, mean_known
from train.heads.labels import Attribute, answers_of, attributes_in, boxes_of, mask_of
from train.heads.nets import AttributeNet, Detector, Segmenter, as_targets, normalised
from train.models import ResNet
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

    def figures(self, model: nn.Module, part: HeadPart, compute: Compute) -> dict[str, Any]:
        """Figures of a split, every sample counted once."""


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

    def figures(self, model: nn.Module, part: HeadPart, compute: Compute) -> dict[str, Any]:
        """mAP over all choices; for each attribute its own, and the accuracy where one choice holds."""
        with torch.inference_mode():
            scores = np.concatenate([model(x).float().cpu().numpy() for _, x in batches(part, compute)])
        truth = np.stack(part.labels)
        each, start, every = {}, 0, []
        for attribute in self.attributes:
            piece = slice(start, start + len(attribute.choices))
            start = piece.stop
            precisions = [answer_precision(scores[:, k], truth[:, k]) for k in range(piece.start, piece.stop)]
            every += precisions
            known = ~np.isnan(truth[:, piece]).any(axis=1)
            right = scores[known, piece].argmax(axis=1) == truth[known, piece].argmax(axis=1)
            right &= truth[known, piece].max(axis=1) > 0  # an answer that no training sample had cannot be given
            each[attribute.name] = {
                "samples": int(known.sum()),
                "map": mean_known(precisions),
                "accuracy": None if attribute.multiple or not known.any() else float(right.mean()),
                "ap": dict(zip(attribute.choices, precisions, strict=True)),
            }
        return {"map": mean_known(every), "attributes": each}


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

    def figures(self, model: nn.Module, part: HeadPart, compute: Compute) -> dict[str, Any]:
        """mAP at an IoU of 0.5, and AP of each category."""
        assert isinstance(model, Detector)
        found: list[Boxes] = []
        with torch.inference_mode():
            for _, x in batches(part, compute):
                found += model.detect(x)
        each = box_precision(found, part.labels, len(self.categories))
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

    def figures(self, model: nn.Module, part: HeadPart, compute: Compute) -> dict[str, Any]:
        """mIoU over the categories and nothing, over all pixels of the split; IoU of each."""
        size = len(self.categories) + 1
        confusion = np.zeros((size, size), np.int64)
        with torch.inference_mode():
            for rows, x in batches(part, compute):
                called = model(x).argmax(dim=1).cpu().numpy()
                truth = np.stack([part.labels[row] for row in rows]).astype(np.int64)
                confusion += np.bincount((truth * size + called).ravel(), minlength=size**2).reshape(size, size)
        each = class_iou(confusion)
        return {"miou": mean_known(each), "iou": dict(zip(("nothing", *self.categories), each, strict=True))}


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
