// The page as annotators see it, for those who make a campaign: its answers go nowhere, and nobody holds its items.
export class Unsent extends EventTarget {
  constructor(person) {
    super();
    this.person = person;
    this.waiting = 0;
    this.memory = [];
    this.kept = { refused: async () => [] };
    this.ready = Promise.resolve();
  }

  async start() { /* nothing of an earlier visit */ }
  async pending() { return []; }
  judge(body) { this.dispatchEvent(new CustomEvent("given", { detail: { op: "judgment", item: body.item } })); }
  undo(id, item) { this.dispatchEvent(new CustomEvent("given", { detail: { op: "undo", item } })); }
}
