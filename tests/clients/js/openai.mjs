// OpenAI's JavaScript client, unmodified, through what a program does with it; prints one JSON object.
import { createHash } from "node:crypto";
import OpenAI, { toFile } from "openai";

const model = "deepinfra/black-forest-labs/FLUX-1-schnell";
const base = process.env.SENTINEL_URL;
const prompt = "a red circle on a blue ground";
const messages = [{ role: "user", content: prompt }];
const small = { model, size: "128x128", seed: 7 };

let sent = 0;
const counted = (url, ...told) => {
  if (String(url).startsWith(base)) sent += 1; // it also asks data: what fetch can do with forms
  return fetch(url, ...told);
};
const client = new OpenAI({ baseURL: `${base}/v3/compat`, apiKey: "any", fetch: counted });

const digest = (data) =>
  createHash("sha256").update(Buffer.from(data, "base64")).digest("hex");
const pictureOf = (images) => digest(images[0].image_url.url.split(",")[1]);

const failure = async (call) => {
  const before = sent;
  try {
    await call();
    return null;
  } catch (error) {
    return {
      class: error.constructor.name,
      status: error.status,
      param: error.param,
      code: error.code,
      requestId: error.requestID,
      requests: sent - before,
    };
  }
};

const answer = await client.chat.completions.create({ ...small, messages });
const streamed = { content: "", pictures: [], ends: [] };
for await (const chunk of await client.chat.completions.create({
  ...small,
  messages,
  stream: true,
})) {
  const { delta, finish_reason: end } = chunk.choices[0];
  streamed.content += delta.content ?? "";
  if (delta.images) streamed.pictures.push(pictureOf(delta.images));
  if (end) streamed.ends.push(end);
}
const pictures = await client.images.generate({ ...small, prompt, n: 2 });
const file = await toFile(Buffer.from(pictures.data[0].b64_json, "base64"), "a.png", {
  type: "image/png",
});
const models = [];
for await (const each of client.models.list()) models.push(each.id);

console.log(
  JSON.stringify({
    chat: {
      content: answer.choices[0].message.content,
      picture: pictureOf(answer.choices[0].message.images),
      usage: answer.usage,
      sentinel: answer.sentinel,
      requestId: answer._request_id,
    },
    streamed,
    pictures: pictures.data.map((each) => digest(each.b64_json)),
    types: pictures.data.map((each) => each.mime_type),
    models,
    model: (await client.models.retrieve(model)).id,
    wrong: {
      size: await failure(() => client.images.generate({ ...small, prompt, size: "1x1" })),
      model: await failure(() => client.images.generate({ model: "dall-e-3", prompt })),
      messages: await failure(() =>
        client.chat.completions.create({ ...small, messages: [], stream: true }),
      ),
      edit: await failure(() => client.images.edit({ model, prompt, image: file })),
    },
  }),
);
