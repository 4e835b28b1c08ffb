// What a labelling page puts aside for a time without a network: itself, its scripts, the items it holds, their
// pictures. The worker at /label/offline-worker.js shows it when the page is opened again. All of it is one person's:
// any page that is loaded for somebody else, or for nobody, throws it away first.
const WORK = "cairn-work";
const OWNER = "/label/.person";

const here = "caches" in globalThis; // only in secure contexts
const person = String(document.body.dataset.person ?? "");
const held = (campaign) => `/label/.held/${encodeURIComponent(campaign)}`;

async function open() {
  if (!here) return null;
  const work = await caches.open(WORK);
  const owner = await (await work.match(OWNER))?.text();
  if (owner === person && person) return work;
  await caches.delete(WORK);
  if (!person || !location.pathname.startsWith("/label/")) return null;
  const fresh = await caches.open(WORK);
  await fresh.put(OWNER, new Response(person));
  return fresh;
}

// Of whom what is there is, is asked anew each time: somebody else may have signed in beside this page.
async function mine() {
  if (!here) return null;
  const work = await caches.open(WORK);
  return (await (await work.match(OWNER))?.text()) === person ? work : null;
}

const begun = open().catch(() => null);

// Put this page aside as the server gives it, with the scripts and styles it has loaded.
export async function keepPage() {
  if (!(await begun) || !navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register("/label/offline-worker.js");
    const page = await fetch(location.pathname);
    const work = await mine();
    if (!work || !page.ok || page.redirected) return;
    const html = await page.clone().text();
    if (!html.includes(`data-person="${person}"`)) return;
    const parts = performance.getEntriesByType("resource").map(({ name }) => name);
    await work.addAll([...new Set(parts.filter((name) => new URL(name).pathname.startsWith("/static/")))]);
    await work.put(location.pathname, page);
  } catch { /* there is no network, or no room: then this page cannot be opened without one */ }
}

// The items that are to be judged yet, and their pictures; of others nothing is kept.
export async function keepHeld(campaign, items, variant) {
  try {
    await begun;
    const work = await mine();
    if (!work) return;
    await work.put(held(campaign), Response.json(items.map(({ image: _, ...item }) => item)));
    const wanted = new Set(items.map((item) => new URL(`/images/${item.sha256}?variant=${variant}`, location.href).href));
    for (const { url } of await work.keys()) {
      if (new URL(url).pathname.startsWith("/images/") && !wanted.delete(url)) await work.delete(url);
    }
    for (const url of wanted) await work.add(url).catch(() => {}); // the browser has it already: no second way
  } catch { /* as above */ }
}

// What this page held when it was left.
export async function heldBefore(campaign) {
  await begun;
  const kept = await (await mine().catch(() => null))?.match(held(campaign));
  return kept ? kept.json() : [];
}
