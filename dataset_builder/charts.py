"""Small charts as inline SVG, drawn from numbers alone: same numbers, same text, coloured by the page's style."""

from collections.abc import Sequence
from html import escape

_ROW = 22
_LABEL = 170
_WIDTH = 720
_VALUE = 70


def stacked_bars(rows: Sequence[tuple[str, Sequence[int]]], names: Sequence[str], unit: str) -> str:
    """Horizontal bars, one a row, cut into parts named by `names` (classes part0, part1, ...)."""
    if not rows:
        return ""
    most = max(sum(parts) for _, parts in rows) or 1
    scale = (_WIDTH - _LABEL - _VALUE) / most
    lines = []
    for index, (label, parts) in enumerate(rows):
        y, x = index * _ROW, float(_LABEL)
        lines.append(f'<text class="name" x="{_LABEL - 8}" y="{y + 15}">{escape(_short(label))}</text>')
        for part, value in enumerate(parts):
            width = value * scale
            if value:
                lines.append(
                    f'<rect class="part{part}" x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="{_ROW - 6}">'
                    f"<title>{escape(label)}, {escape(names[part])}: {value:,} {unit}</title></rect>"
                )
            x += width
        lines.append(f'<text x="{x + 6:.1f}" y="{y + 15}">{sum(parts):,}</text>')
    return _svg(lines, len(rows) * _ROW, f"{unit} by {', '.join(names)}")


def histogram(counts: Sequence[int], edges: Sequence[str], unit: str) -> str:
    """Upright bars with the count above and the left edge of each bin below."""
    most = max(counts, default=0) or 1
    step = (_WIDTH - 20) / max(1, len(counts))
    lines = []
    for index, count in enumerate(counts):
        height = 110 * count / most
        x = 10 + index * step
        lines.append(
            f'<rect class="part0" x="{x + 2:.1f}" y="{130 - height:.1f}" width="{step - 4:.1f}" height="{height:.1f}">'
            f"<title>{escape(edges[index])}: {count:,} {unit}</title></rect>"
        )
        if count:
            lines.append(f'<text class="mid" x="{x + step / 2:.1f}" y="{125 - height:.1f}">{count:,}</text>')
        lines.append(f'<text class="mid" x="{x + step / 2:.1f}" y="147">{escape(edges[index])}</text>')
    return _svg(lines, 154, f"{unit} in {len(counts)} bins")


def _short(label: str) -> str:
    return label if len(label) <= 24 else f"{label[:23]}…"


def _svg(lines: Sequence[str], height: int, title: str) -> str:
    body = "".join(lines)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}"'
        f' preserveAspectRatio="xMinYMin meet">{body}</svg>'
    )
