// Fingers and mouse on a picture: one draws, two (or the middle button, or Space held) move and zoom it.
const STILL = 4; // screen pixels that a click may wander

// `tool`: handleAt(event) -> what lies under it or null; press(p, handle), drag(p, handle), release(p, handle, moved),
// cancel(handle), hover(p). Points are in pixels of the picture.
export function onPointer(view, tool) {
  const { stage } = view;
  const down = new Map();
  let drawing = null; // {handle, start, moved}
  let spaceHeld = false;
  document.addEventListener("keydown", (event) => { if (event.key === " " && event.target === stage) { spaceHeld = true; event.preventDefault(); } });
  document.addEventListener("keyup", (event) => { if (event.key === " ") spaceHeld = false; });

  stage.addEventListener("pointerdown", (event) => {
    stage.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, view.local(event));
    const moves = event.button === 1 || spaceHeld || down.size > 1;
    if (moves && drawing) { tool.cancel(drawing.handle); drawing = null; }
    if (moves || event.button > 1) { event.preventDefault(); return; }
    const handle = tool.handleAt(event);
    drawing = { handle, start: view.local(event), moved: false };
    tool.press(view.at(event), handle);
  });

  stage.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (before && !drawing) {
      const others = [...down].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
      const now = view.local(event);
      if (others.length) {
        const [other] = others;
        const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
        view.zoom(apart(now, other) / apart(before, other), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
        view.move((now.x - before.x) / 2, (now.y - before.y) / 2);
      } else view.move(now.x - before.x, now.y - before.y);
      down.set(event.pointerId, now);
      return;
    }
    if (drawing) {
      const now = view.local(event);
      drawing.moved ||= Math.hypot(now.x - drawing.start.x, now.y - drawing.start.y) > STILL;
      if (drawing.moved) tool.drag(view.at(event), drawing.handle);
    }
    tool.hover(view.at(event));
  });

  const end = (event) => {
    down.delete(event.pointerId);
    if (!drawing) return;
    const { handle, moved } = drawing;
    drawing = null;
    if (event.type === "pointercancel") tool.cancel(handle);
    else tool.release(view.at(event), handle, moved);
  };
  stage.addEventListener("pointerup", end);
  stage.addEventListener("pointercancel", end);
  stage.addEventListener("pointerleave", () => tool.hover(null));
}
