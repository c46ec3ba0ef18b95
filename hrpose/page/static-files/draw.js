// Drawing of poses on a canvas, and their export. Coordinates are image px unless a name says otherwise.

const SIDE_COLOURS = {left: 'rgb(30 148 255)', right: 'rgb(255 136 20)', centre: 'rgb(60 214 120)'};

// As hrpose.visualization colours ids: hues a golden section apart.
export function personColour(number) {
  const hue = (0.58 + (number * (Math.sqrt(5) - 1)) / 2) % 1;
  return `hsl(${360 * hue} 100% 57%)`;
}

function limbSide(a, b) {
  const sides = new Set([a, b].filter((side) => side !== 'centre'));
  return sides.size === 1 ? [...sides][0] : 'centre';
}

export function shownJoints(person, threshold) {
  return person.keypoints.map(([x, y, score]) => x !== null && y !== null && score !== null && score > threshold);
}

// Draw people. `scale` is canvas px for one image px.
export function drawPeople(context, people, about, {scale, threshold, boxes, byPerson}) {
  const place = (joint) => [(joint[0] + 0.5) * scale, (joint[1] + 0.5) * scale];
  const {width, height} = context.canvas;
  const widest = Math.max(2, Math.sqrt(width * height) / 150);
  context.lineCap = 'round';
  people.forEach((person, index) => {
    const colour = byPerson ? personColour(person.track_id ?? index) : null;
    const shown = shownJoints(person, threshold);
    const points = person.keypoints.map(place);
    if (boxes) drawBox(context, person, scale, widest / 2, colour);
    const visible = points.filter((_, joint) => shown[joint]);
    if (!visible.length) return;
    const extent = Math.hypot(...[0, 1].map((axis) => {
      const values = visible.map((point) => point[axis]);
      return Math.max(...values) - Math.min(...values);
    }));
    const line = Math.min(widest, Math.max(1.5, extent / 40));
    const limbs = about.skeleton.filter(([a, b]) => shown[a] && shown[b]);
    for (const isRim of [true, false]) {
      for (const [a, b] of limbs) {
        context.lineWidth = isRim ? line * 1.7 : line;
        context.strokeStyle = isRim ? 'rgb(28 28 28 / 55%)' : colour ?? SIDE_COLOURS[limbSide(about.sides[a], about.sides[b])];
        context.globalAlpha = isRim ? 1 : opacity(Math.min(person.keypoints[a][2], person.keypoints[b][2]));
        context.beginPath();
        context.moveTo(...points[a]);
        context.lineTo(...points[b]);
        context.stroke();
      }
    }
    points.forEach((point, joint) => {
      if (!shown[joint]) return;
      context.globalAlpha = opacity(person.keypoints[joint][2]);
      context.beginPath();
      context.arc(...point, line * 0.9 + 0.5, 0, 2 * Math.PI);
      context.fillStyle = colour ?? SIDE_COLOURS[about.sides[joint]];
      context.fill();
      context.lineWidth = Math.max(1, line / 4);
      context.strokeStyle = 'rgb(248 248 248)';
      context.stroke();
    });
    context.globalAlpha = 1;
  });
}

function opacity(score) {
  return 0.4 + 0.6 * Math.sqrt(Math.min(1, Math.max(0, score)));
}

function drawBox(context, person, scale, width, colour) {
  const [x1, y1, x2, y2] = person.box.map((value) => value * scale);
  for (const [style, extra] of [['rgb(28 28 28 / 45%)', 2], [colour ?? 'rgb(235 235 235)', 0]]) {
    context.strokeStyle = style;
    context.lineWidth = Math.max(1, width) + extra;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }
  if (person.track_id === undefined) return;
  const size = Math.max(12, width * 7);
  context.font = `600 ${size}px system-ui, sans-serif`;
  const text = String(person.track_id);
  const top = Math.max(0, y1 - size * 1.2);
  context.fillStyle = colour ?? 'rgb(235 235 235)';
  context.fillRect(x1, top, context.measureText(text).width + size * 0.6, size * 1.2);
  context.fillStyle = '#000';
  context.fillText(text, x1 + size * 0.3, top + size);
}

// The shown joint nearest to (x, y) within `reach`, all in image px: {person, joint}, or null.
export function nearestJoint(people, threshold, x, y, reach) {
  let best = null;
  people.forEach((one, person) => {
    const shown = shownJoints(one, threshold);
    one.keypoints.forEach((point, joint) => {
      const distance = Math.hypot(point[0] + 0.5 - x, point[1] + 0.5 - y);
      if (shown[joint] && distance <= (best?.distance ?? reach)) best = {person, joint, distance};
    });
  });
  return best;
}

// The columns of `hrpose infer --save csv`, a line a person.
export function toCsv(frames, names) {
  const tracked = frames.some((frame) => frame.people.some((person) => 'track_id' in person));
  const joints = names.flatMap((name) => ['x', 'y', 'score'].map((value) => `${name}_${value}`));
  const track = tracked ? ['track_id'] : [];
  const lines = [['source', 'frame', 'person', ...track, 'box_x1', 'box_y1', 'box_x2', 'box_y2', 'box_score', ...joints]];
  for (const frame of frames) {
    frame.people.forEach((person, index) => {
      const id = tracked ? [person.track_id ?? ''] : [];
      lines.push([frame.source, frame.frame_index, index, ...id, ...person.box, person.box_score, ...person.keypoints.flat()]);
    });
  }
  return lines.map((cells) => cells.map(csvCell).join(',')).join('\n') + '\n';
}

function csvCell(value) {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
