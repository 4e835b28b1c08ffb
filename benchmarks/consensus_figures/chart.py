"""Charts of the figures as SVG, drawn without a library: lines with axes, labels and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 400, 64, 48, 32, 190
COLOURS = ("#1f6feb", "#d1622b", "#2e8540", "#7a4fb5", "#777777")

Line = tuple[str, Sequence[tuple[float, float]]]


def lines_svg(title: str, x_label: str, y_label: str, lines: Sequence[Line]) -> str:
    """An SVG of named lines, each a list of (x, y); axes from the data's own range."""
    xs = [x for _, points in lines for x, _ in points]
    ys = [y for _, points in lines for _, y in points]
    low_x, high_x, low_y, high_y = min(xs), max(xs), min(ys), max(ys)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - low_x) / ((high_x - low_x) or 1.0)
        up = (y - low_y) / ((high_y - low_y) or 1.0)
        return LEFT + across * wide, TOP + (1.0 - up) * high

    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            ' font-family="system-ui, sans-serif"'
            ' font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        ),
        f'<text x="{LEFT}" y="18" font-size="14" font-weight="600">{escape(title)}</text>',
    ]
    for part in range(5):
        x, y = low_x + part / 4 * (high_x - low_x), low_y + part / 4 * (high_y - low_y)
        (px, _), (_, py) = at(x, low_y), at(low_x, y)
        out.append(f'<path d="M{LEFT} {py:.1f}h{wide}M{px:.1f} {TOP}v{high}" stroke="#ddd" fill="none"/>')
        out.append(f'<text x="{px:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{x:.3g}</text>')
        out.append(f'<text x="{LEFT - 6}" y="{py + 4:.1f}" text-anchor="end">{y:.3g}</text>')
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
