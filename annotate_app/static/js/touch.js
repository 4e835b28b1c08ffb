// Swipes with one finger: quick, far enough, and more sideways than up or down.
const FAR = 60; // pixels
const QUICK_MS = 600;

export function onSwipe(element, { left, right }) {
  let start = null;
  element.addEventListener("touchstart", (event) => {
    start = event.touches.length === 1 ? { x: event.touches[0].clientX, y: event.touches[0].clientY, at: event.timeStamp } : null;
  }, { passive: true });
  element.addEventListener("touchend", (event) => {
    if (!start || event.touches.length) return;
    const { clientX, clientY } = event.changedTouches[0];
    const [dx, dy] = [clientX - start.x, clientY - start.y];
    const swiped = Math.abs(dx) >= FAR && Math.abs(dx) > 2 * Math.abs(dy) && event.timeStamp - start.at < QUICK_MS;
    start = null;
    if (!swiped) return;
    event.preventDefault(); // no click follows
    (dx < 0 ? left : right)();
  });
}
