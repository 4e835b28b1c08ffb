"""Why two pictures matched, in words that a person can check by looking."""

from dataset_builder.duplicates import Match

_LIES = {
    "mirror": "mirrored",
    "rotate90": "turned a quarter to the left",
    "rotate180": "turned upside down",
    "rotate270": "turned a quarter to the right",
    "mirror_rotate90": "mirrored and turned a quarter to the left",
    "mirror_rotate180": "upside down, mirrored",
    "mirror_rotate270": "mirrored and turned a quarter to the right",
}
# Under these a picture lies where the other does, as far as 64 pixels can tell.
_LEAST_CHANGE = 0.03
_LEAST_TURN = 1.0


def reason(match: Match, kept: int) -> str:
    """How the member lies beside the one that is kept (`match.a` or `match.b`), and how alike they are."""
    # What undoes the transform of b undoes that of a backwards, which for a quarter is the other way.
    member_is_b, member = kept == match.a, match.b if kept == match.a else match.a
    transform = match.transform if member_is_b else _inverse(match.transform)
    scale = match.scale if member_is_b else 1 / match.scale
    # The name says what brings the picture back upright.
    found = [_LIES[_inverse(transform)]] if transform != "identity" else []
    if scale < 1 - _LEAST_CHANGE:
        found.append(f"cut: shows {100 * scale:.0f} % of its width")
    elif scale > 1 + _LEAST_CHANGE:
        around = "has a frame around it" if match.framed == member else "shows more around it"
        found.append(f"{around}: it fills {100 / scale:.0f} %")
    if abs(match.turned) >= _LEAST_TURN:
        found.append(f"tilted by {abs(match.turned):.0f}°")
    return ", ".join(found) or "the same view"


def _inverse(transform: str) -> str:
    return {"rotate90": "rotate270", "rotate270": "rotate90"}.get(transform, transform)
