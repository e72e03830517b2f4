// fal's JavaScript client, unmodified, through what a program does with it; prints one JSON object.
// Words: "proxy" sends everything through the proxy route, "middleware" rewrites every address.
import { createFalClient, ValidationError, ApiError } from "@fal-ai/client";

const APP = "fal-ai/flux/schnell";
const base = process.env.SENTINEL_URL;
const input = {
  prompt: "a red circle on a blue ground",
  seed: 7,
  image_size: { width: 128, height: 128 },
};

const hosts = {
  "https://queue.fal.run": `${base}/queue`,
  "https://fal.run": base,
  "https://rest.fal.ai": base,
};
const moved = (url) => {
  const host = Object.keys(hosts).find((each) => url.startsWith(`${each}/`));
  return hosts[host] + url.slice(host.length);
};
const ways = {
  proxy: { proxyUrl: { url: `${base}/api/fal/proxy`, when: "always" } },
  middleware: {
    requestMiddleware: async (request) => ({ ...request, url: moved(request.url) }),
  },
};
const fal = createFalClient(ways[process.argv[2]]);

const failure = async (call) => {
  const begun = Date.now();
  try {
    await call();
    return null;
  } catch (error) {
    return {
      class: error.constructor.name,
      validation: error instanceof ValidationError,
      api: error instanceof ApiError,
      status: error.status,
      body: error.body,
      fields: error.getFieldErrors ? error.getFieldErrors("image_size") : null,
      seconds: (Date.now() - begun) / 1000,
    };
  }
};

const subscribed = async (options) => {
  const states = [];
  let said = [];
  const result = await fal.subscribe(APP, {
    input,
    logs: true,
    onQueueUpdate: (update) => {
      states.push(update.status);
      if (update.logs) said = update.logs.map((log) => log.message);
    },
    ...options,
  });
  return { ...result, states, said };
};

const handled = async () => {
  const { request_id: requestId } = await fal.queue.submit(APP, { input });
  await fal.queue.subscribeToStatus(APP, { requestId });
  const status = await fal.queue.status(APP, { requestId, logs: true });
  const result = await fal.queue.result(APP, { requestId });
  const late = await failure(() => fal.queue.cancel(APP, { requestId }));
  return { requestId, status, result, late };
};

const cancelled = async () => {
  const more = { input: { ...input, num_images: 4 } };
  const busy = [await fal.queue.submit(APP, more), await fal.queue.submit(APP, more)];
  const { request_id: requestId } = await fal.queue.submit(APP, { input });
  await fal.queue.cancel(APP, { requestId });
  for (const each of busy)
    await failure(() => fal.queue.cancel(APP, { requestId: each.request_id }));
  const status = await fal.queue.status(APP, { requestId, logs: true });
  return { status, result: await failure(() => fal.queue.result(APP, { requestId })) };
};

const picture = await fetch((await fal.run(APP, { input })).data.images[0].url);
const bytes = await picture.arrayBuffer();
const uploaded = await fal.storage.upload(new Blob([bytes], { type: "image/jpeg" }));
const again = await fetch(uploaded);

console.log(
  JSON.stringify({
    run: await fal.run(APP, { input }),
    polled: await subscribed({ mode: "polling", pollInterval: 100 }),
    streamed: await subscribed({ mode: "streaming" }),
    handled: await handled(),
    cancelled: await cancelled(),
    wrong: await failure(() => fal.run(APP, { input: { ...input, image_size: "big" } })),
    elsewhere: await failure(() => fal.run("fal-ai/flux/pro", { input })),
    uploaded: {
      url: uploaded,
      type: again.headers.get("content-type"),
      same: Buffer.from(await again.arrayBuffer()).equals(Buffer.from(bytes)),
    },
    redux: await failure(() =>
      fal.run(`${APP}/redux`, { input: { image_url: uploaded } }),
    ),
  }),
);
