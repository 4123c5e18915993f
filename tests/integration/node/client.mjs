// OpenAI's own Node client against a running gateway. Reads {url, key, cases} from standard input,
// where a case is {name, do, with, key?, headers?}; writes {name: result} to standard output.
// It asserts nothing: test_openai_node_client.py does.
import OpenAI from "openai";

const wait = [];
for await (const piece of process.stdin) wait.push(piece);
const { url, key, cases } = JSON.parse(Buffer.concat(wait).toString("utf8"));

const actions = {
  async chat(client, asked, options) {
    const answer = await client.chat.completions.create(asked, options);
    return { answer, requestId: answer._request_id };
  },
  async stream(client, asked, options) {
    const chunks = [];
    try {
      const stream = await client.chat.completions.create({ ...asked, stream: true }, options);
      for await (const chunk of stream) chunks.push(chunk);
    } catch (error) {
      return { chunks, error: described(error) };
    }
    return { chunks };
  },
  // The helper that puts a stream together again.
  async assembled(client, asked, options) {
    return { answer: await client.chat.completions.stream(asked, options).finalChatCompletion() };
  },
  async parse(client, asked, options) {
    return { answer: await client.chat.completions.parse(asked, options) };
  },
  // A tool's call, its result, and the answer to it; the message goes back as it came.
  async tools(client, asked, options) {
    const first = await client.chat.completions.create(asked, options);
    const message = first.choices[0].message;
    const [call] = message.tool_calls;
    const result = { role: "tool", tool_call_id: call.id, content: call.function.arguments };
    const messages = [...asked.messages, message, result];
    const second = await client.chat.completions.create(
      { model: asked.model, tools: asked.tools, messages },
      options,
    );
    return { call, answer: second };
  },
  async models(client) {
    const listed = [];
    for await (const model of client.models.list()) listed.push(model);
    return { listed, found: await client.models.retrieve(listed[0].id) };
  },
};

function described(error) {
  return {
    kind: error.constructor.name,
    status: error.status ?? null,
    code: error.code ?? null,
    param: error.param ?? null,
    type: error.type ?? null,
    message: error.message,
    requestId: error.requestID ?? null,
  };
}

const results = {};
for (const one of cases) {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: one.key ?? key, maxRetries: 0 });
  try {
    results[one.name] = await actions[one.do](client, one.with, { headers: one.headers ?? {} });
  } catch (error) {
    results[one.name] = { error: described(error) };
  }
}
process.stdout.write(JSON.stringify(results));
