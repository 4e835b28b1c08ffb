"""People's marks and the network's on one picture of a report: boxes, masks, or answers; and how well they agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from train.heads.figures import Boxes, class_iou, hits, iou, mean_known
from train.heads.labels import Attribute
from train.heads.tasks import Attributes, Detection, Task
from train.report import data_uri

SURE = 0.3  # boxes below this score are not drawn
COLOURS = ((31, 111, 235), (217, 111, 0), (26, 127, 55), (130, 80, 223), (191, 57, 137), (0, 140, 150))


class Marks(Protocol):
    """How labels and answers of one task are shown, as HTML."""

    @property
    def legend(self) -> str:
        """What the marks mean."""

    def draw(self, pixels: NDArray[np.uint8], truth: Any, said: Any) -> str:
        """A picture uint8 [S, S, 3] with both."""

    def words(self, truth: Any, said: Any) -> str:
        """What is written below it."""

    def agree(self, truth: Any, said: Any) -> float:
        """From 0 to 1: how much of one is the other."""


def marks_of(task: Task, categories: tuple[str, ...]) -> Marks:
    """The marks of a task."""
    if isinstance(task, Attributes):
        return AnswerMarks(task.attributes)
    return BoxMarks(categories) if isinstance(task, Detection) else MaskMarks(categories)


@dataclass(frozen=True)
class BoxMarks:
    """Boxes over the picture, named on hover."""

    categories: tuple[str, ...]
    legend: str = "Dashed: what people settled. Solid: what the network found, its score on hover."

    def draw(self, pixels: NDArray[np.uint8], truth: Boxes, said: Boxes) -> str:
        """See `Marks`."""
        side = pixels.shape[0]
        pairs = zip(truth.boxes, truth.labels, strict=True)
        marks = [rectangle(box, "people", self.categories[label]) for box, label in pairs]
        assert said.scores is not None
        for box, label, score in zip(said.boxes, said.labels, said.scores, strict=True):
            if score >= SURE:
                marks.append(rectangle(box, "network", f"{self.categories[label]} {score:.0%}"))
        picture = f'<img alt="{self.words(truth, said)}" src="{data_uri(pixels)}">'
        return f'<div class=drawn>{picture}<svg viewBox="0 0 {side} {side}">{"".join(marks)}</svg></div>'

    def words(self, truth: Boxes, said: Boxes) -> str:
        """See `Marks`."""
        return escape(", ".join(self.categories[label] for label in truth.labels) or "nothing")

    def agree(self, truth: Boxes, said: Boxes) -> float:
        """F1 of the boxes that are drawn, at an IoU of 0.5; 1 where there are none of either."""
        assert said.scores is not None
        sure = said.scores >= SURE
        overlap = np.where(said.labels[sure][:, None] == truth.labels[None], iou(said.boxes[sure], truth.boxes), 0.0)
        count = int(sure.sum()) + len(truth.labels)
        return 2 * sum(hits(overlap, 0.5)) / count if count else 1.0


def rectangle(box: NDArray[np.float32], whose: str, words: str) -> str:
    """One box as SVG, named on hover."""
    left, top, right, bottom = (float(x) for x in box)
    return (
        f'<rect class="{whose}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}">'
        f"<title>{escape(words)}</title></rect>"
    )


@dataclass(frozen=True)
class MaskMarks:
    """The picture twice: under people's mask and under the network's."""

    categories: tuple[str, ...]

    @property
    def legend(self) -> str:
        """See `Marks`."""
        names = " ".join(
            f'<span class=mark style="--mark:rgb{COLOURS[k % len(COLOURS)]}">{escape(name)}</span>'
            for k, name in enumerate(self.categories)
        )
        return f"Left what people outlined, right the network's. {names}"

    def draw(self, pixels: NDArray[np.uint8], truth: NDArray[np.uint8], said: NDArray[np.uint8]) -> str:
        """See `Marks`."""
        both = zip(("people", "network"), (truth, said), strict=True)
        images = (f'<img alt="{whose}" src="{data_uri(coloured(pixels, mask))}">' for whose, mask in both)
        return f"<div class=twice>{''.join(images)}</div>"

    def words(self, truth: NDArray[np.uint8], said: NDArray[np.uint8]) -> str:
        """See `Marks`."""
        return escape(", ".join(self.categories[k - 1] for k in np.unique(truth) if k) or "nothing")

    def agree(self, truth: NDArray[np.uint8], said: NDArray[np.uint8]) -> float:
        """mIoU on one picture."""
        size = int(max(truth.max(), said.max())) + 1
        pairs = truth.astype(np.int64) * size + said
        return mean_known(class_iou(np.bincount(pairs.ravel(), minlength=size**2).reshape(size, size))) or 0.0


def coloured(pixels: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture of which what the mask covers is grey under two thirds of the mask's colours."""
    palette = np.array([(0, 0, 0), *(COLOURS[k % len(COLOURS)] for k in range(int(mask.max())))], np.uint16)
    grey = pixels.astype(np.uint16).mean(axis=2, keepdims=True).astype(np.uint16)
    mixed = (grey + 2 * palette[mask]) // 3
    return np.where(mask[..., None] > 0, mixed, pixels).astype(np.uint8)


@dataclass(frozen=True)
class AnswerMarks:
    """A line for each attribute that people know."""

    attributes: tuple[Attribute, ...]
    legend: str = "What people settled; where the network says something else, that stands behind ✗."

    def draw(self, pixels: NDArray[np.uint8], truth: NDArray[np.float32], said: NDArray[np.float32]) -> str:
        """See `Marks`."""
        return f'<img alt="" src="{data_uri(pixels)}">'

    def words(self, truth: NDArray[np.float32], said: NDArray[np.float32]) -> str:
        """See `Marks`."""
        lines = []
        for attribute, true, own in self.known(truth, said):
            mark, other = ("✓ ", "") if true == own else ("", f" <b>✗ {escape(', '.join(own) or 'none')}</b>")
            lines.append(f"{escape(attribute.name)}: {mark}{escape(', '.join(true) or 'none')}{other}<br>")
        return "".join(lines)

    def agree(self, truth: NDArray[np.float32], said: NDArray[np.float32]) -> float:
        """The share of the attributes that people know of which the network says the same."""
        pairs = [true == own for _, true, own in self.known(truth, said)]
        return float(np.mean(pairs)) if pairs else 1.0

    def known(
        self, truth: NDArray[np.float32], said: NDArray[np.float32]
    ) -> Sequence[tuple[Attribute, list[str], list[str]]]:
        """Each attribute that people know, with the choices that hold for them and for the network."""
        found, start = [], 0
        for attribute in self.attributes:
            piece = slice(start, start + len(attribute.choices))
            start = piece.stop
            if np.isnan(truth[piece]).any():
                continue
            own = said[piece]
            called = own > 0 if attribute.multiple else np.arange(len(own)) == own.argmax()
            true, guessed = (
                [choice for choice, holds in zip(attribute.choices, which, strict=True) if holds]
                for which in (truth[piece] > 0, called)
            )
            found.append((attribute, true, guessed))
        return found
