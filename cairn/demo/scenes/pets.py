"""Cats and dogs, sitting, standing or close up: the same build from different parts.

A cat has a short face, slit pupils, whiskers and a long tail; a dog has a muzzle, a large nose, and ears that
hang or stand. Coats, poses and the tilt of the head are shared, so that the face has to be looked at.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from cairn.demo.scenes.canvas import Colour, Plane, Point, Subject, View, jittered, mix, scaled

__all__ = ["cat", "dog"]

_COATS: list[Colour] = [
    (58, 56, 58), (150, 148, 146), (206, 140, 74), (232, 224, 208), (122, 84, 54), (196, 164, 118),
    (168, 92, 46), (92, 88, 90),
]  # fmt: skip


@dataclass(frozen=True)
class Coat:
    """Fur: its colour, that of the chest and muzzle, and the pattern on top."""

    fur: Colour
    pale: Colour
    mark: Colour
    pattern: str


def _coat(rng: Random, patterns: list[str]) -> Coat:
    fur = jittered(rng.choice(_COATS), rng, 16)
    pale = mix(fur, (246, 240, 230), rng.choice([0.15, 0.5, 0.85]))
    mark = scaled(fur, 0.55) if sum(fur) > 220 else mix(fur, (176, 132, 88), 0.7)
    return Coat(fur, pale, mark, rng.choice(patterns))


def _fringe(points: list[Point], rng_phase: float, depth: float) -> list[Point]:
    """A furry outline: every second point pulled in a little."""
    n = len(points)
    cx, cy = sum(p[0] for p in points) / n, sum(p[1] for p in points) / n
    tufted = []
    for k, (x, y) in enumerate(points):
        pull = 1 - depth * (0.5 + 0.5 * math.sin(k * 2.4 + rng_phase))
        tufted.append((cx + (x - cx) * pull, cy + (y - cy) * pull))
    return tufted


def _sitting(plane: Plane, coat: Coat, tail: list[Point], tail_width: float, stout: float) -> None:
    """Body of a sitting animal, seen from the front; the head comes at (0, 1.05)."""
    plane.limb(tail, tail_width, scaled(coat.fur, 0.85))
    for side in (-1, 1):
        plane.ellipse(side * 0.42 * stout, 0.24, 0.27 * stout, 0.25, scaled(coat.fur, 0.86))
        plane.ellipse(side * 0.46 * stout, 0.05, 0.2, 0.085, scaled(coat.pale, 0.86))
    plane.blob([(-0.46 * stout, 0.12), (-0.44 * stout, 0.5), (-0.3 * stout, 0.86), (0, 1.05),
               (0.3 * stout, 0.86),
                (0.44 * stout, 0.5), (0.46 * stout, 0.12), (0, 0.04)], coat.fur)  # fmt: skip
    plane.blob([(-0.2, 0.4), (-0.18, 0.82), (0.18, 0.82), (0.2, 0.4), (0, 0.26)], coat.pale)
    if coat.pattern == "stripes":
        for side in (-1, 1):
            for k in range(3):
                y = 0.36 + 0.17 * k
                plane.line([(side * 0.43 * stout, y), (side * 0.27 * stout, y - 0.05)], 0.05, coat.mark)
    elif coat.pattern == "patches":
        plane.blob([(0.16, 0.5), (0.3, 0.8), (0.42 * stout, 0.5), (0.36, 0.3)], coat.mark)
    for side in (-1, 1):
        plane.limb([(side * 0.15, 0.62), (side * 0.16, 0.3), (side * 0.15, 0.07)], 0.19, scaled(coat.fur, 0.97))
        plane.ellipse(side * 0.15, 0.05, 0.125, 0.07, coat.pale)


def _standing(plane: Plane, coat: Coat, tail: list[Point], tail_width: float, stout: float, leg: float) -> None:
    """Body of a standing animal seen from the side, its head at (0.66, leg + 0.62)."""
    belly = leg + 0.02
    for x, dark in ((-0.52, 0.66), (0.44, 0.66)):
        plane.limb([(x, belly + 0.2), (x - 0.03, leg * 0.5), (x + 0.02, 0.05)], 0.15, scaled(coat.fur, dark))
    plane.limb(tail, tail_width, coat.fur)
    plane.blob([(-0.74, belly + 0.2), (-0.6, belly + 0.46 * stout), (0, belly + 0.44 * stout),
               (0.55, belly + 0.52 * stout),
                (0.72, belly + 0.24), (0.5, belly), (0, belly + 0.04),
                (-0.55, belly + 0.02)], coat.fur)  # fmt: skip
    if coat.pattern == "stripes":
        for k in range(6):
            x = -0.55 + 0.19 * k
            plane.line([(x, belly + 0.44 * stout), (x + 0.05, belly + 0.16)], 0.05, coat.mark)
    elif coat.pattern == "patches":
        plane.blob(
            [(-0.5, belly + 0.3), (-0.3, belly + 0.45 * stout), (0.0, belly + 0.36), (-0.2, belly + 0.14)],
            coat.mark,
        )
    for x in (-0.62, 0.56):
        plane.limb([(x, belly + 0.18), (x + 0.03, leg * 0.5), (x, 0.06)], 0.17, scaled(coat.fur, 0.92))
        plane.ellipse(x + 0.04, 0.05, 0.12, 0.06, coat.pale)
    plane.limb([(0.5, belly + 0.3), (0.66, belly + 0.5)], 0.34, coat.fur)


def _eyes(head: Plane, x: float, y: float, size: float, iris: Colour, slit: float, gaze: float) -> None:
    for side in (-1, 1):
        cx = side * x
        head.ellipse(cx, y, size * 1.12, size * 1.05, (24, 20, 18))
        head.ellipse(cx, y, size, size * 0.92, iris)
        head.ellipse(cx + gaze * size, y, size * slit, size * 0.82, (12, 11, 12))
        head.ellipse(cx + gaze * size - size * 0.25, y + size * 0.35, size * 0.2, size * 0.2, (250, 250, 250))


def cat(rng: Random) -> Subject:
    """A cat; attribute `pose`."""
    coat = _coat(rng, ["stripes", "stripes", "patches", "plain"])
    wide = rng.uniform(0.48, 0.58)
    ear = rng.uniform(0.28, 0.44)
    folded = rng.random() < 0.14
    eye_size, slit = rng.uniform(0.09, 0.13), rng.uniform(0.22, 0.75)
    iris = jittered(rng.choice([(196, 178, 60), (120, 168, 84), (110, 160, 196), (206, 140, 52)]), rng, 16)
    gaze, phase = rng.uniform(-0.2, 0.2), rng.uniform(0, 6)
    nose = jittered(rng.choice([(206, 124, 118), (60, 46, 44)]), rng, 10)

    def face(head: Plane) -> None:
        for side in (-1, 1):
            tip = (side * (wide * 0.78), 0.22 + ear) if not folded else (side * wide * 0.95, 0.34)
            head.polygon([(side * wide * 0.96, 0.12), tip, (side * wide * 0.24, 0.4)], coat.fur)
            inner = (tip[0] * 0.97, tip[1] - 0.1)
            head.polygon(
                [(side * wide * 0.82, 0.2), inner, (side * wide * 0.42, 0.36)], mix(coat.fur, (214, 150, 140), 0.6)
            )
        outline = [(-wide, -0.02), (-wide * 0.82, 0.32), (-wide * 0.4, 0.44), (0, 0.45),
                   (wide * 0.4, 0.44), (wide * 0.82, 0.32),
                   (wide, -0.02), (wide * 0.86, -0.24), (wide * 0.4, -0.4), (0, -0.43),
                   (-wide * 0.4, -0.4), (-wide * 0.86, -0.24)]  # fmt: skip
        head.blob(_fringe(outline, phase, 0.06), coat.fur)
        if coat.pattern == "stripes":
            for x in (-0.14, 0.0, 0.14):
                head.line([(x * 0.8, 0.2), (x, 0.42)], 0.05, coat.mark)
            for side in (-1, 1):
                head.line([(side * wide * 0.92, -0.06), (side * wide * 0.66, -0.1)], 0.04, coat.mark)
        elif coat.pattern == "patches":
            head.blob([(0.02, 0.42), (wide * 0.6, 0.36), (wide * 0.86, 0.04), (wide * 0.4, -0.04)], coat.mark)
        head.blob(
            [
                (-0.2, -0.14),
                (-0.1, -0.04),
                (0, 0.1),
                (0.1, -0.04),
                (0.2, -0.14),
                (0.16, -0.3),
                (0, -0.34),
                (-0.16, -0.3),
            ],
            coat.pale,
        )
        _eyes(head, wide * 0.46, 0.08, eye_size, iris, slit, gaze)
        head.polygon([(-0.055, -0.1), (0.055, -0.1), (0, -0.16)], nose)
        for side in (-1, 1):
            head.line([(0, -0.16), (side * 0.03, -0.22), (side * 0.1, -0.22)], 0.018, (60, 44, 40))
            for k in (-1, 0, 1):
                head.line(
                    [(side * 0.16, -0.17 + 0.02 * k), (side * (wide + 0.14), -0.16 + 0.09 * k)],
                    0.01,
                    (240, 238, 232),
                )

    side = rng.choice([-1, 1])
    tail = [
        (0.3 * side, 0.12),
        (0.72 * side, 0.1),
        (0.86 * side, rng.uniform(0.2, 0.6)),
        (0.66 * side, rng.uniform(0.4, 0.9)),
    ]
    high = rng.uniform(0.7, 1.25)
    side_tail = [(-0.66, 0.62), (-0.94, 0.74), (-0.98, high), (-0.8, high + 0.12)]
    return _pet(rng, "cat", coat, face, tail, side_tail, rng.uniform(0.1, 0.14), rng.uniform(0.85, 1.1), 0.36)


def dog(rng: Random) -> Subject:
    """A dog; attribute `pose`."""
    coat = _coat(rng, ["patches", "patches", "plain", "stripes"])
    wide = rng.uniform(0.42, 0.54)
    ears = rng.choice(["hang", "hang", "fold", "stand", "stand"])
    muzzle = rng.uniform(0.2, 0.3)
    snout = rng.uniform(0.24, 0.4)  # how far below the eyes the nose lies
    eye_size = rng.uniform(0.065, 0.1)
    iris = jittered(rng.choice([(96, 62, 36), (70, 48, 32), (128, 88, 44)]), rng, 8)
    tongue = rng.random() < 0.4
    gaze, phase = rng.uniform(-0.2, 0.2), rng.uniform(0, 6)
    ear_length = rng.uniform(0.4, 0.68)
    ear_fur = coat.mark if rng.random() < 0.5 else scaled(coat.fur, 0.8)

    def face(head: Plane) -> None:
        for side in (-1, 1):
            if ears == "stand":
                head.polygon(
                    [
                        (side * wide * 0.98, 0.12),
                        (side * wide * 0.84, 0.34 + ear_length * 0.6),
                        (side * wide * 0.26, 0.4),
                    ],
                    ear_fur,
                )
                head.polygon([(side * wide * 0.82, 0.2), (side * wide * 0.8, 0.24 + ear_length * 0.55),
                             (side * wide * 0.44, 0.36)],
                             mix(ear_fur, (206, 150, 140), 0.5))  # fmt: skip
        outline = [(-wide, 0.06), (-wide * 0.84, 0.34), (-wide * 0.4, 0.46), (0, 0.46),
                   (wide * 0.4, 0.46), (wide * 0.84, 0.34),
                   (wide, 0.06), (wide * 0.8, -0.2), (wide * 0.5, -0.4), (0, -0.5), (-wide * 0.5, -0.4),
                   (-wide * 0.8, -0.2)]  # fmt: skip
        head.blob(_fringe(outline, phase, 0.05), coat.fur)
        if coat.pattern == "patches":
            head.blob([(0.06, 0.44), (wide * 0.6, 0.38), (wide * 0.86, 0.04), (wide * 0.4, -0.08)], coat.mark)
        elif coat.pattern == "stripes":
            head.line([(0, 0.08), (0, 0.44)], 0.12, coat.pale)
        for side in (-1, 1):
            if ears == "hang":
                head.blob([(side * wide * 0.5, 0.44), (side * wide * 1.02, 0.34), (side * wide * 1.3, -0.02),
                           (side * wide * 1.2, 0.3 - ear_length), (side * wide * 0.9, 0.34 - ear_length),
                           (side * wide * 0.84, 0.06)], ear_fur)  # fmt: skip
            elif ears == "fold":
                head.polygon(
                    [
                        (side * wide * 0.4, 0.44),
                        (side * wide * 0.9, 0.5),
                        (side * wide * 1.16, 0.2),
                        (side * wide * 0.8, 0.24),
                    ],
                    ear_fur,
                )
        if tongue:
            head.blob([(-0.08, -snout - 0.1), (0.08, -snout - 0.1), (0.09, -snout - 0.28),
                      (0, -snout - 0.34), (-0.09, -snout - 0.28)],
                      (222, 110, 116))  # fmt: skip
        head.blob([(-muzzle * 0.7, 0.0), (-muzzle, -snout * 0.9), (-muzzle * 0.6, -snout - 0.16),
                  (0, -snout - 0.19),
                   (muzzle * 0.6, -snout - 0.16), (muzzle, -snout * 0.9), (muzzle * 0.7, 0.0),
                   (0, 0.1)], coat.pale)  # fmt: skip
        _eyes(head, wide * 0.44, 0.12, eye_size, iris, 0.6, gaze)
        head.blob([(-0.1, -snout + 0.09), (0, -snout + 0.12), (0.1, -snout + 0.09), (0.07, -snout),
                  (0, -snout - 0.04), (-0.07, -snout)],
                  (30, 27, 28))  # fmt: skip
        head.ellipse(-0.03, -snout + 0.08, 0.03, 0.018, (120, 118, 120))
        head.line([(0, -snout - 0.02), (0, -snout - 0.1)], 0.02, (44, 36, 34))
        for side in (-1, 1):
            head.line(
                [(0, -snout - 0.1), (side * 0.1, -snout - 0.12), (side * muzzle * 0.7, -snout - 0.06)],
                0.02,
                (44, 36, 34),
            )

    side = rng.choice([-1, 1])
    tail = [(0.3 * side, 0.14), (0.6 * side, 0.2), (0.76 * side, rng.uniform(0.3, 0.6))]
    high = rng.uniform(0.5, 1.1)
    side_tail = [(-0.66, 0.66), (-0.86, 0.78), (-0.96, high + 0.2)]
    return _pet(
        rng,
        "dog",
        coat,
        face,
        tail,
        side_tail,
        rng.uniform(0.1, 0.16),
        rng.uniform(0.9, 1.18),
        rng.uniform(0.32, 0.5),
    )


def _pet(
    rng: Random, category: str, coat: Coat, face: Callable[[Plane], None], tail: list[Point],
                                                           side_tail: list[Point],
    tail_width: float, stout: float, leg: float,
) -> Subject:  # fmt: skip
    """Put a body under a face in one of three poses."""
    pose = rng.choice(["portrait", "sitting", "sitting", "standing"])
    tilt = rng.uniform(-0.3, 0.3)
    turn = rng.uniform(0.84, 1.0)  # a head turned a little away is narrower

    def head_at(view: View, x: float, y: float, size: float) -> Plane:
        c, s = math.cos(tilt) * size, math.sin(tilt) * size
        return view.plane((x, y, 0.3), (c * turn, s * turn, 0.0), (-s, c, 0.0))

    def draw(view: View) -> None:
        body = view.plane((0, 0, 0))
        if pose == "portrait":
            body.blob([(-0.62, -0.3), (-0.52, 0.2), (0, 0.5), (0.52, 0.2), (0.62, -0.3)], scaled(coat.fur, 0.9))
            body.blob([(-0.28, -0.28), (-0.22, 0.2), (0.22, 0.2), (0.28, -0.28)], scaled(coat.pale, 0.92))
            face(head_at(view, 0, 0.72, 1.1))
        elif pose == "sitting":
            _sitting(body, coat, tail, tail_width, stout)
            face(head_at(view, 0, 1.16, 0.86))
        else:
            _standing(body, coat, side_tail, tail_width, stout, leg)
            face(head_at(view, 0.68, leg + 0.66, 0.66))

    width, height = {"portrait": (1.4, 1.5), "sitting": (1.5, 1.75), "standing": (2.1, 1.5)}[pose]
    return Subject(category, {"pose": pose}, width, height, "pet", (-0.28, 0.28), (0.0, 0.12), draw)
