// The page: files in, one request each, poses drawn over them. Drawing and CSV are in draw.js, requests in server.js.

import {drawPeople, nearestJoint, shownJoints, toCsv} from './draw.js';
import {Refusal, describe, post} from './server.js';

const AT_ONCE = {image: 2, video: 1};  // requests: an image is worked on while the next one is sent
const VIDEO_SUFFIX = /\.(mp4|mov|m4v|webm|mkv|avi)$/i;
const LARGEST_ZOOM = 4;

const $ = (id) => document.getElementById(id);
const about = await describe();
const items = [];  // {file, name, kind, status, message, boxes, whole, editing, frames, width, height, row, abort, url}
let selected = null;
let bitmap = null;  // of the selected image
let cameraStream = null;

// ---------------------------------------------------------------- files

async function addFiles(files) {
  $('alert').hidden = true;
  const added = [...files].map((file) => {
    const kind = file.type.startsWith('video/') || VIDEO_SUFFIX.test(file.name) ? 'video' : 'image';
    return {file, name: file.name || `pasted.${kind}`, kind, status: 'reading', message: '', boxes: [], whole: false,
      editing: !about.detects, frames: [], width: 0, height: 0, url: null, abort: new AbortController()};
  });
  if (!added.length) return;
  for (const item of added) {
    items.push(item);
    addRow(item);
  }
  if (!selected) select(added[0]);
  update();
  for (const item of added) {
    await readFile(item);
    if (item === selected) await show(item);
    update();
    work();
  }
}

// Find the size of a file and draw its thumbnail.
async function readFile(item) {
  const largest = about.limits[`${item.kind}_mb`];
  if (item.file.size > largest * 1e6) return fail(item, `${item.name}: the file is larger than the limit of ${largest} MB`);
  try {
    if (item.kind === 'image') {
      const image = await createImageBitmap(item.file);
      [item.width, item.height] = [image.width, image.height];
      drawThumbnail(item, image, image.width, image.height);
      image.close();
    } else {
      item.url = URL.createObjectURL(item.file);
      const video = await firstFrame(item.url);
      [item.width, item.height] = [video.videoWidth, video.videoHeight];
      drawThumbnail(item, video, item.width, item.height);
      video.removeAttribute('src');
    }
  } catch {
    // The server may read what the browser cannot show, and says best what is wrong with a file.
    if (item.kind === 'image' && !about.detects) {
      return fail(item, `${item.name}: the browser cannot show this as an image; use a whole JPEG, PNG, WebP or BMP`);
    }
  }
  if (item.status === 'reading') setStatus(item, about.detects ? 'waiting' : 'boxes');
}

function firstFrame(url) {
  return new Promise((resolve, reject) => {
    const video = document.createElement('video');
    video.muted = true;
    video.preload = 'auto';
    video.onloadeddata = () => resolve(video);
    video.onerror = reject;
    video.src = url;
  });
}

