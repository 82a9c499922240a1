// A whole round with the TypeScript SDK 2 over streamable HTTP: node round.mjs URL STREAM TOKEN
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { round } from "../round.mjs";

const [url, stream, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
await round(Client, new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }), stream, {
  elicit: "elicitation/create",
  updated: "notifications/resources/updated",
  withSignal: (signal) => [{ signal }],
});
