// What the page asks for, answered in the browser itself by ONNX Runtime Web: the exported network beside this file takes
// crops of people, and gives their keypoints. `hrpose page --static` puts this file in the place of server.js.

import * as ort from './ort.wasm.bundle.min.mjs';

const AT_ONCE = 8;  // people in one run of the network
ort.env.wasm.numThreads = self.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
let about = null;
let session = null;

// What is wrong with a file, in a sentence.
export class Refusal extends Error {}

// Return what the page has to know of the network: title, names, sides, skeleton, detects, limits.
export async function describe() {
  about = await (await fetch('about.json')).json();
  session = ort.InferenceSession.create('model.onnx', {executionProviders: ['wasm']});
  return about;
}

// Return the answer to an image, as the server's.
export async function post(item) {
  if (item.kind === 'video') throw new Refusal('a page without a server takes images only');
  const bitmap = await createImageBitmap(item.file);
  const {width, height} = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = context.getImageData(0, 0, width, height).data;
  const boxes = item.boxes.length ? item.boxes : [[0, 0, width, height]];
  const people = [];
  for (let start = 0; start < boxes.length; start += about.network.batch || AT_ONCE) {
    people.push(...await estimate(pixels, width, height, boxes.slice(start, start + (about.network.batch || AT_ONCE))));
    item.abort.signal.throwIfAborted();
  }
  return new Response(JSON.stringify({
    source: item.name, frame_index: null, image_size: [width, height], names: about.names, people,
  }));
}

// Return the people in boxes xyxy of an image, RGBA, as `PoseResult.to_dict` has them.
async function estimate(pixels, width, height, boxes) {
  const {input_size: [w, h], batch} = about.network;
  const regions = boxes.map(region);
  const crops = new Uint8Array((batch || boxes.length) * h * w * 3);
  regions.forEach((one, index) => warp(pixels, width, height, one, crops.subarray(index * h * w * 3)));
  const inputs = {crops: new ort.Tensor('uint8', crops, [batch || boxes.length, h, w, 3])};
  const {keypoints, scores} = await session.then((network) => network.run(inputs)).catch((error) => {
    throw new Refusal(`the browser cannot run the network: ${error.message}`);
  });
  const joints = about.names.length;
  return boxes.map((box, person) => ({
    box,
    box_score: 1,
    keypoints: about.names.map((_, joint) => {
      const place = person * joints + joint;
      const {center, size} = regions[person];
      const [x, y] = [0, 1].map((axis) => (keypoints.data[2 * place + axis] - [w, h][axis] / 2) * size[0] / w + center[axis]);
      return [x, y, scores.data[place]].map((value) => (Number.isFinite(value) ? value : null));
    }),
  }));
}

// Return centre and size of the region around a box that has the input's aspect; `pad_box` of hrpose.structures.
function region([x1, y1, x2, y2]) {
  const {input_size: [w, h], padding} = about.network;
  const [boxWidth, boxHeight] = [x2 - x1, y2 - y1];
  const size = [Math.max(boxWidth, boxHeight * w / h), Math.max(boxHeight, boxWidth * h / w)];
  return {center: [(x1 + x2) / 2, (y1 + y2) / 2], size: size.map((side) => side * padding)};
}

// Write the crop of a region, RGB, with bilinear interpolation; outside of the image is black. It is the warp of
// `image_to_input_matrix` of hrpose.structures; OpenCV rounds places to 1/32 px, which moves a value by a few levels.
function warp(pixels, width, height, {center, size}, crop) {
  const {input_size: [w, h], align_corners: aligned} = about.network;
  const last = aligned ? [w - 1, h - 1] : [w, h];
  const scale = aligned ? [size[0] / last[0], size[1] / last[1]] : [size[0] / w, size[0] / w];
  let at = 0;
  for (let row = 0; row < h; row++) {
    const y = (row - last[1] / 2) * scale[1] + center[1];
    const top = Math.floor(y);
    const down = y - top;
    for (let column = 0; column < w; column++) {
      const x = (column - last[0] / 2) * scale[0] + center[0];
      const left = Math.floor(x);
      const right = x - left;
      for (let channel = 0; channel < 3; channel++) {
        const upper = level(left, top, channel) * (1 - right) + level(left + 1, top, channel) * right;
        const lower = level(left, top + 1, channel) * (1 - right) + level(left + 1, top + 1, channel) * right;
        crop[at++] = Math.round(upper * (1 - down) + lower * down);
      }
    }
  }

  function level(x, y, channel) {
    return x < 0 || y < 0 || x >= width || y >= height ? 0 : pixels[4 * (y * width + x) + channel];
  }
}
