// Points and outlines in pixels of the whole picture: origin top left, x right, y down.

// Eighths of a pixel are exact in binary, so that x + w never reaches past the edge by a rounding.
export const round = (value) => Math.round(value * 8) / 8;

// Inside the picture, and onto its edge when within `reach`.
export function snap({ x, y }, { width, height }, reach) {
  const one = (value, most) => (value <= reach ? 0 : value >= most - reach ? most : round(value));
  return { x: one(x, width), y: one(y, height) };
}

export function boxAround(points) {
  const xs = points.map((p) => p.x);
  const ys = points.map((p) => p.y);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, w: Math.max(...xs) - x, h: Math.max(...ys) - y };
}

export const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

function fromSegment(p, a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const along = length ? Math.max(0, Math.min(1, ((p.x - a.x) * dx + (p.y - a.y) * dy) / length)) : 0;
  return Math.hypot(p.x - a.x - along * dx, p.y - a.y - along * dy);
}

// Douglas and Peucker (1973): the fewest of the points from which no other is farther than `tolerance`.
export function simplify(points, tolerance) {
  if (points.length < 3) return points;
  const [first, last] = [points[0], points.at(-1)];
  let [far, at] = [0, 0];
  for (let k = 1; k < points.length - 1; k += 1) {
    const d = fromSegment(points[k], first, last);
    if (d > far) [far, at] = [d, k];
  }
  if (far <= tolerance) return [first, last];
  return [...simplify(points.slice(0, at + 1), tolerance).slice(0, -1), ...simplify(points.slice(at), tolerance)];
}

// Even-odd rule: whether a point lies inside a ring.
export function inside(p, ring) {
  let odd = false;
  for (let k = 0, j = ring.length - 1; k < ring.length; j = k, k += 1) {
    const [a, b] = [ring[k], ring[j]];
    if (a.y > p.y !== b.y > p.y && p.x < ((b.x - a.x) * (p.y - a.y)) / (b.y - a.y) + a.x) odd = !odd;
  }
  return odd;
}
