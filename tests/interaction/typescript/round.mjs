// A whole round with the TypeScript SDK 1.x over its websocket transport: node round.mjs URL STREAM
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js";
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import WebSocket from "ws";
import { CAPABILITIES, ME, round } from "../round.mjs";

globalThis.WebSocket ??= WebSocket;

const [url, stream] = process.argv.slice(2);
const client = new Client(ME, { capabilities: CAPABILITIES });
await round(client, new WebSocketClientTransport(new URL(url)), stream, {
  elicit: ElicitRequestSchema,
  updated: ResourceUpdatedNotificationSchema,
  withSignal: (signal) => [undefined, { signal }],
  subscribe: (uri) => client.subscribeResource({ uri }),
});
