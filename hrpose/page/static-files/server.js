// What the page asks for, answered by the server. In a static page, local.js stands in this place.

const RETRIES = 120;  // of a request that finds the queue full, a second apart

// What is wrong with a file, in a sentence.
export class Refusal extends Error {}

// Return what the page has to know of the network: title, names, sides, skeleton, detects, limits.
export async function describe() {
  return (await fetch('about')).json();
}

// Return the answer to a file: JSON of an image, a line of JSON a frame of a video.
export async function post(item) {
  const query = new URLSearchParams({name: item.name});
  if (item.boxes.length) query.set('boxes', JSON.stringify(item.boxes));
  else if (item.whole) query.set('boxes', 'whole_image');
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(`${item.kind}?${query}`, {
      method: 'POST', body: item.file, signal: item.abort.signal, headers: {'Content-Type': 'application/octet-stream'},
    });
    if (response.ok) return response;
    const answer = await response.json();
    if (response.status !== 503 || attempt >= RETRIES) throw new Refusal(answer.error);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
