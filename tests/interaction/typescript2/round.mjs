// A whole round with the TypeScript SDK 2 over streamable HTTP: node round.mjs URL STREAM TOKEN LIFECYCLE
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { CAPABILITIES, ME, round } from "../round.mjs";

const [url, stream, token, mode] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const client = new Client(ME, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
await round(client, new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }), stream, {
  elicit: "elicitation/create",
  updated: "notifications/resources/updated",
  withSignal: (signal) => [{ signal }],
  subscribe: (uri) =>
    mode === "legacy" ? client.subscribeResource({ uri }) : client.listen({ resourceSubscriptions: [uri] }),
});
