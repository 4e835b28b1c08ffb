"""Cars: sedans, hatchbacks, SUVs, pickups and vans, as two shaded solids on four wheels."""

import math
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from cairn.demo.scenes.canvas import Colour, Plane, Point, Subject, View, jittered, mix, ring, scaled

__all__ = ["CAR_COLOURS", "CAR_TYPES", "PAINTS", "car", "glass_colour", "rear_lamps", "wheel"]

CAR_TYPES: tuple[str, ...] = ("sedan", "hatchback", "suv", "pickup", "van")
PAINTS: dict[str, Colour] = {
    "red": (190, 32, 34),
    "blue": (38, 76, 172),
    "black": (38, 39, 44),
    "white": (236, 236, 232),
    "silver": (158, 163, 170),
    "green": (40, 120, 66),
    "yellow": (236, 190, 40),
}
CAR_COLOURS: tuple[str, ...] = tuple(PAINTS)


@dataclass(frozen=True)
class Shape:
    """Outlines of one type of car, nose at x = 1: the body below the windows, the cabin above, its windows."""

    body: tuple[Point, ...]
    cabin: tuple[Point, ...]
    pillars: tuple[float, ...]
    ride: float
    wheels: tuple[float, float]
    radius: float
    half_width: float


SHAPES: dict[str, Shape] = {
    "sedan": Shape(
        ((-0.97, 0.17), (0.97, 0.17), (1.0, 0.3), (0.96, 0.43), (0.46, 0.52), (-0.66, 0.54),
        (-0.97, 0.51), (-1.0, 0.32)),
        ((-0.74, 0.53), (0.5, 0.51), (0.14, 0.81), (-0.42, 0.82)),
        (-0.1,),
        0.0, (-0.6, 0.6), 0.175, 0.40,
    ),
    "hatchback": Shape(
        ((-0.86, 0.17), (0.9, 0.17), (0.93, 0.32), (0.88, 0.46), (0.46, 0.56), (-0.84, 0.58), (-0.89, 0.34)),
        ((-0.85, 0.57), (0.5, 0.55), (0.14, 0.9), (-0.66, 0.89)),
        (-0.12,),
        0.0, (-0.55, 0.55), 0.18, 0.40,
    ),
    "suv": Shape(
        ((-0.92, 0.22), (0.93, 0.22), (0.96, 0.4), (0.92, 0.57), (0.46, 0.63), (-0.9, 0.66), (-0.95, 0.4)),
        ((-0.9, 0.65), (0.48, 0.62), (0.22, 1.0), (-0.82, 1.01)),
        (-0.42, 0.0),
        0.04, (-0.58, 0.6), 0.215, 0.44,
    ),
    "pickup": Shape(
        ((-1.0, 0.22), (0.96, 0.22), (1.0, 0.38), (0.96, 0.55), (0.5, 0.61), (-0.98, 0.61), (-1.0, 0.4)),
        ((-0.22, 0.6), (0.54, 0.6), (0.3, 0.97), (-0.18, 0.97)),
        (0.12,),
        0.04, (-0.62, 0.62), 0.215, 0.43,
    ),
    "van": Shape(
        ((-0.95, 0.2), (0.94, 0.2), (0.97, 0.36), (0.93, 0.52), (0.74, 0.62), (-0.95, 0.64), (-0.97, 0.4)),
        ((-0.95, 0.63), (0.76, 0.61), (0.42, 1.13), (-0.93, 1.14)),
        (-0.45, 0.05),
        0.02, (-0.6, 0.6), 0.19, 0.43,
    ),
}  # fmt: skip


def glass_colour(rng: Random) -> Colour:
    """Window glass, from nearly black to a bright sky's reflection."""
    return mix((26, 32, 40), (150, 182, 204), rng.random() ** 1.6)


def wheel(side: Plane, x: float, radius: float, rim: Colour, spokes: int) -> None:
    """A tyre with its rim on the near side of a vehicle, its axle at (x, radius)."""
    side.ellipse(x, radius, radius, radius, (28, 28, 30))
    side.ellipse(x, radius, radius * 0.64, radius * 0.64, rim)
    for k in range(spokes):
        a = math.tau * k / spokes + 0.4
        side.line(
            [(x, radius), (x + radius * 0.58 * math.cos(a), radius + radius * 0.58 * math.sin(a))],
            radius * 0.13,
            scaled(rim, 0.5),
        )
    side.ellipse(x, radius, radius * 0.18, radius * 0.18, scaled(rim, 0.6))


