// The keyboard: one table, which the help sheet shows, too.

const KEYS = [
  ["In time", [
    [["Space"], "play or stop", (app) => app.player.toggle()],
    [["→", "←"], "a second on, back", (app, key) => app.step(key === "→" ? 1 : -1)],
    [["Shift+→", "Shift+←"], "ten seconds on, back", (app, key) => app.step(key.endsWith("→") ? 10 : -10)],
    [[".", ","], "a frame on, back", (app, key) => app.stepFrames(key === "." ? 1 : -1)],
    [["R"], "replay: play from some seconds before", (app) => app.replay()],
    [[">", "<"], "faster, slower", (app, key) => app.changeSpeed(key === ">" ? 1 : -1)],
  ]],
  ["Spots", [
    [["N", "J", "↓"], "next spot", (app) => app.next(1)],
    [["P", "K", "↑"], "previous spot", (app) => app.next(-1)],
    [["A", "Enter"], "accept, or open again", (app) => app.verdict(ACCEPTED)],
    [["X", "Delete"], "reject, or open again", (app) => app.verdict(REJECTED)],
    [["C"], "another class", (app) => app.chooseClass()],
    [["M"], "move it to where the video is", (app) => app.moveHere()],
    [["Alt+→", "Alt+←"], "move it by a frame", (app, key) => app.nudge(key.endsWith("→") ? 1 : -1, true)],
    [["Alt+Shift+→", "Alt+Shift+←"], "move it by a second", (app, key) => app.nudge(key.endsWith("→") ? 1 : -1)],
    [["I"], "insert a spot where the video is", (app) => app.chooseAdded()],
    [["U", "Ctrl+Z"], "undo", (app) => app.undo()],
    [["Shift+U", "Ctrl+Shift+Z", "Ctrl+Y"], "redo", (app) => app.redo()],
  ]],
  ["View", [
    [["+", "−", "0"], "time line nearer, farther, whole", (app, key) => app.zoomKey(key)],
    [["F"], "to the filters", () => document.getElementById("filter-event").focus()],
    [["L"], "to the list", () => document.getElementById("list").focus()],
    [["[", "]"], "previous, next game", (app, key) => app.nextGame(key === "]" ? 1 : -1)],
    [["V"], "choose the video, its kick-offs", () => openDialog("video-dialog")],
    [["S"], "save and export", () => openDialog("save-dialog")],
    [["?"], "this sheet", () => openDialog("help-dialog")],
  ]],
];

const NAMES = {
  " ": "Space", ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓", "-": "−", "=": "+",
  Backspace: "Delete",
};

// "Alt+Shift+→", "Ctrl+Z", "?": Shift is named for letters and arrows alone, others are signs of their own.
function nameOf(event) {
  const key = NAMES[event.key] ?? (event.key.length === 1 ? event.key.toUpperCase() : event.key);
  const shifted = event.shiftKey && /^([A-Z]|[→←↑↓])$/.test(key);
  const parts = [(event.ctrlKey || event.metaKey) && "Ctrl", event.altKey && "Alt", shifted && "Shift"];
  return [...parts.filter(Boolean), key].join("+");
}

// Whether the element in focus needs the key for itself.
function isTaken(target, name) {
  if (document.querySelector("dialog[open]")) return true;
  if (target.closest("dialog")) return false; // a field of one that has just been closed
  if (target.matches("select, textarea, input:not([type=range], [type=checkbox])")) return true;
  if (target.matches("input[type=range]")) return /^(Shift\+)?([→←↑↓]|Page.*|Home|End)$/.test(name);
  return target.matches("button, a, summary, input") && ["Space", "Enter"].includes(name);
}

function listenToKeys(app) {
  const actions = new Map();
  for (const [, lines] of KEYS)
    for (const [names, , act] of lines) for (const name of names) actions.set(name, act);
  document.addEventListener("keydown", (event) => {
    const name = nameOf(event);
    const act = actions.get(name);
    if (!act || event.defaultPrevented || isTaken(event.target, name)) return;
    event.preventDefault();
    act(app, name);
  });
}

function fillHelp() {
  const box = document.getElementById("help-keys");
  for (const [title, lines] of KEYS) {
    const section = element("section", {});
    const list = element("dl", {});
    for (const [names, words] of lines) {
      const row = element("div", {});
      const keys = element("dt", {});
      names.forEach((name, n) => keys.append(n ? " " : "", element("kbd", {}, name)));
      row.append(keys, element("dd", {}, words));
      list.append(row);
    }
    section.append(element("h3", {}, title), list);
    box.append(section);
  }
  const signs = [["●", "annotated"], ["○", "missed"], ["◆", "not shown, or added"],
    ["▮", "detected, as high as it is confident"], ["✓", "accepted"], ["✕", "rejected"]];
  byId("legend").append(...signs.map(([sign, words]) => element("li", {}, `${sign} ${words}`)));
  for (const kind of KINDS) {
    const item = element("li", { className: "kind" }, kind);
    item.dataset.kind = kind.replaceAll(" ", "-");
    byId("legend").append(item);
  }
}

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (!dialog.open) dialog.showModal();
}
