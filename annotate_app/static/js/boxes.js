// Boxes: four clicks on the extremes of an object (Papadopoulos et al., ICCV 2017), or a drag from corner to corner.
import { byId, categories, toast } from "./work.js";
import { Drawing } from "./drawing.js";
import { svg } from "./view.js";
import { boxAround, round } from "./geometry.js";
import { t } from "./words.js";

const EXTREMES = 4;
const GRIP = 7; // screen pixels, half a handle
const REACH = 14; // from a handle's middle, for fingers
const HANDLES = [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0.5, 1], [0, 1], [0, 0.5]];

const tool = {
  points: [], // extremes so far
  from: null, // where a drag began
  rubber: null, // the box being dragged
  before: null, // the box whose handle is dragged, as it was

  fromAnswer: (answer) => (answer.boxes ?? []).map((box) => ({ ...box })),
  toAnswer: (objects) => ({ boxes: objects.map(({ category, x, y, w, h, crowd }) => ({ category, x, y, w, h, crowd: Boolean(crowd) })) }),
  busy() { return this.points.length > 0; },
  abandon() { this.points = []; this.rubber = null; this.tell(); },
  stepBack() { this.points.pop(); this.tell(); },
  label: ({ w, h, crowd }) => `${Math.round(w)} × ${Math.round(h)}${crowd ? ` · ${t("crowd")}` : ""}`,

  middle({ x, y, w, h }) { return { x: round(x + w / 4), y: round(y + h / 4), w: round(w / 2), h: round(h / 2), crowd: false }; },

  nudge(box, dx, dy, resize) {
    const { width, height } = this.drawing.view;
    const within = (value, least, most) => Math.max(least, Math.min(most, value));
    if (resize) {
      box.w = within(box.w + dx, 1, width - box.x);
      box.h = within(box.h + dy, 1, height - box.y);
    } else {
      box.x = within(box.x + dx, 0, width - box.w);
      box.y = within(box.y + dy, 0, height - box.h);
    }
  },

  draw(box, chosen) {
    const { view } = this.drawing;
    const frame = { x: box.x, y: box.y, width: box.w, height: box.h };
    const name = svg("text", { x: box.x + view.px(4), y: box.y + view.px(16), "font-size": view.px(14) });
    name.textContent = categories.get(box.category)?.name ?? "";
    const parts = [svg("rect", { ...frame, class: "hit" }), svg("rect", { ...frame, class: box.crowd ? "line crowd" : "line" }), name];
    if (chosen) {
      const half = view.px(GRIP);
      for (const [u, v] of HANDLES) {
        parts.push(svg("rect", { class: "grip", x: box.x + u * box.w - half, y: box.y + v * box.h - half, width: 2 * half, height: 2 * half }));
      }
    }
    return parts;
  },

  unfinished() {
    const { view } = this.drawing;
    const marks = this.points.map((p) => svg("circle", { class: "point", cx: p.x, cy: p.y, r: view.px(5) }));
    const box = this.rubber ?? (this.points.length > 1 ? boxAround(this.points) : null);
    if (box) marks.unshift(svg("rect", { class: "rubber", x: box.x, y: box.y, width: box.w, height: box.h }));
    return marks;
  },

  handleAt(event) {
    if (this.busy()) return null;
    const { view, object, objects } = this.drawing;
    const p = view.at(event);
    const reach = view.px(REACH);
    if (object) {
      const grip = HANDLES.find(([u, v]) => Math.abs(object.x + u * object.w - p.x) <= reach && Math.abs(object.y + v * object.h - p.y) <= reach);
      if (grip) return { grip };
    }
    const edge = view.px(6);
    const k = objects.findLastIndex(({ x, y, w, h }) => {
      const within = p.x > x - edge && p.x < x + w + edge && p.y > y - edge && p.y < y + h + edge;
      return within && (p.x < x + edge || p.x > x + w - edge || p.y < y + edge || p.y > y + h - edge);
    });
    return k < 0 ? null : { choose: k };
  },

  press(p, handle) {
    this.from = this.drawing.snapped(p);
    this.before = handle?.grip ? { ...this.drawing.object } : null;
    if (this.before) this.drawing.keep();
  },

  drag(p, handle) {
    const now = this.drawing.snapped(p);
    if (handle?.grip) {
      const { x, y, w, h } = this.before;
      const [u, v] = handle.grip;
      const a = { x: u === 0 ? now.x : x, y: v === 0 ? now.y : y };
      const b = { x: u === 1 ? now.x : x + w, y: v === 1 ? now.y : y + h };
      const box = boxAround([a, b]);
      if (box.w >= 1 && box.h >= 1) Object.assign(this.drawing.object, box);
    } else if (!handle && !this.busy()) this.rubber = boxAround([this.from, now]);
    this.drawing.paint();
  },

  release(p, handle, moved) {
    const { drawing } = this;
    if (handle?.grip) { if (!moved) drawing.edits.pop(); drawing.paint(); return; }
    if (handle) { drawing.choose(handle.choose); return; }
    if (this.rubber) {
      const box = this.rubber;
      this.rubber = null;
      this.finish(box);
      return;
    }
    this.points.push(drawing.snapped(p));
    this.tell();
    if (this.points.length < EXTREMES) { drawing.paint(); return; }
    const box = boxAround(this.points);
    this.points = [];
    this.tell();
    this.finish(box);
  },

  finish(box) {
    if (box.w < 1 || box.h < 1) { toast(t("too_small")); this.drawing.paint(); return; }
    this.drawing.put({ ...box, crowd: false });
  },

  cancel(handle) {
    if (handle?.grip) Object.assign(this.drawing.object, this.before);
    this.rubber = null;
    this.drawing.paint();
  },

  tell() { byId("unfinished").textContent = this.points.length ? t("points_left", { n: EXTREMES - this.points.length }) : ""; },

  crowd() {
    const { drawing } = this;
    if (!drawing.object) { toast(t("choose_first")); return; }
    drawing.keep();
    drawing.object.crowd = !drawing.object.crowd;
    drawing.paint();
  },

  key(event) {
    if (event.key !== "g" || event.ctrlKey || event.metaKey) return false;
    this.crowd();
    return true;
  },
};

byId("crowd").addEventListener("click", () => tool.crowd());
await new Drawing(tool).start();