def rear_lamps(end: Plane, half: float, y: float, size: float, colour: Colour, spread: float = 0.82) -> None:
    """A pair of lamps on the end of a vehicle."""
    for side in (-1, 1):
        u = side * half * spread
        end.rect(u - size, y - size * 0.6, u + size, y + size * 0.6, colour, size * 0.4)


def car(rng: Random) -> Subject:
    """A car of a random type and paint; attributes `type` and `colour`."""
    kind = rng.choice(CAR_TYPES)
    colour = rng.choice(CAR_COLOURS)
    shape = SHAPES[kind]
    paint = jittered(PAINTS[colour], rng, 12)
    glass = glass_colour(rng)
    rim = rng.choice([(186, 188, 192), (120, 122, 128), (58, 59, 62), (214, 214, 216)])
    spokes = rng.choice([0, 5, 5, 6, 8])
    lamps_on = rng.random() < 0.15
    cargo = kind == "pickup" and rng.random() < 0.4
    panel_van = kind == "van" and rng.random() < 0.45
    roof_rack = kind in ("suv", "hatchback") and rng.random() < 0.3
    stretch = rng.uniform(0.92, 1.1)
    belt = min(y for _, y in shape.cabin)
    half = shape.half_width
    trim = scaled(paint, 0.45)

    def width(_x: float, y: float) -> float:
        return half - max(0.0, y - belt) * 0.32

    def draw(view: View) -> None:
        front, roof = view.towards[0] > 0, max(y for _, y in shape.cabin)
        for x in shape.wheels:
            view.plane((x, shape.radius, -half * 0.9)).ellipse(0, 0, shape.radius, shape.radius, (22, 22, 24))
        body = [(x, y * stretch) for x, y in shape.body]
        cabin = [(x, y * stretch) for x, y in shape.cabin]
        view.prism([(-0.8, 0.1), (0.8, 0.1), (0.85, 0.3), (-0.85, 0.3)], half * 0.85, (24, 24, 26))
        if kind == "pickup":
            _bed(view, body, half, paint, cargo)
        view.prism(body, half, paint)
        if kind == "pickup":
            _bed(view, body, half, paint, cargo)
        view.prism(cabin, width, paint)
        side = view.plane((0, 0, half * 1.005))
        _side_windows(view, cabin, belt * stretch, half, shape.pillars, glass, panel_van)
        _end_glass(view, cabin, width, glass, front)
        side.line([(-0.9, belt * stretch * 0.62), (0.9, belt * stretch * 0.6)], 0.018, trim)
        for x in (*shape.pillars, 0.44):
            side.line([(x, belt * stretch), (x + 0.02, 0.24)], 0.014, trim)
        for x in shape.pillars:
            side.rect(x - 0.14, belt * stretch - 0.075, x - 0.04, belt * stretch - 0.05, trim)
        for x in shape.wheels:
            side.polygon(ring(x, shape.radius, shape.radius * 1.22, shape.radius * 1.24, 0, 180), (20, 20, 22))
            wheel(side, x, shape.radius, rim, spokes)
        _end_details(view, body, half, paint, front, lamps_on)
        if roof_rack:
            top = roof * stretch + 0.04
            for z in (-0.7, 0.7):
                rack = view.plane((0, top, z * half * 0.8))
                rack.line([(-0.5, 0), (0.05, 0)], 0.03, (40, 40, 42))

    return Subject("car", {"type": kind, "colour": colour}, 2.05, 1.15, "street", (-0.9, 0.8), (0.05, 0.42), draw)


