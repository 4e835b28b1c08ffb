"""Buses and lorries: long boxes on wheels that are easily taken for each other, and for vans."""

from random import Random

from cairn.demo.scenes.canvas import Colour, Plane, Point, Subject, View, jittered, mix, ring, scaled
from cairn.demo.scenes.cars import PAINTS, glass_colour, rear_lamps, wheel

__all__ = ["bus", "truck"]


def _wheels(view: View, half: float, axles: list[float], radius: float, rim: Colour) -> None:
    side = view.plane((0, 0, half * 1.005))
    for x in axles:
        side.polygon(ring(x, radius, radius * 1.2, radius * 1.22, 0, 180), (22, 22, 24))
        wheel(side, x, radius, rim, 0)


def _far_wheels(view: View, half: float, axles: list[float], radius: float) -> None:
    for x in axles:
        view.plane((x, radius, -half * 0.9)).ellipse(0, 0, radius, radius, (22, 22, 24))


def _windscreen(end: Plane, half: float, y0: float, y1: float, glass: Colour, split: bool) -> None:
    end.rect(-half * 0.88, y0, half * 0.88, y1, glass, 0.04)
    end.polygon(
        [(-half * 0.6, y0), (-half * 0.3, y0), (half * 0.05, y1), (-half * 0.25, y1)],
        mix(glass, (238, 244, 248), 0.3),
    )
    if split:
        end.rect(-0.012, y0, 0.012, y1, scaled(glass, 0.5))


def bus(rng: Random) -> Subject:
    """A city bus, coach, minibus, school bus or double-decker; attribute `type`."""
    kind = rng.choice(["city", "city", "coach", "mini", "school", "double"])
    height = {"city": 0.86, "coach": 0.94, "mini": 0.98, "school": 0.9, "double": 1.22}[kind] * rng.uniform(0.95, 1.06)
    length = 0.86 if kind == "mini" else 1.0
    half = 0.36 if kind == "mini" else 0.31
    paint = jittered(PAINTS["yellow"] if kind == "school" else rng.choice(list(PAINTS.values())), rng, 20)
    accent = jittered(rng.choice(list(PAINTS.values())), rng, 20)
    two_tone = rng.random() < 0.55
    few_windows = rng.random() < 0.18  # a wrapped bus: an advertisement over most of its windows
    glass, rim = glass_colour(rng), rng.choice([(170, 172, 176), (96, 98, 102), (206, 206, 204)])
    radius = 0.15 if kind != "mini" else 0.17
    panes = rng.randint(4, 8) if kind != "mini" else rng.randint(3, 4)
    nose = 0.26 if kind == "school" else 0.0
    sign_lit = rng.random() < 0.7

    def draw(view: View) -> None:
        front = view.towards[0] > 0
        axles = [-length * 0.62, length * 0.58]
        _far_wheels(view, half, axles, radius)
        rear, tip = -length, length - nose
        lean = 0.03 if kind != "mini" else 0.14
        profile: list[Point] = [(rear, 0.12), (tip, 0.12), (tip, 0.45), (tip - lean, height - 0.05),
                                (tip - lean - 0.05, height), (rear + 0.06, height),
                                (rear, height - 0.06)]  # fmt: skip
        if nose:
            view.prism([(tip - 0.02, 0.14), (length, 0.14), (length, 0.4), (tip, 0.46)], half * 0.86, paint)
        view.prism(profile, half, paint)
        side = view.plane((0, 0, half * 1.004))
        lit_side = view.lit(accent, (0, 0, 1))
        if two_tone:
            side.rect(rear + 0.01, 0.13, tip - 0.01, 0.3, lit_side)
        else:
            side.rect(rear + 0.01, 0.33, tip - 0.01, 0.37, lit_side)
        floors = [(0.46, height - 0.12)] if kind != "double" else [(0.4, 0.64), (0.8, height - 0.12)]
        for k, (y0, y1) in enumerate(floors):
            first, last = rear + 0.07, tip - 0.09 - (0.12 if k == 0 else 0)
            step = (last - first) / panes
            for i in range(panes):
                if few_windows and 0 < i < panes - 1:
                    continue
                x = first + i * step
                side.rect(x, y0, x + step - 0.03, y1, glass, 0.025)
                side.polygon([(x + 0.02, y0), (x + 0.06, y0), (x + step * 0.6, y1), (x + step * 0.45, y1)],
                             mix(glass, (235, 242, 248), 0.22))  # fmt: skip
        if few_windows:
            side.ellipse(-0.1, 0.55, 0.34, 0.17, lit_side)
        door = tip - 0.16
        side.rect(door, 0.15, door + 0.13, floors[0][1], scaled(glass, 0.8), 0.02)
        side.rect(door + 0.058, 0.15, door + 0.072, floors[0][1], scaled(paint, 0.6))
        _wheels(view, half, axles, radius, rim)
        if abs(view.towards[0]) > 0.08:
            _bus_end(
                view,
                front,
                tip if front else rear,
                height,
                half,
                glass,
                nose,
                length,
                kind == "double",
                sign_lit,
                paint,
            )

    return Subject("bus", {"type": kind}, 2.1, height + 0.1, "street", (-0.9, 0.85), (0.03, 0.36), draw)


