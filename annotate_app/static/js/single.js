// One picture at a time (classify, attributes): the stage, the queue ahead, undo, flags.
import { Shown, askFlag, byId, campaign, counted, judgment, message, outbox, toast } from "./work.js";
import { Leases, Queue } from "./queue.js";

export class Single {
  // `onItem(item)` is called when another picture is on the stage.
  constructor(onItem) {
    this.onItem = onItem;
    this.item = null;
    this.history = [];
    this.queue = new Queue(new Leases(campaign.slug, outbox), {
      onItems: () => { if (!this.item) this.next(); },
      onEmpty: (outlook) => { if (!this.item) this.empty(outlook); },
    });
    byId("flag-button").addEventListener("click", () => this.flag());
  }

  async start() {
    await outbox.start();
    await this.queue.start();
  }

  next() {
    this.item = this.queue.next();
    if (this.item) this.show();
    else { byId("stage").replaceChildren(); this.onItem(null); }
  }

  empty(outlook) {
    byId("stage").replaceChildren();
    message(outlook === "work" ? null : outlook);
  }

  show() {
    message(null);
    const item = this.item;
    const stage = byId("stage");
    stage.classList.remove("broken");
    stage.dataset.item = item.id;
    stage.replaceChildren(item.image);
    stage.classList.toggle("small", Math.max(item.width, item.height) < 256);
    this.shown = new Shown();
    this.onItem(item);
    item.image.ready.then((good) => {
      if (good || this.item !== item) return;
      stage.classList.add("broken");
      if (item.image.broken) this.answer({ flag: "broken" }); // reported, and never in the way
    });
  }

  answer(answer) {
    if (!this.item) return;
    if (!answer.flag && !this.item.image.complete) { toast("The picture has not come yet."); return; }
    const body = judgment(this.item, answer, this.shown, this.shown.activeMs());
    outbox.judge(body);
    this.history.push({ item: this.item, id: body.id, answer });
    counted(1);
    this.next();
  }

  // The last answer is taken back and its picture shown again; returns what had been answered.
  undo() {
    const last = this.history.pop();
    if (!last) return null;
    outbox.undo(last.id, last.item.id);
    counted(-1);
    if (this.item) this.queue.putBack(this.item);
    this.item = last.item;
    this.show();
    return last.answer;
  }

  flag() {
    if (this.item) askFlag((reason) => this.answer({ flag: reason }));
  }
}

export function choiceButton(key, label, onClick, extra = "") {
  const button = document.createElement("button");
  button.type = "button";
  const kbd = document.createElement("kbd");
  kbd.textContent = key;
  kbd.hidden = !key;
  const span = document.createElement("span");
  span.textContent = label;
  button.append(kbd, span);
  if (extra) {
    const small = document.createElement("small");
    small.textContent = extra;
    button.append(small);
  }
  button.addEventListener("click", onClick);
  return button;
}