function drawThumbnail(item, source, width, height) {
  const canvas = item.row.querySelector('canvas');
  const scale = Math.max(canvas.width / width, canvas.height / height);
  const [w, h] = [width * scale, height * scale];
  canvas.getContext('2d').drawImage(source, (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
}

function remove(item) {
  item.abort.abort();
  if (item.url) URL.revokeObjectURL(item.url);
  item.row.remove();
  const index = items.indexOf(item);
  items.splice(index, 1);
  if (item === selected) {
    const next = items[Math.min(index, items.length - 1)] ?? null;
    select(next);
    (next?.row.querySelector('.file') ?? $('files')).focus();
  }
  update();
  work();
}

// ---------------------------------------------------------------- requests

// Start what waits, as far as the server should be asked at once.
function work() {
  for (const item of items.filter((one) => one.status === 'waiting')) {
    const rivals = items.filter((one) => one.kind === item.kind && one.status === 'working');
    if (rivals.length < AT_ONCE[item.kind]) estimate(item).finally(work);
  }
}

async function estimate(item) {
  setStatus(item, 'working');
  item.frames = [];
  item.message = '';
  try {
    const response = await post(item);
    if (item.kind === 'image') item.frames = [await response.json()];
    else await readFrames(item, response);
    setStatus(item, 'done', item.message);
  } catch (error) {
    if (item.abort.signal.aborted) return;
    fail(item, error instanceof Refusal ? error.message : 'the server does not answer; see whether it still runs');
  }
}

// Read a video's answer, a line of JSON a frame.
async function readFrames(item, response) {
  let text = '';
  let isWhole = false;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (text + part.value).split('\n');
    text = lines.pop();
    for (const line of lines.map((each) => JSON.parse(each))) {
      if (line.error) throw new Refusal(line.error);
      if (line.end !== undefined) [isWhole, item.message] = [true, line.end];
      else item.frames.push(line);
    }
    updateRow(item);
    if (item === selected) redraw();
  }
  if (!isWhole) throw new Refusal(`${item.name}: the answer broke off after ${item.frames.length} frames`);
}

function setStatus(item, status, message = '') {
  [item.status, item.message] = [status, message];
  updateRow(item);
  update();
  if (item === selected) refresh();
}

function fail(item, message) {
  setStatus(item, 'failed', message);
  $('alert').textContent = message.includes(item.name) ? message : `${item.name}: ${message}`;
  $('alert').hidden = false;
}

// ---------------------------------------------------------------- list

function addRow(item) {
  const row = document.createElement('li');
  const file = document.createElement('button');
  file.type = 'button';
  file.className = 'file';
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 96;
  const text = document.createElement('span');
  const name = document.createElement('b');
  name.textContent = name.title = item.name;
  const state = document.createElement('span');
  state.className = 'state';
  text.append(name, state);
  file.append(canvas, text);
  file.onclick = () => select(item);
  const cross = document.createElement('button');
  cross.type = 'button';
  cross.className = 'remove';
  cross.textContent = '×';
  cross.setAttribute('aria-label', `Remove ${item.name}`);
  cross.onclick = () => remove(item);
  row.append(file, cross);
  item.row = row;
  $('list').append(row);
  updateRow(item);
}

function updateRow(item) {
  item.row.className = item.status;
  item.row.querySelector('.state').textContent = stateText(item);
}

function stateText(item) {
  const frames = `${item.frames.length} frame${item.frames.length === 1 ? '' : 's'}`;
  if (item.status === 'working') return item.kind === 'video' && item.frames.length ? `${frames} …` : 'working …';
  if (item.status === 'done' && item.kind === 'video') return frames;
  if (item.status === 'done') return peopleText(item.frames[0].people.length);
  return {reading: 'reading …', boxes: 'needs boxes', waiting: 'waiting', failed: 'failed'}[item.status];
}

function peopleText(count) {
  return count === 0 ? 'no people' : count === 1 ? '1 person' : `${count} people`;
}

// Bring the progress, and what depends on all files, up to date.
function update() {
  const count = (...states) => items.filter((item) => states.includes(item.status)).length;
  const finished = count('done', 'failed');
  const failed = count('failed');
  const text = `${finished} of ${items.length} done${failed ? `, ${failed} failed` : ''}`;
  document.body.classList.toggle('busy', items.length > 0);
  $('work').hidden = !items.length;
  $('progress').max = Math.max(1, items.length);
  $('progress').value = finished;
  $('progress-text').textContent = text;
  if ($('status').textContent !== text) $('status').textContent = items.length ? text : '';
  $('all-json').disabled = $('all-csv').disabled = !count('done');
  $('whole-all').hidden = count('boxes') < 2;
  $('whole-all').textContent = `Take ${count('boxes')} whole images`;
}

// ---------------------------------------------------------------- stage

function select(item) {
  for (const one of items) one.row.querySelector('.file').removeAttribute('aria-current');
  item?.row.querySelector('.file').setAttribute('aria-current', 'true');
  selected = item;
  if (item) show(item);
}

async function show(item) {
  const old = bitmap;
  bitmap = null;
  old?.close();
  const video = $('video');
  video.pause();
  if (item.kind === 'image' && item.width) {
    const loaded = await createImageBitmap(item.file);
    if (item !== selected || bitmap) return loaded.close();  // another one was chosen meanwhile
    bitmap = loaded;
  }
  video.hidden = item.kind !== 'video' || !item.width;
  $('image').hidden = !bitmap;
  if (!video.hidden && video.src !== item.url) video.src = item.url;
  refresh();
}

// Bring the stage and its tools up to date with the selected file.
function refresh() {
  const item = selected;
  const hasPoses = item.frames.length > 0;
  const isBusy = ['reading', 'waiting', 'working'].includes(item.status);
  $('stage-title').textContent = item.name;
  $('message').textContent = item.message || messageOf(item);
  $('image').ariaLabel = `${item.name}, ${stateText(item)}`;
  $('video').ariaLabel = item.name;
  $('message').classList.toggle('failed', item.status === 'failed');
  $('stage').hidden = !item.width;
  $('stage').classList.toggle('drawing', item.editing && !isBusy);
  $('box-tools').hidden = !item.editing || isBusy || !item.width;
  $('boxes').hidden = !item.editing;
  $('clear-boxes').disabled = $('find').disabled = !item.boxes.length;
  $('detect').hidden = !about.detects;
  $('keep').hidden = !hasPoses;
  $('edit').hidden = item.editing || isBusy || !item.width;
  $('view-tools').hidden = !hasPoses && $('edit').hidden;
  for (const id of ['save-json', 'save-csv', 'save-image']) $(id).disabled = !hasPoses;
  $('save-image').disabled ||= !item.width;
  $('details').hidden = !hasPoses;
  $('colours').hidden = item.kind === 'video';  // its people always have colours of their own
  layout();
  placeBoxes();
}

function messageOf(item) {
  if (item.status === 'boxes') return 'Where are the people? Draw their boxes, or take the whole image as one person.';
  if (item.status === 'done' && !item.width) return 'The browser cannot show this file; its keypoints can be downloaded.';
  if (item.status !== 'done') return stateText(item);
  if (item.kind === 'video') return `${stateText(item)}. Play the video to see the poses move.`;
  return item.frames[0].people.length ? `${stateText(item)}. Point at a joint for its name.` : 'No people were found.';
}

// Fit the stage into the window, and draw.
function layout() {
  const item = selected;
  if (!item?.width) return redraw();
  const room = $('stage-panel').clientWidth - 2 * parseFloat(getComputedStyle($('stage-panel')).paddingLeft);
  const scale = Math.min(room / item.width, (0.6 * innerHeight) / item.height, LARGEST_ZOOM);
  const [width, height] = [Math.round(item.width * scale), Math.round(item.height * scale)];
  for (const element of [$('stage'), $('image'), $('video')]) {
    element.style.width = `${width}px`;
    element.style.height = `${height}px`;
  }
  for (const canvas of [$('image'), $('overlay')]) {
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
  }
  if (bitmap) $('image').getContext('2d').drawImage(bitmap, 0, 0, $('image').width, $('image').height);
  redraw();
}

function redraw() {
  const context = $('overlay').getContext('2d');
  context.clearRect(0, 0, $('overlay').width, $('overlay').height);
  if (selected?.width) drawPeople(context, shownPeople(), about, settings($('overlay').width / selected.width));
  if ($('details').open) fillTables();
}

function settings(scale) {
  return {
    scale,
    threshold: Number($('threshold').value),
    boxes: $('show-boxes').checked && !selected.editing,
    byPerson: $('by-person').checked || selected.kind === 'video',
  };
}

// The people of the frame that is on show.
function shownPeople() {
  return frameAt(selected, $('video').currentTime)?.people ?? [];
}

// The frame of an item that is nearest to a time in seconds.
function frameAt(item, time) {
  const frames = item.frames;
  if (item.kind === 'image' || !frames.length) return frames[0];
  let [low, high] = [0, frames.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (frames[middle].time < time) low = middle + 1;
    else high = middle;
  }
  const isEarlierNearer = low > 0 && time - frames[low - 1].time < frames[low].time - time;
  const frame = frames[isEarlierNearer ? low - 1 : low];
  return time - frame.time > 0.5 ? undefined : frame;  // not looked at yet, or left out
}

function fillTables() {
  const threshold = Number($('threshold').value);
  const people = selected ? shownPeople() : [];
  $('tables').replaceChildren(...people.map((person, index) => {
    const table = document.createElement('table');
    const shown = shownJoints(person, threshold);
    table.createCaption().textContent = `Person ${person.track_id ?? index + 1}`;
    const heads = ['keypoint', 'x', 'y', 'score', ...(person.probabilities ? ['probability'] : [])];
    const head = table.createTHead().insertRow();
    for (const text of heads) head.append(cellOf('th', text, 'col'));
    const body = table.createTBody();
    person.keypoints.forEach(([x, y, score], joint) => {
      const row = body.insertRow();
      row.className = shown[joint] ? '' : 'low';
      row.append(cellOf('th', wordsOf(joint), 'row'));
      const numbers = [x?.toFixed(1), y?.toFixed(1), score?.toFixed(2)];
      if (person.probabilities) numbers.push(person.probabilities[joint]?.toFixed(2));
      for (const number of numbers) row.append(cellOf('td', number ?? '–'));
    });
    return table;
  }));
  if (!people.length) $('tables').textContent = 'No people in this frame.';
}

function cellOf(tag, text, scope) {
  const cell = document.createElement(tag);
  cell.textContent = text;
  if (scope) cell.scope = scope;
  return cell;
}

function wordsOf(joint) {
  return about.names[joint].replaceAll('_', ' ');
}

// The place of a pointer in image px.
function pointOf(event) {
  const area = $('overlay').getBoundingClientRect();
  const at = (value, side, length) => Math.min(length, Math.max(0, (value / side) * length));
  return [at(event.clientX - area.left, area.width, selected.width), at(event.clientY - area.top, area.height, selected.height)];
}

function showTip(event) {
  const tip = $('tip');
  tip.hidden = true;
  if (!selected?.width) return;
  const [x, y] = pointOf(event);
  const zoom = $('overlay').clientWidth / selected.width;
  const people = shownPeople();
  const near = nearestJoint(people, Number($('threshold').value), x, y, 14 / zoom);
  if (!near) return;
  const person = people[near.person];
  const chance = person.probabilities?.[near.joint];
  const probability = chance === undefined || chance === null ? '' : `, probability ${chance.toFixed(2)}`;
  tip.textContent = `${wordsOf(near.joint)} ${person.keypoints[near.joint][2].toFixed(2)}${probability}`;
  tip.hidden = false;
  const left = Math.min(x * zoom + 12, $('overlay').clientWidth - tip.offsetWidth);
  tip.style.left = `${Math.max(0, left)}px`;
  tip.style.top = `${Math.max(0, y * zoom - tip.offsetHeight - 8)}px`;
}

// ---------------------------------------------------------------- boxes

function placeBoxes() {
  const focused = [...$('boxes').children].indexOf(document.activeElement);
  $('boxes').replaceChildren(...(selected.width ? selected.boxes.map(boxElement) : []));
  if (focused >= 0) $('boxes').children[Math.min(focused, selected.boxes.length - 1)]?.focus();
}

function boxElement(box, index) {
  const element = document.createElement('button');
  element.type = 'button';
  element.className = 'box';
  element.dataset.number = index + 1;
  const [left, top, width, height] = [box[0], box[1], box[2] - box[0], box[3] - box[1]];
  const sides = `left ${Math.round(left)}, top ${Math.round(top)}, width ${Math.round(width)}, height ${Math.round(height)}`;
  element.setAttribute('aria-label', `Box ${index + 1}: ${sides}`);
  element.setAttribute('aria-describedby', 'box-help');
  element.style.left = `${(100 * left) / selected.width}%`;
  element.style.top = `${(100 * top) / selected.height}%`;
  element.style.width = `${(100 * width) / selected.width}%`;
  element.style.height = `${(100 * height) / selected.height}%`;
  element.onkeydown = (event) => moveBox(event, index);
  return element;
}

function moveBox(event, index) {
  const {width, height, boxes} = selected;
  if (event.key === 'Delete' || event.key === 'Backspace') {
    boxes.splice(index, 1);
  } else {
    const direction = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (!direction) return;
    const step = Math.max(1, Math.round(Math.max(width, height) / 100));
    const [x1, y1, x2, y2] = boxes[index];
    let [dx, dy] = direction.map((sign) => sign * step);
    if (event.shiftKey) {
      boxes[index] = [x1, y1, Math.min(width, Math.max(x1 + step, x2 + dx)), Math.min(height, Math.max(y1 + step, y2 + dy))];
    } else {
      dx = Math.min(width - x2, Math.max(-x1, dx));
      dy = Math.min(height - y2, Math.max(-y1, dy));
      boxes[index] = [x1 + dx, y1 + dy, x2 + dx, y2 + dy];
    }
  }
  event.preventDefault();
  refresh();
  if (!boxes.length) $('add-box').focus();
}

function addBox(box) {
  if (selected.boxes.length >= about.limits.boxes) return;
  selected.boxes.push(box.map((value) => Math.round(10 * value) / 10));
  refresh();
}

function startBox(event) {
  if (event.button !== 0 || !selected?.width || !$('stage').classList.contains('drawing')) return;
  event.preventDefault();
  const layer = $('boxes');
  const [x, y] = pointOf(event);
  const sketch = document.createElement('div');
  sketch.className = 'box';
  layer.append(sketch);
  layer.setPointerCapture(event.pointerId);
  const corners = (move) => {
    const [u, v] = pointOf(move);
    return [Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v)];
  };
  layer.onpointermove = (move) => {
    const [x1, y1, x2, y2] = corners(move);
    sketch.style.left = `${(100 * x1) / selected.width}%`;
    sketch.style.top = `${(100 * y1) / selected.height}%`;
    sketch.style.width = `${(100 * (x2 - x1)) / selected.width}%`;
    sketch.style.height = `${(100 * (y2 - y1)) / selected.height}%`;
  };
  const finish = (end) => {
    layer.onpointermove = layer.onpointerup = layer.onpointercancel = null;
    sketch.remove();
    const box = corners(end);
    const zoom = $('overlay').clientWidth / selected.width;
    if (end.type === 'pointerup' && Math.min(box[2] - box[0], box[3] - box[1]) * zoom >= 6) addBox(box);
  };
  layer.onpointerup = layer.onpointercancel = finish;
}

