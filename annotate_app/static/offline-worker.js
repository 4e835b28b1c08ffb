// For the pages under /label/: what the network does not give comes from what the page has put aside (js/offline.js).
// It keeps nothing itself, and answers nothing but the page, its scripts and styles, and pictures.
const WORK = "cairn-work";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  const ours = request.method === "GET" && origin === location.origin
    && (request.mode === "navigate" || pathname.startsWith("/static/") || pathname.startsWith("/images/"));
  if (ours) event.respondWith(answer(request));
});

async function answer(request) {
  let response;
  try {
    response = await fetch(request);
    if (![502, 503, 504].includes(response.status)) return response;
  } catch (error) {
    const kept = await aside(request);
    if (!kept) throw error;
    return kept;
  }
  return await aside(request) ?? response; // a proxy whose app is away
}

async function aside(request) {
  const work = await caches.open(WORK);
  const url = new URL(request.url);
  url.searchParams.delete("again"); // a picture that is asked for once more
  return work.match(url.href, { ignoreVary: true });
}
