// Which video shows which half: what the page came with, or files that somebody chooses.

class Videos {
  constructor(app) {
    this.app = app;
    this.picker = document.getElementById("video-files");
    this.table = document.getElementById("video-halves");
    this.picker.addEventListener("change", () => this.take([...this.picker.files]));
    for (const button of document.querySelectorAll(".pick-video"))
      button.addEventListener("click", () => this.picker.click());
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      this.take([...event.dataTransfer.files]);
    });
  }

  open(game) {
    const { files, halves } = data.games[game.number].videos;
    this.given = Array.from({ length: game.halves }, (_, n) => halves[n]?.kickOff ?? 0);
    const isValid = (value) =>
      Array.isArray(value) && value.length === game.halves && value.every((each) => each >= 0);
    const kickOffs = this.app.store.kept("kickOffs", game.number, this.given, isValid);
    this.files = files;
    this.halves = kickOffs.map((kickOff, n) => ({ file: halves[n]?.file ?? -1, kickOff }));
    this.apply();
  }

  // 1_x and 2_x are halves 1 and 2; else they come in the order of their names; one is for all.
  take(chosen) {
    const videos = chosen.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (!videos.length) return;
    for (const { places, picked } of this.files) if (picked) URL.revokeObjectURL(places[0]);
    this.files = videos.map((file) => ({
      name: file.name, places: [URL.createObjectURL(file)], frame: null, picked: true,
    }));
    const numbered = videos.map(({ name }) => Number(/^([1-9])(_|\.)/.exec(name)?.[1] ?? 0));
    this.halves.forEach((half, n) => {
      const named = numbered.indexOf(n + 1);
      half.file = named >= 0 ? named : numbered.some(Boolean) ? -1 : Math.min(n, videos.length - 1);
    });
    this.picker.value = "";
    this.apply();
    const first = this.halves.findIndex((half) => half.file >= 0);
    if (!this.app.player.of(this.app.player.at.half) && first >= 0)
      this.app.goTo({ half: first + 1, seconds: 0 });
  }

  apply() {
    this.app.player.open(this.files, this.halves);
    this.table.replaceChildren(...this.halves.map((half, n) => this.row(half, n)));
  }

  row(half, n) {
    const row = element("tr", {});
    const choice = element("select", { ariaLabel: `video of half ${n + 1}` });
    choice.append(element("option", { value: -1 }, "none"));
    this.files.forEach(({ name }, number) => choice.append(element("option", { value: number }, name)));
    choice.value = half.file;
    choice.onchange = () => this.change(n, { file: Number(choice.value) });
    const seconds = element("input", {
      type: "number", step: "any", min: 0, value: half.kickOff, ariaLabel: `kick-off of half ${n + 1}`,
    });
    seconds.onchange = () =>
      this.change(n, { kickOff: Math.max(0, Math.round(seconds.value * 1000) / 1000 || 0) });
    const now = element("button", { type: "button" }, "now");
    now.title = "the moment that the video shows is the kick-off of this half";
    now.onclick = () => this.change(n, { kickOff: this.seconds() });
    for (const cell of [`half ${n + 1}`, choice, seconds, now]) {
      const box = element("td", {});
      box.append(cell);
      row.append(box);
    }
    return row;
  }

  seconds() {
    return Math.round(this.app.player.video.currentTime * 1000) / 1000;
  }

  change(n, fields) {
    Object.assign(this.halves[n], fields);
    const kickOffs = this.halves.map(({ kickOff }) => kickOff);
    this.app.store.keepInstead("kickOffs", this.app.game.number, this.given, kickOffs);
    this.apply();
  }
}
