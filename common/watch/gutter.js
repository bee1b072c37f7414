// Left of the lanes: name of the class, its slider, how many spots it shows.

class Gutter {
  constructor(app) {
    this.app = app;
    this.box = document.getElementById("gutter");
    this.rows = new Map();
  }

  // One row per class that has anything in this game.
  build() {
    this.rows.clear();
    this.box.replaceChildren(...[...this.app.lanes.keys()].map((event) => this.row(event)));
    this.update();
  }

  row(event) {
    const name = data.classes[event];
    const row = element("div", { className: "lane" });
    const button = element("button", { type: "button", className: "name", title: name }, name);
    button.dir = "auto";
    button.onclick = () => this.app.filter("event", this.app.filters.event === event ? null : event);
    const slider = element("input", {
      type: "range", min: 0, max: 100, step: 1, ariaLabel: `lowest confidence of ${name}`,
    });
    const value = element("output", {});
    const count = element("span", { className: "count" });
    slider.oninput = () => this.app.setThreshold(event, slider.value / 100);
    value.ondblclick = () => this.app.setThreshold(event, startingThreshold(event));
    value.title = "a double click sets it back";
    row.append(button, slider, value, count);
    this.rows.set(event, { row, button, slider, value, count });
    return row;
  }

  update() {
    const counts = new Map();
    for (const { event } of this.app.shown) counts.set(event, (counts.get(event) ?? 0) + 1);
    for (const [event, { row, button, slider, value, count }] of this.rows) {
      const threshold = this.app.thresholds[event];
      // A slider has whole per cents; the threshold it stands for may lie between two.
      if (slider.value / 100 !== threshold) slider.value = Math.round(Math.min(threshold, 1) * 100);
      const words = threshold > 1 ? "none" : threshold.toFixed(2);
      if (slider.ariaValueText !== words) slider.ariaValueText = words;
      tell(value, words);
      tell(count, String(counts.get(event) ?? 0));
      button.ariaPressed = String(this.app.filters.event === event);
      row.classList.toggle("empty", !counts.has(event));
    }
  }
}

const NONE_KEPT = 2; // a threshold that no confidence reaches
const startingThreshold = (event) => data.thresholds[event] ?? NONE_KEPT;

// Sets a text where it is another one: a page is not laid out anew for the same.
function tell(box, text) {
  if (box.textContent !== text) box.textContent = text;
}

function element(name, fields, text) {
  const made = Object.assign(document.createElement(name), fields);
  if (text !== undefined) made.textContent = text;
  return made;
}
