"""Drawing in object coordinates: affine planes, an orthographic 3-D view, shaded solids, smooth outlines.

Everything is drawn on a supersampled RGBA layer; x is right, y up, z towards the viewer, one unit is about
half the length of the subject.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from PIL import ImageDraw

Colour = tuple[float, float, float]
Point = tuple[float, float]
Point3 = tuple[float, float, float]

LIGHT: Point3 = (-0.35, 0.78, 0.52)  # towards the light, in the viewer's frame


def scaled(colour: Colour, k: float) -> Colour:
    """`colour` made darker (k < 1) or brighter (k > 1)."""
    return (min(colour[0] * k, 255.0), min(colour[1] * k, 255.0), min(colour[2] * k, 255.0))


def mix(a: Colour, b: Colour, t: float) -> Colour:
    """`a` at t = 0, `b` at t = 1."""
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def jittered(colour: Colour, rng: Random, amount: float = 14.0) -> Colour:
    """`colour` with each channel moved by up to `amount`."""
    r, g, b = (min(255.0, max(0.0, c + rng.uniform(-amount, amount))) for c in colour)
    return (r, g, b)


def ink(colour: Colour) -> tuple[int, int, int]:
    """`colour` as Pillow takes it."""
    return (int(colour[0]), int(colour[1]), int(colour[2]))


def smooth(points: Sequence[Point], closed: bool = True, steps: int = 6) -> list[Point]:
    """A Catmull-Rom curve through `points`, `steps` pieces between neighbours."""
    n = len(points)
    curve: list[Point] = []
    for i in range(n if closed else n - 1):
        if closed:
            p0, p1, p2, p3 = points[i - 1], points[i], points[(i + 1) % n], points[(i + 2) % n]
        else:
            p0, p1, p2, p3 = points[max(i - 1, 0)], points[i], points[i + 1], points[min(i + 2, n - 1)]
        for k in range(steps):
            t = k / steps
            t2, t3 = t * t, t * t * t
            a, b, c, d = -t3 + 2 * t2 - t, 3 * t3 - 5 * t2 + 2, -3 * t3 + 4 * t2 + t, t3 - t2
            curve.append(
                (
                    0.5 * (a * p0[0] + b * p1[0] + c * p2[0] + d * p3[0]),
                    0.5 * (a * p0[1] + b * p1[1] + c * p2[1] + d * p3[1]),
                )
            )
    if not closed:
        curve.append(points[-1])
    return curve


def ring(cx: float, cy: float, rx: float, ry: float, start: float = 0.0, stop: float = 360.0) -> list[Point]:
    """Points of an ellipse's arc, degrees counter-clockwise."""
    n = max(6, int(28 * abs(stop - start) / 360))
    angles = (math.radians(start + (stop - start) * i / n) for i in range(n + 1))
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles]


