// RunPod's JavaScript client, unmodified, through what a program does with it; prints one JSON object.
import runpodSdk from "runpod-sdk";

const base = `${process.env.SENTINEL_URL}/v2`;
const runpod = runpodSdk(process.env.SENTINEL_KEY ?? "any", { baseUrl: base });
const endpoint = runpod.endpoint("black-forest-labs-flux-1-schnell");
const asked = {
  prompt: "a red circle on a blue ground",
  seed: 7,
  width: 256,
  height: 256,
};
const large = { input: { ...asked, width: 1536, height: 1536 } };

const failure = async (call) => {
  const begun = Date.now();
  try {
    await call();
    return null;
  } catch (error) {
    return {
      status: error.response?.status,
      body: error.response?.data,
      seconds: (Date.now() - begun) / 1000,
    };
  }
};

const handled = async () => {
  const { id, status } = await endpoint.run({ input: asked });
  const last = await endpoint.statusSync(id, 60000);
  const again = await endpoint.status(id);
  const late = await endpoint.cancel(id);
  return { id, first: status, last, again, late };
};

const streamed = async () => {
  const { id } = await endpoint.run({ input: asked });
  const chunks = [];
  for await (const chunk of endpoint.stream(id)) chunks.push(chunk);
  return chunks;
};

const cancelled = async () => {
  const busy = [];
  for (let at = 0; at < 3; at++) busy.push(await endpoint.run(large));
  const { id } = await endpoint.run({ input: asked });
  const told = await endpoint.cancel(id);
  const status = await endpoint.status(id);
  const waiting = await endpoint.run({ input: asked });
  const health = await endpoint.health();
  const purged = await endpoint.purgeQueue();
  const gone = await endpoint.status(waiting.id);
  for (const each of busy) await endpoint.cancel(each.id);
  return { told, status, health, purged, gone };
};

const print = console.log;
console.log = () => {}; // the client tells of every poll there
const told = {
  runSync: await endpoint.runSync({ input: asked }),
  polled: await endpoint.runSync(
    { input: { ...asked, width: 1024, height: 1024 } },
    60000,
  ),
  handled: await handled(),
  streamed: await streamed(),
  cancelled: await cancelled(),
  wrong: await failure(() =>
    endpoint.runSync({ input: { ...asked, width: 1000 } }),
  ),
  elsewhere: await failure(() =>
    runpod.endpoint("another").run({ input: asked }),
  ),
  unknown: await failure(() => endpoint.status("nobody")),
};
print(JSON.stringify(told));
