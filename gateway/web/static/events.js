// Reads a server-sent event stream (WHATWG HTML, section 9.2.6) from a fetch body, so that a POST
// can be answered by one and can be aborted. Every event's data is one JSON object.

// The network's failure, told apart from a failure of our own.
export class ConnectionLost extends Error {}

// The promise of a fetch or a read; what breaks it is the network, unless we have aborted.
export async function connected(promise) {
  try {
    return await promise;
  } catch (failure) {
    if (failure.name === "AbortError") throw failure;
    throw new ConnectionLost("the connection broke", { cause: failure });
  }
}

export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await connected(reader.read());
      if (done) return;
      rest += value;
      let end;
      while ((end = rest.indexOf("\n\n")) >= 0) {
        const event = parse(rest.slice(0, end));
        rest = rest.slice(end + 2);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parse(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5));
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}
