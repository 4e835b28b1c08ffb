// A picture that can be zoomed and moved, with drawings over it in its own pixels.
const MOST = 40; // screen pixels a picture's pixel

export const svg = (tag, attributes = {}) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};

export class View {
  constructor(stage, onChange) {
    this.stage = stage;
    this.onChange = onChange;
    this.layer = document.createElement("div");
    this.layer.className = "layer";
    this.drawing = svg("svg");
    this.drawing.setAttribute("aria-hidden", "true");
    this.width = this.height = 1;
    this.scale = 1;
    this.x = this.y = 0;
    this.whole = true; // and not zoomed into
    new ResizeObserver(() => { if (this.whole) this.fit(); else this.place(this.x, this.y); }).observe(stage);
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.ctrlKey || !event.shiftKey) this.zoom(1.0015 ** -event.deltaY, this.local(event));
      else this.move(-event.deltaX || -event.deltaY, 0);
    }, { passive: false });
  }

  load(item, image) {
    [this.width, this.height] = [item.width, item.height];
    this.drawing.setAttribute("viewBox", `0 0 ${item.width} ${item.height}`);
    this.drawing.replaceChildren();
    this.layer.replaceChildren(image, this.drawing);
    this.layer.style.width = `${item.width}px`;
    this.layer.style.height = `${item.height}px`;
    this.stage.replaceChildren(this.layer);
    this.fit();
  }

  get least() { return Math.min(this.stage.clientWidth / this.width, this.stage.clientHeight / this.height) * 0.98 || 1; }

  fit() {
    this.scale = this.least;
    this.whole = true;
    this.place();
  }

  // By a factor, around a point of the stage that stays where it is.
  zoom(factor, around = { x: this.stage.clientWidth / 2, y: this.stage.clientHeight / 2 }) {
    const scale = Math.max(this.least, Math.min(MOST, this.scale * factor));
    const change = scale / this.scale;
    this.scale = scale;
    this.whole = scale === this.least;
    this.place(around.x - (around.x - this.x) * change, around.y - (around.y - this.y) * change);
  }

  move(dx, dy) { this.place(this.x + dx, this.y + dy); }

  // The picture stays in sight: centred where it is smaller than the stage, else it covers it.
  place(x = 0, y = 0) {
    const one = (at, room, size) => (size <= room ? (room - size) / 2 : Math.max(room - size, Math.min(0, at)));
    this.x = one(x, this.stage.clientWidth, this.width * this.scale);
    this.y = one(y, this.stage.clientHeight, this.height * this.scale);
    this.layer.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.onChange();
  }

  local(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  // Where in the picture an event is, in its pixels; may lie outside.
  at(event) {
    const p = this.local(event);
    return { x: (p.x - this.x) / this.scale, y: (p.y - this.y) / this.scale };
  }

  // So many pixels of the picture are as long as this many of the screen.
  px(screen) { return screen / this.scale; }

  // What of the picture is in sight.
  get sight() {
    const x = Math.max(0, -this.x / this.scale);
    const y = Math.max(0, -this.y / this.scale);
    return { x, y, w: Math.min(this.width - x, this.stage.clientWidth / this.scale), h: Math.min(this.height - y, this.stage.clientHeight / this.scale) };
  }
}
