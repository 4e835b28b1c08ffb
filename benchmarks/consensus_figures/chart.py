"""Charts of the figures as SVG, drawn without a library: lines with axes, labels and a legend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import ceil, floor, log, log10

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 400, 64, 48, 32, 190
LABEL = 38
COLOURS = ("#1f6feb", "#d1622b", "#2e8540", "#7a4fb5", "#777777")

PROBABILITIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)

Line = tuple[str, Sequence[tuple[float, float]]]


def probabilities_svg(title: str, x_label: str, y_label: str, lines: Sequence[Line]) -> str:
    """The same where both are probabilities from 0.5 to below 1, which differ most near 1: axes in log-odds."""
    inner = [
        (name, [(min(max(x, 0.5), 0.9999), min(max(y, 0.5), 0.9999)) for x, y in points]) for name, points in lines
    ]
    return _svg(title, x_label, y_label, inner, lambda p: log(p / (1.0 - p)), PROBABILITIES)


def lines_svg(title: str, x_label: str, y_label: str, lines: Sequence[Line]) -> str:
    """An SVG of named lines, each a list of (x, y); axes from the data's own range."""
    return _svg(title, x_label, y_label, lines, float, ())


def _svg(
    title: str,
    x_label: str,
    y_label: str,
    lines: Sequence[Line],
    scale: Callable[[float], float],
    ticks: Sequence[float],
) -> str:
    xs = [x for _, points in lines for x, _ in points]
    ys = [y for _, points in lines for _, y in points]
    low_x, high_x, low_y, high_y = min(xs), max(xs), min(ys), max(ys)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def part_of(value: float, low: float, high: float) -> float:
        return (scale(value) - scale(low)) / ((scale(high) - scale(low)) or 1.0)

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + part_of(x, low_x, high_x) * wide, TOP + (1.0 - part_of(y, low_y, high_y)) * high

    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            ' font-family="system-ui, sans-serif"'
            ' font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        ),
        f'<text x="{LEFT}" y="18" font-size="14" font-weight="600">{escape(title)}</text>',
    ]
    free = 0.0
    for x in _marks(low_x, high_x, ticks):
        px, _ = at(x, low_y)
        out.append(f'<path d="M{px:.1f} {TOP}v{high}" stroke="#ddd" fill="none"/>')
        if px >= free:  # no label over another
            out.append(f'<text x="{px:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{x:.4g}</text>')
            free = px + LABEL
    for y in _marks(low_y, high_y, ticks):
        _, py = at(low_x, y)
        out.append(f'<path d="M{LEFT} {py:.1f}h{wide}" stroke="#ddd" fill="none"/>')
        out.append(f'<text x="{LEFT - 6}" y="{py + 4:.1f}" text-anchor="end">{y:.4g}</text>')
    out.append(f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_label)}</text>')
    middle = TOP + high / 2
    out.append(f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>')
    for row, (name, points) in enumerate(lines):
        colour = COLOURS[row % len(COLOURS)]
        placed = [at(x, y) for x, y in points]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in placed)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>' for px, py in placed]
        y = TOP + 12 + 20 * row
        out.append(f'<rect x="{WIDTH - RIGHT + 14}" y="{y - 9}" width="12" height="10" fill="{colour}"/>')
        out.append(f'<text x="{WIDTH - RIGHT + 32}" y="{y}">{escape(name)}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def _marks(low: float, high: float, ticks: Sequence[float]) -> list[float]:
    """Where an axis is marked: at the ticks within it, or at round numbers, about five."""
    if ticks:
        return [tick for tick in ticks if low <= tick <= high]
    rough = (high - low) / 5 or 1.0
    power = 10.0 ** floor(log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    first = ceil(low / step - 1e-9)
    return [n * step for n in range(first, floor(high / step + 1e-9) + 1)]
