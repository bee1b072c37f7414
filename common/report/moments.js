// From each error to its moment in the page that shows the video.

const named = (kind) => kind.replaceAll(" ", "-");

// Errors of a half: detections that are not correct, and missed spots, by time.
function errorsOf(half, number) {
  const found = half.found[0].map((frame, n) => ({
    frame, event: half.found[1][n], kind: data.kinds[half.found[3][n]], of: "detection",
    words: `, ${confidence(half.found[2][n])}`,
  }));
  const spots = half.spots[0].map((frame, n) => ({
    frame, event: half.spots[1][n], kind: half.spots[3][n] < 0 ? "missed" : "correct",
    of: "annotation", words: "",
  }));
  return [...found, ...spots]
    .filter(({ kind }) => kind !== "correct")
    .sort((a, b) => a.frame - b.frame)
    .map((error) => ({ ...error, half: number + 1 }));
}

function addressOf(name, { frame, event, half, of }) {
  const moment = { t: frame / data.framerate, half, game: data.watch.games[name], class: event, of };
  return `${data.watch.page}#${new URLSearchParams(moment)}`;
}

function listErrors(box, game) {
  const errors = game.halves.flatMap(errorsOf);
  if (!(game.name in data.watch.games) || !errors.length) return;
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const list = document.createElement("ol");
  summary.textContent = `${errors.length} errors in the video`;
  for (const error of errors) {
    const link = document.createElement("a");
    const mark = document.createElement("i");
    mark.className = named(error.kind);
    link.href = addressOf(game.name, error);
    link.target = "watch"; // one page for all of them
    const place = `${error.half} · ${clock(error.frame)}`;
    link.append(mark, `${place} ${data.classes[error.event]}${error.words}, ${error.kind}`);
    const item = document.createElement("li");
    item.append(link);
    list.append(item);
  }
  details.className = "moments";
  details.append(summary, list);
  box.append(details);
}

document.querySelectorAll("details.game").forEach((details, number) => {
  details.addEventListener("toggle", () => {
    const box = details.querySelector(".timeline");
    if (details.open && !box.querySelector(".moments")) listErrors(box, data.games[number]);
  });
});
