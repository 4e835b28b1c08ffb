"""Things that stand about: behind a subject, beside it, or in front of a part of it."""

from random import Random

from cairn.demo.scenes.canvas import Colour, View, jittered, mix, scaled

__all__ = ["CLUTTER", "draw_clutter"]

CLUTTER: dict[str, tuple[str, ...]] = {
    "street": ("tree", "bush", "lamp", "cone", "sign", "hydrant", "person", "bin"),
    "field": ("tree", "bush", "fence", "rock", "flowers", "person"),
    "water": ("buoy", "post", "gull", "rock"),
    "beach": ("rock", "parasol", "post", "ball", "person"),
    "table": ("book", "spoon", "fruit", "vase", "jar", "phone"),
    "floor": ("plant", "ball", "box", "cushion", "book", "lamp"),
}


def draw_clutter(view: View, kind: str, rng: Random) -> None:
    """Draw one thing, about one unit tall, standing at the view's origin."""
    p = view.plane((0, 0, 0))
    tint: Colour = jittered(
        rng.choice([(190, 50, 46), (56, 100, 170), (230, 176, 50), (84, 140, 86), (150, 110, 150)]), rng, 20
    )
    leaf: Colour = jittered(rng.choice([(62, 110, 58), (88, 128, 60), (120, 140, 62), (170, 110, 50)]), rng, 14)
    if kind == "tree":
        p.limb([(0, 0), (0.03, 0.5), (0, 0.8)], 0.13, (96, 72, 52))
        for x, y, r in ((-0.24, 0.95, 0.3), (0.24, 1.0, 0.32), (0, 1.28, 0.34), (0.02, 0.98, 0.3)):
            p.ellipse(x, y, r, r * 0.95, scaled(leaf, 0.8 + 0.25 * y - 0.15))
    elif kind in ("bush", "plant", "flowers"):
        base = 0.3 if kind == "plant" else 0.0
        for k in range(7):
            x, y = (k - 3) * 0.12, base + 0.24 + 0.16 * ((k * 5) % 3) / 2
            p.ellipse(x, y, 0.2, 0.18, scaled(leaf, 0.8 + 0.09 * (k % 3)))
        if kind == "plant":
            p.polygon([(-0.2, 0.36), (0.2, 0.36), (0.14, 0), (-0.14, 0)], tint)
        elif kind == "flowers":
            for k in range(6):
                p.ellipse((k - 2.5) * 0.14, 0.3 + 0.2 * ((k * 3) % 2), 0.06, 0.06, mix(tint, (255, 255, 255), 0.3))
    elif kind == "lamp":
        p.rect(-0.03, 0, 0.03, 1.5, (70, 72, 76))
        p.ellipse(0, 1.55, 0.13, 0.1, (250, 236, 190))
    elif kind == "cone":
        p.polygon([(-0.17, 0.05), (0.17, 0.05), (0.03, 0.55), (-0.03, 0.55)], (230, 96, 36))
        p.polygon([(-0.11, 0.22), (0.11, 0.22), (0.075, 0.36), (-0.075, 0.36)], (244, 242, 238))
        p.rect(-0.22, 0, 0.22, 0.06, (60, 58, 58))
    elif kind == "sign":
        p.rect(-0.025, 0, 0.025, 1.1, (150, 152, 156))
        p.ellipse(0, 1.2, 0.22, 0.22, (244, 244, 240))
        p.ellipse(0, 1.2, 0.18, 0.18, tint)
        p.rect(-0.1, 1.17, 0.1, 1.23, (244, 244, 240))
    elif kind in ("hydrant", "buoy", "jar", "vase", "bin"):
        p.blob([(-0.17, 0), (-0.2, 0.3), (-0.12, 0.56), (0.12, 0.56), (0.2, 0.3), (0.17, 0)], tint)
        p.rect(-0.2, 0.3, 0.2, 0.37, scaled(tint, 0.7))
        p.ellipse(0, 0.58, 0.13, 0.06, scaled(tint, 0.8))
        if kind == "vase":
            for k in (-1, 0, 1):
                p.line([(k * 0.04, 0.56), (k * 0.2, 0.98)], 0.03, (80, 120, 66))
                p.ellipse(k * 0.21, 1.0, 0.1, 0.1, mix(tint, (255, 236, 190), 0.6))
    elif kind == "person":
        skin = rng.choice([(224, 180, 150), (150, 104, 76), (98, 68, 52)])
        p.limb([(-0.07, 0.5), (-0.09, 0.02)], 0.11, (58, 62, 84))
        p.limb([(0.07, 0.5), (0.1, 0.02)], 0.11, (50, 54, 74))
        p.blob([(-0.16, 0.48), (-0.18, 0.85), (0, 0.95), (0.18, 0.85), (0.16, 0.48)], tint)
        p.ellipse(0, 1.06, 0.11, 0.13, skin)
    elif kind == "fence":
        for k in range(-3, 4):
            p.rect(k * 0.3 - 0.04, 0, k * 0.3 + 0.04, 0.55, (156, 124, 90))
        for y in (0.18, 0.4):
            p.rect(-1.1, y, 1.1, y + 0.07, (170, 138, 102))
    elif kind == "rock":
        grey = jittered((126, 122, 118), rng, 16)
        p.blob([(-0.36, 0), (-0.3, 0.2), (-0.05, 0.32), (0.24, 0.22), (0.36, 0)], grey)
        p.blob([(-0.2, 0.14), (-0.05, 0.28), (0.1, 0.2), (-0.05, 0.12)], scaled(grey, 1.15))
    elif kind == "post":
        p.rect(-0.07, -0.1, 0.07, 0.8, (104, 84, 64))
        p.rect(-0.07, 0.7, 0.07, 0.8, (150, 130, 106))
    elif kind == "gull":
        p.limb([(-0.34, 0.16), (-0.14, 0.24), (0, 0.12), (0.14, 0.24), (0.34, 0.16)], 0.05, (240, 240, 238))
    elif kind == "parasol":
        p.rect(-0.02, 0, 0.02, 1.1, (220, 216, 206))
        p.polygon([(-0.6, 0.9), (0, 1.3), (0.6, 0.9)], tint)
        p.polygon([(-0.2, 0.9), (0, 1.3), (0.2, 0.9)], (244, 240, 230))
    elif kind in ("ball", "fruit"):
        p.ellipse(0, 0.2, 0.22, 0.22, tint)
        p.ellipse(-0.06, 0.28, 0.07, 0.06, mix(tint, (255, 255, 255), 0.55))
        p.line([(-0.2, 0.18), (0, 0.12), (0.2, 0.18)], 0.03, scaled(tint, 0.7))
    elif kind in ("book", "phone"):
        for k in range(1 if kind == "phone" else rng.randint(1, 3)):
            shade = scaled(tint, 1.0 - 0.22 * k)
            p.polygon([(-0.42, 0.1 * k), (0.34, 0.1 * k), (0.34, 0.1 * k + 0.08), (-0.42, 0.1 * k + 0.08)], shade)
            p.polygon(
                [(-0.42, 0.1 * k + 0.08), (0.34, 0.1 * k + 0.08), (0.46, 0.1 * k + 0.2), (-0.3, 0.1 * k + 0.2)],
                scaled(shade, 1.2),
            )
    elif kind == "spoon":
        p.limb([(-0.5, 0), (0.2, 0.06)], 0.05, (170, 172, 176))
        p.ellipse(0.32, 0.07, 0.15, 0.07, (190, 192, 196))
    elif kind == "box":
        view.prism([(-0.3, 0), (0.3, 0), (0.3, 0.42), (-0.3, 0.42)], 0.25, (182, 142, 96))
        p.rect(-0.05, 0, 0.05, 0.42, (206, 176, 130))
    else:
        p.blob([(-0.4, 0.02), (-0.42, 0.36), (0, 0.4), (0.42, 0.36), (0.4, 0.02), (0, 0)], tint)
        p.blob([(-0.3, 0.08), (-0.3, 0.3), (0, 0.33), (0.3, 0.3), (0.3, 0.08)], scaled(tint, 1.12))