function ask(chosen, {whole = false, drawn = false}) {
  for (const item of chosen) {
    item.whole = whole;
    if (!drawn) item.boxes = [];
    item.editing = false;
    setStatus(item, 'waiting');
  }
  // The pressed button is hidden now, so the focus would be lost.
  selected.row.querySelector('.file').focus();
  work();
}

// ---------------------------------------------------------------- downloads

function download(name, content, type) {
  const link = document.createElement('a');
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], {type}));
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function stem(item) {
  return item.name.replace(/\.[^.]*$/, '');
}

function framesOf(chosen) {
  return chosen.filter((item) => item.frames.length).flatMap((item) => item.frames);
}

function saveJson(chosen, name) {
  download(`${name}.json`, `[\n${framesOf(chosen).map((frame) => JSON.stringify(frame)).join(',\n')}\n]\n`, 'application/json');
}

function saveCsv(chosen, name) {
  download(`${name}.csv`, toCsv(framesOf(chosen), about.names), 'text/csv');
}

function saveImage(item) {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [item.width, item.height];
  const context = canvas.getContext('2d');
  context.drawImage(bitmap ?? $('video'), 0, 0, item.width, item.height);
  drawPeople(context, shownPeople(), about, settings(1));
  const isJpeg = item.kind === 'image' && item.file.type === 'image/jpeg';
  canvas.toBlob((blob) => download(`${stem(item)}_poses.${isJpeg ? 'jpg' : 'png'}`, blob), isJpeg ? 'image/jpeg' : 'image/png', 0.95);
}

