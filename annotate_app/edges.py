"""Coordinates that rounding in a file put a hair beyond the edge of their picture, back on it.

A file of shares with six digits, or of pixels with two, cannot say exactly where the edge is. What lies farther out is
left as it is, for the check of answers to refuse.
"""

_HAIR = 1e-2
_HAIR_OF_SIDE = 2e-6
"""Pixels, and as a share of the side."""


def box_on_picture(x: float, y: float, w: float, h: float, size: tuple[int, int]) -> dict[str, float]:
    """Sides of a box, pixels; `size` is (width, height) of its picture."""
    left, top = _on_edge(x, size[0]), _on_edge(y, size[1])
    right, bottom = _on_edge(x + w, size[0]), _on_edge(y + h, size[1])
    return {
        "x": left, "y": top,
        # Unchanged where nothing was moved: x + w - x is not w.
        "w": w if (left, right) == (x, x + w) else right - left,
        "h": h if (top, bottom) == (y, y + h) else bottom - top,
    }  # fmt: skip


def point_on_picture(x: float, y: float, size: tuple[int, int]) -> list[float]:
    """A vertex, likewise."""
    return [_on_edge(x, size[0]), _on_edge(y, size[1])]


def _on_edge(value: float, side: int) -> float:
    hair = max(_HAIR, _HAIR_OF_SIDE * side)
    if -hair <= value < 0:
        return 0.0
    return float(side) if side < value <= side + hair else value
