// A whole round with the TypeScript SDK 2 over streamable HTTP: node round.mjs URL STREAM TOKEN
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [url, stream, token] = process.argv.slice(2);
const client = new Client({ name: "moothall-interaction", version: "1.0.0" });
const headers = { Authorization: `Bearer ${token}` };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));

const call = async (name, args) => (await client.callTool({ name, arguments: args })).structuredContent;
const tools = await client.listTools();
const append = {
  events: [
    { type: "note", data: { n: 1 } },
    { type: "note", data: { n: 2, ü: "é" } },
  ],
  stream,
  expected_revision: "no_stream",
};
const seen = {
  server: client.getServerVersion().name,
  stream,
  tools: tools.tools.map((tool) => tool.name),
  appended: await call("append_events", append),
  page: await call("query_events", { stream }),
  verdict: await call("validate", { tool: "Bash", input: { command: "git status" } }),
  refused: await call("append_events", append),
};
await client.close();
console.log(JSON.stringify(seen));