// ---------------------------------------------------------------- camera

async function openCamera() {
  try {
    cameraStream = await navigator.mediaDevices.getUserMedia({video: true});
  } catch (error) {
    $('alert').textContent = `the camera cannot be used: ${error.message}`;
    $('alert').hidden = false;
    return;
  }
  $('camera-view').srcObject = cameraStream;
  $('record').hidden = !window.MediaRecorder;
  $('camera-dialog').showModal();
}

let shots = 0;
let recorder = null;

function takeImage() {
  const view = $('camera-view');
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [view.videoWidth, view.videoHeight];
  canvas.getContext('2d').drawImage(view, 0, 0);
  canvas.toBlob((blob) => addFiles([new File([blob], `camera_${++shots}.jpg`, {type: 'image/jpeg'})]), 'image/jpeg', 0.95);
  $('camera-dialog').close();
}

function toggleRecording() {
  if (recorder) return recorder.stop();
  const parts = [];
  recorder = new MediaRecorder(cameraStream);
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = () => {
    const type = recorder.mimeType.split(';')[0];
    addFiles([new File(parts, `camera_${++shots}.${type === 'video/mp4' ? 'mp4' : 'webm'}`, {type})]);
    recorder = null;
    $('record').setAttribute('aria-pressed', 'false');
    $('record').textContent = 'Record a video';
    $('camera-dialog').close();
  };
  recorder.start();
  $('record').setAttribute('aria-pressed', 'true');
  $('record').textContent = 'Stop recording';
}

