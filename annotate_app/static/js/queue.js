// Items ahead: leased before they are needed, their pictures fetched and decoded.
import { heldBefore, keepHeld } from "./offline.js";
import { asPerson } from "./outbox.js";

const TRIES_MS = [0, 400, 1500]; // a picture is asked for so often before its turn is put off

// A decoded <img>, ready to be put on the page. `state`: loading, good, broken (the server cannot show it), or away
// (it did not come: no network, or a server in trouble). `ready` resolves once it is no longer loading.
export function picture(item, variant) {
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  image.decoding = "sync"; // it was decoded ahead; painting must not wait a frame
  image.state = "loading";
  image.ready = load(image, `/images/${item.sha256}?variant=${variant}`).then((state) => { image.state = state; return state; });
  return image;
}

async function load(image, url) {
  let answered = 0;
  for (const [k, ms] of TRIES_MS.entries()) {
    if (ms) await new Promise((resolve) => { setTimeout(resolve, ms); });
    image.src = k ? `${url}&again=${k}` : url;
    try { await image.decode(); return "good"; } catch { /* why, is asked next */ }
    try {
      const response = await fetch(image.src);
      if ([404, 410, 422].includes(response.status)) return "broken";
      if (response.ok && ++answered > 1) return "broken"; // it came, twice, and this browser cannot show it
    } catch { /* no network */ }
  }
  return "away";
}

async function json(url, person, body) {
  const response = await fetch(url, body === undefined ? { headers: asPerson(person) } : {
    method: "POST",
    headers: { "Content-Type": "application/json", ...asPerson(person) },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw Object.assign(new Error(`HTTP ${response.status}`), { status: response.status });
  return response.json();
}

// The message to show when it is not this page's person who is signed in; null when they are.
export function signedOut(error) {
  if (error.status === 409) return "other-person";
  return error.status === 401 || error.status === 403 ? "signed-out" : null;
}

const TURN_MS = 15000;

// Others hold what is left, or our own last answers were on their way (`unsent`, when it was asked): ask again once
// those have arrived, or in a while.
export function askAgain(outbox, unsent, ask) {
  const change = () => { if (!outbox.waiting) now(); };
  const timer = setTimeout(() => now(), unsent && !outbox.waiting ? 0 : TURN_MS);
  const now = () => { clearTimeout(timer); outbox.removeEventListener("change", change); ask(); };
  if (outbox.waiting) outbox.addEventListener("change", change);
}

export class Leases {
  constructor({ slug, preview }, outbox, variant) {
    this.campaign = slug;
    this.preview = preview;
    this.url = `/api/v1/campaigns/${encodeURIComponent(slug)}/${preview ? "preview" : "leases"}`;
    this.outbox = outbox;
    this.variant = variant;
    this.known = new Map(); // items this page has had, by id
    this.held = new Map(); // those of them that are to be judged yet
    this.keeping = null;
    this.outlook = "work";
    outbox.addEventListener("given", ({ detail: { op, item } }) => {
      if (op === "judgment") this.held.delete(item);
      else if (this.known.get(item)) this.held.set(item, this.known.get(item)); // taken back: to be judged anew
      this.keep();
    });
  }

  // What an earlier load of this page still held and did not answer; without a network, as that page put it aside.
  async resume() {
    if (this.preview) return [];
    let items;
    try { ({ items } = await json(this.url, this.outbox.person)); } catch (error) {
      if (error.status) throw error;
      items = await heldBefore(this.campaign);
      if (!items.length) throw error;
    }
    const answered = new Set();
    for (const record of await this.outbox.pending()) {
      if (record.op === "judgment") answered.add(record.item);
      else answered.delete(record.item); // taken back: to be answered anew
    }
    return this.fresh(items.filter((item) => !answered.has(item.id)));
  }

  async more(n, wish = {}) {
    const leased = this.preview
      ? await json(`${this.url}?${new URLSearchParams({ n, ...wish })}`, this.outbox.person)
      : await json(this.url, this.outbox.person, { n, ...wish });
    this.outlook = leased.outlook;
    const fresh = this.fresh(leased.items);
    if (this.preview && !fresh.length) this.outlook = "done"; // all of it was shown
    return fresh.length ? fresh : this.resume(); // a lease whose answer never arrived (a reload) is ours all the same
  }

  // What this person has answered here before: [{id, item, answer}], the newest first, older than `before`.
  async answered(n, before = null) {
    const wish = new URLSearchParams({ campaign: this.campaign, n, ...(before ? { before } : {}) });
    const rows = await json(`/api/v1/judgments?${wish}`, this.outbox.person);
    for (const row of rows) this.known.set(row.item.id, row.item);
    return rows;
  }

  fresh(items) {
    const fresh = items.filter((item) => !this.known.has(item.id));
    for (const item of fresh) { this.known.set(item.id, item); this.held.set(item.id, item); }
    if (fresh.length) this.keep();
    return fresh;
  }

  // One writing at a time, of what is held by then.
  keep() {
    if (this.preview) return;
    this.again = true;
    this.keeping ??= (async () => {
      while (this.again) { this.again = false; await keepHeld(this.campaign, [...this.held.values()], this.variant); }
      this.keeping = null;
    })();
  }
}

export class Queue {
  // For one picture at a time: at least `ahead` items in hand, their pictures decoded.
  constructor(leases, { ahead = 20, variant = "view", onItems, onEmpty }) {
    Object.assign(this, { leases, ahead, variant, onItems, onEmpty });
    this.items = [];
    this.filling = null;
    this.failures = 0;
    addEventListener("online", () => this.fill());
  }

  async start() {
    try { this.items = await this.leases.resume(); } catch { /* fill() says what is wrong */ }
    this.prefetch();
    await this.fill();
  }

  next() {
    const item = this.items.shift() ?? null;
    this.prefetch();
    if (this.items.length < this.ahead / 2) this.fill();
    if (!item && this.leases.outlook !== "work") this.onEmpty(this.leases.outlook);
    return item;
  }

  putBack(item) { this.items.unshift(item); }
  putLast(item) { this.items.push(item); this.prefetch(); }

  // The first item whose picture is here, taken out of the line; null when there is none.
  takeReady() {
    const k = this.items.findIndex((item) => item.image?.state === "good");
    return k < 0 ? null : this.items.splice(k, 1)[0];
  }

  prefetch() { for (const item of this.items) item.image ??= picture(item, this.variant); }

  fill() {
    this.filling ??= this.lease().finally(() => { this.filling = null; });
    return this.filling;
  }

  async lease() {
    const missing = this.ahead - this.items.length;
    if (missing <= 0) { this.onItems(); return; }
    const { outbox } = this.leases;
    const unsent = outbox.waiting;
    try {
      const items = await this.leases.more(missing);
      this.failures = 0;
      this.items.push(...items);
      this.prefetch();
      if (items.length || this.items.length) this.onItems();
      else this.onEmpty(this.leases.outlook);
      if (!items.length && this.leases.outlook === "wait") askAgain(outbox, unsent, () => this.fill());
    } catch (error) {
      if (signedOut(error)) { this.onEmpty(signedOut(error)); return; }
      if (this.items.length) this.onItems(); // what is here can be judged
      else this.onEmpty("offline");
      setTimeout(() => this.fill(), Math.min(30000, 1000 * 2 ** this.failures++));
    }
  }
}
