// One picture at a time: the stage, the queue ahead, the answers behind, undo, skip, flags, comments.
import { Shown, byId, campaign, counted, judgment, message, outbox, toast } from "./work.js";
import { Leases, Queue, picture } from "./queue.js";
import { askComment, askFlag } from "./dialogs.js";
import { onSwipe } from "./touch.js";
import { t } from "./words.js";

const KEEP_DECODED = 30; // pictures behind that stay decoded
const RETRY_MS = 3000;

export class Single {
  // `onItem(item, given)` is called when another picture is on the stage; `given` is one's earlier answer to it.
  // `mount(item)` puts it there.
  constructor(onItem, { mount = null, variant = "view", swipe = true } = {}) {
    this.onItem = onItem;
    this.mount = mount ?? ((item) => byId("stage").replaceChildren(item.image));
    this.variant = variant;
    this.item = null;
    this.history = []; // answered here, oldest first: {item, id, answer}
    this.at = 0; // whose answer is looked at; history.length: the picture that is new
    this.fresh = null; // the new picture, while one looks back
    this.comment = "";
    this.leases = new Leases(campaign, outbox, variant);
    this.queue = new Queue(this.leases, {
      variant,
      onItems: () => { if (!this.item) this.next(); },
      onEmpty: (outlook) => { if (!this.item) this.empty(outlook); },
    });
    const click = (id, act) => byId(id)?.addEventListener("click", act);
    click("undo", () => this.onUndo());
    click("flag-button", () => this.flag());
    click("comment-button", () => this.say());
    click("skip", () => this.skip());
    click("back", () => this.back());
    click("forward", () => this.forward());
    if (swipe) onSwipe(byId("stage"), { left: () => this.forward(), right: () => this.back() });
  }

  onUndo() { this.undo(); }

  async start() {
    await outbox.start();
    await this.queue.start();
  }

  get looksBack() { return this.at < this.history.length; }

  next() {
    this.item = this.queue.next();
    this.at = this.history.length;
    if (this.item) this.show(null);
    else { byId("stage").replaceChildren(); this.buttons(); this.onItem(null, null); }
  }

  empty(outlook) {
    byId("stage").replaceChildren();
    this.buttons();
    message(outlook === "work" ? null : outlook);
  }

  show(given) {
    message(null);
    const item = this.item;
    item.image ??= picture(item, this.variant);
    const stage = byId("stage");
    stage.classList.remove("broken", "away");
    stage.classList.toggle("past", Boolean(given));
    stage.dataset.item = item.id;
    stage.classList.toggle("small", Math.max(item.width, item.height) < 256);
    this.mount(item);
    this.shown = new Shown();
    this.comment = given?.comment ?? "";
    byId("comment-button")?.setAttribute("aria-pressed", String(Boolean(this.comment)));
    this.buttons();
    this.onItem(item, given);
    item.image.ready.then((state) => {
      if (this.item !== item) return;
      if (state === "broken" && !this.looksBack) this.answer({ flag: "broken" }); // reported, and never in the way
      else if (state === "broken") stage.classList.add("broken");
      else if (state === "away") this.putOff(item);
    });
  }

  buttons() {
    byId("back")?.toggleAttribute("disabled", !this.at && !this.older());
    byId("forward")?.toggleAttribute("disabled", !this.looksBack);
    byId("skip")?.toggleAttribute("disabled", !this.item || this.looksBack);
  }

  older() { return campaign.judged > 0 && !this.allRead; }

  // A picture that did not come waits at the end of the line; with none that is here it is asked for again.
  putOff(item) {
    const ready = this.looksBack ? null : this.queue.takeReady();
    item.image = null;
    if (ready) {
      this.queue.putLast(item);
      this.item = ready;
      this.show(null);
      return;
    }
    byId("stage").classList.add("away");
    setTimeout(() => {
      if (this.item !== item) return;
      const given = this.looksBack ? this.history[this.at].answer : null;
      this.show(given);
    }, RETRY_MS);
  }

  answer(answer) {
    if (!this.item) return;
    if (!answer.flag && this.item.image?.state !== "good") { toast(t("not_come")); return; }
    if (this.comment && !answer.comment) answer = { ...answer, comment: this.comment };
    const before = this.looksBack ? this.history[this.at] : null;
    if (before && JSON.stringify(before.answer) === JSON.stringify(answer)) { this.forward(); return; }
    const body = judgment(this.item, answer, this.shown, this.shown.activeMs(), before?.id);
    outbox.judge(body);
    if (before) {
      Object.assign(before, { id: body.id, answer });
      this.forward();
      return;
    }
    this.history.push({ item: this.item, id: body.id, answer });
    const old = this.history[this.history.length - KEEP_DECODED];
    if (old) old.item.image = null;
    counted(1);
    this.next();
  }

  // The answer that is looked at, else the last one, is taken back and its picture asked anew; returns the answer.
  undo() {
    if (!this.looksBack && !this.history.length) {
      if (this.older()) this.readOlder().then((found) => found && this.undo());
      return null;
    }
    const [last] = this.history.splice(this.looksBack ? this.at : -1, 1);
    outbox.undo(last.id, last.item.id);
    counted(-1);
    const unanswered = this.fresh ?? this.item;
    if (unanswered && unanswered !== last.item) this.queue.putBack(unanswered);
    this.fresh = null;
    this.item = last.item;
    this.at = this.history.length;
    this.show(null);
    return last.answer;
  }

  async back() {
    if (!this.at && !(await this.readOlder())) return;
    if (!this.looksBack) this.fresh = this.item;
    this.at -= 1;
    this.look();
  }

  forward() {
    if (!this.looksBack) return;
    this.at += 1;
    if (this.looksBack) { this.look(); return; }
    this.item = this.fresh;
    this.fresh = null;
    if (this.item) this.show(null);
    else this.next();
    if (!this.item) this.empty(this.leases.outlook);
  }

  look() {
    const { item, answer } = this.history[this.at];
    this.item = item;
    this.show(answer);
  }

  // Answers of an earlier visit, so that going back ends only where the work began.
  async readOlder() {
    if (!this.older()) return false;
    const rows = await this.leases.answered(20, this.history[0]?.id).catch(() => []);
    const known = new Set(this.history.map((entry) => entry.id));
    const older = rows.filter((row) => !known.has(row.id)).reverse();
    if (!older.length) { this.allRead = true; this.buttons(); return false; }
    this.history.unshift(...older);
    this.at += older.length;
    return true;
  }

  // Later: the picture comes again after the others.
  skip() {
    if (!this.item || this.looksBack) return;
    if (!this.queue.items.length) { toast(t("nothing_to_skip_to")); return; }
    const item = this.item;
    this.queue.putLast(item);
    this.next();
  }

  flag() { if (this.item) askFlag((answer) => this.answer(answer)); }

  say() {
    if (!this.item) return;
    askComment(this.comment, (text) => {
      this.comment = text;
      byId("comment-button")?.setAttribute("aria-pressed", String(Boolean(text)));
      if (this.looksBack) {
        const { comment: _, ...rest } = this.history[this.at].answer;
        this.answer(rest);
      }
    });
  }

  // The commands that all kinds share; true when it was one of them.
  obey(name) {
    const act = {
      undo: () => this.onUndo(), flag: () => this.flag(), skip: () => this.skip(),
      comment: () => this.say(), back: () => this.back(), forward: () => this.forward(),
    }[name];
    act?.();
    return Boolean(act);
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
