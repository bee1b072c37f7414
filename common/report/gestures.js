// Moving, zooming and pointing in a time line: mouse, fingers, wheel and keys.

const REACH = 14; // pixels around a mark
const tip = document.getElementById("tip");

function listenTo(timeline) {
  const { svg } = timeline;
  const pointers = new Map(); // those that are down: id -> x
  const span = () => timeline.view[1] - timeline.view[0];
  const share = (x) => (x - svg.getBoundingClientRect().left - timeline.gutter) / timeline.plot;

  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event.clientX);
    point(timeline, event);
  });
  svg.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return point(timeline, event);
    const now = event.clientX;
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, now);
    if (other !== undefined) {
      const apart = (x) => Math.max(Math.abs(x - other), 8);
      timeline.zoom(apart(before) / apart(now), share((now + other) / 2));
    } else if (now !== before) {
      tip.hidden = true;
      timeline.move(((before - now) / timeline.plot) * span());
    }
  });
  const release = (event) => pointers.delete(event.pointerId);
  svg.addEventListener("pointerup", release);
  svg.addEventListener("pointercancel", release);
  svg.addEventListener("pointerleave", () => leave(timeline));
  svg.addEventListener("dblclick", (event) => timeline.zoom(0.5, share(event.clientX)));
  const turn = (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    timeline.zoom(Math.exp(event.deltaY / 200), share(event.clientX));
  };
  svg.addEventListener("wheel", turn, { passive: false });
  const keys = {
    ArrowLeft: () => timeline.move(-span() / 8),
    ArrowRight: () => timeline.move(span() / 8),
    "+": () => timeline.zoom(0.5),
    "-": () => timeline.zoom(2),
    0: () => timeline.showWhole(),
  };
  svg.addEventListener("keydown", (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}

// Shows the words of the nearest mark, and a line to the spot that explains it.
function point(timeline, event) {
  const frame = timeline.svg.getBoundingClientRect();
  const distance = (mark) =>
    Math.hypot(mark.x - event.clientX + frame.left, mark.y - event.clientY + frame.top);
  const near = timeline.marks.filter((mark) => distance(mark) < REACH);
  leave(timeline);
  if (!near.length) return;
  const mark = near.reduce((best, each) => (distance(each) < distance(best) ? each : best));
  timeline.highlight = add(timeline.svg, "g", { class: "highlight" });
  add(timeline.highlight, "circle", { cx: mark.x, cy: mark.y, r: 8.5 });
  if (mark.partner) add(timeline.highlight, "line", { x1: mark.x, y1: mark.y, ...mark.partner });
  tip.textContent = mark.words.join("\n");
  tip.hidden = false;
  const most = document.documentElement.clientWidth - tip.offsetWidth - 6;
  const above = event.clientY - tip.offsetHeight - 12;
  tip.style.left = `${Math.min(Math.max(event.clientX + 14, 6), most)}px`;
  tip.style.top = `${above > 0 ? above : event.clientY + 16}px`;
}

function leave(timeline) {
  timeline.highlight?.remove();
  tip.hidden = true;
}
