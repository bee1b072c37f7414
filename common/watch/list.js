// The list of spots: only the rows in sight exist, however many spots there are.

const SIGNS = { open: "", accepted: "✓", rejected: "✕", added: "+" };

class List {
  constructor(app) {
    this.app = app;
    this.box = document.getElementById("list");
    this.spacer = this.box.firstElementChild;
    this.pool = [];
    this.due = false;
    this.box.addEventListener("scroll", () => this.draw(), { passive: true });
    this.spacer.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) app.select(row.dataset.spot);
    });
    this.measure();
    new ResizeObserver(() => {
      this.measure();
      this.update();
    }).observe(this.box);
  }

  // Pixels of a row, which depend on the window.
  measure() {
    this.tall = parseFloat(getComputedStyle(this.box).getPropertyValue("--row"));
  }

  update() {
    this.spacer.style.height = `${this.app.shown.length * this.tall}px`;
    document.getElementById("nothing").hidden = this.app.shown.length > 0;
    this.draw();
  }

  // Scrolls only as far as it takes to see the selected spot, and a row beside it.
  reveal() {
    const number = this.app.shown.findIndex((spot) => spot.id === this.app.selected);
    if (number < 0) return;
    const [top, tall, high] = [number * this.tall, this.tall, this.box.clientHeight];
    const { scrollTop } = this.box;
    if (top < scrollTop + tall || top > scrollTop + high - 2 * tall)
      this.box.scrollTop = top < scrollTop ? top - tall : top - high + 2 * tall;
    this.draw();
  }

  draw() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.fill();
    });
  }

  fill() {
    const { tall, box, app } = this;
    const first = Math.max(0, Math.floor(box.scrollTop / tall) - 2);
    const last = Math.min(app.shown.length, Math.ceil((box.scrollTop + box.clientHeight) / tall) + 2);
    while (this.pool.length < last - first) this.pool.push(this.newRow());
    const { length } = this.pool;
    // Each row keeps its spot while it is in sight: only those that come are written anew.
    this.pool.forEach((row, n) => {
      const number = first + ((((n - first) % length) + length) % length);
      row.box.hidden = number >= last;
      if (number < last) this.write(row, app.shown[number], number, number * tall);
    });
    const current = this.pool.find((row) => !row.box.hidden && row.box.dataset.spot === app.selected);
    if (current) box.setAttribute("aria-activedescendant", current.box.id);
    else box.removeAttribute("aria-activedescendant");
  }

  newRow() {
    const box = element("div", { className: "row", role: "option", id: `row-${this.pool.length}` });
    const cells = ["sign", "when", "what", "sure", "kind"].map((className) => {
      const cell = element("span", { className });
      box.append(cell);
      return cell;
    });
    cells[2].dir = "auto";
    this.spacer.append(box);
    return { box, cells };
  }

  write(row, spot, number, top) {
    const { box, cells } = row;
    const selected = spot.id === this.app.selected;
    const kind = this.app.kindOf(spot);
    const count = this.app.shown.length;
    // A spot that changes is another object.
    const now = [spot, selected, kind, number, count, top];
    if (row.now?.every((value, n) => value === now[n])) return;
    row.now = now;
    box.dataset.spot = spot.id;
    box.dataset.state = spot.state;
    box.style.top = `${top}px`;
    box.setAttribute("aria-selected", String(selected));
    box.setAttribute("aria-setsize", count);
    box.setAttribute("aria-posinset", number + 1);
    box.setAttribute("aria-label", this.app.words(spot).join(", "));
    const sure = spot.confidence === null ? "" : spot.confidence.toFixed(2);
    const texts = [SIGNS[spot.state], `${spot.half} · ${clock(spot.ms)}`, data.classes[spot.event], sure, kind];
    texts.forEach((text, n) => tell(cells[n], text));
    cells[4].dataset.kind = kind.replaceAll(" ", "-");
  }
}
