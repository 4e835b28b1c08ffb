"""Mugs and bowls: solids of revolution with glaze, bands, dots and contents; a mug's handle may be hidden."""

import math
from itertools import pairwise
from random import Random

from cairn.demo.scenes.canvas import Colour, Point, Subject, View, jittered, mix, ring, scaled, smooth

__all__ = ["bowl", "mug"]

GLAZES: list[Colour] = [
    (240, 238, 230), (224, 214, 194), (196, 62, 52), (52, 92, 150), (66, 128, 112), (228, 178, 72), (70, 72, 78),
    (158, 106, 76), (176, 196, 206), (214, 142, 138), (120, 140, 84),
]  # fmt: skip
_SLICES = 22


def _revolved(view: View, profile: list[Point], glaze: Colour, bands: list[tuple[float, float, Colour]]) -> None:
    """The outside of a vessel: narrow upright slices of the half that faces the viewer, each with its own shade.

    `profile` is (radius, height) from foot to rim; `bands` are (from, to, colour) in heights.
    """
    # The visible half in the subject's frame is around the direction to the viewer.
    heading = math.atan2(view.towards[0], view.towards[2])
    heights = sorted({y for _, y in profile} | {y for a, b, _ in bands for y in (a, b)})

    def radius(y: float) -> float:
        for (r0, y0), (r1, y1) in pairwise(profile):
            if y0 <= y <= y1:
                return r0 + (r1 - r0) * (y - y0) / ((y1 - y0) or 1.0)
        return profile[-1][0]

    foot, rim = profile[0][1], profile[-1][1]
    layers = [(glaze, [foot, *[y for y in heights if foot < y < rim], rim])]
    layers += [(colour, [a, *[y for y in heights if a < y < b], b]) for a, b, colour in bands]
    # Where the wall curves inwards below, slices leave notches between them: rings underneath close these.
    for y in layers[0][1][:-1]:
        shade = next((colour for a, b, colour in bands if a <= y <= b), glaze)
        r = radius(y)
        view.plane((0, y, 0), (1, 0, 0), (0, 0, 1)).ellipse(0, 0, r, r, scaled(shade, 0.72))
    for colour, ys in layers:
        radii = [radius(y) for y in ys]
        for k in range(_SLICES):
            a0 = heading - math.pi / 2 + math.pi * k / _SLICES
            a1 = heading - math.pi / 2 + math.pi * (k + 1) / _SLICES
            sin0, cos0, sin1, cos1 = math.sin(a0), math.cos(a0), math.sin(a1), math.cos(a1)
            left = [(r * sin0, y, r * cos0) for r, y in zip(radii, ys, strict=True)]
            right = [(r * sin1, y, r * cos1) for r, y in zip(radii, ys, strict=True)]
            middle = (a0 + a1) / 2
            t = (k + 0.5) / _SLICES
            gloss = 0.22 * math.exp(-(((t - 0.27) / 0.06) ** 2))
            shade = mix(view.lit(colour, (math.sin(middle), 0.15, math.cos(middle))), (255, 255, 255), gloss)
            view.face(left + right[::-1], shade)


def _dots(view: View, radius: float, y: float, size: float, n: int, colour: Colour) -> None:
    heading = math.atan2(view.towards[0], view.towards[2])
    for k in range(n):
        a = math.tau * k / n
        turn = math.cos(a - heading)
        if turn > 0.38:
            tangent = (math.cos(a), 0.0, -math.sin(a))
            spot = view.plane((radius * math.sin(a), y, radius * math.cos(a)), tangent, (0, 1, 0))
            spot.ellipse(0, 0, size, size, scaled(colour, 0.6 + 0.4 * turn))