def _bus_end(
    view: View, front: bool, x: float, height: float, half: float, glass: Colour, nose: float, length: float,
    double: bool, sign_lit: bool, paint: Colour,
) -> None:  # fmt: skip
    end = view.plane((x + (0.004 if front else -0.004), 0, 0), (0, 0, 1), (0, 1, 0))
    if front:
        _windscreen(end, half, 0.45 if nose else 0.36, (0.66 if double else height - 0.16), glass, True)
        if double:
            _windscreen(end, half, 0.82, height - 0.12, glass, False)
        sign = (250, 176, 40) if sign_lit else (40, 40, 44)
        top = 0.79 if double else height - 0.04
        end.rect(-half * 0.6, top - 0.09, half * 0.6, top - 0.015, (26, 26, 30))
        end.rect(-half * 0.5, top - 0.07, half * 0.5, top - 0.035, sign)
        lamps = view.plane((length + 0.004 if nose else x + 0.006, 0, 0), (0, 0, 1), (0, 1, 0))
        if nose:
            lamps.rect(-half * 0.5, 0.2, half * 0.5, 0.36, (40, 41, 44))
        rear_lamps(lamps, half, 0.24, 0.05, (236, 236, 220), 0.72)
        lamps.rect(-half * 0.95, 0.13, half * 0.95, 0.17, (40, 40, 42))
    else:
        end.rect(-half * 0.75, height * 0.55, half * 0.75, height - 0.15, glass, 0.03)
        end.rect(-half * 0.6, 0.2, half * 0.6, 0.36, scaled(paint, 0.5))
        rear_lamps(end, half, 0.42, 0.04, (176, 26, 28), 0.86)


def truck(rng: Random) -> Subject:
    """A box lorry, tanker, tipper, flatbed or delivery truck; attribute `type`."""
    kind = rng.choice(["box", "box", "box", "tanker", "tipper", "flatbed"])
    cab_paint = jittered(rng.choice(list(PAINTS.values())), rng, 20)
    load_paint = jittered(
        rng.choice([(232, 232, 228), (228, 226, 218), cab_paint, *PAINTS.values(), (130, 136, 142)]), rng, 16
    )
    accent = jittered(rng.choice(list(PAINTS.values())), rng, 20)
    glass, rim = glass_colour(rng), rng.choice([(170, 172, 176), (96, 98, 102), (206, 206, 204)])
    cab_height = rng.uniform(0.74, 0.92)
    load_height = rng.uniform(0.82, 1.06)
    half, radius = rng.uniform(0.31, 0.36), rng.uniform(0.145, 0.175)
    joint = rng.uniform(0.36, 0.56)  # where the cab ends
    bonnet = rng.random() < 0.3
    axles = [-0.72, 0.66] if rng.random() < 0.5 else [-0.8, -0.46, 0.68]
    decoration = rng.choice(["none", "stripe", "panel", "disc", "ribs"])

    def draw(view: View) -> None:
        front = view.towards[0] > 0
        _far_wheels(view, half, axles, radius)
        view.prism([(-0.97, 0.17), (0.6, 0.17), (0.6, 0.28), (-0.97, 0.28)], half * 0.8, (44, 45, 48))
        # Far to near: seen from the front the load stands behind the cab.
        for part in ("load", "cab") if front else ("cab", "load"):
            if part == "load":
                _load(view, kind, joint, load_height, half, load_paint, accent, decoration)
            else:
                _cab(view, joint, cab_height, half, cab_paint, glass, bonnet)
        _wheels(view, half, axles, radius, rim)
        if not front and view.towards[0] < -0.08:
            end = view.plane((-1.004, 0, 0), (0, 0, 1), (0, 1, 0))
            rear_lamps(end, half, 0.24, 0.045, (176, 26, 28))
            end.rect(-half * 0.9, 0.16, half * 0.9, 0.2, (60, 60, 62))

    tall = max(cab_height, load_height) + 0.08
    return Subject("truck", {"type": kind}, 2.1, tall, "street", (-0.9, 0.85), (0.03, 0.36), draw)


def _cab(view: View, joint: float, height: float, half: float, paint: Colour, glass: Colour, bonnet: bool) -> None:
    nose = 0.98
    screen = nose - (0.28 if bonnet else 0.02)
    if bonnet:
        view.prism([(screen - 0.05, 0.18), (nose, 0.18), (nose, 0.44), (screen, 0.5)], half * 0.92, paint)
    base = max(joint, screen - 0.5)
    view.prism([(base, 0.18), (screen, 0.18), (screen, 0.5), (screen - 0.1, height), (base, height)], half, paint)
    side = view.plane((0, 0, half * 1.004))
    side.polygon(
        [(base + 0.1, 0.5), (screen - 0.05, 0.5), (screen - 0.13, height - 0.08), (base + 0.1, height - 0.08)],
        glass,
    )
    side.line([(base + 0.07, 0.24), (base + 0.07, height - 0.06)], 0.014, scaled(paint, 0.5))
    side.rect(base + 0.1, 0.42, base + 0.17, 0.44, scaled(paint, 0.4))
    if view.towards[0] > 0.02:
        y0, y1 = 0.52, height - 0.06

        def at(y: float, z: float) -> tuple[float, float, float]:
            return (screen + 0.004 - 0.1 * (y - 0.5) / (height - 0.5), y, z)

        z = half * 0.88
        view.face([at(y0, z), at(y0, -z), at(y1, -z), at(y1, z)], glass)
        view.face(
            [at(y0, z * 0.6), at(y0, z * 0.2), at(y1, -z * 0.2), at(y1, z * 0.2)], mix(glass, (238, 244, 248), 0.3)
        )
        end = view.plane(((nose if bonnet else screen) + 0.004, 0, 0), (0, 0, 1), (0, 1, 0))
        end.rect(-half * 0.6, 0.26, half * 0.6, 0.42, (40, 41, 44), 0.02)
        for k in range(3):
            end.line([(-half * 0.58, 0.3 + k * 0.04), (half * 0.58, 0.3 + k * 0.04)], 0.01, (120, 122, 126))
        end.rect(-half * 0.98, 0.15, half * 0.98, 0.22, (58, 59, 62))
        rear_lamps(end, half, 0.28, 0.05, (236, 236, 220), 0.8)


def _load(
    view: View, kind: str, joint: float, height: float, half: float, paint: Colour, accent: Colour, decoration: str
) -> None:
    rear, tip, floor = -1.0, joint - 0.03, 0.27
    side = view.plane((0, 0, half * 1.004))
    if kind == "box":
        view.prism([(rear, floor), (tip, floor), (tip, height), (rear, height)], half, paint)
        lit = view.lit(accent, (0, 0, 1))
        if decoration == "stripe":
            side.rect(rear, floor + 0.16, tip, floor + 0.26, lit)
        elif decoration == "panel":
            side.rect(rear + 0.15, floor + 0.14, tip - 0.15, height - 0.14, lit, 0.03)
        elif decoration == "disc":
            side.ellipse((rear + tip) / 2, (floor + height) / 2, 0.2, 0.2, lit)
        elif decoration == "ribs":
            for k in range(1, 9):
                x = rear + (tip - rear) * k / 9
                side.line([(x, floor), (x, height)], 0.014, scaled(paint, 0.72))
        if view.towards[0] < -0.05:
            end = view.plane((rear - 0.004, 0, 0), (0, 0, 1), (0, 1, 0))
            end.line([(0, floor), (0, height)], 0.016, scaled(paint, 0.45))
            for z in (-0.1, 0.1):
                end.line([(z * half, floor + 0.05), (z * half, height - 0.05)], 0.012, scaled(paint, 0.6))
    elif kind == "tanker":
        middle, r = (floor + height) / 2 - 0.04, (height - floor) / 2
        outline = [(x, y) for x, y in ring((rear + tip) / 2, middle, (tip - rear) / 2, r)][:-1]
        bulged = [(max(rear, min(tip, (x - (rear + tip) / 2) * 1.25 + (rear + tip) / 2)), y) for x, y in outline]
        view.prism(bulged, lambda _x, y: half * max(0.35, 1 - ((y - middle) / r) ** 2) ** 0.5, paint)
        side.rect(rear + 0.1, middle - 0.02, tip - 0.1, middle + 0.05, view.lit(accent, (0, 0, 1)))
    else:
        wall = 0.2 if kind == "tipper" else 0.05
        slope = 0.12 if kind == "tipper" else 0.0
        view.prism([(rear + slope, floor), (tip, floor), (tip, floor + 0.08), (rear, floor + 0.08)], half, paint)
        if kind == "tipper":
            mound = [
                (rear + 0.05, floor + wall),
                (tip - 0.05, floor + wall),
                (tip - 0.3, height - 0.2),
                (rear + 0.4, height - 0.16),
            ]
            view.prism([(rear, floor), (tip, floor), (tip, floor + wall), (rear - 0.02, floor + wall)], half, paint)
            view.prism(mound, half * 0.8, mix((126, 96, 62), accent, 0.1))
            for k in range(1, 5):
                x = rear + (tip - rear) * k / 5
                side.line([(x, floor), (x, floor + wall)], 0.02, scaled(paint, 0.7))
        else:
            for k in range(3):
                x = rear + 0.1 + k * 0.45
                top = floor + 0.14 + 0.12 * ((k * 7) % 3)
                view.prism([(x, floor + 0.08), (x + 0.36, floor + 0.08), (x + 0.36, top + 0.08),
                           (x, top + 0.08)],
                           half * 0.7, mix((160, 122, 76), accent, 0.25 * k))  # fmt: skip