def _side_windows(
    view: View,
    cabin: list[Point],
    belt: float,
    half: float,
    pillars: tuple[float, ...],
    glass: Colour,
    panel: bool,
) -> None:
    """Glass on the near side of the cabin, cut by pillars; a panel van has it only beside the driver."""
    (x0, y0), (x1, _), (x2, y2), (x3, _) = cabin
    slanted = view.plane((0, belt, half * 1.004), (1, 0, 0), (0, 1, -0.32))
    low, high = 0.05, (y2 - y0) - 0.055

    def edge(t: float, bottom: float, top: float) -> float:
        return bottom + (top - bottom) * t / (y2 - y0)

    bounds = [None, *pillars, None]
    for left, right in pairwise(bounds):
        if panel and right is not None:
            continue
        a0 = edge(low, x0, x3) + 0.06 if left is None else left + 0.022
        a1 = edge(high, x0, x3) + 0.06 if left is None else left + 0.022
        b0 = edge(low, x1, x2) - 0.06 if right is None else right - 0.022
        b1 = edge(high, x1, x2) - 0.06 if right is None else right - 0.022
        slanted.polygon([(a0, low), (b0, low), (b1, high), (a1, high)], glass)
        third = (b1 - a1) * 0.3
        slanted.polygon(
            [(a1 + third, high), (a1 + 2 * third, high), (a0 + 1.4 * third, low), (a0 + 0.7 * third, low)],
            mix(glass, (235, 242, 248), 0.28),
        )


def _end_glass(view: View, cabin: list[Point], width: object, glass: Colour, front: bool) -> None:
    """The windscreen, or the rear window when the car is seen from behind."""
    bottom, top = (cabin[1], cabin[2]) if front else (cabin[0], cabin[3])
    normal = (top[1] - bottom[1]) * (1 if front else -1), abs(top[0] - bottom[0])
    if normal[0] * view.towards[0] + normal[1] * view.towards[1] <= 0.02:
        return
    assert callable(width)
    w0, w1 = width(*bottom) * 0.86, width(*top) * 0.88

    def at(t: float, z: float) -> tuple[float, float, float]:
        return (bottom[0] + (top[0] - bottom[0]) * t, bottom[1] + (top[1] - bottom[1]) * t, z)

    view.face([at(0.08, w0), at(0.08, -w0), at(0.9, -w1), at(0.9, w1)], mix(glass, (220, 230, 238), 0.12))
    view.face(
        [at(0.08, w0 * 0.5), at(0.08, w0 * 0.1), at(0.9, -w1 * 0.3), at(0.9, w1 * 0.1)],
        mix(glass, (235, 242, 248), 0.35),
    )


def _end_details(view: View, body: list[Point], half: float, paint: Colour, front: bool, lamps_on: bool) -> None:
    """Lamps, grille, bumper and number plate on the end that is seen."""
    x = max(p[0] for p in body) * 0.995 if front else min(p[0] for p in body) * 0.995
    end = view.plane((x, 0, 0), (0, 0, 1), (0, 1, 0))
    if abs(view.towards[0]) < 0.08:
        return
    low, belt = min(y for _, y in body), max(y for _, y in body)
    end.rect(-half * 0.96, low, half * 0.96, low + 0.08, mix(paint, (30, 30, 32), 0.6))
    end.rect(-0.1, low + 0.07, 0.1, low + 0.125, (232, 230, 214))
    y = low + (belt - low) * 0.56
    if front:
        end.rect(-half * 0.5, y - 0.05, half * 0.5, y + 0.035, (34, 35, 38), 0.02)
        end.line([(-half * 0.48, y - 0.008), (half * 0.48, y - 0.008)], 0.012, (120, 122, 126))
        rear_lamps(end, half, y, 0.07, (255, 250, 214) if lamps_on else (206, 214, 220), 0.78)
    else:
        rear_lamps(end, half, y + 0.02, 0.06, (250, 40, 30) if lamps_on else (150, 24, 26))


def _bed(view: View, body: list[Point], half: float, paint: Colour, cargo: bool) -> None:
    """The open bed of a pickup, seen from above, with or without a load."""
    top = max(y for _, y in body)
    view.face(
        [
            (-0.93, top, half * 0.88),
            (-0.26, top, half * 0.88),
            (-0.26, top, -half * 0.88),
            (-0.93, top, -half * 0.88),
        ],
        scaled(paint, 0.32),
    )
    if cargo:
        view.prism(
            [(-0.8, top - 0.05), (-0.4, top - 0.05), (-0.4, top + 0.16), (-0.8, top + 0.16)],
            half * 0.5,
            (150, 112, 66),
        )