def _mouth(view: View, rim: float, y: float, glaze: Colour, level: float, content: Colour | None) -> None:
    """Rim, inside wall and what is in the vessel."""
    top = view.plane((0, y, 0), (1, 0, 0), (0, 0, 1))
    top.ellipse(0, 0, rim, rim, mix(glaze, (255, 255, 255), 0.35))
    inner = rim * 0.92
    top.ellipse(0, 0, inner, inner, scaled(glaze, 0.62))
    # The surface of the contents lies lower: what is seen of it is inside the rim's ellipse.
    drop = (y - level) * math.cos(view.pitch) / max(math.sin(view.pitch), 0.05)
    if content is not None and drop < inner * 1.6:
        kept = [(u, max(v, -math.sqrt(max(inner**2 - u**2, 0.0)) + drop)) for u, v in ring(0, 0, inner, inner)]
        kept = [(u, min(v, math.sqrt(max(inner**2 - u**2, 0.0)))) for u, v in kept]
        top.polygon(kept, content)
        top.ellipse(-inner * 0.3, inner * 0.25, inner * 0.18, inner * 0.1, mix(content, (255, 255, 255), 0.3))


def _bands(rng: Random, height: float, glaze: Colour) -> list[tuple[float, float, Colour]]:
    other = jittered(rng.choice(GLAZES), rng, 14)
    style = rng.choice(["none", "none", "half", "lines", "wide"])
    if style == "half":
        cut = rng.uniform(0.35, 0.6) * height
        return [(0.02, cut, other)]
    if style == "lines":
        return [(height * f, height * (f + 0.06), other) for f in (0.55, 0.7, 0.85)[: rng.randint(1, 3)]]
    if style == "wide":
        return [(height * 0.35, height * 0.7, other)]
    return []


