// How a spot looks on its lane: shapes tell its state, so that nothing hangs on colour alone.

function drawMark(context, mark) {
  context.globalAlpha = mark.spot.state === REJECTED ? 0.7 : 1;
  context.fillStyle = context.strokeStyle = mark.ink;
  context.lineWidth = 1.5;
  if (mark.spot.source === "annotation") drawAnnotation(context, mark);
  else drawDetection(context, mark);
  context.globalAlpha = 1;
}

// A dot, hollow where it was missed, a diamond where it is not shown.
function drawAnnotation(context, { spot, x, top, ink, inks }) {
  const y = top + 7;
  context.beginPath();
  if (spot.visibility !== "not shown") context.arc(x, y, 3.2, 0, 7);
  else diamond(context, x, y, 4.2);
  if (ink === inks.missed) {
    context.fillStyle = inks.paper;
    context.fill();
    context.stroke();
  } else context.fill();
  verdictSign(context, spot.state, x, y);
}

// A bar as high as it is confident; a diamond where somebody added it.
function drawDetection(context, { spot, x, top, tall }) {
  const foot = top + tall - 3;
  if (spot.source === "added") {
    context.beginPath();
    diamond(context, x, foot - 6, 5);
    context.fill();
    return;
  }
  const high = 4 + Math.min(Math.max(spot.confidence, 0), 1) * (tall - 18);
  if (spot.state === REJECTED) context.strokeRect(x - 1, foot - high, 2, high);
  else context.fillRect(x - 1.5, foot - high, 3, high);
  verdictSign(context, spot.state, x, foot - 6);
}

// A tick or a cross beside it.
function verdictSign(context, state, x, y) {
  context.beginPath();
  if (state === ACCEPTED) {
    context.moveTo(x + 3.5, y - 0.5);
    context.lineTo(x + 5.5, y + 2);
    context.lineTo(x + 9, y - 3.5);
  } else if (state === REJECTED) {
    for (const side of [-1, 1]) {
      context.moveTo(x - 4, y - 4 * side);
      context.lineTo(x + 4, y + 4 * side);
    }
  }
  context.stroke();
}

function diamond(context, x, y, r) {
  context.moveTo(x, y - r);
  context.lineTo(x + r, y);
  context.lineTo(x, y + r);
  context.lineTo(x - r, y);
  context.closePath();
}