@dataclass(frozen=True)
class Plane:
    """A flat surface in the picture: plane coordinates (u, v) land on pixels by an affine map."""

    draw: ImageDraw.ImageDraw
    a: float
    b: float
    c: float
    d: float
    tx: float
    ty: float

    def at(self, u: float, v: float) -> Point:
        """Pixel of (u, v)."""
        return (self.a * u + self.b * v + self.tx, self.c * u + self.d * v + self.ty)

    @property
    def unit(self) -> float:
        """Pixels that one plane unit is long, on average."""
        return math.sqrt(abs(self.a * self.d - self.b * self.c))

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """Fill a polygon."""
        self.draw.polygon([self.at(u, v) for u, v in points], fill=ink(fill))

    def blob(self, points: Sequence[Point], fill: Colour) -> None:
        """Fill the smooth closed curve through `points`."""
        self.polygon(smooth(points), fill)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float, fill: Colour) -> None:
        """Fill an ellipse."""
        self.polygon(ring(cx, cy, rx, ry), fill)

    def rect(self, x0: float, y0: float, x1: float, y1: float, fill: Colour, radius: float = 0.0) -> None:
        """Fill a rectangle, its corners cut by `radius`."""
        r = min(radius, abs(x1 - x0) / 2, abs(y1 - y0) / 2)
        if r <= 0:
            self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill)
            return
        corners: list[Point] = []
        for cx, cy, start in (
            (x1 - r, y1 - r, 0),
            (x0 + r, y1 - r, 90),
            (x0 + r, y0 + r, 180),
            (x1 - r, y0 + r, 270),
        ):
            corners += [
                (cx + r * math.cos(math.radians(start + k)), cy + r * math.sin(math.radians(start + k)))
                for k in (0, 30, 60, 90)
            ]
        self.polygon(corners, fill)

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """Draw a line of `width` plane units with round joints."""
        pixels = max(1, round(width * self.unit))
        self.draw.line([self.at(u, v) for u, v in points], fill=ink(fill), width=pixels, joint="curve")

    def limb(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A thick smooth line with round ends: a leg, a tail, a handle."""
        curve = smooth(points, closed=False)
        self.line(curve, width, fill)
        for u, v in (points[0], points[-1]):
            self.ellipse(u, v, width / 2, width / 2, fill)


@dataclass(frozen=True)
class View:
    """An orthographic camera on a layer: yaw and pitch of the subject, roll, scale and position in pixels."""

    draw: ImageDraw.ImageDraw
    x: float
    y: float
    scale: float
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    flip: bool = False
    _rows: tuple[Point3, Point3, Point3] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        cy, sy, cp, sp = math.cos(self.yaw), math.sin(self.yaw), math.cos(self.pitch), math.sin(self.pitch)
        right = (cy, 0.0, -sy)
        up = (-sy * sp, cp, -cy * sp)
        towards = (sy * cp, sp, cy * cp)
        c, s = math.cos(self.roll), math.sin(self.roll)
        side = -1.0 if self.flip else 1.0
        px = tuple(side * (c * r - s * u) for r, u in zip(right, up, strict=True))
        py = tuple(-(s * r + c * u) for r, u in zip(right, up, strict=True))
        object.__setattr__(self, "_rows", (px, py, towards))

    @property
    def towards(self) -> Point3:
        """The direction to the viewer, in the subject's coordinates."""
        return self._rows[2]

    def at(self, p: Point3) -> Point:
        """Pixel of a point in space."""
        (ax, ay, az), (bx, by, bz), _ = self._rows
        s = self.scale
        return (
            self.x + s * (ax * p[0] + ay * p[1] + az * p[2]),
            self.y + s * (bx * p[0] + by * p[1] + bz * p[2]),
        )

    def depth(self, p: Point3) -> float:
        """How near a point is to the viewer."""
        t = self._rows[2]
        return t[0] * p[0] + t[1] * p[1] + t[2] * p[2]

    def plane(self, origin: Point3, u: Point3 = (1, 0, 0), v: Point3 = (0, 1, 0)) -> Plane:
        """The plane through `origin` along the vectors `u` and `v`."""
        (ox, oy), s = self.at(origin), self.scale
        rx, ry, _ = self._rows
        return Plane(
            self.draw,
            s * sum(map(float.__mul__, map(float, rx), map(float, u))),
            s * sum(map(float.__mul__, map(float, rx), map(float, v))),
            s * sum(map(float.__mul__, map(float, ry), map(float, u))),
            s * sum(map(float.__mul__, map(float, ry), map(float, v))),
            ox,
            oy,
        )

    def lit(self, colour: Colour, normal: Point3) -> Colour:
        """`colour` of a face with this outward normal (subject's coordinates, any length)."""
        length = math.sqrt(sum(n * n for n in normal)) or 1.0
        rx, ry, rz = self._rows
        seen = [sum(r * n for r, n in zip(row, normal, strict=True)) / length for row in (rx, ry, rz)]
        lambert = seen[0] * LIGHT[0] - seen[1] * LIGHT[1] + seen[2] * LIGHT[2]
        return scaled(colour, 0.62 + 0.46 * max(lambert, -0.3))

    def face(self, points: Sequence[Point3], fill: Colour) -> None:
        """Fill a polygon in space."""
        self.draw.polygon([self.at(p) for p in points], fill=ink(fill))

    def prism(
        self, profile: Sequence[Point], half_width: Callable[[float, float], float] | float, fill: Colour
    ) -> None:
        """A solid with the side outline `profile` (counter-clockwise), `half_width(x, y)` wide each way in z.

        Faces turned away are left out; the rest are drawn far to near, the near side last.
        """
        width = half_width if callable(half_width) else (lambda _x, _y, w=half_width: w)
        near = [(x, y, width(x, y)) for x, y in profile]
        far = [(x, y, -z) for x, y, z in near]
        towards = self.towards
        strips = []
        for i in range(len(profile)):
            j = (i + 1) % len(profile)
            normal = (profile[j][1] - profile[i][1], profile[i][0] - profile[j][0], 0.0)
            if normal[0] * towards[0] + normal[1] * towards[1] > 0:
                quad = (near[i], near[j], far[j], far[i])
                middle = ((near[i][0] + near[j][0]) / 2, (near[i][1] + near[j][1]) / 2, 0.0)
                strips.append((self.depth(middle), quad, self.lit(fill, normal)))
        for _, quad, shade in sorted(strips, key=lambda strip: strip[0]):
            self.face(quad, shade)
        self.face(near, self.lit(fill, (0, 0, 1)))


@dataclass(frozen=True)
class Subject:
    """Something to be drawn: its nominal size in units, how it may be looked at, and where it is usually found."""

    category: str
    attributes: dict[str, Any]
    width: float
    height: float
    setting: str
    yaw: tuple[float, float]
    pitch: tuple[float, float]
    draw: Callable[[View], None]
