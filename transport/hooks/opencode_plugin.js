// Moothall's gate for OpenCode: each call of a tool is judged by the hall before it runs, and whatever goes wrong refuses
// it. Copy it to ~/.config/opencode/plugin/, with HOOK as `moothall hook opencode --settings` prints it.
import { spawn } from "node:child_process"

const HOOK = ["PYTHON", "-I", "-S", "HOOK_START", "opencode", "--hall", "ID"]
const LIMIT_MS = 30_000
const MOST_BYTES = 1 << 20

function ask(event) {
  return new Promise((resolve, reject) => {
    const child = spawn(HOOK[0], HOOK.slice(1), { stdio: ["pipe", "pipe", "pipe"], timeout: LIMIT_MS, killSignal: "SIGKILL" })
    let said = ""
    let told = ""
    child.stdout.on("data", (part) => (said = (said + part).slice(0, MOST_BYTES)))
    child.stderr.on("data", (part) => (told = (told + part).slice(0, 1000)))
    child.stdin.on("error", () => {})
    child.on("error", reject)
    child.on("close", (code, signal) => {
      if (code === 0) resolve(said)
      else reject(new Error(`the hook ended with ${code ?? signal}: ${told.trim()}`))
    })
    child.stdin.end(JSON.stringify(event))
  })
}

export const Moothall = async ({ directory }) => {
  const event = (name, input, args) => ({
    hook_event_name: name,
    session_id: input.sessionID,
    tool_use_id: input.callID,
    tool_name: input.tool,
    tool_input: args ?? {},
    cwd: directory,
  })
  return {
    "tool.execute.before": async (input, output) => {
      let answer
      try {
        answer = JSON.parse(await ask(event("PreToolUse", input, output.args)))
      } catch (error) {
        throw new Error(`moothall could not judge this, so it may not run: ${error.message}`)
      }
      if (answer.decision !== "allow") throw new Error(answer.reason ?? "moothall has not allowed this")
    },
    "tool.execute.after": async (input) => {
      await ask(event("PostToolUse", input, input.args)).catch(() => {}) // it ran already
    },
  }
}
