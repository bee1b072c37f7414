// Pointer and wheel on the lanes: point, click, drag a spot or the view, zoom.

function listenTo(lanes) {
  const { app, canvas, axis } = lanes;
  const at = (event, element) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let drag = null;

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const [x, y] = at(event, canvas);
    const mark = lanes.markAt(x, y);
    drag = { x, view: [...lanes.view], spot: mark?.spot, moved: false, touch: event.pointerType };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event, canvas);
    if (!drag) return point(lanes, lanes.markAt(x, y), event);
    drag.moved ||= Math.abs(x - drag.x) > 4;
    if (!drag.moved) return undefined;
    const seconds = lanes.t(x) - lanes.t(drag.x);
    // Only the spot that is selected can be dragged: a slip of the hand moves the view.
    if (drag.spot && drag.spot.id === app.selected) {
      canvas.style.cursor = "ew-resize";
      drag.to = drag.spot.ms / 1000 + seconds;
      app.player.seek(drag.spot.half, drag.to);
    } else lanes.show(drag.view[0] - seconds, drag.view[1] - seconds);
    return undefined;
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { spot, moved, to, x } = drag;
    drag = null;
    canvas.style.cursor = "";
    if (moved && to !== undefined) app.moveTo(spot, spot.half, to);
    else if (!moved && spot) app.select(spot.id);
    else if (!moved) app.goTo(lanes.place(lanes.t(x)));
    point(lanes, null, event);
  });
  canvas.addEventListener("pointercancel", () => (drag = null));
  canvas.addEventListener("pointerleave", (event) => point(lanes, null, event));
  canvas.addEventListener("dblclick", (event) => {
    lanes.zoom(event.shiftKey ? 3 : 1 / 3, lanes.t(at(event, canvas)[0]));
  });
  for (const element of [canvas, axis])
    element.addEventListener("wheel", (event) => {
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      const width = lanes.view[1] - lanes.view[0];
      if (event.ctrlKey) lanes.zoom(1.0025 ** event.deltaY, lanes.t(at(event, element)[0]));
      else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY))
        lanes.pan((sideways / lanes.width) * width);
      else return; // up and down is the page's
      event.preventDefault();
    }, { passive: false });
  listenToMap(lanes, at);
}

// The strip of the whole: a press or a drag brings that part into view. On the clock it jumps.
function listenToMap(lanes, at) {
  const { axis } = lanes;
  const centre = (x) => {
    const t = (x / lanes.width) * (lanes.end + 2 * EDGE) - EDGE;
    const half = (lanes.view[1] - lanes.view[0]) / 2;
    lanes.show(t - half, t + half);
  };
  let held = false;
  axis.addEventListener("pointerdown", (event) => {
    const [x, y] = at(event, axis);
    axis.setPointerCapture(event.pointerId);
    held = y <= MAP;
    if (held) centre(x);
    else lanes.app.goTo(lanes.place(lanes.t(x)));
  });
  axis.addEventListener("pointermove", (event) => held && centre(at(event, axis)[0]));
  for (const name of ["pointerup", "pointercancel"]) axis.addEventListener(name, () => (held = false));
}

// Shows the words of the mark under the pointer.
function point(lanes, mark, event) {
  const { tip } = lanes;
  tip.hidden = !mark;
  lanes.canvas.classList.toggle("on-mark", Boolean(mark));
  if (!mark) return;
  tip.textContent = lanes.app.words(mark.spot).join("\n");
  const most = document.documentElement.clientWidth - tip.offsetWidth - 6;
  tip.style.left = `${Math.min(event.clientX + 14, most)}px`;
  tip.style.top = `${Math.max(event.clientY - tip.offsetHeight - 12, 4)}px`;
}
