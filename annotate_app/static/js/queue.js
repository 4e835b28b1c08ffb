// Items ahead: leased before they are needed, their pictures fetched and decoded.
import { asPerson } from "./outbox.js";

export function picture(item, variant) {
  // A decoded <img>, ready to be put on the page; `broken` when the server cannot show it.
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  image.decoding = "sync"; // it was decoded ahead; painting must not wait a frame
  image.src = `/images/${item.sha256}?variant=${variant}`;
  image.ready = image.decode().then(() => true, async () => {
    try {
      const response = await fetch(image.src);
      image.broken = [404, 410, 422].includes(response.status);
      if (response.ok) { image.src = `${image.src}&again`; await image.decode(); return true; }
    } catch { /* no network: it is asked for again when it is shown */ }
    return false;
  });
  return image;
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
    this.url = `/api/v1/campaigns/${encodeURIComponent(campaign)}/leases`;
    this.outbox = outbox;
    this.known = new Set(); // items this page has had
    this.outlook = "work";
  }

  // What an earlier load of this page still held and did not answer.
  async resume() {
    const answered = new Set((await this.outbox.pending()).map((record) => record.body.item));
    const { items } = await json(this.url, this.outbox.person);
    return this.fresh(items.filter((item) => !answered.has(item.id)));
  }

  async more(n, wish = {}) {
    const leased = await json(this.url, this.outbox.person, { n, ...wish });
    this.outlook = leased.outlook;
    return this.fresh(leased.items);
  }

  fresh(items) {
    const fresh = items.filter((item) => !this.known.has(item.id));
    for (const item of fresh) this.known.add(item.id);
    return fresh;
  }
}

export class Queue {
  // For one picture at a time: at least `ahead` items in hand, the nearest of them decoded.
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
