// The sheet of classes: typing narrows it, arrows and Enter choose.

class Chooser {
  constructor() {
    this.dialog = document.getElementById("class-dialog");
    this.input = document.getElementById("class-search");
    this.box = document.getElementById("class-list");
    this.title = document.getElementById("class-title");
    this.input.addEventListener("input", () => this.fill());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("click", (event) => {
      const row = event.target.closest("li");
      if (row) this.take(Number(row.dataset.event));
    });
  }

  open(title, current, choose) {
    this.title.textContent = title;
    this.choose = choose;
    this.input.value = "";
    this.dialog.showModal();
    this.fill(current);
    this.input.focus();
  }

  fill(current = null) {
    const words = this.input.value.toLowerCase().split(/\s+/);
    this.events = data.classes.map((_, event) => event).filter((event) =>
      words.every((word) => data.classes[event].toLowerCase().includes(word)));
    this.number = Math.max(0, this.events.indexOf(current));
    this.box.replaceChildren(...this.events.map((event, n) =>
      Object.assign(element("li", { role: "option", id: `class-${n}`, dir: "auto" },
        data.classes[event]))));
    [...this.box.children].forEach((row, n) => (row.dataset.event = this.events[n]));
    this.mark();
  }

  mark() {
    [...this.box.children].forEach((row, n) => {
      row.setAttribute("aria-selected", String(n === this.number));
      if (n === this.number) row.scrollIntoView({ block: "nearest" });
    });
    this.input.setAttribute("aria-activedescendant", this.events.length ? `class-${this.number}` : "");
  }

  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps && this.events.length) {
      this.number = (this.number + steps[event.key] + this.events.length) % this.events.length;
      this.mark();
    } else if (event.key === "Enter" && this.events.length) this.take(this.events[this.number]);
    else return;
    event.preventDefault();
  }

  take(event) {
    this.dialog.close();
    this.choose(event);
  }
}
