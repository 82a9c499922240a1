// What every TypeScript client does in its round, whichever version it is of; conftest.py judges what it saw.
const PATIENCE_S = 30;

/** Who the client is. */
export const ME = { name: "moothall-interaction", version: "1.0.0" };

/** What the client must be able to do. */
export const CAPABILITIES = { elicitation: {} };

/**
 * Append, query, wait, ask for verdicts and be refused, in a stream of one's own; print what was seen as one JSON line.
 * `elicit` and `updated` are what the SDK takes for the request and the notification that the hall sends, `withSignal`
 * makes of a signal what `callTool` takes behind the call, `subscribe` subscribes to a resource.
 */
export async function round(client, transport, stream, { elicit, updated, withSignal, subscribe }) {
  client.setRequestHandler(elicit, async () => ({ action: "accept", content: { decision: "allow" } }));
  const told = new Promise((resolve) => client.setNotificationHandler(updated, ({ params }) => resolve(params.uri)));
  await client.connect(transport);

  const call = async (name, args, signal) =>
    (await client.callTool({ name, arguments: args }, ...withSignal(signal))).structuredContent;
  const events = [
    { type: "note", data: { n: 1 } },
    { type: "note", data: { n: 2, ü: "é" } },
  ];
  const append = { events, stream, expected_revision: "no_stream" };
  const once = { events: [{ type: "note", data: { n: 3 } }], stream, command_id: `once in ${stream}` };
  const [status, push] = [{ command: "git status" }, { command: "git push --force" }];
  const asked = { tool: "Bash", input: { command: `frob ${stream}` }, wait_s: PATIENCE_S };

  await subscribe(`events://streams/${stream}`);
  const seen = { stream, server: client.getServerVersion().name };
  seen.tools = (await client.listTools()).tools.map((tool) => tool.name);
  seen.appended = await call("append_events", append);
  seen.page = await call("query_events", { stream });
  seen.verdict = await call("validate", { tool: "Bash", input: status });
  seen.batch = await call("validate_batch", { requests: [status, push].map((input) => ({ tool: "Bash", input })) });
  seen.refused = await call("append_events", append);
  seen.answered = await call("validate", asked);
  const following = call("query_events", { stream, after: seen.appended.last_sequence, wait_s: PATIENCE_S });
  seen.once = await call("append_events", once);
  seen.followed = await following;
  seen.again = await call("append_events", once);
  const gaveUp = AbortSignal.timeout(200);
  await call("query_events", { stream: "never", wait_s: PATIENCE_S }, gaveUp).catch(() => null);
  seen.whoami = await call("whoami", {});
  seen.told = await told;
  await client.close();
  console.log(JSON.stringify(seen));
}
