// Items ahead: leased before they are needed, their pictures fetched and decoded.
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

export class Leases {
  constructor(campaign, outbox) {
    this.campaign = campaign;
    this.url = `/api/v1/campaigns/${encodeURIComponent(campaign)}/leases`;
    this.outbox = outbox;
    this.known = new Set(); // items this page has had
    this.outlook = "work";
  }

  // What an earlier load of this page still held and did not answer.
  async resume() {
    const answered = new Set();
    for (const record of await this.outbox.pending()) {
      if (record.op === "judgment") answered.add(record.item);
      else answered.delete(record.item); // taken back: to be answered anew
    }
    const { items } = await json(this.url, this.outbox.person);
    return this.fresh(items.filter((item) => !answered.has(item.id)));
  }

  async more(n, wish = {}) {
    const leased = await json(this.url, this.outbox.person, { n, ...wish });
    this.outlook = leased.outlook;
    const fresh = this.fresh(leased.items);
    return fresh.length ? fresh : this.resume(); // a lease whose answer never arrived (a reload) is ours all the same
  }

  // What this person has answered here before: [{id, item, answer}], the newest first, older than `before`.
  async answered(n, before = null) {
    const wish = new URLSearchParams({ campaign: this.campaign, n, ...(before ? { before } : {}) });
    const rows = await json(`/api/v1/judgments?${wish}`, this.outbox.person);
    for (const row of rows) this.known.add(row.item.id);
    return rows;
  }

  fresh(items) {
    const fresh = items.filter((item) => !this.known.has(item.id));
    for (const item of fresh) this.known.add(item.id);
    return fresh;
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
    try {
      const items = await this.leases.more(missing);
      this.failures = 0;
      this.items.push(...items);
      this.prefetch();
      if (items.length || this.items.length) this.onItems();
      else this.onEmpty(this.leases.outlook);
      if (!items.length && this.leases.outlook === "wait") setTimeout(() => this.fill(), 15000);
    } catch (error) {
      if (signedOut(error)) { this.onEmpty(signedOut(error)); return; }
      if (!this.items.length) this.onEmpty("offline");
      setTimeout(() => this.fill(), Math.min(30000, 1000 * 2 ** this.failures++));
    }
  }
}