function closeCamera() {
  if (recorder) recorder.stop();
  for (const track of cameraStream?.getTracks() ?? []) track.stop();
  cameraStream = $('camera-view').srcObject = null;
}

// ---------------------------------------------------------------- events

$('about').textContent = `${about.title}: ${about.names.length} keypoints a person, ${about.detects ? 'people are found by a detector' : 'boxes are drawn by hand'}`;
$('files').onchange = (event) => {
  addFiles(event.target.files);
  event.target.value = '';
};
document.ondragover = (event) => {
  event.preventDefault();
  document.body.classList.add('dragging');
};
document.ondragleave = (event) => event.relatedTarget ?? document.body.classList.remove('dragging');
document.ondrop = (event) => {
  event.preventDefault();
  document.body.classList.remove('dragging');
  addFiles(event.dataTransfer.files);
};
document.onpaste = (event) => addFiles(event.clipboardData.files);

$('boxes').onpointerdown = startBox;
$('add-box').onclick = () => {
  const {width, height} = selected;
  addBox([width * 0.35, height * 0.1, width * 0.65, height * 0.9]);
  $('boxes').lastElementChild?.focus();
};
$('clear-boxes').onclick = () => {
  selected.boxes = [];
  refresh();
  $('add-box').focus();
};
$('find').onclick = () => ask([selected], {drawn: true});
$('detect').onclick = () => ask([selected], {});
$('keep').onclick = () => {
  selected.editing = false;
  refresh();
  $('edit').focus();
};
$('whole').onclick = () => ask([selected], {whole: true});
$('whole-all').onclick = () => ask(items.filter((item) => item.status === 'boxes'), {whole: true});
$('edit').onclick = () => {
  selected.editing = true;
  refresh();
  $('add-box').focus();
};

