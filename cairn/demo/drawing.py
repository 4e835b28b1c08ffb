"""What the demo's report draws: bars, intervals and contact sheets, as inline SVG and data URIs."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import imaging
from train.charts import svg

ROW, LABEL, WIDTH = 28, 190, 640


@dataclass(frozen=True)
class Bar:
    """One bar of one or several parts, each (value, style): 0 accent, 1 second colour, 2 dim."""

    label: str
    parts: Sequence[tuple[float, int]]
    shown: str
    strong: bool = False


def bars(rows: Sequence[Bar], title: str, most: float | None = None) -> str:
    """Horizontal bars with their numbers written beside them."""
    if not rows:
        return "<p>Nothing to draw.</p>"
    most = most or max(sum(value for value, _ in row.parts) for row in rows) or 1.0
    room = WIDTH - LABEL - 110
    lines = []
    for n, row in enumerate(rows):
        y = n * ROW
        lines.append(
            f'<text class="label{" strong" if row.strong else ""}" x="{LABEL - 10}" y="{y + 18}"'
            f' text-anchor="end">{escape(row.label)}</text>'
        )
        x = float(LABEL)
        for value, style in row.parts:
            width = max(room * value / most, 0.0)
            lines.append(f'<rect class="bar s{style}" x="{x:.1f}" y="{y + 5}" width="{width:.1f}" height="18"/>')
            x += width
        lines.append(f'<text class="value" x="{x + 8:.1f}" y="{y + 18}">{escape(row.shown)}</text>')
    return f'<div class="scroll bars">{svg(WIDTH, len(rows) * ROW + 4, "".join(lines), title)}</div>'


@dataclass(frozen=True)
class Interval:
    """One row of an interval chart: the estimate with its interval, and the truth beside it."""

    label: str
    estimate: float
    low: float
    high: float
    truth: float
    mark: str = ""


def intervals(rows: Sequence[Interval], title: str) -> str:
    """Estimates with 95 % intervals on a common axis that ends at 100 %, the truth as a cross."""
    room = WIDTH - LABEL - 110
    least = min((min(row.low, row.truth) for row in rows), default=0.0)
    begin = min(0.75, int(least * 4) / 4)  # the quarter below the lowest figure

    def at(share: float) -> float:
        return LABEL + room * min(max((share - begin) / (1 - begin), 0.0), 1.0)

    height = len(rows) * ROW
    lines = [
        f'<line class="grid" x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="0" y2="{height}"/>'
        f'<text class="tick" x="{at(tick):.1f}" y="{height + 16}" text-anchor="middle">{tick:.0%}</text>'
        for tick in _ticks(begin)
    ]
    for n, row in enumerate(rows):
        y = n * ROW + 14
        lines.append(f'<text class="label" x="{LABEL - 10}" y="{y + 4}" text-anchor="end">{escape(row.label)}</text>')
        lines.append(f'<line class="whisker" x1="{at(row.low):.1f}" x2="{at(row.high):.1f}" y1="{y}" y2="{y}"/>')
        lines.append(f'<circle class="dot" cx="{at(row.estimate):.1f}" cy="{y}" r="5"/>')
        x = at(row.truth)
        lines.append(f'<path class="cross" d="M{x - 5:.1f} {y - 5}l10 10m-10 0l10 -10"/>')
        lines.append(f'<text class="value" x="{at(1) + 8:.1f}" y="{y + 4}">{escape(row.mark)}</text>')
    return (
        f'<div class="scroll bars">{svg(WIDTH, height + 24, "".join(lines), title)}</div>'
        '<p class="legend"><span>● estimated without the truth, with its 95 % interval</span>'
        "<span>✕ the truth</span></p>"
    )


def _ticks(begin: float) -> list[float]:
    """Round shares from a quarter on to 100 %."""
    step = 0.05 if begin == 0.75 else 0.25
    return [begin + k * step for k in range(round((1 - begin) / step) + 1)]


def picture(data: bytes, side: int = 96) -> str:
    """A picture's bytes as a small JPEG in a data URI."""
    small = imaging.thumbnail(imaging.canonical(data), side)
    return "data:image/jpeg;base64," + base64.b64encode(small).decode()


def figure(uri: str, caption: str, mark: str = "") -> str:
    """One cell of a contact sheet."""
    sign = f'<span class="mark">{escape(mark)}</span>' if mark else ""
    return f'<figure><img src="{uri}" alt="{escape(caption)}">{sign}<figcaption>{escape(caption)}</figcaption></figure>'


def sheet(figures: Sequence[str], empty: str = "There is none.") -> str:
    """A contact sheet, or a sentence where there is nothing to show."""
    return f'<div class="sheet">{"".join(figures)}</div>' if figures else f"<p>{escape(empty)}</p>"


def pair(first: str, second: str, caption: str) -> str:
    """Two pictures side by side under one caption."""
    return (
        f'<figure class="pair"><img src="{first}" alt="kept"><img src="{second}" alt="left out">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