def mug(rng: Random) -> Subject:
    """A mug or cup, from tall and straight to low and wide; attribute `handle`: seen or hidden."""
    height = rng.uniform(0.62, 1.3)
    rim = rng.uniform(0.5, 0.62) if height > 0.85 else rng.uniform(0.56, 0.78)
    foot = rim * rng.choice([1.0, 0.95, 0.85, 0.68, 0.55])
    belly = rim * rng.uniform(0.96, 1.08)
    glaze = jittered(rng.choice(GLAZES), rng, 14)
    bands = _bands(rng, height, glaze)
    dots = rng.random() < 0.2
    content = rng.choice([(58, 36, 24), (84, 52, 30), (150, 104, 66), (168, 74, 30), (226, 214, 190), None])
    # The handle's bearing: most are at a side, a few are nearly behind the mug.
    bearing = rng.choice([90, 90, 90, 90, 90, 60, 120, -90, -90, -90, 45, 150, 172, -60, -120]) + rng.uniform(-18, 18)
    reach = rng.uniform(0.32, 0.48)
    thick = rng.uniform(0.09, 0.14)
    accent = jittered(rng.choice(GLAZES), rng, 14)

    def profile() -> list[Point]:
        outline = smooth([(foot * 0.92, 0.0), (foot, 0.05 * height), (belly, 0.55 * height), (rim, height)], False, 5)
        return [(r, min(max(y, 0.0), height)) for r, y in outline]

    def handle(view: View) -> None:
        a = math.radians(bearing)
        out = (math.sin(a), 0.0, math.cos(a))
        root = belly * 0.9
        plane = view.plane((out[0] * root, 0, out[2] * root), out, (0, 1, 0))
        grip = [(0, 0.78), (reach * 0.8, 0.8), (reach, 0.55), (reach * 0.75, 0.3), (0, 0.24)]
        curve = [(u + 0.03, v * height) for u, v in grip]
        # Seen edge-on a plane has no width; the handle is as thick that way too.
        edge = view.plane((out[0] * root, 0, out[2] * root), (math.cos(a), 0, -math.sin(a)), (0, 1, 0))
        if abs(math.cos(a - math.atan2(view.towards[0], view.towards[2]))) > 0.8:
            edge.line([(0, curve[0][1]), (0, curve[-1][1])], thick, scaled(glaze, 0.72))
        pixels = max(1, round(thick * view.scale))
        points = [plane.at(u, v) for u, v in smooth(curve, False)]
        view.draw.line(points, fill=tuple(int(c) for c in scaled(glaze, 0.78)), width=pixels, joint="curve")
        view.draw.line(
            points, fill=tuple(int(c) for c in scaled(glaze, 0.95)), width=max(1, pixels // 2), joint="curve"
        )

    def draw(view: View) -> None:
        behind = math.cos(math.radians(bearing) - math.atan2(view.towards[0], view.towards[2])) < 0
        if behind:
            handle(view)
        _revolved(view, profile(), glaze, bands)
        if dots:
            for k in (0.35, 0.62):
                _dots(view, belly * 1.01, height * k, 0.06, 11, accent)
        _mouth(view, rim, height, glaze, height * 0.86, content)
        if not behind:
            handle(view)

    seen = "hidden" if abs(math.cos(math.radians(bearing))) > 0.94 else "seen"
    return Subject("mug", {"handle": seen}, 2 * rim + 0.5, height + 0.25, "table", (-0.2, 0.2), (0.16, 0.62), draw)


def bowl(rng: Random) -> Subject:
    """A bowl, from a shallow dish to a deep tea bowl, empty or with food."""
    rim = rng.uniform(0.72, 0.98)
    height = rim * rng.choice([0.5, 0.6, 0.7, 0.8, 0.95])
    foot = rim * rng.uniform(0.36, 0.62)
    bulge = rng.uniform(0.72, 0.98)
    glaze = jittered(rng.choice(GLAZES), rng, 14)
    bands = _bands(rng, height, glaze)
    dots = rng.random() < 0.2
    accent = jittered(rng.choice(GLAZES), rng, 14)
    food = rng.choice(["none", "none", "soup", "soup", "fruit", "salad", "spoon"])
    content = rng.choice([(206, 120, 46), (170, 60, 36), (126, 140, 70), (226, 212, 178), (120, 78, 44)])
    pieces = [
        (rng.uniform(-0.55, 0.55), rng.uniform(-0.5, 0.4), rng.uniform(0.14, 0.24), rng.randrange(4)) for _ in range(9)
    ]

    def draw(view: View) -> None:
        outline = smooth(
            [(foot * 0.98, 0.0), (foot, 0.06 * height), (rim * bulge * 0.8, 0.4 * height), (rim, height)], False, 6
        )
        _revolved(view, [(r, min(max(y, 0.0), height)) for r, y in outline], glaze, bands)
        if dots:
            _dots(view, rim * (0.8 + 0.2 * bulge) * 0.97, height * 0.74, 0.06, 12, accent)
        _mouth(view, rim, height, glaze, height * 0.85, content if food in ("soup", "spoon") else None)
        top = view.plane((0, height, 0), (1, 0, 0), (0, 0, 1))
        if food == "fruit":
            upright = view.plane((0, height * 0.9, 0))
            for u, v, r, k in pieces[:6]:
                fruit = [(204, 40, 36), (232, 148, 36), (150, 176, 52), (120, 40, 90)][k]
                upright.ellipse(u * rim, v * 0.3 + 0.12, r, r, fruit)
                upright.ellipse(
                    u * rim - r * 0.3,
                    v * 0.3 + 0.12 + r * 0.35,
                    r * 0.25,
                    r * 0.2,
                    mix(fruit, (255, 255, 255), 0.5),
                )
        elif food == "salad":
            for u, v, r, k in pieces:
                leaf = [(88, 140, 60), (126, 170, 76), (196, 56, 44), (226, 220, 190)][k]
                top.ellipse(u * rim, v * rim, r * 0.9, r * 0.7, leaf)
        elif food == "spoon":
            upright = view.plane((0.1, height, 0))
            upright.line([(0, 0), (rim * 0.9, 0.45)], 0.06, (176, 178, 182))

    return Subject("bowl", {"content": food}, 2 * rim + 0.1, height + 0.35, "table", (-0.2, 0.2), (0.16, 0.62), draw)