$('threshold').oninput = () => {
  $('threshold-value').textContent = Number($('threshold').value).toFixed(2);
  redraw();
};
for (const id of ['show-boxes', 'by-person']) $(id).onchange = redraw;
$('details').ontoggle = redraw;
$('stage').onpointermove = showTip;
$('stage').onpointerleave = () => ($('tip').hidden = true);
$('save-json').onclick = () => saveJson([selected], `${stem(selected)}_poses`);
$('save-csv').onclick = () => saveCsv([selected], `${stem(selected)}_poses`);
$('save-image').onclick = () => saveImage(selected);
$('all-json').onclick = () => saveJson(items, 'poses');
$('all-csv').onclick = () => saveCsv(items, 'poses');
$('clear').onclick = () => [...items].forEach(remove);
new ResizeObserver(layout).observe($('stage-panel'));

function followVideo() {
  redraw();
  $('video').requestVideoFrameCallback?.(followVideo);
}
followVideo();
for (const name of ['seeked', 'timeupdate', 'loadeddata']) $('video').addEventListener(name, redraw);

$('camera').hidden = !navigator.mediaDevices?.getUserMedia;
$('camera').onclick = openCamera;
$('shoot').onclick = takeImage;
$('record').onclick = toggleRecording;
$('camera-close').onclick = () => $('camera-dialog').close();
$('camera-dialog').onclose = closeCamera;
document.body.dataset.ready = 'true';
