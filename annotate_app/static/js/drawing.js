// What boxes and polygons share: the objects of a picture, the chosen one, its category, undo within the picture, keys.
import { byId, campaign, categories, toast } from "./work.js";
import { Single } from "./single.js";
import { Chooser } from "./chooser.js";
import { View, svg } from "./view.js";
import { onPointer } from "./pointer.js";
import { command, onKeys } from "./keys.js";
import { snap } from "./geometry.js";
import { t } from "./words.js";

const SNAP = 8; // screen pixels from the picture's edge
const NUDGE = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const COLOURS = 8; // classes c0 … c7 of the stylesheet

export class Drawing {
  // `tool`: fromAnswer(answer) -> objects, toAnswer(objects), busy(), abandon(), draw(object, chosen) -> SVG elements,
  // unfinished() -> SVG elements, label(object), middle(sight) -> object, nudge(object, dx, dy, resize), key(event) -> bool,
  // and what pointer.js asks for. An object has a category (slug); all else of it is the tool's.
  constructor(tool) {
    this.tool = tool;
    this.objects = [];
    this.chosen = -1;
    this.edits = []; // the picture's earlier states, as JSON
    this.pointer = null;
    this.category = campaign.categories[0].slug;
    this.view = new View(byId("stage"), () => this.paint());
    this.single = new Single((item, given) => this.begin(item, given), {
      mount: (item) => this.view.load(item, item.image), swipe: false,
    });
    this.single.onUndo = () => this.undo();
    this.chooser = new Chooser((slug) => this.setCategory(slug), { definitions: false });
    tool.drawing = this;
    onPointer(this.view, Object.assign(tool, { hover: (p) => { this.pointer = p; this.crosshair(); tool.moved?.(p); } }));
    onKeys((event) => this.key(event), { plainLetters: () => !this.chooser.typing });
    const click = (id, act) => byId(id).addEventListener("click", act);
    click("done", () => this.done());
    click("no-object", () => this.none());
    click("new-object", () => this.add());
    click("remove-object", () => this.remove());
    click("zoom-in", () => this.view.zoom(1.5));
    click("zoom-out", () => this.view.zoom(1 / 1.5));
    click("zoom-fit", () => this.view.fit());
    byId("asked").textContent = campaign.title;
    byId("definition").textContent = byId("stage").dataset.how;
    this.showCategory();
  }

  start() { return this.single.start(); }

  snapped(p) { return snap(p, this.view, this.view.px(SNAP)); }

  begin(item, given) {
    this.edits = [];
    this.tool.abandon();
    const start = given ?? item?.suggestion;
    this.objects = start ? this.tool.fromAnswer(start) : [];
    this.chosen = -1;
    this.paint();
  }

  // ---- Edits.

  keep() { this.edits.push(JSON.stringify([this.objects, this.chosen])); }

  put(object) {
    this.keep();
    this.objects.push({ ...object, category: object.category ?? this.category });
    this.choose(this.objects.length - 1);
  }

  choose(k) {
    this.chosen = k;
    this.tool.chose?.();
    if (this.object) { this.category = this.object.category; this.showCategory(); }
    this.paint();
  }

  get object() { return this.objects[this.chosen] ?? null; }

  setCategory(slug) {
    this.category = slug;
    if (this.object && this.object.category !== slug) { this.keep(); this.object.category = slug; }
    this.chooser.filter.value = "";
    this.showCategory();
    this.paint();
    byId("stage").focus();
  }

  showCategory() { this.chooser.pressed = this.category; this.chooser.list(); }

  remove() {
    if (!this.object) { toast(t("choose_first")); return; }
    this.keep();
    if (!this.tool.removePart?.()) this.objects.splice(this.chosen, 1);
    this.choose(Math.min(this.chosen, this.objects.length - 1));
  }

  add() { if (this.single.item) this.put(this.tool.middle(this.view.sight)); }

  // Within the picture first; then the last picture.
  undo() {
    if (this.tool.busy()) { this.tool.stepBack(); this.paint(); return; }
    const before = this.edits.pop();
    if (!before) {
      const answer = this.single.undo();
      if (answer && !answer.flag) { this.objects = this.tool.fromAnswer(answer); this.paint(); }
      return;
    }
    [this.objects, this.chosen] = JSON.parse(before);
    this.paint();
  }

