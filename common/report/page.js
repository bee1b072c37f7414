// Sorts tables, tells where they go on, filters games, and opens a game's time line.

function sortBy(header) {
  const table = header.closest("table");
  const column = header.cellIndex;
  // At first numbers fall and names rise; then each click turns the order.
  const rising = header.ariaSort === "descending" || (header.ariaSort === "none" && column === 0);
  for (const other of table.tHead.rows[0].cells) if (other.ariaSort) other.ariaSort = "none";
  header.ariaSort = rising ? "ascending" : "descending";
  const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const compare = (a, b) => {
    const [x, y] = [value(a), value(b)];
    const difference = Number(x) - Number(y);
    return Number.isNaN(difference) ? x.localeCompare(y) : difference;
  };
  const rows = [...table.tBodies[0].rows].sort(compare);
  table.tBodies[0].append(...(rising ? rows : rows.reverse()));
}
for (const header of document.querySelectorAll("table.sortable th[aria-sort]"))
  header.firstElementChild.addEventListener("click", () => sortBy(header));

// A table may be wider than the page; `more` says that there is something to the right of the view.
function markOverflow(box) {
  const hidden = box.scrollWidth - box.clientWidth;
  box.classList.toggle("wider", hidden > 1);
  box.classList.toggle("more", hidden - box.scrollLeft > 1);
}
const tables = new ResizeObserver((entries) => entries.forEach(({ target }) => markOverflow(target)));
for (const box of document.querySelectorAll(".scroll")) {
  tables.observe(box);
  box.addEventListener("scroll", () => markOverflow(box), { passive: true });
}

const search = document.getElementById("search");
search?.addEventListener("input", () => {
  const words = search.value.toLowerCase().split(/\s+/);
  for (const game of document.querySelectorAll("details.game"))
    game.hidden = !words.every((w) => game.firstElementChild.textContent.toLowerCase().includes(w));
});

document.querySelectorAll("details.game").forEach((details, number) => {
  details.addEventListener("toggle", () => {
    const box = details.lastElementChild;
    if (details.open && !box.firstChild) new Timeline(box, data.games[number]);
  });
});

function follow() {
  const target = /^#game-\d+$/.test(location.hash) && document.querySelector(location.hash);
  if (target) {
    target.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", follow);
follow();
