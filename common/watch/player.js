// The video of a game: one file for each half, or one for all, each half from its kick-off on.

class Player {
  constructor(video, missing) {
    Object.assign(this, { video, missing, at: { half: 1, seconds: 0 }, loaded: null, wanted: null });
    this.files = [];
    this.halves = [];
    this.onplace = () => {};
    this.onlength = () => {};
    video.addEventListener("loadedmetadata", () => {
      this.onlength();
      this.settle();
    });
    video.addEventListener("seeked", () => this.settle());
    video.addEventListener("error", () => this.fail());
    for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => this.tick());
  }

  // files: [{ name, places: [address, …], frame }]; halves: [{ file, kickOff }], from half 1 on.
  open(files, halves) {
    this.video.pause();
    this.video.removeAttribute("src");
    this.loaded = null;
    Object.assign(this, { files, halves, wanted: null });
    this.seek(this.at.half, this.at.seconds);
  }

  of(half) {
    const found = this.halves[half - 1];
    return found && this.files[found.file] ? found : null;
  }

  get place() {
    const { video } = this;
    if (video.paused || video.seeking || this.wanted !== null) return this.at;
    const before = this.halves
      .map((half, n) => ({ ...half, half: n + 1 }))
      .filter((half) => half.file === this.loaded);
    const here = before.findLast((half) => half.kickOff <= video.currentTime) ?? before[0];
    return { half: here.half, seconds: video.currentTime - here.kickOff };
  }

  get frame() {
    return this.files[this.of(this.place.half)?.file]?.frame || data.frame;
  }

  get playing() {
    return !this.video.paused && this.of(this.at.half) !== null;
  }

  seek(half, seconds) {
    const source = this.of(half);
    this.at = { half, seconds: source ? Math.max(seconds, -source.kickOff) : Math.max(seconds, 0) };
    this.missing(source ? null : this.files.length ? "half" : "none", half);
    if (source) {
      this.load(source.file);
      this.wanted = source.kickOff + this.at.seconds;
      this.settle();
    } else this.video.pause();
    this.onplace();
  }

  load(file) {
    if (this.loaded === file) return;
    const go = !this.video.paused;
    this.loaded = file;
    this.tried = 0;
    this.video.src = this.files[file].places[0];
    if (go) this.play();
  }

  // One seek at a time; those that come meanwhile are one, to the last place.
  settle() {
    if (this.wanted === null || this.video.readyState < 1 || this.video.seeking) return;
    const wanted = this.wanted;
    this.wanted = null;
    // A frame begins at its time as the file rounds it: half a millisecond is inside of it.
    this.video.currentTime = wanted + 0.0005;
  }

  fail() {
    const places = this.files[this.loaded]?.places ?? [];
    if (!this.video.getAttribute("src")) return;
    this.tried += 1;
    if (this.tried < places.length) this.video.src = places[this.tried];
    else this.missing("broken", this.at.half, this.files[this.loaded].name);
  }

  step(seconds) {
    const { half, seconds: now } = this.place;
    this.seek(half, now + seconds);
  }

  stepFrames(frames) {
    this.pause();
    const { half, seconds } = this.place;
    const start = this.of(half)?.kickOff ?? 0;
    const number = Math.round((start + seconds) / this.frame) + frames;
    this.seek(half, number * this.frame - start);
  }

  play() {
    if (!this.of(this.at.half)) return;
    this.video.play().catch(() => {}); // what hinders it has an event of its own
  }

  pause() {
    this.at = this.place;
    this.video.pause();
  }

  toggle() {
    if (this.video.paused) this.play();
    else this.pause();
  }

  tick() {
    this.onplace();
    if (!this.video.paused && !this.video.ended) requestAnimationFrame(() => this.running());
  }

  running() {
    if (this.video.paused) return;
    if (this.wanted === null && !this.video.seeking) this.at = this.place;
    this.onplace();
    requestAnimationFrame(() => this.running());
  }

  // Seconds of a half that the video shows, as far as its length is known.
  length(half) {
    const source = this.of(half);
    if (!source || source.file !== this.loaded || !Number.isFinite(this.video.duration)) return 0;
    const next = this.halves[half];
    const end = next && next.file === source.file ? next.kickOff : this.video.duration;
    return Math.max(0, end - source.kickOff);
  }
}
