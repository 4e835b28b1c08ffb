// Polygons: click along an outline, or drag to trace it; corners can be moved, added and removed; holes.
import { byId, categories, toast } from "./work.js";
import { Drawing } from "./drawing.js";
import { svg } from "./view.js";
import { distance, inside, round, simplify } from "./geometry.js";
import { t } from "./words.js";

const GRIP = 5; // screen pixels, a corner's radius
const REACH = 12;
const STEP = 4; // a traced point every so many screen pixels
const TOLERANCE = 1.5; // of the traced outline, in screen pixels
const points = (ring) => ring.map((p) => `${p.x},${p.y}`).join(" ");
const path = (rings) => rings.map((ring) => `M${points(ring).replaceAll(" ", "L")}Z`).join("");

const tool = {
  ring: [], // corners of the outline being drawn
  trace: null, // where a dragged trace began in `ring`
  hole: false,
  corner: null, // [ring, corner] of the chosen object
  before: null,
  lastClick: 0,

  fromAnswer: (answer) => (answer.shapes ?? []).map(({ category, rings }) => ({ category, rings: rings.map((ring) => ring.map(([x, y]) => ({ x, y }))) })),
  toAnswer: (objects) => ({ shapes: objects.map(({ category, rings }) => ({ category, rings: rings.map((ring) => ring.map(({ x, y }) => [x, y])) })) }),
  busy() { return this.ring.length > 0; },
  abandon() { this.ring = []; this.hole = false; this.corner = null; this.tell(); },
  chose() { this.corner = null; },
  stepBack() { if (this.trace !== null) this.ring.length = this.trace; else this.ring.pop(); this.trace = null; },
  label: ({ rings }) => `${rings[0].length}${rings.length > 1 ? ` · ${rings.length - 1} ${t("hole")}` : ""}`,

  middle({ x, y, w, h }) {
    const [left, top, right, bottom] = [x + w / 4, y + h / 4, x + (3 * w) / 4, y + (3 * h) / 4].map(round);
    return { rings: [[{ x: left, y: top }, { x: right, y: top }, { x: right, y: bottom }, { x: left, y: bottom }]] };
  },

  // One corner where one is chosen, else all of them.
  nudge(shape, dx, dy) {
    const { width, height } = this.drawing.view;
    const moved = this.corner ? [shape.rings[this.corner[0]][this.corner[1]]] : shape.rings.flat();
    const within = (values, d, most) => Math.max(-Math.min(...values), Math.min(most - Math.max(...values), d));
    const [mx, my] = [within(moved.map((p) => p.x), dx, width), within(moved.map((p) => p.y), dy, height)];
    for (const p of moved) { p.x += mx; p.y += my; }
  },

  draw({ category, rings }, chosen) {
    const { view } = this.drawing;
    const name = svg("text", { x: rings[0][0].x + view.px(6), y: rings[0][0].y + view.px(16), "font-size": view.px(14) });
    name.textContent = categories.get(category)?.name ?? "";
    const parts = [svg("path", { class: "line", "fill-rule": "evenodd", d: path(rings) }), name];
    if (!chosen) return parts;
    rings.forEach((ring, r) => ring.forEach((p, k) => {
      const next = ring[(k + 1) % ring.length];
      parts.push(svg("circle", { class: "between", cx: (p.x + next.x) / 2, cy: (p.y + next.y) / 2, r: view.px(GRIP - 2) }));
      const own = this.corner?.[0] === r && this.corner[1] === k;
      parts.push(svg("circle", { class: own ? "grip own" : "grip", cx: p.x, cy: p.y, r: view.px(own ? GRIP + 2 : GRIP) }));
    }));
    return parts;
  },

  unfinished() {
    const { view } = this.drawing;
    if (!this.ring.length) return [];
    const first = this.ring[0];
    return [
      svg("polyline", { class: "rubber", points: points(this.ring) }),
      svg("circle", { class: "point", cx: first.x, cy: first.y, r: view.px(GRIP + 2) }),
    ];
  },

  handleAt(event) {
    const { view, object, objects } = this.drawing;
    const p = view.at(event);
    const reach = view.px(REACH);
    if (this.busy()) return null;
    if (object && !this.hole) {
      for (const [r, ring] of object.rings.entries()) {
        const k = ring.findIndex((corner) => distance(corner, p) <= reach);
        if (k >= 0) return { corner: [r, k] };
        const between = ring.findIndex((corner, i) => {
          const next = ring[(i + 1) % ring.length];
          return distance({ x: (corner.x + next.x) / 2, y: (corner.y + next.y) / 2 }, p) <= reach / 2;
        });
        if (between >= 0) return { corner: [r, between + 1], insert: true };
      }
    }
    if (this.hole) return null;
    const k = objects.findLastIndex((shape, i) => i !== this.drawing.chosen && shape.rings.reduce((odd, ring) => odd !== inside(p, ring), false));
    return k < 0 ? null : { choose: k };
  },

  press(p, handle) {
    this.trace = null;
    if (!handle?.corner) return;
    this.drawing.keep();
    const [r, k] = handle.corner;
    if (handle.insert) this.drawing.object.rings[r].splice(k, 0, this.drawing.snapped(p));
    this.corner = handle.corner;
    this.before = { ...this.drawing.object.rings[r][k] };
    this.drawing.paint();
  },

  drag(p, handle) {
    const now = this.drawing.snapped(p);
    if (handle?.corner) Object.assign(this.drawing.object.rings[handle.corner[0]][handle.corner[1]], now);
    else if (!handle || handle.choose !== undefined) {
      this.trace ??= this.ring.length;
      const last = this.ring.at(-1);
      if (!last || distance(last, now) >= this.drawing.view.px(STEP)) this.ring.push(now);
    }
    this.drawing.paint();
  },

  release(p, handle, moved) {
    const { drawing } = this;
    if (handle?.corner) { if (!moved && !handle.insert) drawing.edits.pop(); drawing.paint(); return; }
    if (moved && this.trace !== null) {
      const alone = this.trace === 0;
      const traced = simplify(this.ring.slice(this.trace), drawing.view.px(TOLERANCE));
      this.ring.splice(this.trace, Infinity, ...traced);
      this.tell();
      if (alone) this.close(); else drawing.paint(); // traced in one go: it is closed
      return;
    }
    if (handle) { drawing.choose(handle.choose); return; }
    const now = drawing.snapped(p);
    const twice = performance.now() - this.lastClick < 350 && this.ring.length && distance(this.ring.at(-1), now) <= drawing.view.px(REACH);
    this.lastClick = performance.now();
    if (this.ring.length >= 3 && (twice || distance(this.ring[0], now) <= drawing.view.px(REACH))) { this.close(); return; }
    if (!twice) this.ring.push(now);
    this.tell();
    drawing.paint();
  },

  close() {
    const { drawing, ring } = this;
    this.trace = null;
    if (ring.length < 3) { toast(t("too_small")); this.abandon(); drawing.paint(); return; }
    this.ring = [];
    if (!this.hole) { drawing.put({ rings: [ring] }); this.tell(); return; }
    this.hole = false;
    this.tell();
    if (!drawing.object || !ring.every((p) => inside(p, drawing.object.rings[0]))) { toast(t("hole_outside")); drawing.paint(); return; }
    drawing.keep();
    drawing.object.rings.push(ring);
    drawing.paint();
  },

  cancel(handle) {
    if (handle?.corner) Object.assign(this.drawing.object.rings[handle.corner[0]][handle.corner[1]], this.before);
    if (this.trace !== null) this.stepBack();
    this.drawing.paint();
  },

  tell() { byId("unfinished").textContent = this.hole ? t("hole_next") : this.ring.length ? t("open_outline") : ""; },

  makeHole() {
    if (!this.drawing.object) { toast(t("choose_first")); return; }
    this.hole = !this.hole;
    this.tell();
  },

  // A chosen corner goes before its shape does; true when that was all.
  removePart() {
    if (!this.corner) return false;
    const [r, k] = this.corner;
    const { rings } = this.drawing.object;
    this.corner = null;
    if (rings[r].length > 3) rings[r].splice(k, 1);
    else if (r > 0) rings.splice(r, 1);
    else return false;
    return true;
  },

  key(event) {
    if (event.ctrlKey || event.metaKey) return false;
    if (event.key === "Enter" && this.busy()) { this.close(); return true; }
    if (event.key === "h") { this.makeHole(); return true; }
    if ((event.key === "[" || event.key === "]") && this.drawing.object) {
      const all = this.drawing.object.rings.flatMap((ring, r) => ring.map((_, k) => [r, k]));
      const now = all.findIndex(([r, k]) => r === this.corner?.[0] && k === this.corner[1]);
      this.corner = all[(now + (event.key === "]" ? 1 : -1) + all.length) % all.length] ?? all.at(-1);
      this.drawing.paint();
      return true;
    }
    return false;
  },
};

byId("hole").addEventListener("click", () => tool.makeHole());
await new Drawing(tool).start();
