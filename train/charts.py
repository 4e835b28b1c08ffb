"""Charts as inline SVG, in the colours of the page's theme, with axes, units and the numbers on hover."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 520, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 20, 14, 40


@dataclass(frozen=True)
class Line:
    """One curve: its name, its points, and its style (0 the accent, 1 the second colour)."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: int = 0


def line_chart(lines: Sequence[Line], x_label: str, y_label: str, *, share: bool = False, title: str = "") -> str:
    """Curves over a common axis; `share` fixes 0..1 and writes per cent."""
    xs = [x for line in lines for x in line.x]
    ys = [y for line in lines for y in line.y if math.isfinite(y)]
    if not xs or not ys:
        return "<p>Nothing to draw.</p>"
    x_low, x_high = min(xs), max(max(xs), min(xs) + 1)
    y_ticks = [0, 0.25, 0.5, 0.75, 1.0] if share else nice_ticks(0, max(ys))
    y_high = y_ticks[-1] or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        return across, HEIGHT - BOTTOM - min(1.0, y / y_high) * (HEIGHT - TOP - BOTTOM)

    parts = [grid(place, x_low, x_high, y_ticks, share), axis_names(x_label, y_label)]
    for line in lines:
        points = [place(x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline class="curve s{line.style}" points="{path}"/>')
        for (a, b), x, y in zip(points, line.x, line.y, strict=False):
            shown = f"{y:.1%}" if share else f"{y:.4g}"
            parts.append(
                f'<circle class="dot s{line.style}" cx="{a:.1f}" cy="{b:.1f}" r="{3 if len(points) < 60 else 2}">'
                f"<title>{escape(line.name)}, {escape(x_label)} {x:g}: {shown}</title></circle>"
            )
    return svg(WIDTH, HEIGHT, "".join(parts), title or y_label) + legend(lines)


def reliability_chart(bins: Sequence[tuple[float, float, int]]) -> str:
    """Accuracy against confidence, dots sized by their samples, beside the diagonal of a calibrated network."""
    most = max((n for _, _, n in bins), default=1)

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + x * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM)

    ticks = [0, 0.25, 0.5, 0.75, 1.0]
    parts = [grid(place, 0, 1, ticks, True), axis_names("confidence", "accuracy")]
    (a, b), (c, d) = place(0, 0), place(1, 1)
    parts.append(f'<line class="diagonal" x1="{a}" y1="{b}" x2="{c}" y2="{d}"/>')
    for confidence, right, n in bins:
        x, y = place(confidence, right)
        parts.append(
            f'<circle class="dot s0" cx="{x:.1f}" cy="{y:.1f}" r="{3 + 9 * math.sqrt(n / most):.1f}">'
            f"<title>confidence {confidence:.1%}, accuracy {right:.1%}, {n} samples</title></circle>"
        )
    return svg(WIDTH, HEIGHT, "".join(parts), "accuracy against confidence")


def grid(place: object, x_low: float, x_high: float, y_ticks: Sequence[float], share: bool) -> str:
    """Horizontal lines with their values, and values along the bottom."""
    assert callable(place)
    parts = []
    for y in y_ticks:
        _, b = place(x_low, y)
        text = f"{y:.0%}" if share else f"{y:g}"
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{b:.1f}" y2="{b:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{b + 4:.1f}" text-anchor="end">{text}</text>')
    unit = x_low == 0 and x_high == 1
    for x in [0, 0.25, 0.5, 0.75, 1.0] if unit else whole_ticks(x_low, x_high):
        a, _ = place(x, 0)
        text = f"{x:.0%}" if unit else f"{x:g}"
        parts.append(f'<text x="{a:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{text}</text>')
    return "".join(parts)


def axis_names(x_label: str, y_label: str) -> str:
    """The names of the axes."""
    middle = (HEIGHT - BOTTOM + TOP) / 2
    return (
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>'
        f'<text x="13" y="{middle}" text-anchor="middle" transform="rotate(-90 13 {middle})">'
        f"{escape(y_label)}</text>"
    )


def svg(width: float, height: float, content: str, label: str) -> str:
    """The frame of a chart."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}" '
        f'style="max-width:{width:g}px">{content}</svg>'
    )


def legend(lines: Sequence[Line]) -> str:
    """The names of the curves, once each."""
    names = {(line.name, line.style): None for line in lines}
    items = "".join(f'<span class="key s{style}">{escape(name)}</span>' for name, style in names)
    return f'<p class="legend">{items}</p>'


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` to just past `high`."""
    rough = max(high - low, 1e-9) / about
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough)
    return [round(low + i * step, 10) for i in range(math.ceil((high - low) / step - 1e-9) + 1)]


def whole_ticks(low: float, high: float, most: int = 8) -> list[float]:
    """At most about `most` whole numbers from `low` to `high`."""
    step = max(1, math.ceil((high - low) / most))
    return [float(x) for x in range(math.ceil(low), math.floor(high) + 1, step)]


def confusion_table(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Rows are true categories, columns what they were called; shaded by the share of the row."""
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in names)
    rows = []
    for i, (name, row) in enumerate(zip(names, confusion, strict=True)):
        total = sum(row) or 1
        cells = "".join(
            f'<td class="{"right" if i == j else "wrong"}" style="--share:{n / total:.3f}" '
            f'title="{n} of {total} {escape(name)} called {escape(names[j])}">{n or ""}</td>'
            for j, n in enumerate(row)
        )
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        f'<div class="scroll"><table class="confusion"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def most_confused(confusion: Sequence[Sequence[int]], names: Sequence[str], most: int = 15) -> str:
    """The commonest mistakes, for datasets with too many categories for a table."""
    pairs = sorted(
        ((n, i, j) for i, row in enumerate(confusion) for j, n in enumerate(row) if i != j and n), reverse=True
    )
    rows = "".join(
        f"<tr><td>{escape(names[i])}</td><td>{escape(names[j])}</td><td class=n>{n}</td></tr>"
        for n, i, j in pairs[:most]
    )
    return (
        "<table><thead><tr><th>category</th><th>called</th><th class=n>samples</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )
