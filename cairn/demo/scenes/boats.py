"""Boats: rowing boats, sailing boats, motor boats, fishing boats and ferries, afloat or on the beach."""

from random import Random

from cairn.demo.scenes.canvas import Colour, Point3, Subject, View, jittered, mix, scaled, smooth
from cairn.demo.scenes.cars import PAINTS, glass_colour

__all__ = ["boat"]

_STATIONS = [-1.0, -0.8, -0.5, -0.2, 0.1, 0.4, 0.65, 0.85, 1.0]


def _hull(view: View, beam: float, free: float, sheer: float, hull: Colour, bottom: Colour, deck: Colour) -> None:
    """A hull from its gunwale (pointed at the bow) down to a narrower waterline."""

    def half(x: float, narrow: float) -> float:
        return beam * narrow * max(0.0, 1 - max(0.0, (x + 0.3) / 1.3) ** 2.2)

    def rail(z: int) -> list[Point3]:
        return [(x, free + sheer * x * x * (1.0 if x > 0 else 0.35), z * half(x, 1.0)) for x in _STATIONS]

    def water(z: int, y: float, narrow: float) -> list[Point3]:
        return [(x * 0.86 if x > 0 else x * 0.96, y, z * half(x, narrow)) for x in _STATIONS]

    def side(z: int) -> None:
        top, line, keel = rail(z), water(z, free * 0.35, 0.86), water(z, 0.0, 0.72)
        light = 1.0 if z > 0 else 0.72
        view.face(top + keel[::-1], scaled(view.lit(hull, (0, 0.05, z)), light))
        view.face(line + keel[::-1], scaled(view.lit(bottom, (0, -0.2, z)), light))

    side(-1)
    stern = [rail(1)[0], rail(-1)[0], water(-1, 0.0, 0.72)[0], water(1, 0.0, 0.72)[0]]
    if view.towards[0] < 0:
        view.face(stern, view.lit(hull, (-1, 0, 0)))
    view.face(rail(1) + rail(-1)[::-1], view.lit(deck, (0, 1, 0)))
    side(1)
    gunwale = [view.at(p) for p in rail(1)]
    view.draw.line(gunwale, fill=tuple(int(c) for c in scaled(hull, 0.6)), width=max(1, int(0.025 * view.scale)))