  // ---- Answers.

  done() {
    if (!this.single.item) return;
    if (this.tool.busy()) { toast(t("open_outline")); return; }
    if (!this.objects.length) { toast(t("say_no_object")); return; }
    this.single.answer(this.tool.toAnswer(this.objects));
  }

  none() {
    if (this.objects.length) { toast(t("has_objects")); return; }
    this.single.answer(this.tool.toAnswer([]));
  }

  // ---- On the screen.

  paint() {
    const { drawing } = this.view;
    drawing.style.setProperty("--px", this.view.px(1));
    drawing.replaceChildren(
      ...this.objects.flatMap((object, k) => {
        const group = svg("g", { class: `object c${this.number(object)}${k === this.chosen ? " chosen" : ""}`, "data-object": k });
        group.append(...this.tool.draw(object, k === this.chosen));
        return [group];
      }),
      ...this.tool.unfinished(),
    );
    this.crosshair();
    this.list();
    const sharp = this.single?.item?.image;
    if (sharp && this.view.scale * Math.max(this.view.width, this.view.height) > 2400) this.sharpen(this.single.item);
  }

  number(object) { return campaign.categories.findIndex(({ slug }) => slug === object.category) % COLOURS; }

  crosshair() {
    const { drawing, width, height } = this.view;
    for (const line of drawing.querySelectorAll(".cross")) line.remove();
    if (!this.pointer) return;
    const { x, y } = this.snapped(this.pointer);
    drawing.append(svg("path", { class: "cross", d: `M0 ${y}H${width}M${x} 0V${height}` }));
  }

  list() {
    byId("objects").replaceChildren(...this.objects.map((object, k) => {
      const li = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.className = `c${this.number(object)}`;
      button.ariaPressed = String(k === this.chosen);
      button.textContent = `${k + 1} ${categories.get(object.category)?.name ?? object.category} ${this.tool.label(object)}`;
      button.addEventListener("click", () => this.choose(k));
      li.append(button);
      return li;
    }));
    byId("done").disabled = !this.single?.item;
  }

  // Where the picture is shown larger than the copy that fills a window, its every pixel is fetched.
  sharpen(item) {
    if (item.sharp || Math.max(item.width, item.height) <= 1600) return;
    item.sharp = true;
    const whole = new Image();
    whole.src = `/images/${item.sha256}?variant=full`;
    whole.decode().then(() => { if (this.single.item === item) item.image.src = whole.src; }, () => {});
  }

  // ---- Keys.

  key(event) {
    if (event.target.closest?.("button, a") && ["Enter", " "].includes(event.key)) return false;
    const onStage = !event.target.closest?.("button, a, input");
    if (event.key === "Tab" && event.target === byId("stage") && this.objects.length) {
      const k = this.chosen + (event.shiftKey ? -1 : 1);
      if (k < 0 || k >= this.objects.length) { this.choose(-1); return false; } // and on to the buttons
      this.choose(k);
      return true;
    }
    if (this.chooser.typing) return this.chooser.press(event, false);
    if (onStage && this.tool.key(event)) return true;
    if (NUDGE[event.key] && this.object) {
      const step = event.shiftKey ? 10 : 1;
      const [dx, dy] = NUDGE[event.key];
      this.keep();
      this.tool.nudge(this.object, dx * step, dy * step, event.ctrlKey || event.metaKey);
      this.paint();
      return true;
    }
    const name = command(event);
    if (name === "none") { this.none(); return true; }
    if (name === "undo") { this.undo(); return true; }
    if (this.single.obey(name)) return true;
    if (event.ctrlKey || event.metaKey) return false;
    switch (event.key) {
      case "Enter": this.done(); return true;
      case "Delete": case "Backspace": this.remove(); return true;
      case "Escape": this.tool.abandon(); this.choose(-1); return true;
      case "+": case "=": this.view.zoom(1.5); return true;
      case "-": this.view.zoom(1 / 1.5); return true;
      case "b": this.add(); return true;
    }
    if (event.key === "0" && this.chooser.listed.length < 10) { this.view.fit(); return true; }
    return this.chooser.press(event, false);
  }
}
