// Spots as text for other tools: letter for letter what python -m common.export writes.
// A moment is { half, ms, label, confidence, visibility, team }; timing is { kickOffs, lead, lag }, all in ms.

const fileMs = (moment, timing) => (timing.kickOffs[moment.half - 1] ?? 0) + moment.ms;

function spanMs(moment, timing) {
  const at = fileMs(moment, timing);
  const start = Math.max(0, at - timing.lead);
  return [start, Math.max(start + 1, at + timing.lag)];
}

const two = (number) => String(number).padStart(2, "0");
const three = (number) => String(number).padStart(3, "0");
const mmss = (ms) => `${two(Math.floor(ms / 60000))}:${two(Math.floor(ms / 1000) % 60)}`;
const inSeconds = (ms) => `${Math.floor(ms / 1000)}.${three(ms % 1000)}`;
const oneLine = (text) => text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, " ");
const sorted = (moments, key) => [...moments].sort((a, b) => key(a) - key(b)); // of equal ones the first first
const byPlace = (moments) => [...moments].sort((a, b) => a.half - b.half || a.ms - b.ms);
const asJson = (value) => `${JSON.stringify(value, null, 4)}\n`;

function confidenceText(confidence) {
  if (confidence === null) return "";
  const steps = Math.floor(confidence * 10000 + 0.5);
  const number = Math.abs(steps);
  return `${steps < 0 ? "-" : ""}${Math.floor(number / 10000)}.${String(number % 10000).padStart(4, "0")}`;
}

const percentText = (confidence) =>
  confidence === null ? "" : ` (${Math.floor(confidence * 100 + 0.5)}%)`;

function csvTable(game, moments, timing) {
  const text = (value) => (/^[=+\-@\t\r]/.test(value) ? `'${value}` : value);
  const quoted = (field) => (/[,"\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);
  const lines = ["game,half,clock,position,seconds,class,confidence,visibility,team"];
  for (const moment of byPlace(moments)) {
    const { half, ms, label, confidence, visibility, team } = moment;
    const row = [
      text(game), String(half), mmss(ms), String(ms), inSeconds(fileMs(moment, timing)), text(label),
      confidenceText(confidence), text(visibility ?? ""), text(team ?? ""),
    ];
    lines.push(row.map(quoted).join(","));
  }
  return [...lines, ""].join("\n");
}

// Number, line of times and moment of each cue.
function cues(moments, timing, point) {
  const time = (ms) => {
    const minutes = Math.floor(ms / 60000);
    const rest = ms % 60000;
    return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(Math.floor(rest / 1000))}${point}${three(rest % 1000)}`;
  };
  return sorted(moments, (moment) => spanMs(moment, timing)[0]).map((moment, n) => {
    const [start, end] = spanMs(moment, timing);
    return [n + 1, `${time(start)} --> ${time(end)}`, moment];
  });
}

const entities = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function webvtt(moments, timing) {
  const texts = cues(moments, timing, ".").map(([number, times, { label, confidence }]) =>
    `${number}\n${times}\n${entities(oneLine(label))}${percentText(confidence)}\n\n`);
  return `WEBVTT\n\n${texts.join("")}`;
}

function srt(moments, timing) {
  const plain = (text) => text.replaceAll("<", "\u2039").replaceAll("{", "(").replaceAll("}", ")")
    .replaceAll("-->", "--\u203a");
  const texts = cues(moments, timing, ",").map(([number, times, { label, confidence }]) =>
    `${number}\n${times}\n${plain(oneLine(label))}${percentText(confidence)}\n\n`);
  return texts.join("");
}

// Chapters of YouTube: the first at 0, ten seconds apart or more.
function youtube(moments, timing) {
  const found = [[0, ["Start"]]];
  for (const moment of sorted(moments, (each) => spanMs(each, timing)[0])) {
    const second = Math.floor(spanMs(moment, timing)[0] / 1000);
    const title = oneLine(moment.label).replaceAll("<", "\u2039").replaceAll(">", "\u203a");
    const [last, titles] = found.at(-1);
    if (second >= last + 10) found.push([second, [title]]);
    else if (!titles.includes(title)) titles.push(title);
  }
  const stamp = (seconds) => {
    const minutes = Math.floor(seconds / 60);
    const rest = two(seconds % 60);
    return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`;
  };
  return found.map(([at, titles]) => `${stamp(at)} ${titles.join(", ")}\n`).join("");
}

function labelFile(game, moments) {
  const annotations = byPlace(moments).map(({ half, ms, label, team, visibility }) => ({
    gameTime: `${half} - ${mmss(ms)}`,
    label,
    position: String(ms),
    team: team || "not applicable",
    visibility: visibility || "visible",
  }));
  return asJson({ UrlLocal: `${game}/`, UrlYoutube: "", annotations });
}