def boat(rng: Random) -> Subject:
    """A boat; attribute `type`."""
    kind = rng.choice(["rowing", "rowing", "sailing", "motor", "fishing", "ferry"])
    hull = jittered(rng.choice([(238, 238, 232), (150, 98, 56), (120, 74, 44), *PAINTS.values()]), rng, 16)
    bottom = jittered(rng.choice([(140, 36, 34), (30, 50, 84), (40, 44, 46), hull]), rng, 10)
    wood = jittered((164, 124, 80), rng, 18)
    accent = jittered(rng.choice(list(PAINTS.values())), rng, 16)
    sail = jittered(rng.choice([(244, 242, 234), (236, 232, 218), (214, 96, 60), accent]), rng, 8)
    glass = glass_colour(rng)
    beam = {"rowing": 0.36, "sailing": 0.32, "motor": 0.36, "fishing": 0.38, "ferry": 0.34}[kind]
    free = {"rowing": 0.3, "sailing": 0.24, "motor": 0.3, "fishing": 0.36, "ferry": 0.34}[kind] * rng.uniform(0.85, 1.2)
    sheer = rng.uniform(0.06, 0.22) * (0.4 if kind == "ferry" else 1.0)
    mast = rng.uniform(1.35, 1.8)
    furled, jib, oars = rng.random() < 0.25, rng.random() < 0.75, rng.random() < 0.6
    decks = rng.randint(1, 2)

    def draw(view: View) -> None:
        inside = scaled(wood, 0.6) if kind == "rowing" else mix(wood, (230, 226, 214), 0.5)
        _hull(view, beam, free, sheer, hull, bottom, inside)
        if kind == "rowing":
            for x in (-0.55, -0.1, 0.35):
                z = beam * 0.9 * (1 if x < 0.2 else 0.75)
                view.face([(x, free, z), (x + 0.14, free, z), (x + 0.14, free, -z), (x, free, -z)], wood)
            if oars:
                oar = view.plane((-0.05, free + 0.03, beam))
                oar.line([(0, 0), (-0.55, -0.24)], 0.035, wood)
                oar.line([(-0.42, -0.19), (-0.6, -0.27)], 0.085, scaled(wood, 0.85))
        elif kind == "sailing":
            spar = view.plane((0.12, free, 0))
            spar.line([(0, 0), (0, mast)], 0.03, (190, 180, 160))
            spar.line([(0, 0.12), (-0.85, 0.14)], 0.03, (170, 160, 140))
            if furled:
                spar.limb([(-0.05, 0.16), (-0.45, 0.19), (-0.8, 0.17)], 0.08, sail)
            else:
                spar.polygon(smooth([(-0.02, 0.16), (-0.02, mast * 0.97)], False, 3)
                             + smooth([(-0.02, mast * 0.97), (-0.44, 0.75),
                                      (-0.82, 0.18)], False), sail)  # fmt: skip
                for k in (0.35, 0.6):
                    spar.line([(-0.03, mast * k), (-0.78 * (1 - k), mast * k * 0.95)], 0.01, scaled(sail, 0.8))
                if jib:
                    spar.polygon([(0.03, mast * 0.84), (0.8, 0.1), (0.1, 0.14)], scaled(sail, 0.9))
            view.prism(
                [(-0.35, free), (0.3, free), (0.2, free + 0.12), (-0.35, free + 0.13)], beam * 0.5, (236, 234, 226)
            )
        elif kind == "motor":
            view.prism(
                [(-0.3, free), (0.45, free), (0.15, free + 0.2), (-0.3, free + 0.24)], beam * 0.66, (238, 237, 230)
            )
            view.plane((0, free, beam * 0.67)).polygon([(-0.26, 0.06), (0.3, 0.06), (0.12, 0.17), (-0.26, 0.2)], glass)
            view.prism(
                [(-1.06, free - 0.16), (-0.94, free - 0.16), (-0.94, free + 0.14), (-1.06, free + 0.14)],
                0.08,
                (44, 46, 50),
            )
        elif kind == "fishing":
            house = free + 0.48
            view.prism([(0.05, free), (0.5, free), (0.47, house), (0.05, house)], beam * 0.56, (238, 236, 226))
            wall = view.plane((0, free, beam * 0.57))
            for x in (0.1, 0.28):
                wall.rect(x, 0.22, x + 0.14, 0.38, glass, 0.02)
            view.prism([(0.0, house), (0.55, house), (0.55, house + 0.04), (0.0, house + 0.04)], beam * 0.62, accent)
            spar = view.plane((-0.35, free, 0))
            spar.line([(0, 0), (0, 0.95)], 0.035, (90, 74, 56))
            spar.line([(0, 0.9), (0.8, 0.35)], 0.014, (60, 56, 50))
            spar.line([(0, 0.6), (-0.55, 0.85)], 0.025, (90, 74, 56))
        else:
            for k in range(decks):
                y = free + 0.26 * k
                x0, x1 = -0.86 + 0.16 * k, 0.56 - 0.2 * k
                view.prism([(x0, y), (x1, y), (x1 - 0.06, y + 0.25), (x0, y + 0.25)], beam * 0.8, (240, 239, 234))
                wall = view.plane((0, y, beam * 0.81))
                n = 7 - k
                for i in range(n):
                    x = x0 + 0.07 + (x1 - x0 - 0.14) * i / n
                    wall.rect(x, 0.09, x + (x1 - x0) / n * 0.62, 0.19, glass, 0.02)
            top = free + 0.26 * decks
            view.prism([(-0.5, top), (-0.26, top), (-0.3, top + 0.24), (-0.5, top + 0.24)], 0.12, accent)

    tall = {"rowing": 0.6, "sailing": mast + free, "motor": 0.75, "fishing": 1.35, "ferry": 1.0}[kind]
    return Subject("boat", {"type": kind}, 2.15, tall, "water", (-0.95, 0.95), (0.06, 0.4), draw)
